// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/aead.h>
#include <linux/crypto.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/slab.h>

#include "keys.h"

struct kseal_keys {
	struct crypto_aead *aead;
	struct aead_request *req;	/* one at a time: under the socket lock */
	u64 seq;			/* of the next record */
	u64 left;			/* records until the limit of 5.5 */
	u8 iv[KSEAL_NONCE_LEN];
	u8 nonce[KSEAL_NONCE_LEN];	/* of the request */
	u8 secret[KSEAL_SECRET_MAX];
	u8 secret_len;
};

struct cipher {
	u16 id;
	const char *name;		/* crypto API */
	u8 key_len;
	u8 secret_len;
	u64 limit;			/* records, RFC 8446 5.5 */
};

/* 2^24.5 full records for AES-GCM, RFC 8446 5.5 */
#define AES_GCM_LIMIT 23726566
/* kept back from data: an open record, an alert, close_notify */
#define RESERVE 4

static const struct cipher ciphers[] = {
	{ KSEAL_CIPHER_AES_GCM_128, "gcm(aes)", 16, 32, AES_GCM_LIMIT },
	{ KSEAL_CIPHER_AES_GCM_256, "gcm(aes)", 32, 48, AES_GCM_LIMIT },
};

static const struct cipher *find(u16 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].id == id)
			return &ciphers[i];
	return NULL;
}

unsigned int kseal_cipher_key_len(u16 cipher)
{
	const struct cipher *c = find(cipher);

	return c ? c->key_len : 0;
}

unsigned int kseal_cipher_secret_len(u16 cipher)
{
	const struct cipher *c = find(cipher);

	return c ? c->secret_len : 0;
}

struct kseal_keys *kseal_keys_create(const struct kseal_key_material *m)
{
	const struct cipher *cipher = find(m->cipher);
	struct kseal_keys *keys;
	int err;

	if (WARN_ON_ONCE(!cipher || m->key_len != cipher->key_len))
		return ERR_PTR(-EINVAL);
	keys = kzalloc(sizeof(*keys), GFP_KERNEL_ACCOUNT);
	if (!keys)
		return ERR_PTR(-ENOMEM);

	/* Masked: a request is over when the call returns. Deferred completion
	 * is where most kernel TLS bugs came from.
	 */
	keys->aead = crypto_alloc_aead(cipher->name, 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(keys->aead)) {
		err = PTR_ERR(keys->aead);
		goto free_keys;
	}
	err = crypto_aead_setkey(keys->aead, m->key, m->key_len);
	if (!err)
		err = crypto_aead_setauthsize(keys->aead, KSEAL_TAG_LEN);
	if (err)
		goto free_aead;
	keys->req = aead_request_alloc(keys->aead, GFP_KERNEL_ACCOUNT);
	if (!keys->req) {
		err = -ENOMEM;
		goto free_aead;
	}
	aead_request_set_callback(keys->req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL,
				  NULL);
	aead_request_set_ad(keys->req, KSEAL_HEADER_LEN);

	memcpy(keys->iv, m->iv, sizeof(keys->iv));
	keys->seq = m->seq;
	/* A sequence number that is not zero counts against the limit: those
	 * records were sealed by somebody else under the same key.
	 */
	keys->left = m->seq < cipher->limit ? cipher->limit - m->seq : 0;
	memcpy(keys->secret, m->secret, m->secret_len);
	keys->secret_len = m->secret_len;
	return keys;

free_aead:
	crypto_free_aead(keys->aead);
free_keys:
	kfree_sensitive(keys);
	return ERR_PTR(err);
}

void kseal_keys_destroy(struct kseal_keys *keys)
{
	if (!keys)
		return;
	aead_request_free(keys->req);
	crypto_free_aead(keys->aead);
	kfree_sensitive(keys);
}

bool kseal_keys_spent(const struct kseal_keys *keys)
{
	return keys->left <= RESERVE;
}

/* Takes the next sequence number: it is gone whether or not the AEAD works. */
static void next_nonce(struct kseal_keys *keys)
{
	kseal_record_nonce(keys->nonce, keys->iv, keys->seq++);
	keys->left--;
}

int kseal_keys_seal(struct kseal_keys *keys, struct scatterlist *src,
		    struct scatterlist *dst, unsigned int len)
{
	int err;

	if (!keys->left)
		return -EKEYEXPIRED;
	next_nonce(keys);
	aead_request_set_crypt(keys->req, src, dst, len, keys->nonce);
	err = crypto_aead_encrypt(keys->req);
	if (err)
		keys->left = 0;
	return err;
}

int kseal_keys_open(struct kseal_keys *keys, struct scatterlist *src,
		    struct scatterlist *dst, unsigned int len)
{
	if (!keys->left)
		return -EKEYEXPIRED;
	next_nonce(keys);
	aead_request_set_crypt(keys->req, src, dst, len, keys->nonce);
	return crypto_aead_decrypt(keys->req);
}
