// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS 1.3 traffic keys; see keys.h.
 */
#include <errno.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "keys.h"

#define LABEL_PREFIX	"tls13 "
#define LABEL_MAX	255	/* RFC 8446 7.1: opaque label<7..255> */
#define CONTEXT_MAX	255	/* opaque context<0..255> */

/* struct HkdfLabel, and room for what HKDF-Expand puts before and after it */
#define INFO_MAX	(2 + 1 + LABEL_MAX + 1 + CONTEXT_MAX)

static const struct keys_suite suites[] = {
	{ 0x1301, KSEAL_CIPHER_AES_GCM_128, "SHA256", 16, 32 },	/* TLS_AES_128_GCM_SHA256 */
	{ 0x1302, KSEAL_CIPHER_AES_GCM_256, "SHA384", 32, 48 },	/* TLS_AES_256_GCM_SHA384 */
};

const struct keys_suite *keys_suite(uint16_t id)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		if (suites[i].id == id)
			return &suites[i];
	return NULL;
}

/*
 * RFC 5869 2.3, HKDF-Expand: T(i) = HMAC(PRK, T(i-1) | info | i). info has
 * EVP_MAX_MD_SIZE bytes of room before it and one after it.
 */
static int hkdf_expand(const EVP_MD *md, const uint8_t *prk, size_t prk_len, uint8_t *info,
		       size_t info_len, uint8_t *out, size_t out_len)
{
	size_t md_len = (size_t)EVP_MD_get_size(md);
	uint8_t block[EVP_MAX_MD_SIZE];
	size_t before = 0;
	int ret = 0;

	for (uint8_t i = 1; out_len; i++) {
		size_t part = out_len < md_len ? out_len : md_len;

		info[info_len] = i;
		if (!HMAC(md, prk, (int)prk_len, info - before, before + info_len + 1, block,
			  NULL)) {
			ret = -ENOMEM;
			break;
		}
		memcpy(out, block, part);
		out += part;
		out_len -= part;
		before = md_len;
		memcpy(info - before, block, before);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

int keys_expand_label(const char *digest, const uint8_t *secret, size_t secret_len,
		      const char *label, const uint8_t *context, size_t context_len,
		      uint8_t *out, size_t out_len)
{
	uint8_t room[EVP_MAX_MD_SIZE + INFO_MAX + 1];
	size_t label_len = strlen(LABEL_PREFIX) + strlen(label);
	uint8_t *info = room + EVP_MAX_MD_SIZE;
	uint8_t *p = info;
	EVP_MD *md;
	int ret;

	if (label_len < 7 || label_len > LABEL_MAX || context_len > CONTEXT_MAX || out_len > 255)
		return -EINVAL;
	md = EVP_MD_fetch(NULL, digest, NULL);
	if (!md)
		return -EINVAL;

	*p++ = 0;				/* uint16 length */
	*p++ = (uint8_t)out_len;
	*p++ = (uint8_t)label_len;
	p = (uint8_t *)stpcpy((char *)p, LABEL_PREFIX);
	p = (uint8_t *)stpcpy((char *)p, label);
	*p++ = (uint8_t)context_len;
	if (context_len)
		memcpy(p, context, context_len);
	p += context_len;

	ret = hkdf_expand(md, secret, secret_len, info, (size_t)(p - info), out, out_len);
	OPENSSL_cleanse(room, sizeof(room));
	EVP_MD_free(md);
	return ret;
}

int keys_derive(struct keys *keys, const struct keys_suite *suite, const uint8_t *secret)
{
	int ret;

	memset(keys, 0, sizeof(*keys));
	keys->suite = suite;
	memcpy(keys->secret, secret, suite->secret_len);
	ret = keys_expand_label(suite->digest, secret, suite->secret_len, "key", NULL, 0,
				keys->key, suite->key_len);
	if (!ret)
		ret = keys_expand_label(suite->digest, secret, suite->secret_len, "iv", NULL, 0,
					keys->iv, sizeof(keys->iv));
	if (ret)
		keys_wipe(keys);
	return ret;
}

void keys_wipe(struct keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
