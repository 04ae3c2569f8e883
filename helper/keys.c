// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traffic keys; see keys.h.
 */
#include <errno.h>
#include <string.h>
#include <openssl/crypto.h>
#include "kdf.h"
#include "keys.h"

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

int keys_expand_label(const char *digest, const uint8_t *secret, size_t secret_len,
		      const char *label, const uint8_t *context, size_t context_len,
		      uint8_t *out, size_t out_len)
{
	const EVP_MD *md = kdf_digest(digest);

	return md ? kdf_expand_label(md, secret, secret_len, label, strlen(label), context,
				      context_len, out, out_len) : -EINVAL;
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

int keys_prf(const char *digest, const uint8_t *secret, size_t secret_len, const char *label,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len)
{
	const EVP_MD *md = kdf_digest(digest);
	uint8_t labeled[KDF_SEED_MAX];
	size_t label_len = strlen(label);

	if (!md || label_len + seed_len > sizeof(labeled))
		return -EINVAL;
	memcpy(labeled, label, label_len);
	memcpy(labeled + label_len, seed, seed_len);
	return kdf_prf(md, secret, secret_len, labeled, label_len + seed_len, out, out_len);
}

size_t keys_block_len(const struct keys_suite *suite)
{
	return 2 * (size_t)(suite->key_len + suite->salt_len);
}

void keys_from_block(struct keys *client, struct keys *server, const struct keys_suite *suite,
		     const uint8_t *block)
{
	const size_t key = suite->key_len, salt = suite->salt_len;

	memset(client, 0, sizeof(*client));
	memset(server, 0, sizeof(*server));
	client->suite = server->suite = suite;
	client->seq = server->seq = 1;
	memcpy(client->key, block, key);
	memcpy(server->key, block + key, key);
	memcpy(client->iv, block + 2 * key, salt);
	memcpy(server->iv, block + 2 * key + salt, salt);
}

int keys_derive_tls12(struct keys *client, struct keys *server, const struct keys_suite *suite,
		      const uint8_t *master, const uint8_t *client_random,
		      const uint8_t *server_random)
{
	uint8_t seed[2 * KEYS_RANDOM_LEN], block[KEYS_BLOCK_MAX];
	int ret;

	memcpy(seed, server_random, KEYS_RANDOM_LEN);
	memcpy(seed + KEYS_RANDOM_LEN, client_random, KEYS_RANDOM_LEN);
	ret = keys_prf(suite->digest, master, KEYS_MASTER_LEN, "key expansion", seed,
		       sizeof(seed), block, keys_block_len(suite));
	if (ret) {
		keys_wipe(client);
		keys_wipe(server);
	} else {
		keys_from_block(client, server, suite, block);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ret;
}

void keys_wipe(struct keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
