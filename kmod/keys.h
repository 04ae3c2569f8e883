/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One direction's keys: the AEAD, the IV, the sequence number, the count of
 * records, the secret that the next keys come from. The only file that keeps
 * secrets. The sequence number lives beside its key and is spent by the act of
 * sealing or opening, never before, never twice.
 */
#ifndef KSEAL_KEYS_H
#define KSEAL_KEYS_H

#include <linux/types.h>
#include <uapi/linux/kseal.h>

#include "cipher.h"
#include "record.h"

struct kseal_keys;
struct kseal_body;

/* What netlink or a socket option brings for one direction; wiped by whoever
 * declared it.
 */
struct kseal_key_material {
	const struct kseal_cipher *cipher;
	u16 version;		/* KSEAL_VERSION_* */
	bool from_here;		/* the limit counts from now, whatever seq is */
	u8 key[KSEAL_KEY_MAX];
	u8 iv[KSEAL_NONCE_LEN];	/* explicit nonce: salt, then the first one */
	u64 seq;
	u8 secret[KSEAL_SECRET_MAX];
	u8 secret_len;		/* 0: none */
};

/**
 * kseal_keys_create - set up one direction
 * @m: checked material: the cipher's lengths
 *
 * Process context, may sleep.
 *
 * Return: keys for kseal_keys_destroy(), or ERR_PTR(-ENOMEM), or the crypto
 * API's errno (-ENOENT: the kernel has not this cipher, synchronously).
 */
struct kseal_keys *kseal_keys_create(const struct kseal_key_material *m);

/* Wipes and frees; NULL is fine. Process context. */
void kseal_keys_destroy(struct kseal_keys *keys);

/* The layout of the records, and the cipher's row. */
const struct kseal_form *kseal_keys_form(const struct kseal_keys *keys);
const struct kseal_cipher *kseal_keys_cipher(const struct kseal_keys *keys);

/**
 * kseal_keys_public - what may be shown of a direction
 * @keys: a direction's keys
 * @iv: KSEAL_EXPLICIT_LEN bytes: the next explicit nonce, which every record
 *	shows; zeros where there is none
 *
 * Return: the next record's sequence number.
 */
u64 kseal_keys_public(const struct kseal_keys *keys, u8 *iv);

/* Whether two directions have one key and IV. */
bool kseal_keys_same(const struct kseal_keys *a, const struct kseal_keys *b);

/**
 * kseal_keys_spent - whether the usage limit is reached (RFC 8446 5.5)
 * @keys: a direction's keys
 * @control: for an alert or a handshake message of the application's
 *
 * A few records are kept back, so that what was accepted, an alert, a KeyUpdate
 * and close_notify can still be sealed.
 */
bool kseal_keys_spent(const struct kseal_keys *keys, bool control);

/* Whether less than an eighth of the limit is left: time to ask for others. */
bool kseal_keys_old(const struct kseal_keys *keys);

/* Whether the next keys can be made here: TLS 1.3, and the secret is known. */
bool kseal_keys_can_update(const struct kseal_keys *keys);

/**
 * kseal_keys_update - the next generation (RFC 8446 7.2)
 * @keys: kseal_keys_can_update()
 *
 * Process context. After a failure nothing can be sealed or opened any more.
 *
 * Return: 0, -ENOMEM, or the crypto API's errno.
 */
int kseal_keys_update(struct kseal_keys *keys);

/* Passes over numbers that somebody else has sealed records under. */
void kseal_keys_skip(struct kseal_keys *keys, unsigned int n);

/* Whether a record can be opened in BH, now: see kseal_aead_in_bh(). */
bool kseal_keys_in_bh(const struct kseal_keys *keys);

/* Whether a text is read once only, so that it may lie where others write, and
 * in any number of pieces; else see KSEAL_AEAD_PIECES.
 */
bool kseal_keys_read_once(const struct kseal_keys *keys);

/**
 * kseal_keys_seal - protect one record under the next sequence number
 * @keys: the sending direction, not spent
 * @type: content type
 * @prefix: kseal_form_prefix() bytes: header and explicit nonce, written
 * @t: what is sealed: in TLS 1.3 with type and padding at its end. The tag goes
 *	into its destination, behind it. Not in place.
 *
 * The sequence number is spent whatever happens: after a failure nothing can
 * be sealed under these keys (-EKEYEXPIRED).
 *
 * Return: 0, or the AEAD's errno.
 */
int kseal_keys_seal(struct kseal_keys *keys, u8 type, u8 *prefix,
		    const struct kseal_body *t);

/**
 * kseal_keys_open - open one record under the next sequence number
 * @keys: the receiving direction
 * @prefix: kseal_form_prefix() bytes, the record's first
 * @t: what was sealed; its source has the tag behind it. Not in place.
 *
 * The caller wipes the destination on failure. The sequence number is then that
 * of the next record again, for a caller who tries it with other keys; the try
 * counts against the limit.
 *
 * Return: 0; -EBADMSG when the tag does not verify, -EKEYEXPIRED when the keys
 * are spent; or the AEAD's errno.
 */
int kseal_keys_open(struct kseal_keys *keys, const u8 *prefix,
		    const struct kseal_body *t);

/**
 * kseal_keys_again - take a record back that was opened
 * @keys: the receiving direction, whose last kseal_keys_open() succeeded
 *
 * It does not count against the limit then.
 */
void kseal_keys_again(struct kseal_keys *keys);

#endif
