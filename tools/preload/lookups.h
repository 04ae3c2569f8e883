/* SPDX-License-Identifier: MIT */
/* Which name an address was looked up for: the program's connect() has only the address. */
#ifndef PRELOAD_LOOKUPS_H
#define PRELOAD_LOOKUPS_H

#include <stddef.h>
#include <sys/socket.h>

/* Remembers; the port does not matter. The last name of an address counts. Any thread. */
void lookups_add(const struct sockaddr *address, const char *name);

/* Writes the name, or "" if none is known. */
void lookups_find(const struct sockaddr *address, char *name, size_t size);

#endif
