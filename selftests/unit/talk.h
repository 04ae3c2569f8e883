/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data in both directions with an OpenSSL that was the peer of a handshake. */
#ifndef KSEAL_TALK_H
#define KSEAL_TALK_H

#include "shake.h"

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
	n = size > 0 ? open_record(end, &end->rx, record, (size_t)size, text) : -1;
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
