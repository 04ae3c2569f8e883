/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic keys: from an application traffic secret (TLS 1.3) or a master secret
 * (TLS 1.2) to what the kernel seals or opens records with. Pure functions;
 * whoever holds a struct keys wipes it with keys_wipe().
 */
#ifndef KSEALD_KEYS_H
#define KSEALD_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>

#define KEYS_KEY_MAX	32	/* bytes, AES-256 */
#define KEYS_SECRET_MAX	48	/* bytes, SHA-384 */

#define KEYS_BLOCK_MAX	(2 * (KEYS_KEY_MAX + KSEAL_IV_LEN))	/* bytes, RFC 5246 6.3 */
#define KEYS_MASTER_LEN	48	/* bytes, RFC 5246 8.1 */
#define KEYS_RANDOM_LEN	32	/* bytes, RFC 5246 7.4.1.2 */

/* A cipher suite that the kernel can seal with. */
struct keys_suite {
	uint16_t id;		/* as on the wire */
	const char *name;	/* IANA's */
	uint16_t version;	/* KSEAL_VERSION_*, the only one it is of */
	uint16_t cipher;	/* KSEAL_CIPHER_* */
	const char *digest;	/* OpenSSL's name */
	uint8_t key_len;	/* bytes */
	uint8_t secret_len;	/* bytes, the digest's length; 0 in TLS 1.2 */
	uint8_t salt_len;	/* TLS 1.2: bytes of the IV that are derived */
};

/* One direction. */
struct keys {
	const struct keys_suite *suite;
	uint8_t key[KEYS_KEY_MAX];		/* suite->key_len bytes */
	uint8_t iv[KSEAL_IV_LEN];
	uint64_t seq;				/* of the next record */
	uint8_t secret[KEYS_SECRET_MAX];	/* suite->secret_len bytes */
};

/* The i-th of all suites, best first as OpenSSL orders them; NULL: no more. */
const struct keys_suite *keys_suite_at(size_t i);

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

/*
 * The PRF of RFC 5246 5: fills out from a secret, a label and a seed (together
 * at most 128 bytes). Returns 0, -EINVAL (a length or the digest), -ENOMEM.
 */
int keys_prf(const char *digest, const uint8_t *secret, size_t secret_len, const char *label,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len);

/* RFC 5246 6.3: bytes of a suite's key_block, KEYS_BLOCK_MAX at most. */
size_t keys_block_len(const struct keys_suite *suite);

/*
 * Both directions from the key_block. The sequence numbers are 1: the Finished
 * messages had 0. What the record carries of a nonce (RFC 5288 3) is left 0 in
 * keys->iv.
 */
void keys_from_block(struct keys *client, struct keys *server, const struct keys_suite *suite,
		     const uint8_t *block);

/*
 * Likewise from the master secret (KEYS_MASTER_LEN bytes) and the two randoms
 * (KEYS_RANDOM_LEN each). Returns 0 or -errno of keys_prf(), keys then wiped.
 */
int keys_derive_tls12(struct keys *client, struct keys *server, const struct keys_suite *suite,
		      const uint8_t *master, const uint8_t *client_random,
		      const uint8_t *server_random);

void keys_wipe(struct keys *keys);

#endif
