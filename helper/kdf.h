/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What TLS derives keys with, on OpenSSL's digests: HKDF (RFC 5869) with the labels
 * of RFC 8446 7.1, and the PRF of RFC 5246 5. OpenSSL's own take more than the
 * digest does for allocations and for looking up algorithms by name.
 */
#ifndef KSEALD_KDF_H
#define KSEALD_KDF_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/types.h>

#define KDF_SEED_MAX	128	/* bytes */

/*
 * SHA-256 or SHA-384 by one of OpenSSL's names, from whichever provider its
 * configuration prefers; stays as long as the process. NULL: another name, or there is none.
 */
const EVP_MD *kdf_digest(const char *name);

/*
 * HMAC (RFC 2104): EVP_MD_get_size(md) bytes to out, which may be in data.
 * Returns 0, -EINVAL key_len is more than a block, -ENOMEM.
 */
int kdf_hmac(const EVP_MD *md, const uint8_t *key, size_t key_len, const uint8_t *data,
	     size_t len, uint8_t *out);

/*
 * HKDF-Expand-Label: out_len <= 255 bytes to out. label is without "tls13 " and needs no
 * NUL; the two together with context are bounded as the RFC bounds them. Returns 0,
 * -EINVAL (a length), -ENOMEM.
 */
int kdf_expand_label(const EVP_MD *md, const uint8_t *secret, size_t secret_len,
		     const char *label, size_t label_len, const uint8_t *context,
		     size_t context_len, uint8_t *out, size_t out_len);

/*
 * A step of the key schedule: HKDF-Extract of ikm, with Derive-Secret(before, "derived", "")
 * as its salt; EVP_MD_get_size(md) bytes to out. NULL for before or ikm: as many zeros.
 * Returns 0, -EINVAL (a length), -ENOMEM.
 */
int kdf_next_secret(const EVP_MD *md, const uint8_t *before, size_t before_len,
		    const uint8_t *ikm, size_t ikm_len, uint8_t *out);

/*
 * The PRF of RFC 5246 5: fills out from a secret and a label with its seed behind it (at
 * most KDF_SEED_MAX bytes). Returns 0, -EINVAL (a length), -ENOMEM.
 */
int kdf_prf(const EVP_MD *md, const uint8_t *secret, size_t secret_len, const uint8_t *seed,
	    size_t seed_len, uint8_t *out, size_t out_len);

#endif
