/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The story of one handshake, in lines for a person: each message by its name in
 * RFC 8446 or 5246, whether it was in clear or under which keys, what it says, and
 * how it ended. Told to the log at level debug, and to the socket's owner who
 * asked (KSEAL_SO_EXPLAIN). Never a key or a secret; what comes from a peer is
 * escaped. For one thread, as its handshake is.
 */
#ifndef KSEALD_EXPLAIN_H
#define KSEALD_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>
#include <linux/kseal.h>

struct tls_failure;
struct tls_session;

struct explain;

/*
 * Begins one about ssl, which has to outlive it. id: of the request, marks lines
 * of the log. asked: by the socket's owner. Returns NULL if nobody wants to know,
 * owner nor log, and where there is no memory for it: all functions take that, and do nothing.
 */
struct explain *explain_new(SSL *ssl, enum kseal_role role, uint64_t id, bool asked);
void explain_free(struct explain *explain);

/*
 * What OpenSSL's message callback reports (SSL_CTX_set_msg_callback(3)): a record's
 * header, a handshake message with its header, an alert. Leaves OpenSSL's errors as
 * they are. Bytes are a peer's: anything may be in them.
 */
void explain_message(struct explain *explain, bool sent, int type, const uint8_t *bytes,
		     size_t len);

/* How it ended: one of the two is NULL. */
void explain_end(struct explain *explain, const struct tls_session *session,
		 const struct tls_failure *failure);

/*
 * What is new for the socket's owner since the last call, at most KSEAL_EXPLAIN_MAX
 * bytes of all calls together; NULL: nothing. Valid until the next call of any function.
 */
const char *explain_take(struct explain *explain);

/* ---- for message.c and chain.c, which know what messages say ---- */

#define EXPLAIN_VALUE_MAX	2048	/* bytes of one fact */

/* A fact about the message that was told last; long ones go on in further lines. */
void explain_fact(struct explain *explain, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Items joined by commas; as many as a fact has room for. */
struct explain_list {
	char text[EXPLAIN_VALUE_MAX - 64];
	size_t len;
	unsigned int count, shown;
	unsigned int most;	/* to be set: how many are shown; the others are counted */
};

void explain_add(struct explain_list *list, const char *item);

/* A fact of them, if there are any. */
void explain_list(struct explain *explain, const char *label, const struct explain_list *list);

/* Whether the server has sent a HelloRetryRequest (RFC 8446 4.1.4) before. */
bool explain_retried(const struct explain *explain);

#endif
