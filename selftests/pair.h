/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A session under test, and who talks to it: peer.c, or for a cipher that
 * OpenSSL lacks a second session of kseal, whose records go through our hands
 * all the same.
 */
#ifndef KSEAL_TEST_PAIR_H
#define KSEAL_TEST_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kseal.h>

#include "peer.h"

struct pair {
	int fd;
	struct peer peer;	/* .fd: the plain end of fd's connection */
	bool openssl;
	int mirror, plain;	/* else: a session with the keys swapped, its plain end */
	struct kseal_session_keys keys;
};

/* With these keys, or new ones: 0 or -errno. pair_close() in any case. */
int pair_keys(struct pair *p, const struct kseal_session_keys *keys);
int pair_open(struct pair *p, uint16_t version, uint16_t cipher);
void pair_close(struct pair *p);

/* One record, as it goes over the wire; its length, or -errno. */
int seal(struct pair *p, int type, const void *data, size_t len, uint8_t *record);
/* And to the session under test: 0 or -errno. */
int seal_and_send(struct pair *p, int type, const void *data, size_t len);
/* As peer_open(), what the session under test has sealed. */
int open_next(struct pair *p, int *type, uint8_t *data);
/* Whether the next record is this alert. */
bool alerted(struct pair *p, uint8_t level, uint8_t description);

#endif
