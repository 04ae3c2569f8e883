/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records as the kernel would open them, with the keys that a handshake gave it, and how
 * it waits for a client's Finished that was foreseen.
 */
#ifndef KSEAL_SEALED_H
#define KSEAL_SEALED_H

#include <errno.h>
#include <openssl/evp.h>
#include "alert.h"
#include "foresee.h"
#include "relay.h"

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
static inline int open_record(struct relay_end *end, struct relay_keys *keys, const uint8_t *record,
			      size_t size, uint8_t *plain)
{
	size_t prefix = explicit_nonce(end) ? 13 : 5;
	bool ccm = end->cipher == KSEAL_CIPHER_AES_CCM_128;
	int len = (int)(size - prefix - 16), n = -1, rest;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[13];
	int aad_len = protect(end, keys, record, prefix > 5 ? record + 5 : NULL, len, nonce, aad);

	if (size <= prefix + 16 ||
	    !EVP_DecryptInit_ex(c, cipher_of(end->cipher), NULL, NULL, NULL) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(record + prefix + len)) ||
	    !EVP_DecryptInit_ex(c, NULL, NULL, keys->key, nonce) ||
	    (ccm && !EVP_DecryptUpdate(c, NULL, &n, NULL, len)) ||
	    !EVP_DecryptUpdate(c, NULL, &n, aad, aad_len) ||
	    EVP_DecryptUpdate(c, plain, &n, record + prefix, len) <= 0 ||
	    (!ccm && EVP_DecryptFinal_ex(c, plain + n, &rest) <= 0))
		n = -1;
	keys->seq++;
	EVP_CIPHER_CTX_free(c);
	return n;
}

/* What the client sends instead: an alert. */
static inline void refused_by_peer(struct relay_end *end, uint8_t alert)
{
	end->error = kseal_alert_is_rejection(alert) ? EKEYREJECTED : EPROTO;
	end->has_alert = true;
	end->alert = alert;
	snprintf(end->reason, sizeof(end->reason), "the peer refused: alert %s (%u)",
		 alert_name(alert), alert);
	relay_done(end);
}

static inline uint64_t count_records(const uint8_t *at, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i + 5 <= len; i += 5 + ((size_t)at[i + 3] << 8 | at[i + 4]))
		n++;
	return n;
}

/*
 * The kernel's next step when it waits for Finished: one record. Returns whether there
 * was one; what the client may not send at that moment is the test's failure.
 */
static inline bool await_finished(struct relay_end *end)
{
	struct relay_keys *keys = end->version == KSEAL_VERSION_1_3 ? &end->finished_rx : &end->rx;
	size_t size = end->in_len < 5 ? 0 : 5 + ((size_t)end->in[3] << 8 | end->in[4]);
	uint8_t plain[1024];
	int n;

	if (!size || size > end->in_len || end->done)
		return false;
	if (end->in[0] == 20) {
		end->wrong |= size != 6 || end->in[5] != 1;
	} else if (end->in[0] == 21 && size == 7) {
		refused_by_peer(end, end->in[6]);
	} else {
		n = size < sizeof(plain) ? open_record(end, keys, end->in, size, plain) : -1;
		if (n == (end->version == KSEAL_VERSION_1_3 ? 3 : 2) && plain[0] == 2) {
			refused_by_peer(end, plain[1]);
		} else if (n < (int)end->finished_len || memcmp(plain, end->finished, end->finished_len)) {
			end->wrong = true;
			relay_done(end);
		} else {
			if (end->peer)
				relay_receive(end->peer, end->behind, end->behind_len);
			end->tx.seq += count_records(end->behind, end->behind_len);
			relay_done(end);
		}
	}
	memmove(end->in, end->in + size, end->in_len - size);
	end->in_len -= size;
	return true;
}

#endif
