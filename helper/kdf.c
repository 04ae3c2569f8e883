// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key derivation; see kdf.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "kdf.h"

#define LABEL_PREFIX	"tls13 "
#define PREFIX_LEN	(sizeof(LABEL_PREFIX) - 1)
#define LABEL_MAX	255	/* RFC 8446 7.1: opaque label<7..255> */
#define CONTEXT_MAX	255	/* opaque context<0..255> */

/* struct HkdfLabel, and room for what HKDF-Expand puts before and after it */
#define INFO_MAX	(2 + 1 + LABEL_MAX + 1 + CONTEXT_MAX)

#define BLOCK_MAX	128	/* bytes, SHA-384 */

/* ---- digests ---- */

static struct {
	const char *names[2];	/* in 3.0 and in 3.5 */
	EVP_MD *md;
} digests[] = {
	{ { "SHA2-256", "SHA256" }, NULL },
	{ { "SHA2-384", "SHA384" }, NULL },
};

#define DIGESTS (sizeof(digests) / sizeof(digests[0]))

static void forget(void)
{
	for (size_t i = 0; i < DIGESTS; i++)
		EVP_MD_free(digests[i].md);
}

static void fetch(void)
{
	for (size_t i = 0; i < DIGESTS; i++)
		digests[i].md = EVP_MD_fetch(NULL, digests[i].names[0], NULL);
	OPENSSL_atexit(forget);
}

const EVP_MD *kdf_digest(const char *name)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

	if (!CRYPTO_THREAD_run_once(&once, fetch))
		return NULL;
	for (size_t i = 0; i < DIGESTS; i++)
		if (!strcasecmp(name, digests[i].names[0]) ||
		    !strcasecmp(name, digests[i].names[1]))
			return digests[i].md;
	return NULL;
}

/* ---- HMAC ---- */

static bool hash(EVP_MD_CTX *ctx, const EVP_MD *md, const uint8_t *pad, size_t block,
		 const uint8_t *data, size_t len, uint8_t *out)
{
	return EVP_DigestInit_ex2(ctx, md, NULL) && EVP_DigestUpdate(ctx, pad, block) &&
	       EVP_DigestUpdate(ctx, data, len) && EVP_DigestFinal_ex(ctx, out, NULL);
}

int kdf_hmac(const EVP_MD *md, const uint8_t *key, size_t key_len, const uint8_t *data,
	     size_t len, uint8_t *out)
{
	const size_t block = (size_t)EVP_MD_get_block_size(md);
	const size_t md_len = (size_t)EVP_MD_get_size(md);
	uint8_t inner[BLOCK_MAX], outer[BLOCK_MAX], digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx;
	bool done;

	if (block > BLOCK_MAX || key_len > block)
		return -EINVAL;
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	memset(inner, 0x36, block);
	memset(outer, 0x5c, block);
	for (size_t i = 0; i < key_len; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	done = hash(ctx, md, inner, block, data, len, digest) &&
	       hash(ctx, NULL, outer, block, digest, md_len, out);
	/* wipes, too */
	EVP_MD_CTX_free(ctx);
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(outer, sizeof(outer));
	OPENSSL_cleanse(digest, sizeof(digest));
	return done ? 0 : -ENOMEM;
}

/* ---- HKDF ---- */

/*
 * RFC 5869 2.3, HKDF-Expand: T(i) = HMAC(PRK, T(i-1) | info | i). info has
 * EVP_MAX_MD_SIZE bytes of room before it and one after it.
 */
static int expand(const EVP_MD *md, const uint8_t *prk, size_t prk_len, uint8_t *info,
		  size_t info_len, uint8_t *out, size_t out_len)
{
	size_t md_len = (size_t)EVP_MD_get_size(md);
	uint8_t block[EVP_MAX_MD_SIZE];
	size_t before = 0;
	int ret = 0;

	for (uint8_t i = 1; out_len; i++) {
		size_t part = out_len < md_len ? out_len : md_len;

		info[info_len] = i;
		ret = kdf_hmac(md, prk, prk_len, info - before, before + info_len + 1, block);
		if (ret)
			break;
		memcpy(out, block, part);
		out += part;
		out_len -= part;
		before = md_len;
		memcpy(info - before, block, before);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

int kdf_expand_label(const EVP_MD *md, const uint8_t *secret, size_t secret_len,
		     const char *label, size_t label_len, const uint8_t *context,
		     size_t context_len, uint8_t *out, size_t out_len)
{
	uint8_t room[EVP_MAX_MD_SIZE + INFO_MAX + 1];
	uint8_t *info = room + EVP_MAX_MD_SIZE;
	uint8_t *p = info;
	int ret;

	if (!label_len || label_len > LABEL_MAX - PREFIX_LEN || context_len > CONTEXT_MAX ||
	    out_len > 255)
		return -EINVAL;
	*p++ = 0;				/* uint16 length */
	*p++ = (uint8_t)out_len;
	*p++ = (uint8_t)(PREFIX_LEN + label_len);
	p = mempcpy(p, LABEL_PREFIX, PREFIX_LEN);
	p = mempcpy(p, label, label_len);
	*p++ = (uint8_t)context_len;
	if (context_len)
		p = mempcpy(p, context, context_len);

	ret = expand(md, secret, secret_len, info, (size_t)(p - info), out, out_len);
	/* T(i) */
	OPENSSL_cleanse(room, EVP_MAX_MD_SIZE);
	return ret;
}

int kdf_next_secret(const EVP_MD *md, const uint8_t *before, size_t before_len,
		    const uint8_t *ikm, size_t ikm_len, uint8_t *out)
{
	static const uint8_t zeros[EVP_MAX_MD_SIZE];
	const size_t md_len = (size_t)EVP_MD_get_size(md);
	uint8_t nothing[EVP_MAX_MD_SIZE], salt[EVP_MAX_MD_SIZE] = { 0 };
	int ret = 0;

	if (before) {
		if (!EVP_Digest("", 0, nothing, NULL, md, NULL))
			return -ENOMEM;
		ret = kdf_expand_label(md, before, before_len, "derived", strlen("derived"),
					nothing, md_len, salt, md_len);
	}
	/* RFC 5869 2.2 */
	if (!ret)
		ret = kdf_hmac(md, salt, md_len, ikm ? ikm : zeros, ikm ? ikm_len : md_len, out);
	OPENSSL_cleanse(salt, sizeof(salt));
	return ret;
}

/* ---- TLS 1.2 ---- */

/* P_hash is HMAC(secret, A(i) | seed), A(i) HMAC(secret, A(i-1)), A(0) the seed. */
int kdf_prf(const EVP_MD *md, const uint8_t *secret, size_t secret_len, const uint8_t *seed,
	    size_t seed_len, uint8_t *out, size_t out_len)
{
	const size_t md_len = (size_t)EVP_MD_get_size(md);
	uint8_t room[EVP_MAX_MD_SIZE + KDF_SEED_MAX], block[EVP_MAX_MD_SIZE];
	uint8_t *a = room + EVP_MAX_MD_SIZE - md_len;	/* the seed behind it */
	int ret;

	if (seed_len > KDF_SEED_MAX)
		return -EINVAL;
	memcpy(room + EVP_MAX_MD_SIZE, seed, seed_len);
	ret = kdf_hmac(md, secret, secret_len, seed, seed_len, a);
	while (!ret && out_len) {
		size_t part = out_len < md_len ? out_len : md_len;

		ret = kdf_hmac(md, secret, secret_len, a, md_len + seed_len, block);
		if (ret)
			break;
		memcpy(out, block, part);
		out += part;
		out_len -= part;
		if (out_len)
			ret = kdf_hmac(md, secret, secret_len, a, md_len, a);
	}
	OPENSSL_cleanse(room, sizeof(room));
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}
