// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traffic keys; see keys.h.
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

#define SEED_MAX	128

#define AES128	KSEAL_CIPHER_AES_GCM_128
#define AES256	KSEAL_CIPHER_AES_GCM_256
#define CCM128	KSEAL_CIPHER_AES_CCM_128
#define CHACHA	KSEAL_CIPHER_CHACHA20_POLY1305

#define TLS13(id, name, ...) { id, name, KSEAL_VERSION_1_3, __VA_ARGS__, 0 }
#define TLS12(id, name, ...) { id, name, KSEAL_VERSION_1_2, __VA_ARGS__ }

/* RFC 8446 B.4; RFC 5289, RFC 7905, RFC 7251, RFC 5288 */
static const struct keys_suite suites[] = {
	TLS13(0x1302, "TLS_AES_256_GCM_SHA384", AES256, "SHA384", 32, 48),
	TLS13(0x1303, "TLS_CHACHA20_POLY1305_SHA256", CHACHA, "SHA256", 32, 32),
	TLS13(0x1301, "TLS_AES_128_GCM_SHA256", AES128, "SHA256", 16, 32),
	TLS13(0x1304, "TLS_AES_128_CCM_SHA256", CCM128, "SHA256", 16, 32),
	TLS12(0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", AES256, "SHA384", 32, 0, 4),
	TLS12(0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", AES256, "SHA384", 32, 0, 4),
	TLS12(0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", CHACHA, "SHA256", 32, 0, 12),
	TLS12(0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CHACHA, "SHA256", 32, 0, 12),
	TLS12(0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", AES128, "SHA256", 16, 0, 4),
	TLS12(0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", AES128, "SHA256", 16, 0, 4),
	TLS12(0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", CCM128, "SHA256", 16, 0, 4),
	/* RSA key transport: no forward secrecy */
	TLS12(0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", AES256, "SHA384", 32, 0, 4),
	TLS12(0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", AES128, "SHA256", 16, 0, 4),
};

#define SUITES (sizeof(suites) / sizeof(suites[0]))

const struct keys_suite *keys_suite_at(size_t i)
{
	return i < SUITES ? &suites[i] : NULL;
}

const struct keys_suite *keys_suite(uint16_t id)
{
	for (size_t i = 0; i < SUITES; i++)
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

/* RFC 5246 5: P_hash is HMAC(secret, A(i) | seed), A(i) HMAC(secret, A(i-1)), A(0) the seed. */
int keys_prf(const char *digest, const uint8_t *secret, size_t secret_len, const char *label,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len)
{
	uint8_t room[EVP_MAX_MD_SIZE + SEED_MAX], block[EVP_MAX_MD_SIZE];
	size_t label_len = strlen(label), all = label_len + seed_len, md_len;
	uint8_t *labeled = room + EVP_MAX_MD_SIZE;	/* A(i) goes before it */
	EVP_MD *md = EVP_MD_fetch(NULL, digest, NULL);
	int ret = -EINVAL;

	if (!md || all > SEED_MAX)
		goto out;
	md_len = (size_t)EVP_MD_get_size(md);
	memcpy(labeled, label, label_len);
	memcpy(labeled + label_len, seed, seed_len);
	ret = -ENOMEM;
	if (!HMAC(md, secret, (int)secret_len, labeled, all, labeled - md_len, NULL))
		goto out;
	while (out_len) {
		size_t part = out_len < md_len ? out_len : md_len;

		if (!HMAC(md, secret, (int)secret_len, labeled - md_len, md_len + all, block, NULL))
			goto out;
		memcpy(out, block, part);
		out += part;
		out_len -= part;
		if (!HMAC(md, secret, (int)secret_len, labeled - md_len, md_len, block, NULL))
			goto out;
		memcpy(labeled - md_len, block, md_len);
	}
	ret = 0;
out:
	OPENSSL_cleanse(room, sizeof(room));
	OPENSSL_cleanse(block, sizeof(block));
	EVP_MD_free(md);
	return ret;
}

int keys_derive_tls12(struct keys *client, struct keys *server, const struct keys_suite *suite,
		      const uint8_t *master, const uint8_t *client_random,
		      const uint8_t *server_random)
{
	uint8_t seed[2 * KEYS_RANDOM_LEN], block[2 * (KEYS_KEY_MAX + KSEAL_IV_LEN)];
	const size_t key = suite->key_len, salt = suite->salt_len;
	int ret;

	memset(client, 0, sizeof(*client));
	memset(server, 0, sizeof(*server));
	client->suite = server->suite = suite;
	client->seq = server->seq = 1;
	memcpy(seed, server_random, KEYS_RANDOM_LEN);
	memcpy(seed + KEYS_RANDOM_LEN, client_random, KEYS_RANDOM_LEN);
	ret = keys_prf(suite->digest, master, KEYS_MASTER_LEN, "key expansion", seed,
		       sizeof(seed), block, 2 * (key + salt));
	if (ret) {
		keys_wipe(client);
		keys_wipe(server);
	} else {
		memcpy(client->key, block, key);
		memcpy(server->key, block + key, key);
		memcpy(client->iv, block + 2 * key, salt);
		memcpy(server->iv, block + 2 * key + salt, salt);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

void keys_wipe(struct keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
