// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "family.h"
#include "listener.h"
#include "sock.h"
#include "stats.h"

#define BATCH 64

static int inherit_text(struct kseal_sock *ks, struct kseal_sock *parent,
			enum kseal_text which, gfp_t gfp)
{
	int err = 0;

	spin_lock_bh(&parent->text_lock);
	if (parent->text[which]) {
		ks->text[which] = kstrdup(parent->text[which], gfp);
		err = ks->text[which] ? 0 : -ENOMEM;
	}
	spin_unlock_bh(&parent->text_lock);
	return err;
}

static int inherit(struct kseal_sock *ks, struct kseal_sock *parent, gfp_t gfp)
{
	int err;

	/* a socket that was connected, disconnected and made to listen */
	if (!parent || READ_ONCE(parent->state) != KSEAL_STATE_LISTEN)
		return -ENOTCONN;
	err = inherit_text(ks, parent, KSEAL_TEXT_PROFILE, gfp) ?:
	      inherit_text(ks, parent, KSEAL_TEXT_PROTOCOLS, gfp);
	ks->rx.lowat = READ_ONCE(parent->rx.lowat);
	ks->rx.cmsg = READ_ONCE(parent->rx.cmsg);
	ks->tx.shape = parent->tx.shape;
	ks->shaped = READ_ONCE(parent->shaped);
	ks->explain.asked = READ_ONCE(parent->explain.asked);
	ks->chain.asked = READ_ONCE(parent->chain.asked);
	ks->wrapped = READ_ONCE(parent->wrapped);
	ks->role = READ_ONCE(parent->role);
	if (ks->role == KSEAL_ROLE_SERVER)
		ks->state = KSEAL_STATE_WAITING;
	return err;
}

/* A child of a listener that passes: as if the ULP were not there. */
static void make_plain(struct sock *sk, const struct kseal_family *family)
{
	WRITE_ONCE(sk->sk_prot, (struct proto *)family->base);
	sk->sk_prot_creator = (struct proto *)family->base;
	inet_csk(sk)->icsk_ulp_ops = NULL;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);
}

/* Nobody takes the child's lock before accept() hands it out; until then it
 * collects bytes.
 */
void kseal_listener_clone(const struct request_sock *req, struct sock *sk,
			  const gfp_t gfp)
{
	struct kseal_family *family = kseal_family_of(sk);
	/* alive: TCP holds the listener */
	struct kseal_sock *parent = kseal_sock(sk), *ks;

	if (parent && READ_ONCE(parent->pass)) {
		make_plain(sk, family);
		return;
	}
	/* TCP puts the module once for each child, but gets it for none */
	__module_get(THIS_MODULE);
	/* The child is a copy made without the listener's lock, perhaps while
	 * the ULP was being attached: it may have the old proto.
	 */
	WRITE_ONCE(sk->sk_prot, &family->prot);
	/* used by sk_free() and TIME_WAIT, after we are gone */
	sk->sk_prot_creator = (struct proto *)family->base;

	ks = kseal_sock_create(sk, family, gfp);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ks);
	if (!ks)
		return;	/* fails closed: without a session nothing works */
	ks->err = inherit(ks, parent, gfp);
	if (ks->err)
		ks->state = KSEAL_STATE_DEAD;
	kseal_sock_set_callbacks(ks);
}

static bool is_reset(const struct sock *child)
{
	return inet_sk_state_load(child) == TCP_CLOSE;
}

static void reset(struct sock *child)
{
	kseal_stat_add(sock_net(child), KSEAL_STAT_PLAIN_RESET, 1);
	tcp_abort(child, ECONNABORTED);
}

/* A connection that came before the ULP would be served in clear: it is reset
 * and never handed out. Returns whether it was one.
 */
static bool reset_plain(struct sock *child, const struct kseal_sock *listener)
{
	const struct kseal_family *family = listener->family;

	if (kseal_sock_is(child))
		return false;
	if (READ_ONCE(listener->pass) && child->sk_prot == family->base)
		return false;
	/* copied from the listener between its proto and its ULP */
	if (child->sk_prot == &family->prot)
		make_plain(child, family);
	if (!is_reset(child))
		reset(child);
	child->sk_prot->close(child, 0);
	return true;
}

/* Some of those that are plain, held. One that is half open yet (fast open) is left
 * to accept(): TCP looks at its request once more.
 */
static unsigned int find_plain(struct request_sock_queue *queue,
			       struct sock *children[BATCH])
{
	struct request_sock *req;
	unsigned int n = 0;

	spin_lock_bh(&queue->rskq_lock);
	for (req = queue->rskq_accept_head; req && n < BATCH; req = req->dl_next) {
		struct sock *child = req->sk;

		if (!child || kseal_sock_is(child) || is_reset(child) ||
		    inet_sk_state_load(child) == TCP_SYN_RECV)
			continue;
		sock_hold(child);
		children[n++] = child;
	}
	spin_unlock_bh(&queue->rskq_lock);
	return n;
}

/* As TCP does it with a listener that closes. Not lock_sock(): who owns it has
 * accepted it, and may do so for as long as he likes. Returns whether it was there.
 */
static bool reset_waiting(struct sock *child, const struct kseal_family *family)
{
	bool waits;

	local_bh_disable();
	bh_lock_sock(child);
	waits = !sock_owned_by_user(child) && !child->sk_socket;
	if (waits) {
		kseal_stat_add(sock_net(child), KSEAL_STAT_PLAIN_RESET, 1);
		family->base->disconnect(child, O_NONBLOCK);
	}
	bh_unlock_sock(child);
	local_bh_enable();
	return waits;
}

void kseal_listener_reset_queue(struct sock *sk)
{
	struct request_sock_queue *queue = &inet_csk(sk)->icsk_accept_queue;
	const struct kseal_family *family = kseal_family_of(sk);
	struct sock *children[BATCH];
	unsigned int i, n, reset;

	/* each pass has some less: new ones have the ULP */
	do {
		n = find_plain(queue, children);
		for (i = reset = 0; i < n; i++) {
			reset += reset_waiting(children[i], family);
			sock_put(children[i]);
		}
		cond_resched();
	} while (reset && !fatal_signal_pending(current));
}

struct sock *kseal_listener_accept(struct sock *sk,
				   struct proto_accept_arg *arg)
{
	struct kseal_sock *listener = kseal_sock(sk), *ks;
	struct sock *child;

	if (!listener) {
		arg->err = -ENOMEM;
		return NULL;
	}
	do {
		child = kseal_compat_accept(kseal_sock_base(listener), sk, arg);
		if (!child)
			return NULL;
	} while (reset_plain(child, listener));
	ks = kseal_sock_is(child) ? kseal_sock(child) : NULL;
	if (!ks)
		return child;
	lock_sock(child);
	/* else later: TCP cannot be written to without a struct socket */
	if (ks->state != KSEAL_STATE_WAITING)
		ks->released = true;
	release_sock(child);
	return child;
}

/* inet's calls the one above, and gives the child its struct socket. */
int kseal_listener_ops_accept(struct socket *sock, struct socket *newsock,
			      struct proto_accept_arg *arg)
{
	const struct kseal_family *family = kseal_family_of(sock->sk);
	int err = kseal_compat_ops_accept(family->base_ops, sock, newsock, arg);
	struct kseal_sock *ks;

	if (err)
		return err;
	if (!kseal_sock_is(newsock->sk)) {
		/* it was given its listener's */
		WRITE_ONCE(newsock->ops, family->base_ops);
		return 0;
	}
	lock_sock(newsock->sk);
	ks = kseal_sock(newsock->sk);
	if (ks)
		kseal_sock_adopt(ks);
	release_sock(newsock->sk);
	return 0;
}
