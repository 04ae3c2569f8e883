/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSEAL_HKDF_H
#define KSEAL_HKDF_H

#include <linux/types.h>

struct crypto_shash;

/**
 * kseal_hkdf_expand_label - HKDF-Expand-Label of RFC 8446 7.1, empty context
 * @hmac: the hash's HMAC, keyed with the secret
 * @label: without "tls13 "; at most 12 bytes
 * @out: what is derived
 * @len: bytes of it, no more than the hash gives
 *
 * Process context. Wipes what it leaves on the stack.
 *
 * Return: 0 or the crypto API's errno.
 */
int kseal_hkdf_expand_label(struct crypto_shash *hmac, const char *label,
			    u8 *out, unsigned int len);

#endif
