/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS 1.3 traffic keys: from an application traffic secret to what the kernel
 * seals or opens records with. Pure functions; whoever holds a struct keys
 * wipes it with keys_wipe().
 */
#ifndef KSEALD_KEYS_H
#define KSEALD_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>

#define KEYS_KEY_MAX	32	/* bytes, AES-256 */
#define KEYS_SECRET_MAX	48	/* bytes, SHA-384 */

/* A cipher suite of RFC 8446 B.4 that the kernel can seal with. */
struct keys_suite {
	uint16_t id;		/* as on the wire */
	uint16_t cipher;	/* KSEAL_CIPHER_* */
	const char *digest;	/* OpenSSL's name */
	uint8_t key_len;	/* bytes */
	uint8_t secret_len;	/* bytes, the digest's length */
};

/* One direction. */
struct keys {
	const struct keys_suite *suite;
	uint8_t key[KEYS_KEY_MAX];		/* suite->key_len bytes */
	uint8_t iv[KSEAL_IV_LEN];
	uint64_t seq;				/* of the next record */
	uint8_t secret[KEYS_SECRET_MAX];	/* suite->secret_len bytes */
};

/* The suite with this number on the wire, NULL if it is not one of ours. */
const struct keys_suite *keys_suite(uint16_t id);

/*
 * HKDF-Expand-Label, RFC 8446 7.1: fills out (out_len <= 255 bytes) from a
 * secret. label is without "tls13 "; the two together with context are bounded
 * as the RFC bounds them. Returns 0, -EINVAL (a length or the digest), -ENOMEM.
 */
int keys_expand_label(const char *digest, const uint8_t *secret, size_t secret_len,
		      const char *label, const uint8_t *context, size_t context_len,
		      uint8_t *out, size_t out_len);

/*
 * RFC 8446 7.3: fills keys (sequence number 0) from a suite and its traffic
 * secret of suite->secret_len bytes. Returns 0 or -errno of
 * keys_expand_label(), keys then wiped.
 */
int keys_derive(struct keys *keys, const struct keys_suite *suite, const uint8_t *secret);

void keys_wipe(struct keys *keys);

#endif
