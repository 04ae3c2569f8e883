/* SPDX-License-Identifier: GPL-2.0-only */
/* The ciphers: one table row each. */
#ifndef KSEAL_CIPHER_H
#define KSEAL_CIPHER_H

#include <linux/types.h>

#define KSEAL_KEY_MAX		32	/* bytes, of every cipher in the table */
#define KSEAL_SECRET_MAX	48	/* bytes, of every hash in the table */

struct kseal_cipher {
	u16 id;			/* KSEAL_CIPHER_*, which are linux/tls.h's */
	const char *name;	/* of those in RFC 8446 B.4, for helpers */
	u8 key_len;
	u8 secret_len;		/* of the suite's hash, RFC 8446 7.1 */
	bool aes_gcm;		/* which the module can do by itself */
	bool explicit_nonce;	/* in TLS 1.2: RFC 5288 3, RFC 6655 3 */
	bool ccm;		/* RFC 3610 2.3: the IV begins with L - 1 */
	bool tls12;
	bool tls13;
	u64 limit;		/* records under one key */
	const char *alg;	/* the kernel's name for the AEAD */
	const char *hmac;	/* and for the hash's HMAC, for HKDF */
};

/**
 * kseal_cipher_find - a cipher by number
 * @id: KSEAL_CIPHER_*
 * @version: KSEAL_VERSION_*
 *
 * Return: its row, or NULL: not known, or not for that version.
 */
const struct kseal_cipher *kseal_cipher_find(u16 id, u16 version);

/* The module parameter record_limit: lowers every cipher's limit; 0 does not. */
extern unsigned long kseal_record_limit;

/**
 * kseal_cipher_limit - how many records one key may protect
 * @cipher: a row
 *
 * Return: records; no more than the row's limit, no fewer than 16.
 */
u64 kseal_cipher_limit(const struct kseal_cipher *cipher);

#endif
