/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of handshakes, as OpenSSL tells them. */
#ifndef KSEAL_SEEN_H
#define KSEAL_SEEN_H

#include <stdlib.h>
#include <string.h>
#include <openssl/ssl.h>

/* the first 64, for the test to free */
static struct { uint8_t *bytes; size_t len; } seen[64];
static size_t n_seen;

/* for SSL_set_msg_callback() */
static inline void see(int sent, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
	(void)sent, (void)version, (void)ssl, (void)arg;
	if (type != SSL3_RT_HANDSHAKE || n_seen == 64)
		return;
	seen[n_seen].bytes = malloc(len);
	memcpy(seen[n_seen].bytes, bytes, len);
	seen[n_seen++].len = len;
}

#endif
