/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The profiles that sockets choose from by name (KSEAL_SO_PROFILE), and their
 * replacement while handshakes go on. Any thread.
 */
#ifndef KSEALD_PROFILES_H
#define KSEALD_PROFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "context.h"

struct profiles;

/* None yet. NULL: no memory. */
struct profiles *profiles_new(void);
void profiles_free(struct profiles *profiles);

/*
 * Loads n profiles, of which the settings are taken over as by context_new(), and
 * puts them in the place of those that are there. Returns 0; or -1 with a sentence
 * in why, then all is as it was.
 */
int profiles_load(struct profiles *profiles, struct settings *settings, size_t n, char *why,
		  size_t size);

/* The one with this name, for the caller to context_unref(); NULL if there is none. */
struct context *profiles_get(struct profiles *profiles, const char *name);

/* Whether one of them can serve. */
bool profiles_serve(struct profiles *profiles);

/* For --check. */
void profiles_describe(struct profiles *profiles, FILE *out);

#endif
