/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records as the kernel would seal and open them, with the keys that a handshake gave
 * it; and data in both directions with an OpenSSL that was its peer.
 */
#ifndef KSEAL_TALK_H
#define KSEAL_TALK_H

#include "shake.h"

static inline const EVP_CIPHER *cipher_of(uint16_t cipher)
{
	switch (cipher) {
	case KSEAL_CIPHER_AES_GCM_128: return EVP_aes_128_gcm();
	case KSEAL_CIPHER_AES_GCM_256: return EVP_aes_256_gcm();
	case KSEAL_CIPHER_AES_CCM_128: return EVP_aes_128_ccm();
	case KSEAL_CIPHER_CHACHA20_POLY1305: return EVP_chacha20_poly1305();
	}
	return NULL;
}

/* Nonce and additional data of the next record of content len; RFC 8446 5.2, 5.3,
 * RFC 5246 6.2.3.3, RFC 5288 3, RFC 7905 2. explicit: 8 bytes of the record, or NULL.
 */
static inline int protect(const struct relay_end *end, const struct relay_keys *keys,
		   const uint8_t *header, const uint8_t *explicit, int len, uint8_t *nonce,
		   uint8_t *aad)
{
	uint8_t seq[8];
	int i;

	for (i = 0; i < 8; i++)
		seq[i] = (uint8_t)(keys->seq >> (56 - 8 * i));
	memcpy(nonce, keys->iv, 12);
	if (explicit)
		memcpy(nonce + 4, explicit, 8);
	else
		for (i = 0; i < 8; i++)
			nonce[4 + i] ^= seq[i];
	if (end->version == KSEAL_VERSION_1_3) {
		memcpy(aad, header, 5);
		return 5;
	}
	memcpy(aad, seq, 8);
	memcpy(aad + 8, header, 3);
	aad[11] = (uint8_t)(len >> 8);
	aad[12] = (uint8_t)len;
	return 13;
}

static inline bool explicit_nonce(const struct relay_end *end)
{
	return end->version == KSEAL_VERSION_1_2 && end->cipher != KSEAL_CIPHER_CHACHA20_POLY1305;
}

/* Opens a record of the peer's with the keys that the kernel got. Length, or -1. */
static inline int open_record(struct relay_end *end, const uint8_t *record, size_t size, uint8_t *plain)
{
	size_t prefix = explicit_nonce(end) ? 13 : 5;
	bool ccm = end->cipher == KSEAL_CIPHER_AES_CCM_128;
	int len = (int)(size - prefix - 16), n = -1, rest;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[13];
	int aad_len = protect(end, &end->rx, record, prefix > 5 ? record + 5 : NULL, len, nonce, aad);

	if (size <= prefix + 16 ||
	    !EVP_DecryptInit_ex(c, cipher_of(end->cipher), NULL, NULL, NULL) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(record + prefix + len)) ||
	    !EVP_DecryptInit_ex(c, NULL, NULL, end->rx.key, nonce) ||
	    (ccm && !EVP_DecryptUpdate(c, NULL, &n, NULL, len)) ||
	    !EVP_DecryptUpdate(c, NULL, &n, aad, aad_len) ||
	    EVP_DecryptUpdate(c, plain, &n, record + prefix, len) <= 0 ||
	    (!ccm && EVP_DecryptFinal_ex(c, plain + n, &rest) <= 0))
		n = -1;
	end->rx.seq++;
	EVP_CIPHER_CTX_free(c);
	return n;
}

/* Seals data as the kernel would. Returns the record's size. */
static inline size_t seal_record(struct relay_end *end, const char *text, uint8_t *record)
{
	size_t prefix = explicit_nonce(end) ? 13 : 5, len = strlen(text) + 1;
	bool tls13 = end->version == KSEAL_VERSION_1_3;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[13], plain[256];
	int n, aad_len;

	memcpy(plain, text, len);
	if (tls13)
		plain[len++] = 23;
	memcpy(record, "\x17\x03\x03", 3);
	record[3] = 0;
	record[4] = (uint8_t)(prefix - 5 + len + 16);
	if (prefix > 5)
		memcpy(record + 5, end->tx.iv + 4, 8);
	aad_len = protect(end, &end->tx, record, prefix > 5 ? record + 5 : NULL, (int)len, nonce, aad);
	EVP_EncryptInit_ex(c, cipher_of(end->cipher), NULL, NULL, NULL);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL);
	if (end->cipher == KSEAL_CIPHER_AES_CCM_128)
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, NULL);
	EVP_EncryptInit_ex(c, NULL, NULL, end->tx.key, nonce);
	if (end->cipher == KSEAL_CIPHER_AES_CCM_128)
		EVP_EncryptUpdate(c, NULL, &n, NULL, (int)len);
	EVP_EncryptUpdate(c, NULL, &n, aad, aad_len);
	EVP_EncryptUpdate(c, record + prefix, &n, plain, (int)len);
	EVP_EncryptFinal_ex(c, record + prefix + n, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, record + prefix + len);
	end->tx.seq++;
	EVP_CIPHER_CTX_free(c);
	return prefix + len + 16;
}

/* Both directions, with an OpenSSL that has done its handshake with end. */
static inline bool talks(struct plain *plain, struct relay_end *end)
{
	static const char there[] = "there", back[] = "and back";
	uint8_t record[512], text[512];
	int n, size;

	BIO_reset(SSL_get_wbio(plain->ssl));
	SSL_write(plain->ssl, there, sizeof(there));
	size = BIO_read(SSL_get_wbio(plain->ssl), record, sizeof(record));
	n = size > 0 ? open_record(end, record, (size_t)size, text) : -1;
	if (n < (int)sizeof(there) || memcmp(text, there, sizeof(there))) {
		note("%d bytes of %d could be opened", n, size);
		return false;
	}
	BIO_write(SSL_get_rbio(plain->ssl), record, (int)seal_record(end, back, record));
	n = SSL_read(plain->ssl, text, sizeof(text));
	if (n != sizeof(back) || memcmp(text, back, sizeof(back))) {
		note("OpenSSL read %d", n);
		return false;
	}
	return true;
}

#endif
