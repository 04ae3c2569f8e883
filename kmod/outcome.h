/* SPDX-License-Identifier: GPL-2.0-only */
/* How a handshake ends, and what its worker hears of it then and afterwards. */
#ifndef KSEAL_OUTCOME_H
#define KSEAL_OUTCOME_H

#include <linux/types.h>

#include "stats.h"

struct kseal_key_pair;
struct kseal_refusal;
struct kseal_request;
struct kseal_sock;

/**
 * kseal_request_fail - the request has failed, and with it the session
 * @req: a reference of the caller's, socket lock held, not ended
 * @err: -errno
 * @stat: as what it counts
 * @reason: for a person; NULL: none
 */
void kseal_request_fail(struct kseal_request *req, int err,
			enum kseal_stat stat, const char *reason);

/**
 * kseal_request_refuse - likewise, for what the peer sent; an alert goes out
 * @req: as above
 * @why: errno, alert and sentence; may be of req->finished
 */
void kseal_request_refuse(struct kseal_request *req,
			  const struct kseal_refusal *why);

/* Its session knows from now on which worker did it. Socket lock held. */
void kseal_request_remember(const struct kseal_request *req);

/**
 * kseal_handshake_lost - TCP is gone: the request has failed
 * @req: a reference of the caller's, socket lock held, not ended
 */
void kseal_handshake_lost(struct kseal_request *req);

/**
 * kseal_handshake_end - take a request off its session
 * @req: from kseal_handshake_find(), socket lock held, not ended
 *
 * What the helper did not use up becomes the first of what is received.
 */
void kseal_handshake_end(struct kseal_request *req);

/**
 * kseal_handshake_finish - likewise, and the session gets its keys
 * @req: as above
 * @pair: taken
 * @gfp: for who watches sessions
 */
void kseal_handshake_finish(struct kseal_request *req,
			    struct kseal_key_pair *pair, gfp_t gfp);

/**
 * kseal_handshake_message - a handshake message that came afterwards
 * @ks: a session with keys, socket lock held
 * @bytes: the message, header included
 * @len: at most KSEAL_BYTES_MAX
 *
 * To the worker that did the handshake, if it is still there; best effort.
 */
void kseal_handshake_message(struct kseal_sock *ks, const void *bytes,
			     unsigned int len);

#endif
