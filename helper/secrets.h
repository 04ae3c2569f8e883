/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The application traffic secrets of TLS 1.3 (RFC 8446 7.1), which OpenSSL uses
 * and does not give, and the keys of both versions, which then need not be derived
 * once more: they are seen where libssl has them derived, by functions that are
 * put before OpenSSL's own.
 */
#ifndef KSEALD_SECRETS_H
#define KSEALD_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include "keys.h"

/* An application traffic secret, and what was made of it (RFC 8446 7.3). */
struct secret {
	uint8_t secret[KEYS_SECRET_MAX], key[KEYS_KEY_MAX], iv[KSEAL_IV_LEN];
	size_t len, key_len, iv_len;
};

/* Of one handshake, whose owner wipes it. Lengths in bytes, 0: not seen yet. */
struct secrets {
	struct secret client, server;
	/* what a client's Finished is made of, RFC 8446 4.4.4: the secret of its handshake
	 * messages, finished_key, and the transcript's hash up to the server's Finished
	 */
	struct secret handshake;
	uint8_t finished_key[KEYS_SECRET_MAX], transcript[KEYS_SECRET_MAX];
	size_t finished_key_len, transcript_len;
	uint8_t block[KEYS_BLOCK_MAX];	/* TLS 1.2: key_block, RFC 5246 6.3 */
	size_t block_len;
};

/*
 * The property query that an SSL_CTX has to be made with. NULL: OpenSSL, or what
 * its configuration prefers, has no place for a function of ours; then secrets
 * are seen by its key log only.
 */
const char *secrets_properties(void);

/*
 * From here to secrets_leave() this thread's handshake is one whose secrets go
 * to s. Not nested.
 */
void secrets_enter(struct secrets *s);
void secrets_leave(void);

/* Whether what it needs may be computed here: not if that was chosen to be another
 * provider's, FIPS above all.
 */
bool secrets_compute(void);

/*
 * A line of the NSS key log, where secrets are seen there only: label, client random,
 * secret. Others than the two of TLS 1.3's applications are passed over.
 */
void secrets_keylog(struct secrets *s, const char *line);

/*
 * TLS 1.3: fills keys as keys_derive() does, from what was seen if that is all of it.
 * Returns likewise, or -ENOKEY without a secret of the suite's length.
 */
int secrets_derive(const struct secret *secret, const struct keys_suite *suite,
		   struct keys *keys);

#endif
