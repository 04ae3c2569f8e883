/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One direction's keys: the AEAD, the IV, the sequence number, the count of
 * records. The only file that keeps secrets. The sequence number lives beside
 * its key and is spent by the act of sealing or opening, never before, never
 * twice.
 */
#ifndef KSEAL_KEYS_H
#define KSEAL_KEYS_H

#include <linux/types.h>
#include <uapi/linux/kseal.h>

#include "record.h"

struct scatterlist;
struct kseal_keys;

#define KSEAL_KEY_MAX		32
#define KSEAL_SECRET_MAX	48

/* What netlink brings for one direction; wiped by whoever declared it. */
struct kseal_key_material {
	u16 version;		/* KSEAL_VERSION_* */
	u16 cipher;		/* KSEAL_CIPHER_* */
	u8 key[KSEAL_KEY_MAX];
	u8 key_len;
	u8 iv[KSEAL_NONCE_LEN];
	u64 seq;
	u8 secret[KSEAL_SECRET_MAX];
	u8 secret_len;		/* 0: none */
};

/**
 * kseal_cipher_key_len - a cipher's key length
 * @cipher: KSEAL_CIPHER_*
 *
 * Return: bytes, or 0 for a cipher that is not known.
 */
unsigned int kseal_cipher_key_len(u16 cipher);

/**
 * kseal_cipher_secret_len - length of the hash that goes with a cipher
 * @cipher: KSEAL_CIPHER_*
 *
 * Return: bytes of a traffic secret (RFC 8446 7.1), 0 for an unknown cipher.
 */
unsigned int kseal_cipher_secret_len(u16 cipher);

/**
 * kseal_keys_create - set up one direction
 * @m: checked material, see kseal_cipher_key_len()
 *
 * Process context, may sleep.
 *
 * Return: keys for kseal_keys_destroy(), or ERR_PTR(-ENOMEM), or the crypto
 * API's errno (-ENOENT: the kernel has no synchronous AES-GCM).
 */
struct kseal_keys *kseal_keys_create(const struct kseal_key_material *m);

/* Wipes and frees; NULL is fine. Process context. */
void kseal_keys_destroy(struct kseal_keys *keys);

/**
 * kseal_keys_spent - whether the usage limit of RFC 8446 5.5 is reached
 * @keys: a direction's keys
 *
 * For data. A few records are kept back, so that what was accepted, an alert
 * and close_notify can still be sealed.
 */
bool kseal_keys_spent(const struct kseal_keys *keys);

/**
 * kseal_keys_seal - protect one record under the next sequence number
 * @keys: the sending direction, not spent
 * @src: the record's header (the additional data), then the inner plaintext
 * @dst: room for header, ciphertext and tag; never @src
 * @len: bytes of inner plaintext
 *
 * The sequence number is spent whatever happens: after a failure nothing can
 * be sealed under these keys (-EKEYEXPIRED).
 *
 * Return: 0, or the AEAD's errno.
 */
int kseal_keys_seal(struct kseal_keys *keys, struct scatterlist *src,
		    struct scatterlist *dst, unsigned int len);

/**
 * kseal_keys_open - open one record under the next sequence number
 * @keys: the receiving direction
 * @src: header, ciphertext, tag
 * @dst: KSEAL_HEADER_LEN bytes of no interest, then @len - KSEAL_TAG_LEN bytes
 * @len: bytes of ciphertext and tag
 *
 * The caller wipes @dst on failure.
 *
 * Return: 0, -EBADMSG when the tag does not verify, -EKEYEXPIRED when the keys
 * are spent.
 */
int kseal_keys_open(struct kseal_keys *keys, struct scatterlist *src,
		    struct scatterlist *dst, unsigned int len);

#endif
