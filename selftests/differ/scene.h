/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two ends of a connection over loopback, and what the calls on them said. An
 * end carries the ULP "tls", or is plain: then what arrives at it is shown
 * behind each call, and peer.c seals what it sends.
 */
#ifndef DIFFER_SCENE_H
#define DIFFER_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../peer.h"
#include "chance.h"

/* bytes on their way in one direction: well below the buffers */
#define FLYING_MAX	100000
#define DATA_MAX	40000
#define BLOB_MAX	60

struct end {
	char name;
	int fd;
	bool plain;		/* peer.c's */
	bool left;		/* a peek, or a refusal, may have opened what is to come */
	bool update;		/* a KeyUpdate was sent to it */
	bool lowat;		/* SO_RCVLOWAT was set */
	bool failed;		/* a call that sends failed */
	bool shut;		/* shutdown() was called */
	bool ended;		/* plain: its stream is over */
	unsigned int tx_gen;	/* of the keys it has or was told to take: */
	unsigned int rx_gen;	/* how many were set */
	size_t flying;		/* towards it, not yet read */
	uint8_t header[5];	/* plain: of the record that is arriving, */
	size_t header_len;
	size_t body_left;	/* and what is missing of it */
};

struct scene {
	const char *label;
	uint64_t seed;
	unsigned int index, sub;	/* of the call */
	uint16_t version, cipher;
	bool tx, rx;			/* end A gets keys of this direction */
	struct end end[2];
	struct peer peer;		/* plays end B when that is plain */
	unsigned int peer_gen;		/* of its sending keys */
	uint8_t *pending;		/* sealed for end A, not yet written */
	size_t pending_len;
};

/* A connection; no ULP yet. Set-up, version and cipher follow from the seed. */
void scene_open(struct scene *s, const char *label, uint64_t seed);
void scene_close(struct scene *s);

static inline struct end *other(struct scene *s, const struct end *e)
{
	return &s->end[e == &s->end[0]];
}

/* What setsockopt(TLS_TX) of end e takes, generation gen; returns its length. */
size_t scene_blob(const struct scene *s, const struct end *e, unsigned int gen, uint8_t *blob);
/* The peer's sending keys become this generation's. */
void scene_peer_keys(struct scene *s, unsigned int gen);

/* A line for each call: what is called, what came of it, what was seen of it. */
void say_call(struct scene *s, const struct end *e, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A return value, with errno's name; -1 is an error. */
void say_return(ssize_t ret);
void say_bytes(const void *data, size_t len);
struct flag_name {
	int flag;
	const char *name;
};
void say_flags(const struct flag_name *names, int flags);
/* Waits until all has arrived, and shows it. */
void say_end(struct scene *s);

/* Bytes were taken for the other end; or read at this one. */
void scene_sent(struct scene *s, struct end *e, ssize_t len);
void scene_read(struct scene *s, struct end *e, ssize_t len);
/* Whether len more may be sent from here. */
bool scene_has_room(struct scene *s, struct end *e, size_t len);

/* Memory whose last byte is followed by none: a buffer that ends at "bad". */
uint8_t *scene_edge(size_t len);

#endif
