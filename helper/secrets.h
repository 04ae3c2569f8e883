/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The application traffic secrets of TLS 1.3 (RFC 8446 7.1), which OpenSSL uses
 * and does not give: they are seen where libssl has them expanded into keys, in
 * a key derivation function that is put before OpenSSL's own.
 */
#ifndef KSEALD_SECRETS_H
#define KSEALD_SECRETS_H

#include <stddef.h>
#include "keys.h"

/* Of one handshake, whose owner wipes it. Lengths in bytes, 0: not seen yet. */
struct secrets {
	uint8_t client[KEYS_SECRET_MAX], server[KEYS_SECRET_MAX];
	size_t client_len, server_len;
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

#endif
