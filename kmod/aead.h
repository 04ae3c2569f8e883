/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One key of one cipher: for AES-GCM the module's own code where the processor
 * has what it takes, for everything else the kernel's crypto API.
 */
#ifndef KSEAL_AEAD_H
#define KSEAL_AEAD_H

#include <linux/types.h>

#include "cipher.h"
#include "gcm/gcm.h"

struct crypto_aead;
struct aead_request;

struct kseal_aead {
	const struct kseal_cipher *cipher;
	struct crypto_aead *tfm;	/* NULL: our own */
	struct aead_request *req;	/* one at a time: under the socket lock */
	u8 iv[16];			/* of the request, in its AEAD's form */
	u8 aad[16];			/* likewise: not on a stack */
	u8 unused[16];			/* where dst begins */
	struct kseal_gcm_key own;
};

/* Pieces that a text may lie in at most; in any number of them, anywhere, and its
 * last byte elsewhere, if kseal_aead_reads_once(). Else not on a stack.
 */
#define KSEAL_AEAD_PIECES	8

/* Whether there is such a cipher here. Process context, may sleep. */
bool kseal_aead_has(const struct kseal_cipher *cipher);

/**
 * kseal_aead_init - get a cipher ready
 * @a: written; kseal_aead_free() undoes it
 * @cipher: its row
 * @key: cipher->key_len bytes, for the caller to wipe
 *
 * Process context, may sleep.
 *
 * Return: 0, -ENOMEM, or the crypto API's errno (-ENOENT: the kernel has not
 * this cipher, synchronously).
 */
int kseal_aead_init(struct kseal_aead *a, const struct kseal_cipher *cipher,
		    const u8 *key);

/* Goes on with another key. Return: 0 or the crypto API's errno. */
int kseal_aead_set_key(struct kseal_aead *a, const u8 *key);

/* Frees; the owner wipes. Also after kseal_aead_init() has failed. */
void kseal_aead_free(struct kseal_aead *a);

/* Whether a text is read once only, so that it may lie where others write: our
 * own code says so of itself.
 */
bool kseal_aead_reads_once(const struct kseal_aead *a);

/* Whether it can be used where we are, in BH: our own code, unless BH came in between
 * where somebody has the vector unit, as it can before Linux 6.15. The crypto API's
 * requests may sleep.
 */
bool kseal_aead_in_bh(const struct kseal_aead *a);

/**
 * kseal_aead_seal - encrypt, and make the tag
 * @a: a key
 * @nonce: KSEAL_NONCE_LEN bytes, never used before under this key
 * @aad: additional data
 * @aad_len: at most 16
 * @t: the text; the tag goes into its destination, behind it. Not in place.
 *
 * Process context.
 *
 * Return: 0, or the AEAD's errno.
 */
int kseal_aead_seal(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		    unsigned int aad_len, const struct kseal_body *t);

/**
 * kseal_aead_open - decrypt, and check the tag
 * @a: a key
 * @nonce: KSEAL_NONCE_LEN bytes
 * @aad: additional data
 * @aad_len: at most 16
 * @t: the text; its source has the tag behind it. Not in place. The caller
 *	wipes the destination on failure.
 *
 * Process context.
 *
 * Return: 0, -EBADMSG when the tag does not verify, or the AEAD's errno.
 */
int kseal_aead_open(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		    unsigned int aad_len, const struct kseal_body *t);

/* Chooses and tries what AES-GCM is done with. Return: 0, or -EINVAL: what was
 * asked for is not there, or -EIO: it does not give what it has to.
 */
int kseal_aead_choose(void);

#endif
