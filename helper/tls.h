/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One TLS handshake on OpenSSL: bytes in, bytes out, and at the end the
 * traffic keys or why there are none. Knows nothing of netlink or time.
 */
#ifndef KSEALD_TLS_H
#define KSEALD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>
#include "keys.h"

struct context;
struct explain;
struct foreseen;
struct ssl_ctx_st;

/* Lets the handshakes of ctx tell what is needed of them here. */
void tls_watch(struct ssl_ctx_st *ctx);

/* OpenSSL's error in a few words; for a queue that was cleared before the call that failed. */
const char *tls_reason(void);

/* How a handshake failed. */
struct tls_failure {
	int error;		/* positive errno for the socket */
	bool has_alert;
	uint8_t alert;		/* sent or received */
	char reason[KSEAL_REASON_MAX + 1];
};

void tls_fail(struct tls_failure *failure, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What a handshake agreed on. Strings are empty where there is nothing to say. */
struct tls_session {
	uint16_t version;	/* on the wire */
	bool resumed;		/* by a ticket */
	uint32_t record_limit;	/* bytes of content that the peer takes; 0: any */
	struct keys tx, rx;	/* tx->suite == rx->suite */
	char suite[64];		/* IANA names */
	char group[64];
	char alpn[256];
	char server_name[KSEAL_NAME_MAX + 1];
	char peer_identity[KSEAL_NAME_MAX + 1];
	/* a server's client has yet to send this Finished; NULL: it has. Of tls, which has
	 * to live as long, as it does for
	 */
	const struct foreseen *foreseen;
	const uint8_t *chain;	/* see struct tls_wishes */
	size_t chain_len;
};

enum tls_step {
	TLS_STEP_MORE,		/* needs bytes of the peer */
	TLS_STEP_WAIT,		/* needs the signer's answer: see tls_continue() */
	TLS_STEP_DONE,		/* perhaps but for the client's Finished: see tls_session() */
	TLS_STEP_FAILED,
};

/* One handshake. */
struct tls;

/* What the socket's owner wants beside the profile. */
struct tls_wishes {
	const char *name;	/* client only, see tls_new() */
	const char *alpn;	/* "h2,http/1.1" instead of the profile's; empty or NULL: that */
	bool chain;		/* the peer's certificates, see KSEAL_SO_PEER_CHAIN */
};

/*
 * Starts one. wishes->name: client only, the DNS name or address the certificate must
 * be for; a DNS name is sent as SNI. id only marks its lines in the log. The
 * context must outlive it. Returns NULL with failure filled: EDESTADDRREQ a
 * client without name, EINVAL a name that is none, protocols that are none or a role
 * that the profile has not, ENOMEM.
 */
struct tls *tls_new(const struct context *context, enum kseal_role role,
		    const struct tls_wishes *wishes, uint64_t id, struct tls_failure *failure);

/*
 * Has the handshake told from here on: see explain_new(). Lives as long as tls does.
 * Before the first step.
 */
struct explain *tls_explain(struct tls *tls, bool asked);

/* Frees and wipes; NULL is fine. One that waits in the thread it waits in. */
void tls_free(struct tls *tls);

/*
 * Goes on with len more bytes of the peer (0: just starts). *consumed is how
 * many of them are used up, in every case but TLS_STEP_WAIT; the rest was not
 * looked at. Not to be called again after anything but TLS_STEP_MORE. failure is
 * filled with TLS_STEP_FAILED.
 */
enum tls_step tls_feed(struct tls *tls, const void *bytes, size_t len, size_t *consumed,
		       struct tls_failure *failure);

/*
 * After TLS_STEP_WAIT, once channel.h calls this handshake ready, in the same thread:
 * goes on with what tls_feed() was given, which *consumed is about. Returns likewise.
 */
enum tls_step tls_continue(struct tls *tls, size_t *consumed, struct tls_failure *failure);

/*
 * After TLS_STEP_MORE, and when its output has been taken: gives back memory that is not
 * needed while it waits. That of its buffers, and see idle.h.
 */
void tls_give_back(struct tls *tls);

/*
 * The bytes for the peer since the last tls_feed(), and those that wait for the client's
 * Finished: tickets. They stay valid until the next step.
 */
size_t tls_output(struct tls *tls, const uint8_t **bytes);
size_t tls_output_behind(struct tls *tls, const uint8_t **bytes);

/*
 * After TLS_STEP_DONE: fills session, which the caller wipes with
 * tls_session_wipe(). Returns 0, or -1 with failure filled and nothing to wipe.
 */
int tls_session(struct tls *tls, struct tls_session *session, struct tls_failure *failure);
void tls_session_wipe(struct tls_session *session);

/*
 * After TLS_STEP_DONE: whether tickets may come that are kept (RFC 8446 4.6.1), so that
 * tls should stay a while for tls_ticket().
 */
bool tls_wants_tickets(const struct tls *tls);

/*
 * A handshake message, header included, that the kernel received behind the handshake:
 * a NewSessionTicket for the profile's next handshake with this server. Returns 0, or -1
 * with failure filled if OpenSSL does not take it; then tls is of no more use.
 */
int tls_ticket(struct tls *tls, const void *message, size_t len, struct tls_failure *failure);

#endif
