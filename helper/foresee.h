/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's Finished, before it comes. A server that has sent its own knows what
 * the client's has to be: in TLS 1.3 (RFC 8446 4.4.4) where no certificate is asked
 * for, in TLS 1.2 (RFC 5246 7.4.9) in a resumed session. So the kernel can compare,
 * and the handshake's last step needs no helper.
 */
#ifndef KSEALD_FORESEE_H
#define KSEALD_FORESEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>
#include "keys.h"
#include "secrets.h"

#define FORESEE_MESSAGE_MAX	(4 + KEYS_SECRET_MAX)	/* header and verify_data */

/* What is to come. The owner wipes it. */
struct foreseen {
	uint8_t message[FORESEE_MESSAGE_MAX];
	size_t len;
	/* of the records it comes in; suite is NULL in TLS 1.2: the session's own, number 0 */
	struct keys keys;
};

/* Handshake messages of TLS 1.2 up to the server's Finished: libssl tells no hash of them. */
struct transcript {
	uint8_t *bytes;
	size_t len;
	bool whole;
};

/*
 * A message was sent or received, header included. Keeps nothing of a handshake that
 * is not one of the kind above.
 */
void foresee_message(struct transcript *t, bool sent, const uint8_t *bytes, size_t len);
void foresee_forget(struct transcript *t);

/*
 * Whether a server's handshake, which waits for its client, waits for a Finished that
 * can be foreseen: no certificate is to come, no early data, and nobody's identity
 * depends on it. To be asked right after the step that sent the server's.
 */
bool foresee_can(SSL *ssl, const struct secrets *secrets, const struct transcript *transcript);

/*
 * Where it can be: fills to, from what was seen of this handshake. Returns 0, -ENOKEY
 * for a suite that is not one of ours, or -errno.
 */
int foresee(SSL *ssl, const struct secrets *secrets, const struct transcript *transcript,
	    struct foreseen *to);

#endif
