/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of the test's own, which the test makes (mkdtemp(3)) and removes. */
#ifndef KSEAL_PLACE_H
#define KSEAL_PLACE_H

#include <stdio.h>
#include <stdlib.h>

static char dir[] = "/tmp/kseal-test-XXXXXX";

/* The path of a file in it; stays valid for four calls. */
static inline const char *path_of(const char *name)
{
	static char path[4][64];
	static int at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
	return path[at];
}

static inline void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
}

#endif
