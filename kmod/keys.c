// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/aead.h>
#include <crypto/hash.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/net.h>
#include <linux/scatterlist.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "hkdf.h"
#include "keys.h"

struct kseal_keys {
	const struct kseal_cipher *cipher;
	struct kseal_form form;
	struct crypto_aead *aead;
	struct aead_request *req;	/* one at a time: under the socket lock */
	u64 seq;			/* of the next record */
	u64 print;			/* of key and IV: see fingerprint() */
	u64 left;			/* records until the limit */
	u64 limit;			/* and from the first on */
	u8 iv[KSEAL_NONCE_LEN];		/* write_iv, or salt and next explicit */
	u8 req_iv[16];			/* of the request, in its AEAD's form */
	u8 aad[KSEAL_HEADROOM];		/* of no interest: where dst begins */
	u8 secret[KSEAL_SECRET_MAX];
	u8 secret_len;
};

/* kept back from data: an open record, an alert, a KeyUpdate, close_notify, and
 * two that the application sends of these; from the latter the others
 */
#define RESERVE		6
#define RESERVE_CONTROL	4

/* ---- birth and death ---- */

/* Tells keys apart without keeping them: worth nothing to who does not know the
 * module's own key, and little to who does.
 */
static u64 fingerprint(const u8 *key, const u8 *iv)
{
	static siphash_key_t secret;
	u8 both[KSEAL_KEY_MAX + KSEAL_NONCE_LEN];
	u64 print;

	net_get_random_once(&secret, sizeof(secret));
	memcpy(both, key, KSEAL_KEY_MAX);
	memcpy(both + KSEAL_KEY_MAX, iv, KSEAL_NONCE_LEN);
	print = siphash(both, sizeof(both), &secret);
	memzero_explicit(both, sizeof(both));
	return print;
}

static int make_aead(struct kseal_keys *keys, const u8 *key)
{
	int err;

	/* Masked: a request is over when the call returns. Deferred completion
	 * is where most kernel TLS bugs came from.
	 */
	keys->aead = crypto_alloc_aead(keys->cipher->alg, 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(keys->aead))
		return PTR_ERR(keys->aead);
	err = crypto_aead_setkey(keys->aead, key, keys->cipher->key_len);
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
	aead_request_set_ad(keys->req, keys->form.aad_len);
	return 0;

free_aead:
	crypto_free_aead(keys->aead);
	return err;
}

struct kseal_keys *kseal_keys_create(const struct kseal_key_material *m)
{
	struct kseal_keys *keys = kzalloc(sizeof(*keys), GFP_KERNEL_ACCOUNT);
	int err;

	if (!keys)
		return ERR_PTR(-ENOMEM);
	keys->cipher = m->cipher;
	kseal_record_form(&keys->form, m->version, m->cipher->explicit_nonce);
	err = make_aead(keys, m->key);
	if (err) {
		kfree_sensitive(keys);
		return ERR_PTR(err);
	}
	memcpy(keys->iv, m->iv, sizeof(keys->iv));
	keys->print = fingerprint(m->key, m->iv);
	keys->seq = m->seq;
	/* A sequence number that is not zero counts against the limit: those
	 * records were sealed by somebody else under the same key.
	 */
	keys->limit = kseal_cipher_limit(m->cipher);
	keys->left = keys->limit;
	if (!m->from_here)
		keys->left -= min(m->seq, keys->limit);
	memcpy(keys->secret, m->secret, m->secret_len);
	keys->secret_len = m->secret_len;
	return keys;
}

void kseal_keys_destroy(struct kseal_keys *keys)
{
	if (!keys)
		return;
	aead_request_free(keys->req);
	crypto_free_aead(keys->aead);
	kfree_sensitive(keys);
}

/* ---- facts ---- */

const struct kseal_form *kseal_keys_form(const struct kseal_keys *keys)
{
	return &keys->form;
}

const struct kseal_cipher *kseal_keys_cipher(const struct kseal_keys *keys)
{
	return keys->cipher;
}

u64 kseal_keys_public(const struct kseal_keys *keys, u8 *iv)
{
	memset(iv, 0, KSEAL_EXPLICIT_LEN);
	if (keys->form.explicit_len)
		memcpy(iv, keys->iv + KSEAL_SALT_LEN, KSEAL_EXPLICIT_LEN);
	return keys->seq;
}

bool kseal_keys_same(const struct kseal_keys *a, const struct kseal_keys *b)
{
	return a->cipher == b->cipher && a->print == b->print;
}

bool kseal_keys_spent(const struct kseal_keys *keys, bool control)
{
	return keys->left <= (control ? RESERVE_CONTROL : RESERVE);
}

bool kseal_keys_old(const struct kseal_keys *keys)
{
	return keys->left <= keys->limit / 8;
}

bool kseal_keys_can_update(const struct kseal_keys *keys)
{
	return keys->secret_len && keys->form.version == KSEAL_TLS_1_3;
}

/* ---- update ---- */

/* RFC 8446 7.2, then 7.3: secret, key, IV, each from the one before. */
static int derive(struct kseal_keys *keys, struct crypto_shash *hmac, u8 *key)
{
	int err;

	err = crypto_shash_setkey(hmac, keys->secret, keys->secret_len);
	if (!err)
		err = kseal_hkdf_expand_label(hmac, "traffic upd", keys->secret,
					      keys->secret_len);
	if (!err)
		err = crypto_shash_setkey(hmac, keys->secret, keys->secret_len);
	if (!err)
		err = kseal_hkdf_expand_label(hmac, "key", key,
					      keys->cipher->key_len);
	if (!err)
		err = kseal_hkdf_expand_label(hmac, "iv", keys->iv,
					      sizeof(keys->iv));
	return err;
}

int kseal_keys_update(struct kseal_keys *keys)
{
	struct crypto_shash *hmac;
	u8 key[KSEAL_KEY_MAX];
	int err;

	/* until it is known to have worked */
	keys->left = 0;
	hmac = crypto_alloc_shash(keys->cipher->hmac, 0, 0);
	if (IS_ERR(hmac))
		return PTR_ERR(hmac);
	err = derive(keys, hmac, key);
	crypto_free_shash(hmac);
	if (!err)
		err = crypto_aead_setkey(keys->aead, key, keys->cipher->key_len);
	memzero_explicit(key, sizeof(key));
	if (err)
		return err;
	keys->seq = 0;
	keys->limit = kseal_cipher_limit(keys->cipher);
	keys->left = keys->limit;
	return 0;
}

void kseal_keys_again(struct kseal_keys *keys)
{
	keys->seq--;
}

/* ---- seal and open ---- */

/* Takes the next sequence number: it is gone whether or not the AEAD works. */
static int next_seq(struct kseal_keys *keys, u64 *seq)
{
	if (!keys->left)
		return -EKEYEXPIRED;
	/* the last one is never used: counting on would begin anew */
	if (keys->seq == U64_MAX)
		return -EBADMSG;
	*seq = keys->seq++;
	keys->left--;
	return 0;
}

/* The nonce of a record, as the AEAD wants it; where part of it is in the
 * record, nonce points to that part.
 */
static void set_iv(struct kseal_keys *keys, u64 seq, const u8 *explicit)
{
	u8 *iv = keys->req_iv;

	if (keys->cipher->ccm)
		*iv++ = 2;	/* RFC 3610 2.3: lengths have 3 bytes */
	if (keys->form.explicit_len) {
		memcpy(iv, keys->iv, KSEAL_SALT_LEN);
		memcpy(iv + KSEAL_SALT_LEN, explicit, KSEAL_EXPLICIT_LEN);
	} else {
		kseal_record_nonce(iv, keys->iv, seq);
	}
}

int kseal_keys_seal(struct kseal_keys *keys, u8 type, u8 *text,
		    unsigned int len, unsigned int pad, u8 *prefix,
		    struct scatterlist *dst)
{
	const struct kseal_form *form = &keys->form;
	u8 *explicit = keys->iv + KSEAL_SALT_LEN;
	struct scatterlist src;
	u64 seq;
	int err;

	err = next_seq(keys, &seq);
	if (err)
		return err;
	if (form->tail_len) {
		text[len] = type;
		memset(text + len + 1, 0, pad);
		len += 1 + pad;
	}
	kseal_record_aad(text - form->aad_len, form, type, seq, len);
	set_iv(keys, seq, explicit);
	kseal_record_header(prefix, form->tail_len ? KSEAL_TYPE_DATA : type,
			    form->explicit_len + len + KSEAL_TAG_LEN);
	if (form->explicit_len) {
		memcpy(prefix + KSEAL_HEADER_LEN, explicit, KSEAL_EXPLICIT_LEN);
		put_unaligned_be64(get_unaligned_be64(explicit) + 1, explicit);
	}
	sg_init_one(&src, text - form->aad_len, form->aad_len + len);
	sg_set_buf(&dst[0], keys->aad, form->aad_len);
	aead_request_set_crypt(keys->req, &src, dst, len, keys->req_iv);
	err = crypto_aead_encrypt(keys->req);
	if (err)
		keys->left = 0;
	return err;
}

int kseal_keys_open(struct kseal_keys *keys, u8 *raw, unsigned int len,
		    u8 *text)
{
	const struct kseal_form *form = &keys->form;
	unsigned int prefix = kseal_form_prefix(form);
	unsigned int sealed = len - prefix;	/* with the tag */
	u8 *shown = keys->iv + KSEAL_SALT_LEN;	/* see kseal_keys_public() */
	struct scatterlist src, dst;
	u8 type = raw[0];
	u64 seq;
	int err;

	err = next_seq(keys, &seq);
	if (err)
		return err;
	/* the additional data takes the prefix's place, so that all is one piece */
	set_iv(keys, seq, raw + KSEAL_HEADER_LEN);
	raw += prefix;
	kseal_record_aad(raw - form->aad_len, form, type, seq,
			 sealed - KSEAL_TAG_LEN);
	sg_init_one(&src, raw - form->aad_len, form->aad_len + sealed);
	sg_init_one(&dst, text - form->aad_len,
		    form->aad_len + sealed - KSEAL_TAG_LEN);
	aead_request_set_crypt(keys->req, &src, &dst, sealed, keys->req_iv);
	err = crypto_aead_decrypt(keys->req);
	if (err)
		kseal_keys_again(keys);
	else if (form->explicit_len)
		put_unaligned_be64(get_unaligned_be64(shown) + 1, shown);
	return err ?: sealed - KSEAL_TAG_LEN;
}
