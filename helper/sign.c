// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a private key is used for; see sign.h.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include "sign.h"

#define PREMASTER_LEN	48	/* RFC 5246 7.4.7.1 */

const EVP_MD *sign_md(enum sign_hash hash)
{
	switch (hash) {
	case SIGN_SHA256: return EVP_sha256();
	case SIGN_SHA384: return EVP_sha384();
	case SIGN_SHA512: return EVP_sha512();
	case SIGN_NO_HASH: break;
	}
	return NULL;
}

enum sign_hash sign_hash_named(const char *name)
{
	const EVP_MD *md = EVP_get_digestbyname(name);

	for (enum sign_hash hash = SIGN_SHA256; md && hash <= SIGN_SHA512; hash++)
		if (EVP_MD_get_type(md) == EVP_MD_get_type(sign_md(hash)))
			return hash;
	return SIGN_NO_HASH;
}

/* Whether the request fits itself and the key. */
static bool fits(EVP_PKEY *key, const struct sign_head *head, size_t len)
{
	const EVP_MD *md = sign_md(head->hash);
	const char *type = NULL;

	switch ((enum sign_scheme)head->scheme) {
	case SIGN_RSA_PKCS1:
	case SIGN_RSA_PSS:
		type = "RSA";
		break;
	case SIGN_ECDSA:
		type = "EC";
		break;
	case SIGN_ED25519:
		return head->hash == SIGN_NO_HASH && EVP_PKEY_is_a(key, "ED25519");
	}
	return type && md && len == (size_t)EVP_MD_get_size(md) && EVP_PKEY_is_a(key, type);
}

/* Ed25519 hashes what it signs by itself, twice. */
static bool sign_message(EVP_PKEY *key, const uint8_t *data, size_t len, uint8_t *result,
			 size_t *result_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool signs = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		     EVP_DigestSign(ctx, result, result_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return signs;
}

static bool pad(EVP_PKEY_CTX *ctx, enum sign_scheme scheme)
{
	if (scheme == SIGN_ECDSA)
		return true;
	if (scheme == SIGN_RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

int sign_sign(EVP_PKEY *key, const struct sign_head *head, const uint8_t *data, size_t len,
	      uint8_t *result, size_t *result_len)
{
	EVP_PKEY_CTX *ctx;
	bool signs;

	if (!fits(key, head, len))
		return -EINVAL;
	if (head->scheme == SIGN_ED25519)
		return sign_message(key, data, len, result, result_len) ? 0 : -EIO;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	/* the hash first: pkcs11-provider goes by it for the length of the salt */
	signs = ctx && EVP_PKEY_sign_init(ctx) > 0 &&
		EVP_PKEY_CTX_set_signature_md(ctx, sign_md(head->hash)) > 0 &&
		pad(ctx, head->scheme) && EVP_PKEY_sign(ctx, result, result_len, data, len) > 0;
	EVP_PKEY_CTX_free(ctx);
	return signs ? 0 : -EIO;
}

int sign_decrypt(EVP_PKEY *key, const struct sign_head *head, const uint8_t *data, size_t len,
		 uint8_t *result, size_t *result_len)
{
	unsigned int version = head->version;
	OSSL_PARAM params[] = {
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &version),
		OSSL_PARAM_END
	};
	EVP_PKEY_CTX *ctx;
	bool done;

	if (!EVP_PKEY_is_a(key, "RSA") || len != (size_t)EVP_PKEY_get_size(key) || !version ||
	    *result_len < PREMASTER_LEN)
		return -EINVAL;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	/* as OpenSSL's own server does it: the padding is checked where the key is */
	done = ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_params(ctx, params) > 0 &&
	       EVP_PKEY_decrypt(ctx, result, result_len, data, len) > 0 &&
	       *result_len == PREMASTER_LEN;
	EVP_PKEY_CTX_free(ctx);
	return done ? 0 : -EIO;
}
