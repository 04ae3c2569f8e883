/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kseald and its signer (signer.h) say to each other, a message a datagram, and what
 * a private key is used for. Both are one program on one machine: integers are as they
 * are in memory.
 */
#ifndef KSEALD_SIGN_H
#define KSEALD_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

#define SIGN_DATA_MAX	65536	/* bytes behind the head */
#define SIGN_RESULT_MAX	2048	/* bytes of a signature: RSA of 16384 bits */

enum sign_type {
	/* from a worker: */
	SIGN_SIGN = 1,		/* by key, scheme and hash; data: the hash, or all of it (Ed25519) */
	SIGN_DECRYPT,		/* RFC 5246 7.4.7.1, by key and version; data: what was encrypted */
	SIGN_CANCEL,		/* what was asked as id is not needed any more */
	/* from the thread that loads: */
	SIGN_READ,		/* the configuration may have changed */
	SIGN_LOAD,		/* key; data: URI, 0, file with a PIN or nothing, 0, SPKI (DER) */
	SIGN_UNLOAD,		/* key; not answered */
	SIGN_SERVE,		/* all keys are there: the workers may be told */
	/* to who asked, with the id: */
	SIGN_DONE,		/* data: the result; of a key: can_decrypt */
	SIGN_FAILED,		/* error, positive errno; data: a sentence */
	/* unasked: */
	SIGN_STARTED,		/* to who loads: a signer is there, without keys */
	SIGN_SERVES,		/* to workers */
	SIGN_LOST,		/* to all: the signer has died; what was asked is not answered */
};

enum sign_scheme {
	SIGN_RSA_PKCS1 = 1,	/* RFC 8017 8.2 */
	SIGN_RSA_PSS,		/* RFC 8017 8.1, with salt and MGF as RFC 8446 4.2.3 has them */
	SIGN_ECDSA,		/* result: DER, RFC 3279 2.2.3 */
	SIGN_ED25519,		/* RFC 8032 5.1 */
};

enum sign_hash {
	SIGN_NO_HASH,		/* Ed25519 */
	SIGN_SHA256,
	SIGN_SHA384,
	SIGN_SHA512,
};

struct sign_head {
	uint32_t type;		/* enum sign_type */
	uint16_t scheme;	/* SIGN: enum sign_scheme */
	uint16_t hash;		/* SIGN: enum sign_hash */
	uint16_t version;	/* DECRYPT: what ClientHello had as the version */
	uint16_t can_decrypt;	/* DONE, of LOAD: 0 or 1 */
	uint32_t error;		/* FAILED; of LOAD: EKEYREJECTED: maybe the PIN was wrong */
	uint64_t id;		/* one's own of each request; in its answer */
	uint64_t key;		/* the number that kseald gave it in LOAD */
};

struct sign_message {
	struct sign_head head;
	uint8_t data[SIGN_DATA_MAX];
};

/* The hash of this name, OpenSSL's; NO_HASH: none of the above. */
enum sign_hash sign_hash_named(const char *name);

/* Its EVP_MD; NULL: it is none. */
const EVP_MD *sign_md(enum sign_hash hash);

/*
 * Does what a SIGN of len bytes of data asks for. result has room for *result_len bytes,
 * at most SIGN_RESULT_MAX, and gets as many. Returns 0; -EINVAL: it asks for what cannot
 * be, with this key or at all; -EIO: OpenSSL's queue of errors says why.
 */
int sign_sign(EVP_PKEY *key, const struct sign_head *head, const uint8_t *data, size_t len,
	      uint8_t *result, size_t *result_len);

/*
 * Likewise a DECRYPT. Whatever was encrypted, and however, there is a result, which is
 * made by chance if it does not look as it should (RFC 5246 7.4.7.1).
 */
int sign_decrypt(EVP_PKEY *key, const struct sign_head *head, const uint8_t *data, size_t len,
		 uint8_t *result, size_t *result_len);

#endif
