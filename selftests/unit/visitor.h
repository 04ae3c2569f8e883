/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of OpenSSL's that keeps what it is given. */
#ifndef KSEAL_VISITOR_H
#define KSEAL_VISITOR_H

#include "shake.h"

/* The last session; for the test to free. */
static SSL_SESSION *got;

static inline int on_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(got);
	got = session;
	return 1;
}

/* It comes with session, or NULL, and stays for the tickets of TLS 1.3, which come behind
 * the handshake. Returns whether it was resumed.
 */
static inline bool come(struct plain *plain, struct helper *helper, struct relay_end *end,
			uint16_t version, SSL_SESSION *session)
{
	char text[64];

	/* what OpenSSL itself keeps goes with its context, for good */
	SSL_CTX_set_session_cache_mode(plain->ctx, SSL_SESS_CACHE_CLIENT |
					       SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(plain->ctx, on_session);
	SSL_set_max_proto_version(plain->ssl, version);
	if (session)
		SSL_set_session(plain->ssl, session);
	against(plain, helper, end);
	SSL_read(plain->ssl, text, sizeof(text));
	return SSL_session_reused(plain->ssl);
}

/* It goes, and keeps what it was given. */
static inline void go_from(struct plain *plain, struct relay_end *end, uint16_t version)
{
	/* OpenSSL does not tell of a ticket that replaces another */
	if (version == TLS1_2_VERSION) {
		SSL_SESSION_free(got);
		got = SSL_get1_session(plain->ssl);
	}
	/* or it would not be resumed */
	SSL_set_shutdown(plain->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	plain_free(plain);
	relay_free(end);
}

/* Likewise, and so does the helper. */
static inline void go(struct plain *plain, struct helper *helper, struct relay_end *end,
		      uint16_t version)
{
	go_from(plain, end, version);
	helper_free(helper);
}

static inline void forget(void)
{
	SSL_SESSION_free(got);
	got = NULL;
}

#endif
