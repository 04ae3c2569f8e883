/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory as a page of HTML. */
#ifndef LISTING_H
#define LISTING_H

#include <stddef.h>

/*
 * Lists the directory fd, which stays open, under the title path. Returns the page
 * (to be freed) and its *length, or NULL and errno.
 */
char *listing_page(int fd, const char *path, size_t *length);

/* path percent-encoded except for its slashes (to be freed), NULL: out of memory. */
char *listing_encode(const char *path);

#endif
