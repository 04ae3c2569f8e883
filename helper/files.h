/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files that the configuration names: read here; or, where this process may not
 * any more, what the opener (opener.h) has handed in of them. Not for two threads at
 * once.
 */
#ifndef KSEALD_FILES_H
#define KSEALD_FILES_H

#include <stdio.h>
#include <openssl/bio.h>
#include "settings.h"

#define FILES_MAX	(64 * 1024 * 1024)	/* bytes of one that is handed in */

/* The file, for reading; NULL: errno. */
FILE *files_open(const char *path);

/* Likewise for OpenSSL; NULL: its error queue says why. */
BIO *files_bio(const char *path);

/*
 * Appends the names in a directory, sorted, without those that begin with a dot.
 * Returns 0 or -errno.
 */
int files_list(const char *path, struct string_list *names);

/* From now on, until files_forget(), the above give what is put here and nothing else. */
void files_begin(void);

/* Takes a file in, unless one of this path was, and closes fd. Returns 0 or -errno. */
int files_put(const char *path, int fd);

/* Likewise of a file, or directory, that cannot be opened: error is a positive errno. */
int files_put_error(const char *path, int error);

/* Wipes and frees what was put: what files_open() and files_bio() gave is to be closed before. */
void files_forget(void);

#endif
