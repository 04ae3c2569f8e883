/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The private keys that the signer (signer.h) has, by number. Any thread. */
#ifndef KSEALD_KEYRING_H
#define KSEALD_KEYRING_H

#include <stdint.h>
#include "sign.h"

struct keyring;

/* One of them. */
struct held;

/* Empty. NULL: no memory. */
struct keyring *keyring_new(void);

/* Frees all keys. */
void keyring_free(struct keyring *keyring);

/*
 * Loads a key as store_load() does, in the place of one that has this number. public is
 * its SPKI, DER. Returns 0, and *can_decrypt as that has it; or with a sentence in why
 * -EKEYREJECTED, a PIN may have been refused, or -EPROTO.
 */
int keyring_load(struct keyring *keyring, uint64_t number, const char *uri, const char *pin_file,
		 const uint8_t *public, size_t len, bool *can_decrypt, char *why, size_t size);

/* Drops one, if it is there; those who use it go on. */
void keyring_drop(struct keyring *keyring, uint64_t number);

/* For the caller to keyring_put(); NULL: there is none of this number. */
struct held *keyring_get(struct keyring *keyring, uint64_t number);
void keyring_put(struct keyring *keyring, struct held *held);

/*
 * Signs or decrypts, see sign_sign() and sign_decrypt(). If that fails the key is opened
 * anew, now and then, and once more tried: tokens go away and come back. Returns 0, or
 * -errno with a sentence in why.
 */
int keyring_use(struct keyring *keyring, struct held *held, const struct sign_head *head,
		const uint8_t *data, size_t len, uint8_t *result, size_t *result_len, char *why,
		size_t size);

#endif
