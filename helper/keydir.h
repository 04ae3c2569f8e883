/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory that kseald-keys fills and kseald reads (its option ticket-keys). Files
 * with other names than those of rotation.h are somebody else's. kseald reads all of them
 * again after any change, so nothing is written that is there already.
 */
#ifndef KSEALD_KEYDIR_H
#define KSEALD_KEYDIR_H

#include <limits.h>
#include "rotation.h"
#include "tickets.h"

#define KEYDIR_FILES_MAX	128

struct keydir {
	const char *path;
	int fd;
	struct rotation_file files[KEYDIR_FILES_MAX];	/* ours */
	size_t count;
	char stranger[NAME_MAX + 1];	/* the last by name if it is not ours, or empty */
};

/*
 * Opens the directory, which only its owner may write to, and looks at it. path must stay.
 * Returns 0, or -1 with a sentence in why.
 */
int keydir_open(struct keydir *dir, const char *path, char *why, size_t size);
void keydir_close(struct keydir *dir);

/*
 * Keeps other kseald-keys out until it is closed, and looks at it again. Returns 0, or -1
 * with a sentence in why.
 */
int keydir_lock(struct keydir *dir, char *why, size_t size);

/* Reads the key of an epoch; false: there is none. The caller wipes it. */
bool keydir_find(const struct keydir *dir, int64_t epoch, uint8_t key[TICKETS_FILE_LEN]);

/*
 * Sees that the file of this epoch has this key; one that is new only opens at first. since:
 * ms since 1970. While it is locked. Returns 1 if it was written, 0 if it was there, or -1
 * with a sentence in why.
 */
int keydir_put(struct keydir *dir, int64_t epoch, int64_t since,
	       const uint8_t key[TICKETS_FILE_LEN], char *why, size_t size);

/*
 * Lets the key whose time has come seal and removes those whose time is over, as of now, ms
 * since 1970; reached as in rotation.h. While it is locked. Returns 0, or -1 with a sentence
 * in why.
 */
int keydir_tend(struct keydir *dir, const struct rotation *rotation, int64_t now,
		int64_t reached, char *why, size_t size);

#endif
