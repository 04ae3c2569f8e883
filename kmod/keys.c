// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/hash.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/net.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "aead.h"
#include "hkdf.h"
#include "keys.h"

struct kseal_keys {
	struct kseal_aead aead;
	const struct kseal_cipher *cipher;
	struct kseal_form form;
	u64 seq;			/* of the next record */
	u64 print;			/* of key and IV: see fingerprint() */
	u64 left;			/* records until the limit */
	u64 limit;			/* and from the first on */
	u8 iv[KSEAL_NONCE_LEN];		/* write_iv, or salt and next explicit */
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

struct kseal_keys *kseal_keys_create(const struct kseal_key_material *m)
{
	struct kseal_keys *keys = kzalloc(sizeof(*keys), GFP_KERNEL_ACCOUNT);
	int err;

	if (!keys)
		return ERR_PTR(-ENOMEM);
	keys->cipher = m->cipher;
	kseal_record_form(&keys->form, m->version, m->cipher->explicit_nonce);
	err = kseal_aead_init(&keys->aead, m->cipher, m->key);
	if (err) {
		kseal_keys_destroy(keys);
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
	kseal_aead_free(&keys->aead);
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

bool kseal_keys_in_bh(const struct kseal_keys *keys)
{
	return kseal_aead_in_bh(&keys->aead);
}

bool kseal_keys_read_once(const struct kseal_keys *keys)
{
	return kseal_aead_reads_once(&keys->aead);
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
		err = kseal_aead_set_key(&keys->aead, key);
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
	keys->left++;
}

void kseal_keys_skip(struct kseal_keys *keys, unsigned int n)
{
	keys->seq += n;
	keys->left -= min_t(u64, n, keys->left);
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

/* Where part of the nonce is in the record, explicit points to that part. */
static void make_nonce(const struct kseal_keys *keys, u64 seq,
		       const u8 *explicit, u8 *nonce)
{
	if (!keys->form.explicit_len) {
		kseal_record_nonce(nonce, keys->iv, seq);
		return;
	}
	memcpy(nonce, keys->iv, KSEAL_SALT_LEN);
	memcpy(nonce + KSEAL_SALT_LEN, explicit, KSEAL_EXPLICIT_LEN);
}

int kseal_keys_seal(struct kseal_keys *keys, u8 type, u8 *prefix,
		    const struct kseal_body *t)
{
	const struct kseal_form *form = &keys->form;
	u8 *explicit = keys->iv + KSEAL_SALT_LEN;
	u8 nonce[KSEAL_NONCE_LEN], aad[KSEAL_AAD_MAX];
	u64 seq;
	int err;

	err = next_seq(keys, &seq);
	if (err)
		return err;
	make_nonce(keys, seq, explicit, nonce);
	kseal_record_aad(aad, form, type, seq, t->len);
	kseal_record_header(prefix, form->tail_len ? KSEAL_TYPE_DATA : type,
			    form->explicit_len + t->len + KSEAL_TAG_LEN);
	if (form->explicit_len) {
		memcpy(prefix + KSEAL_HEADER_LEN, explicit, KSEAL_EXPLICIT_LEN);
		put_unaligned_be64(get_unaligned_be64(explicit) + 1, explicit);
	}
	err = kseal_aead_seal(&keys->aead, nonce, aad, form->aad_len, t);
	if (err)
		keys->left = 0;
	return err;
}

int kseal_keys_open(struct kseal_keys *keys, const u8 *prefix,
		    const struct kseal_body *t)
{
	const struct kseal_form *form = &keys->form;
	u8 *shown = keys->iv + KSEAL_SALT_LEN;	/* see kseal_keys_public() */
	u8 nonce[KSEAL_NONCE_LEN], aad[KSEAL_AAD_MAX];
	u64 seq;
	int err;

	err = next_seq(keys, &seq);
	if (err)
		return err;
	make_nonce(keys, seq, prefix + KSEAL_HEADER_LEN, nonce);
	kseal_record_aad(aad, form, prefix[0], seq, t->len);
	err = kseal_aead_open(&keys->aead, nonce, aad, form->aad_len, t);
	if (err)
		keys->seq--;
	else if (form->explicit_len)
		put_unaligned_be64(get_unaligned_be64(shown) + 1, shown);
	return err;
}
