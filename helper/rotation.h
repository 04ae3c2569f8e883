/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a key of a fleet is made, seals, opens and goes: arithmetic on the clock, and the
 * names of key files. Nothing here touches a file or the network.
 *
 * Time is cut into epochs of one period, counted from 1970; each has a key. That of the
 * next epoch is made and fetched an epoch ahead, so a host whose clock is less than half a
 * period off another's has it long before anybody seals with it. A key that came late is held
 * back for a quarter of a period, until all have fetched it; so is any other after the server
 * was away. While it is, the same key goes on to seal. Keys stay until the last ticket of the
 * last host has ended.
 *
 * Times are ms, since 1970 where they are no lengths.
 */
#ifndef KSEALD_ROTATION_H
#define KSEALD_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROTATION_KEYS_MAX	30	/* fetched; twice as many may be kept, and kseald reads 64 */
#define ROTATION_NAME_SIZE	64	/* of a file's name with its end */

struct rotation {
	int64_t period;		/* for which a key seals, 4 s at least */
	int64_t lifetime;	/* of tickets */
};

/* By name all that seal, or once did, come after all that only open. */
enum rotation_role { ROTATION_OPENS, ROTATION_SEALS };

struct rotation_file {
	enum rotation_role role;
	int64_t epoch;
	int64_t since;		/* when it was made */
};

int64_t rotation_epoch(const struct rotation *rotation, int64_t now);

/* The epochs whose keys are fetched: tickets of the oldest may still come, the newest is
 * the next.
 */
int64_t rotation_oldest(const struct rotation *rotation, int64_t now);
int64_t rotation_newest(const struct rotation *rotation, int64_t now);

/* How many these are. */
size_t rotation_count(const struct rotation *rotation);

/* How long the server keeps a key once it is made, be it half a period early. */
int64_t rotation_ttl(const struct rotation *rotation);

/* When it was made, if the server keeps it for left from now on. */
int64_t rotation_since(const struct rotation *rotation, int64_t left, int64_t now);

/* How long a key that came late is held back. */
int64_t rotation_hold(const struct rotation *rotation);

/* How long the server may be away without any notice of it being taken. */
int64_t rotation_gap(const struct rotation *rotation);

/* How often to fetch. */
int64_t rotation_interval(const struct rotation *rotation);

/* Reads a file's name; false: it is not one of ours. since stays. */
bool rotation_parse(const char *name, struct rotation_file *file);
void rotation_name(const struct rotation_file *file, char name[ROTATION_NAME_SIZE]);

/* Which of n files seals now; -1: none of an epoch that can be. */
int rotation_sealing(const struct rotation *rotation, const struct rotation_file *files, size_t n,
		     int64_t now);

/*
 * Which of n is to seal from now on; -1: it stays as it is. reached: for how long the server
 * has been answering; negative: it does not.
 */
int rotation_next(const struct rotation *rotation, const struct rotation_file *files, size_t n,
		  int64_t now, int64_t reached);

/* Whether the file at i is good for nothing any more; never the one that seals. reached: as
 * above.
 */
bool rotation_obsolete(const struct rotation *rotation, const struct rotation_file *files,
		       size_t n, size_t i, int64_t now, int64_t reached);

#endif
