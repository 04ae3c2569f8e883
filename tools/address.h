/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses as people write them. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Writes "1.2.3.4:443" or "[::1]:443" (mapped IPv4 as IPv4). Returns 0 or -1. */
int address_text(const struct sockaddr *sa, socklen_t len, char *text, size_t size);

/*
 * Splits "HOST:PORT" or "[V6]:PORT" in place. Returns 0, or -1 if it is neither.
 */
int address_split(char *text, char **host, char **port);

/*
 * Whether text can be a port for getaddrinfo(3), which takes numbers that are too large modulo
 * 65536: 1 to 65535, 0 where any will do, or what may be the name of a service.
 */
bool address_is_port(const char *text, bool any);

#endif
