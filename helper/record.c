// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A record of TLS 1.3; see record.h.
 */
#include <stdbool.h>
#include <string.h>
#include <openssl/evp.h>
#include "record.h"

#define HEADER_LEN	5
#define TAG_LEN		16
#define APPLICATION	23

static const char *cipher_name(uint16_t cipher)
{
	switch (cipher) {
	case KSEAL_CIPHER_AES_GCM_128: return "AES-128-GCM";
	case KSEAL_CIPHER_AES_GCM_256: return "AES-256-GCM";
	case KSEAL_CIPHER_AES_CCM_128: return "AES-128-CCM";
	default: return "ChaCha20-Poly1305";
	}
}

/* RFC 8446 5.3 */
static void make_nonce(const struct keys *keys, uint8_t nonce[KSEAL_IV_LEN])
{
	memcpy(nonce, keys->iv, KSEAL_IV_LEN);
	for (int i = 0; i < 8; i++)
		nonce[KSEAL_IV_LEN - 1 - i] ^= (uint8_t)(keys->seq >> 8 * i);
}

/* text lies in place: len bytes become ciphertext, and TAG_LEN more */
static bool seal(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const struct keys *keys,
		 const uint8_t header[HEADER_LEN], uint8_t *text, int len)
{
	bool ccm = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CCM_MODE;
	uint8_t nonce[KSEAL_IV_LEN];
	int n;

	make_nonce(keys, nonce);
	return EVP_EncryptInit_ex(ctx, cipher, NULL, NULL, NULL) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, KSEAL_IV_LEN, NULL) > 0 &&
	       (!ccm || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, NULL) > 0) &&
	       EVP_EncryptInit_ex(ctx, NULL, NULL, keys->key, nonce) &&
	       (!ccm || EVP_EncryptUpdate(ctx, NULL, &n, NULL, len)) &&
	       EVP_EncryptUpdate(ctx, NULL, &n, header, HEADER_LEN) &&
	       EVP_EncryptUpdate(ctx, text, &n, text, len) &&
	       EVP_EncryptFinal_ex(ctx, text + n, &n) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, text + len) > 0;
}

size_t record_seal(struct keys *keys, uint8_t type, const void *content, size_t len, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, cipher_name(keys->suite->cipher), NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t body = len + 1 + TAG_LEN;
	bool ok = false;

	out[0] = APPLICATION;
	out[1] = 3;
	out[2] = 3;
	out[3] = (uint8_t)(body >> 8);
	out[4] = (uint8_t)body;
	memcpy(out + HEADER_LEN, content, len);
	out[HEADER_LEN + len] = type;
	if (cipher && ctx)
		ok = seal(ctx, cipher, keys, out, out + HEADER_LEN, (int)len + 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	if (!ok)
		return 0;
	keys->seq++;
	return HEADER_LEN + body;
}
