/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses as people write them. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

/* Writes "1.2.3.4:443" or "[::1]:443" (mapped IPv4 as IPv4). Returns 0 or -1. */
int address_text(const struct sockaddr *sa, socklen_t len, char *text, size_t size);

/*
 * Splits "HOST:PORT" or "[V6]:PORT" in place. Returns 0, or -1 if it is neither.
 */
int address_split(char *text, char **host, char **port);

#endif
