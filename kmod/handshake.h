/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The handshake, relayed: TLS records from TCP to a helper worker, its answers
 * to TCP, until the worker says done. A request exists from the start of the
 * handshake to its end; whoever takes it off its session (kseal_sock.req) under
 * the socket lock has decided the outcome, and there is one of them.
 */
#ifndef KSEAL_HANDSHAKE_H
#define KSEAL_HANDSHAKE_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct kseal_finished;
struct kseal_key_pair;
struct kseal_net;
struct kseal_sock;
struct net;
struct sock;

/* A registered worker. Under kseal_net.lock; freed with its netlink socket. */
struct kseal_helper {
	struct list_head node;		/* kseal_net.helpers, or kseal_net.left */
	struct list_head requests;	/* kseal_request.helper_node */
	struct list_head blocked;	/* kseal_request.blocked_node */
	u32 portid;
	/* Who it is: a port id can be reused before its release is announced,
	 * a struct sock cannot. Compared, never followed.
	 */
	const void *owner;
	/* for those who ask long after: a struct sock's place is reused too */
	u64 generation;
	unsigned int stale;		/* releases of former owners to come */
	bool registered;		/* or it has left, and waits for its release */
};

struct kseal_request {
	refcount_t ref;
	u64 cookie;
	struct sock *sk;		/* held */
	struct kseal_sock *ks;		/* valid while ks->req is this */

	/* under kseal_net.lock */
	struct hlist_node node;		/* kseal_net.requests */
	struct kseal_helper *helper;	/* NULL: it is gone */
	struct list_head helper_node;
	struct list_head blocked_node;	/* the helper's socket was full */

	/* each, while queued, holds a reference */
	struct work_struct relay;
	struct delayed_work retry;
	struct delayed_work timeout;

	/* under the socket lock */
	u32 portid;
	u8 *in;				/* received, not used up by the helper */
	unsigned int in_len;
	unsigned int in_size;
	unsigned int given;		/* of these, what the helper looks at */
	bool asked;			/* the helper's turn */
	bool begun;			/* it knows of this request */
	u8 retries;			/* in a row */
	bool reset;			/* TCP was; the time limit is short */
	bool connecting;		/* TCP is, still */
	/* the worker is done, and the client's Finished to come; or NULL */
	struct kseal_finished *finished;
};

/**
 * kseal_handshake_start - begin the handshake of a connected socket
 * @ks: a session with a role, socket lock held; becomes WAITING
 *
 * While TCP still connects the worker hears nothing; the time limit runs. A failure ends the session, with its errno and reason.
 *
 * Return: 0, -EUNATCH no helper, -ENOBUFS too many handshakes, -ENOMEM.
 */
int kseal_handshake_start(struct kseal_sock *ks);

/* Something came or changed: look at the socket. Any context. */
void kseal_handshake_wake(struct kseal_sock *ks);

/**
 * kseal_handshake_bytes - bytes have come
 * @ks: a WAITING session; the socket's spinlock is held, or the socket owned
 *
 * Gives them to the worker at once when nothing else has to be done first,
 * without the two switches to a work and back.
 */
void kseal_handshake_bytes(struct kseal_sock *ks);

/**
 * kseal_handshake_cancel - the socket goes away
 * @ks: a WAITING session, socket lock held
 * @err: what the helper is told
 */
void kseal_handshake_cancel(struct kseal_sock *ks, int err);

/**
 * kseal_handshake_find - the request that a worker means
 * @net: the worker's namespace
 * @portid: its port id
 * @owner: its struct sock
 * @cookie: the request
 *
 * Return: the request, referenced, for kseal_request_put(); or ERR_PTR(-ESRCH)
 * not a worker, -ESTALE no such request, -EPERM another's.
 */
struct kseal_request *kseal_handshake_find(struct net *net, u32 portid,
					   const void *owner, u64 cookie);
void kseal_request_put(struct kseal_request *req);

/* Its next step, by a work. The caller has a reference, or kseal_net.lock. */
void kseal_handshake_queue(struct kseal_request *req);

/**
 * kseal_handshake_go_on - the next step, if there is one to take
 * @req: referenced, socket lock held; may have ended, or end here
 *
 * Gives the worker what TCP has for it, unless it is at work.
 */
void kseal_handshake_go_on(struct kseal_request *req);

/**
 * kseal_handshake_answer - the worker's reply to what it was given; the caller
 *			    goes on
 * @req: from kseal_handshake_find(), socket lock held
 * @consumed: how many of the bytes it was given are used up
 * @bytes: for TCP, or NULL
 * @len: how many
 * @more: the answer goes on in another message
 *
 * Return: 0, -ESTALE the request has ended, -EINVAL @consumed is more than was
 * given, -ENOBUFS, -EPIPE, -ENOMEM.
 */
int kseal_handshake_answer(struct kseal_request *req, u32 consumed,
			   const void *bytes, size_t len, bool more);

/**
 * kseal_handshake_await - the worker is done with it: the client's Finished is to come
 * @req: as above; may have ended, or have been finished, afterwards
 * @finished: taken
 */
void kseal_handshake_await(struct kseal_request *req,
			   struct kseal_finished *finished);

/* A worker comes and goes. Return: 0, -EALREADY, -ENOMEM. */
int kseal_helper_add(struct net *net, u32 portid, const void *owner);
/* By its own word, its socket still open. Return: 0, -ESRCH. */
int kseal_helper_leave(struct net *net, u32 portid, const void *owner);
/* Its socket is closed. */
void kseal_helper_gone(struct net *net, u32 portid);
/* How many are registered now. Any context, no lock. */
unsigned int kseal_helper_count(struct net *net);
/* at the end of a namespace, when no request is left */
void kseal_helper_exit(struct net *net);

#endif
