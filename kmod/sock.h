/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A socket that carries the ULP.
 *
 * Lifetime. struct kseal_sock is born with the ULP (on a connected socket or a
 * listener) or with a child of a listener (in BH, kseal_clone()), and dies in
 * the ULP's release, which TCP calls once, when the socket is destroyed; that
 * may be in BH, and for a child nobody accepted it comes without ->close().
 * Memory is freed after a grace period: the session dump and ss look at it
 * under the lock of kseal_net.sessions and RCU. Keys and buffers go earlier, in ->close(), in
 * process context: a socket that was never accepted never had any.
 *
 * Locking. Everything is under the socket lock, but for what says otherwise.
 * sk_data_ready and its like run with the socket's spinlock held and nobody
 * owning the socket, or from the owner's own release_sock(): they may read
 * what the lock protects.
 */
#ifndef KSEAL_SOCK_H
#define KSEAL_SOCK_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <uapi/linux/kseal.h>

#include "receive.h"
#include "send.h"
#include "stats.h"

struct kseal_family;
struct kseal_request;

/* Strings about a session, for people; each NULL or kmalloc()ed. */
enum kseal_text {
	KSEAL_TEXT_PROFILE,
	KSEAL_TEXT_SERVER_NAME,
	KSEAL_TEXT_SUITE,
	KSEAL_TEXT_GROUP,
	KSEAL_TEXT_ALPN,
	KSEAL_TEXT_PEER_IDENTITY,
	KSEAL_TEXT_REASON,
	KSEAL_TEXT_PROTOCOLS,	/* ALPN that may be chosen; of nobody else's business */
	KSEAL_TEXT_COUNT,
};

struct kseal_sock {
	struct sock *sk;
	const struct kseal_family *family;	/* the protos it came from */
	u64 id;
	unsigned long attached;		/* jiffies */

	/* Written under the socket lock, read without it by poll and dump. */
	u8 state;			/* enum kseal_state */
	u8 role;			/* enum kseal_role */
	u8 alert;			/* enum kseal_alert */
	bool shutdown_late;		/* SHUT_WR came before the keys */
	bool released;			/* accept() or the ULP has handed it out */
	bool mainline;			/* the ULP "tls": mainline.h */
	bool wrapped;			/* by a rule: wrap.h; of a listener, its children */
	bool pass;			/* KSEAL_SO_PASS, of a listener */
	u32 shaped;			/* BIT(KSEAL_SO_*) that were set here */
	bool zerocopy_ro;		/* its TLS_TX_ZEROCOPY_RO: kept, not used */
	int err;			/* -errno, sticky; 0: none */
	u16 version;
	u16 cipher;

	struct kseal_stats __percpu *stats;	/* of its namespace */
	struct kseal_request *req;	/* while WAITING, one at most */
	struct {			/* whose handshake it was: */
		u64 cookie;		/* the request's name, */
		u64 generation;		/* the worker's, 0: nobody's */
	} helper;
	struct kseal_send tx;
	struct kseal_receive rx;
	struct delayed_work tx_work;	/* late push, flush of an open record */

	void (*base_data_ready)(struct sock *sk);
	void (*base_write_space)(struct sock *sk);
	void (*base_state_change)(struct sock *sk);

	spinlock_t text_lock;		/* protects text[] and the story; taken in BH */
	char *text[KSEAL_TEXT_COUNT];
	struct {			/* explain.h */
		bool asked;		/* KSEAL_SO_EXPLAIN, before the role */
		bool cut;		/* there was more */
		unsigned int len;
		char *text;		/* not terminated; NULL: nobody wants it */
	} explain;
	struct {			/* the peer's certificates: KSEAL_SO_PEER_CHAIN */
		bool asked;		/* before the role */
		unsigned int len;
		u8 *bytes;		/* set once, with the keys */
	} chain;
	struct rcu_head rcu;
};

extern struct tcp_ulp_ops kseal_ulp_ops;
extern struct tcp_ulp_ops kseal_mainline_ulp_ops;	/* mainline.c */

/**
 * kseal_sock - the session of a socket whose proto is ours
 * @sk: a socket with the ULP
 *
 * Return: the session, or NULL for a child that got none for want of memory:
 * it must not do anything.
 */
static inline struct kseal_sock *kseal_sock(const struct sock *sk)
{
	/* RCU is for ss alone; the socket's own path holds the socket. */
	return (__force struct kseal_sock *)inet_csk(sk)->icsk_ulp_data;
}

/* Whether the socket carries our ULP, under either name. */
static inline bool kseal_sock_is(const struct sock *sk)
{
	const struct tcp_ulp_ops *ops = inet_csk(sk)->icsk_ulp_ops;

	return ops == &kseal_ulp_ops || ops == &kseal_mainline_ulp_ops;
}

/* Under the socket lock; poll looks at the state without it. */
void kseal_sock_set_state(struct kseal_sock *ks, enum kseal_state state);

static inline void kseal_sock_owned(const struct kseal_sock *ks)
{
	sock_owned_by_me(ks->sk);
}

struct kseal_attach {
	bool mainline;		/* as mainline's "tls" would: see mainline.h */
	const char *profile;	/* of a listener that a rule wraps, else NULL */
	gfp_t gfp;
};

/**
 * kseal_sock_attach - the ULP's ->init, from setsockopt(TCP_ULP)
 * @sk: a TCP socket, locked, or in BH with nobody owning it
 * @as: how
 *
 * In BH only after kseal_sock_prepare().
 *
 * Return: 0, -ENOTCONN, -EOPNOTSUPP, -EBUSY, -ENOMEM.
 */
int kseal_sock_attach(struct sock *sk, const struct kseal_attach *as);

/**
 * kseal_sock_create - a session, not yet on its socket
 * @sk: the socket
 * @family: the calls it came with
 * @gfp: for the session
 *
 * Return: the session, to be put on the socket; or NULL.
 */
struct kseal_sock *kseal_sock_create(struct sock *sk,
				     const struct kseal_family *family,
				     gfp_t gfp);

/* Puts our callbacks on the socket: locked, or not yet anybody's. */
void kseal_sock_set_callbacks(struct kseal_sock *ks);

/* The ULP's ->release: the socket is being destroyed, perhaps in BH. */
void kseal_sock_release(struct sock *sk);

/**
 * kseal_sock_set_text - keep a string about the session
 * @ks: the session
 * @which: which string
 * @text: its bytes, copied; NULL forgets the string
 * @len: how many
 * @gfp: for the copy
 *
 * Return: 0 or -ENOMEM (the old string stays).
 */
int kseal_sock_set_text(struct kseal_sock *ks, enum kseal_text which,
			const char *text, size_t len, gfp_t gfp);

/**
 * kseal_sock_wait - wait for the handshake to end
 * @ks: a session, socket lock held; it is given up while waiting
 * @timeo: jiffies, counted down; 0: do not wait
 *
 * Return: 0 when the session has keys; -ENOKEY no role was set, -EAGAIN,
 * -ERESTARTSYS or -EINTR, or the session's sticky error.
 */
int kseal_sock_wait(struct kseal_sock *ks, long *timeo);

/* Gives the socket TCP's own callbacks back. Under the socket lock, or dying. */
void kseal_sock_restore(struct kseal_sock *ks);

/**
 * kseal_sock_adopt - begin what accept() would have begun
 * @ks: a session, socket lock held
 *
 * For a child of a listener that our accept() never saw.
 */
void kseal_sock_adopt(struct kseal_sock *ks);

/**
 * kseal_sock_keyed - the session has keys now
 * @ks: a session, socket lock held, NEW or WAITING; or in BH with nobody owning it,
 *	unless its close_notify waits for keys
 * @tx: sending keys, owned by the session from here on
 * @rx: receiving keys, likewise
 * @version: KSEAL_VERSION_*
 * @cipher: KSEAL_CIPHER_*
 * @gfp: to tell those who watch
 *
 * Both directions at once; wakes whoever waits.
 */
void kseal_sock_keyed(struct kseal_sock *ks, struct kseal_keys *tx,
		      struct kseal_keys *rx, u16 version, u16 cipher,
		      gfp_t gfp);

/**
 * kseal_sock_fail - the session is over
 * @ks: a session, socket lock held
 * @err: -errno that every later call gets
 * @reason: a sentence for a person
 *
 * The first failure stays. Sends nothing: see kseal_alert_fatal().
 */
void kseal_sock_fail(struct kseal_sock *ks, int err, const char *reason);

/* Register and unregister the ULP. */
int kseal_sock_init(void);
void kseal_sock_exit(void);

/**
 * kseal_sock_rekey - the next keys of one direction
 * @ks: a KEYED session, socket lock held
 * @keys: owned by the session from here on; the cipher and version it has
 * @tx: which direction
 *
 * What was written before goes out under the old keys.
 *
 * Return: 0; -EAGAIN there is no memory for what was written before: nothing
 * has changed, and the caller still owns @keys.
 */
int kseal_sock_rekey(struct kseal_sock *ks, struct kseal_keys *keys, bool tx);

/**
 * kseal_sock_check_text - whether something can be a profile's or a server's name
 * @text: its bytes, perhaps with a terminator
 * @len: how many, with it
 * @max: how many it may have, without it
 *
 * Return: its length without the terminator, or -EINVAL.
 */
int kseal_sock_check_text(const char *text, unsigned int len, unsigned int max);

/* sockopt.c: the proto's ->setsockopt and ->getsockopt. */
int kseal_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		     unsigned int optlen);
int kseal_getsockopt(struct sock *sk, int level, int optname,
		     char __user *optval, int __user *optlen);

/**
 * kseal_shape_set - one of the options that say how records are made
 * @shape: changed if the value may be
 * @optname: KSEAL_SO_RECORD_MAX, _PADDING or _DYNAMIC
 * @value: see the uapi header
 *
 * Return: 0 or -EINVAL.
 */
int kseal_shape_set(struct kseal_shape *shape, int optname, u32 value);

/* The proto and the ops that ours stand in front of. */
const struct proto *kseal_sock_base(const struct kseal_sock *ks);
const struct proto_ops *kseal_sock_base_ops(const struct kseal_sock *ks);

#endif
