/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * External pre-shared keys (RFC 8446 2.2, 4.2.11): machines that know each other,
 * without certificates. TLS 1.3, with suites of SHA-256 (RFC 8446 4.2.11: the hash
 * of a key about which nothing else was said).
 */
#ifndef KSEALD_PSK_H
#define KSEALD_PSK_H

#include <stddef.h>
#include <openssl/ssl.h>

struct psk;

/* Before the first handshake, and before there are threads. */
void psk_init(void);

/*
 * Reads a file with lines IDENTITY:HEX; empty lines and those that begin with #
 * are passed over. Returns NULL with a sentence in why.
 */
struct psk *psk_new(const char *path, char *why, size_t size);

/* Wipes and frees; NULL is fine. */
void psk_free(struct psk *psk);

/* Servers take each of the keys, clients offer the first. psk must outlive ctx. */
void psk_serve(SSL_CTX *ctx, const struct psk *psk);
void psk_offer(SSL_CTX *ctx, const struct psk *psk);

/* The identity that a handshake used, or NULL. Valid as long as the psk is. */
const char *psk_used(const SSL *ssl);

#endif
