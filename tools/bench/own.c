// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <openssl/crypto.h>
#include "../kmod/gcm/best.h"
#include "bench/own.h"

#define TAG_LEN 16

struct own_key {
	struct kseal_gcm_key key;
};

#if defined(__x86_64__)
bool own_supported(void)
{
	return kseal_gcm_best() != KSEAL_GCM_NONE;
}

static void expand(struct own_key *k, const uint8_t *key, unsigned int len)
{
	if (own_supported())
		kseal_gcm_aesni_key(&k->key, key, len);
}

static void crypt_record(const struct own_key *k, bool open, const uint8_t *iv, const uint8_t *aad,
			 unsigned int aad_len, uint8_t *from, uint8_t *to, size_t len, uint8_t *tag)
{
	struct kseal_piece src = { from, len }, dst = { to, len };
	struct kseal_body body = { .dst = &dst, .src = &src, .n_dst = 1, .n_src = 1, .len = len };

	kseal_gcm_record(kseal_gcm_best(), &k->key, open, iv, aad, aad_len, &body, tag);
}
#else
bool own_supported(void)
{
	return false;
}

static void expand(struct own_key *k, const uint8_t *key, unsigned int len)
{
	(void)k, (void)key, (void)len;
}

static void crypt_record(const struct own_key *k, bool open, const uint8_t *iv, const uint8_t *aad,
			 unsigned int aad_len, uint8_t *from, uint8_t *to, size_t len, uint8_t *tag)
{
	(void)k, (void)open, (void)iv, (void)aad, (void)aad_len;
	(void)from, (void)to, (void)len, (void)tag;
}
#endif

struct own_key *own_key(const uint8_t *key, unsigned int len)
{
	struct own_key *k = aligned_alloc(_Alignof(struct own_key), sizeof(*k));

	if (k)
		expand(k, key, len);
	return k;
}

void own_seal(const struct own_key *k, const uint8_t *iv, const uint8_t *aad, unsigned int aad_len,
	      uint8_t *text, uint8_t *sealed, size_t len, uint8_t *tag)
{
	crypt_record(k, false, iv, aad, aad_len, text, sealed, len, tag);
}

bool own_open(const struct own_key *k, const uint8_t *iv, const uint8_t *aad, unsigned int aad_len,
	      uint8_t *sealed, uint8_t *text, size_t len, const uint8_t *tag)
{
	uint8_t made[TAG_LEN];

	crypt_record(k, true, iv, aad, aad_len, sealed, text, len, made);
	return !CRYPTO_memcmp(made, tag, sizeof(made));
}
