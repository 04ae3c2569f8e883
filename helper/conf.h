/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kseald.conf(5): what it says, checked as far as one can without opening the files
 * that it names.
 */
#ifndef KSEALD_CONF_H
#define KSEALD_CONF_H

#include <stddef.h>
#include "log.h"
#include "settings.h"

#define CONF_WORKERS_MAX	64
#define CONF_HANDSHAKES		16384		/* default */
#define CONF_HANDSHAKES_MAX	1048576
#define CONF_INCLUDE_DEPTH	8		/* files that include one another */
#define CONF_SIGNER_THREADS	4		/* default */

struct conf {
	struct settings *profiles;	/* as they stand in the file; at least one */
	size_t n_profiles;
	unsigned int workers;
	unsigned int handshakes;	/* under way at once, for each worker */
	enum log_level log;
	char *user;			/* NULL: stay who we are */
	char *signer_user;		/* NULL: user */
	struct string_list signer_providers;	/* OpenSSL's names, or files */
	unsigned int signer_threads;
	char *metrics;			/* file; NULL: none */
	struct string_list files;	/* that were read: it, and those that it includes */
};

/*
 * Reads the file at path. The names of files in it are taken from path's directory. Pins
 * come without their "sha256:". Returns 0, or -1 after writing to why one line without
 * newline, "FILE:LINE: what is wrong, what to write", or "FILE: ..." if it is about all
 * of it; conf is all zero then. Not for two threads at once, as libconfuse is not.
 */
int conf_read(struct conf *conf, const char *path, char *why, size_t size);

/* Whether a profile has a key that is not a file, so that a signer is needed. */
bool conf_has_uri(const struct conf *conf);

/* Frees what it points to; all zero afterwards. */
void conf_free(struct conf *conf);

#endif
