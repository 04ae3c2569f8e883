/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Application protocols, RFC 7301: a profile's, or those that the socket's owner wants instead. */
#ifndef KSEALD_ALPN_H
#define KSEALD_ALPN_H

#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st;
struct ssl_st;
struct string_list;

/* RFC 7301 3.1: 2^16 - 1 with the lengths; more than anybody has */
#define ALPN_MAX	4096

struct alpn {
	unsigned int len;		/* 0: no ALPN */
	uint8_t list[ALPN_MAX];		/* as on the wire */
};

/* Returns 0, or -1 and fills why. */
int alpn_set(struct alpn *alpn, const struct string_list *list, char *why, size_t size);

/* Has the server's handshakes of ctx choose from alpn, which must outlive it, or from alpn_wish()'s. */
void alpn_serve(struct ssl_ctx_st *ctx, const struct alpn *alpn);

/*
 * For one handshake, before it begins: "h2,http/1.1" instead of the profile's; offered by a client,
 * chosen from by a server. Returns 0, -EINVAL a protocol has no bytes, -ENOMEM.
 */
int alpn_wish(struct ssl_st *ssl, const char *protocols);

#endif
