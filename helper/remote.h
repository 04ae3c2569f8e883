/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private keys that are in the signer, as OpenSSL takes them: an EVP_PKEY with the public
 * key and a number, and the operations for it, in a provider(7ssl) of our own beside those
 * that are there. What is done with the private key is asked by channel.h.
 */
#ifndef KSEALD_REMOTE_H
#define KSEALD_REMOTE_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

/*
 * Makes the provider known to OpenSSL's default library context, once. Other keys go on as
 * before. Returns 0, or -1 with a sentence in why.
 */
int remote_init(char *why, size_t size);

/* Takes it away, when there are no such keys any more. */
void remote_end(void);

/*
 * The key of this number, which belongs to public: RSA, EC or Ed25519. gone is called, in
 * any thread, when the last reference to it is given back. NULL: no memory, or another type
 * of key; gone is not called then.
 */
EVP_PKEY *remote_key(uint64_t number, EVP_PKEY *public, void (*gone)(uint64_t number));

#endif
