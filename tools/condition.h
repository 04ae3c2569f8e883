/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditional requests, RFC 9110 13, and the validators they are about. */
#ifndef CONDITION_H
#define CONDITION_H

#include <stdbool.h>
#include <sys/stat.h>

struct validators {
	time_t mtime;
	char etag[64];		/* strong, with its quotes */
	char modified[32];	/* mtime as an HTTP date */
};

/* The conditional fields of a request; NULL: absent. */
struct conditions {
	const char *match, *none_match, *modified_since, *unmodified_since, *range;
};

void condition_validators(const struct stat *st, struct validators *v);

/* Returns 0 (go on), 304 or 412. */
unsigned int condition_check(const struct conditions *c, const struct validators *v);

/* Whether If-Range, if there is one, lets the Range field count. */
bool condition_range(const struct conditions *c, const struct validators *v);

#endif
