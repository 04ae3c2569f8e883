/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sessions of the kernel and its counters, read by generic netlink. */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>

#define ADDRESS_MAX 64		/* "[v6%scope]:port" */

struct session {
	uint64_t present;	/* bit KSEAL_A_*: the kernel sent it */
	uint64_t id, inode, age;
	uint64_t tx_records, tx_bytes, rx_records, rx_bytes, tx_updates, rx_updates;
	uint32_t uid, error;
	uint16_t version, cipher;
	uint8_t state, role, alert;
	uint8_t event;			/* enum kseal_event, of session_watch() */
	bool wrapped, pass;
	char local[ADDRESS_MAX], peer[ADDRESS_MAX];
	char *profile, *server_name, *suite, *group, *alpn, *identity, *reason;
};

_Static_assert(KSEAL_A_MAX < 64, "session.present is too narrow");

static inline bool session_has(const struct session *s, unsigned int attr)
{
	return s->present >> attr & 1;
}

struct session_list {
	struct session *at;
	size_t count;
};

/*
 * Reads all sessions that the caller may see, ordered by id. Returns 0 or
 * -errno (-ENOPKG: the module is not loaded) and then a text in error.
 */
int session_list(struct session_list *list, char *error, size_t size);
void session_list_free(struct session_list *list);

/*
 * Calls cb once without a session, when none is missed from there on, and then
 * with each that opens, fails or is closed, until it returns false. missed: some
 * were since the last. Returns 0 or -errno: -EPERM, -ENOPKG, then with a text in
 * error.
 */
int session_watch(bool (*cb)(const struct session *s, bool missed, void *data), void *data,
		  char *error, size_t size);

/* Calls cb with each counter. Returns as session_list() does. */
int session_stats(void (*cb)(const char *name, uint64_t value, void *data), void *data,
		  char *error, size_t size);

#endif
