// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, inherit, accept, release: what becomes of a socket that carries the
 * ULP. Lifetime and locking are argued in sock.h; what its calls do, calls.c.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "calls.h"
#include "control.h"
#include "deliver.h"
#include "diag.h"
#include "handshake.h"
#include "keys.h"
#include "kseal_trace.h"
#include "main.h"
#include "mainline.h"
#include "sock.h"
#include "stats.h"
#include "submit.h"

/* One for IPv4, one for IPv6: TCP's calls as they were, and ours made of them
 * when the first socket of the family comes. Never changed after that.
 */
struct kseal_family {
	const struct proto *base;
	const struct proto_ops *base_ops;
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	struct proto prot;
	struct proto_ops ops;
};

static struct kseal_family families[2];
static DEFINE_MUTEX(families_lock);	/* protects their making */
static atomic64_t last_id;

const struct proto *kseal_sock_base(const struct kseal_sock *ks)
{
	return ks->family->base;
}

const struct proto_ops *kseal_sock_base_ops(const struct kseal_sock *ks)
{
	return ks->family->base_ops;
}

/* ---- facts and state ---- */

int kseal_sock_set_text(struct kseal_sock *ks, enum kseal_text which,
			const char *text, size_t len, gfp_t gfp)
{
	char *new = NULL, *old;

	if (text) {
		new = kmemdup_nul(text, len, gfp);
		if (!new)
			return -ENOMEM;
	}
	spin_lock_bh(&ks->text_lock);
	old = ks->text[which];
	ks->text[which] = new;
	spin_unlock_bh(&ks->text_lock);
	kfree(old);
	return 0;
}

void kseal_sock_set_state(struct kseal_sock *ks, enum kseal_state state)
{
	trace_kseal_state(ks->id, ks->state, state, ks->err);
	/* whoever sees KEYED sees the keys, whoever sees DEAD the error */
	smp_store_release(&ks->state, state);
}

int kseal_sock_wait(struct kseal_sock *ks, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = ks->sk;
	int err = 0;

	kseal_sock_owned(ks);
	kseal_sock_adopt(ks);
	if (ks->state == KSEAL_STATE_WAITING)
		add_wait_queue(sk_sleep(sk), &wait);
	while (ks->state == KSEAL_STATE_WAITING) {
		if (!*timeo)
			err = -EAGAIN;
		else if (signal_pending(current))
			err = sock_intr_errno(*timeo);
		if (err)
			break;
		sk_wait_event(sk, timeo,
			      READ_ONCE(ks->state) != KSEAL_STATE_WAITING,
			      &wait);
	}
	if (!list_empty(&wait.entry))
		remove_wait_queue(sk_sleep(sk), &wait);
	if (err)
		return err;
	switch (ks->state) {
	case KSEAL_STATE_KEYED:
		return 0;
	case KSEAL_STATE_DEAD:
		return ks->err;
	case KSEAL_STATE_LISTEN:
		return -ENOTCONN;
	default:
		return -ENOKEY;
	}
}

static void wake(struct kseal_sock *ks)
{
	/* no key: epoll and every waiter look for themselves */
	ks->base_state_change(ks->sk);
	ks->base_write_space(ks->sk);
}

void kseal_sock_keyed(struct kseal_sock *ks, struct kseal_keys *tx,
		      struct kseal_keys *rx, u16 version, u16 cipher)
{
	struct sock *sk = ks->sk;

	kseal_sock_owned(ks);
	ks->tx.keys = tx;
	ks->rx.keys = rx;
	WRITE_ONCE(ks->version, version);
	WRITE_ONCE(ks->cipher, cipher);
	kseal_sock_set_state(ks, KSEAL_STATE_KEYED);
	kseal_stat_add(sock_net(sk), KSEAL_STAT_KEYS_INSTALLED, 1);
	trace_kseal_keys(ks->id, true, version, cipher, 0);
	trace_kseal_keys(ks->id, false, version, cipher, 0);
	if (ks->shutdown_late) {
		kseal_close_notify(ks);
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
		kseal_sock_base(ks)->shutdown(sk, SEND_SHUTDOWN);
	}
	wake(ks);
	kseal_data_ready(sk);
}

int kseal_sock_rekey(struct kseal_sock *ks, struct kseal_keys *keys, bool tx)
{
	kseal_sock_owned(ks);
	if (tx) {
		/* in mainline's convention an open record waits for its end */
		if (!ks->mainline) {
			kseal_send_flush(ks, false);
			if (ks->tx.len)
				return -EAGAIN;
		}
		kseal_keys_destroy(ks->tx.keys);
		ks->tx.keys = keys;
		WRITE_ONCE(ks->tx.updates, ks->tx.updates + 1);
		trace_kseal_keys(ks->id, true, ks->version, ks->cipher,
				 ks->tx.updates);
		return 0;
	}
	kseal_keys_destroy(ks->rx.keys);
	ks->rx.keys = keys;
	ks->rx.update_pending = false;
	ks->rx.asked = false;
	trace_kseal_keys(ks->id, false, ks->version, ks->cipher,
			 ks->rx.updates);
	/* what came meanwhile can be opened now */
	kseal_data_ready(ks->sk);
	return 0;
}

void kseal_sock_fail(struct kseal_sock *ks, int err, const char *reason)
{
	struct sock *sk = ks->sk;

	kseal_sock_owned(ks);
	if (ks->state == KSEAL_STATE_DEAD)
		return;
	if (reason)
		kseal_sock_set_text(ks, KSEAL_TEXT_REASON, reason,
				    min_t(size_t, strlen(reason), KSEAL_REASON_MAX),
				    GFP_KERNEL);
	WRITE_ONCE(ks->err, err);
	kseal_sock_set_state(ks, KSEAL_STATE_DEAD);
	/* an error on the socket stops TCP's sendmsg: what is sealed goes first */
	kseal_send_flush(ks, true);
	if (ks->released && !sock_flag(sk, SOCK_DEAD)) {
		WRITE_ONCE(sk->sk_err, -err);
		sk_error_report(sk);
		wake(ks);
	}
}

/* A child that has got its struct socket: it is on its way out of accept().
 * Perhaps behind our back, by a call that slept in TCP's own accept() when the
 * listener got the ULP; such a one is noticed when bytes come.
 */
static bool needs_adoption(const struct kseal_sock *ks)
{
	return ks->state == KSEAL_STATE_WAITING && !ks->released &&
	       READ_ONCE(ks->sk->sk_socket);
}

void kseal_sock_adopt(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;

	kseal_sock_owned(ks);
	if (!needs_adoption(ks))
		return;
	WRITE_ONCE(sk->sk_socket->ops, &ks->family->ops);
	ks->released = true;
	kseal_handshake_start(ks);
}

/* ---- callbacks ---- */

static void state_change(struct sock *sk)
{
	struct kseal_sock *ks = kseal_sock(sk);

	kseal_handshake_wake(ks);
	ks->base_state_change(sk);
}

static void data_ready(struct sock *sk)
{
	struct kseal_sock *ks = kseal_sock(sk);

	/* Handshake bytes are the relay's; nobody else is woken for them. */
	if (needs_adoption(ks))
		mod_delayed_work(kseal_wq, &ks->tx_work, 0);
	else if (ks->state == KSEAL_STATE_WAITING)
		kseal_handshake_bytes(ks);
	else
		kseal_data_ready(sk);
}

static void set_callbacks(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;

	/* the family's, never the socket's: a copy of ours would call itself */
	write_lock_bh(&sk->sk_callback_lock);
	ks->base_data_ready = ks->family->data_ready;
	ks->base_write_space = ks->family->write_space;
	ks->base_state_change = ks->family->state_change;
	sk->sk_data_ready = data_ready;
	sk->sk_write_space = kseal_write_space;
	sk->sk_state_change = state_change;
	write_unlock_bh(&sk->sk_callback_lock);
}

void kseal_sock_restore(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;

	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_write_space == kseal_write_space) {
		sk->sk_data_ready = ks->base_data_ready;
		sk->sk_write_space = ks->base_write_space;
		sk->sk_state_change = ks->base_state_change;
	}
	write_unlock_bh(&sk->sk_callback_lock);
}

/* ---- birth and death ---- */

static struct kseal_sock *create(struct sock *sk,
				 const struct kseal_family *family, gfp_t gfp)
{
	struct kseal_net *kn = kseal_net(sock_net(sk));
	struct kseal_sock *ks = kzalloc(sizeof(*ks), gfp | __GFP_ACCOUNT);

	if (!ks)
		return NULL;
	ks->sk = sk;
	ks->family = family;
	ks->stats = kn->stats;
	ks->alert = KSEAL_ALERT_NONE;
	ks->attached = jiffies;
	INIT_LIST_HEAD(&ks->rx.opened);
	ks->tx.type = KSEAL_TYPE_DATA;
	ks->tx.shape.max = KSEAL_PLAIN_MAX;
	INIT_DELAYED_WORK(&ks->tx_work, kseal_send_work);
	spin_lock_init(&ks->text_lock);

	ks->id = atomic64_inc_return(&last_id);
	if (xa_insert_bh(&kn->sessions, ks->id, ks, gfp)) {
		kfree(ks);
		return NULL;
	}
	kseal_stat_add(sock_net(sk), KSEAL_STAT_SESSIONS_ATTACHED, 1);
	trace_kseal_attach(ks->id, sk);
	return ks;
}

static void free_rcu_cb(struct rcu_head *head)
{
	struct kseal_sock *ks = container_of(head, struct kseal_sock, rcu);
	int i;

	for (i = 0; i < KSEAL_TEXT_COUNT; i++)
		kfree(ks->text[i]);
	kfree(ks->explain.text);
	kfree(ks);
}

void kseal_sock_release(struct sock *sk)
{
	struct kseal_net *kn = kseal_net(sock_net(sk));
	struct kseal_sock *ks = kseal_sock(sk);

	if (!ks) {
		WRITE_ONCE(sk->sk_prot, sk->sk_prot_creator);
		return;
	}
	/* our proto may be unloaded as soon as TCP has put the module */
	WRITE_ONCE(sk->sk_prot, (struct proto *)ks->family->base);
	if (ks->base_write_space)
		kseal_sock_restore(ks);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);

	xa_erase_bh(&kn->sessions, ks->id);
	kseal_stat_add(sock_net(sk), KSEAL_STAT_SESSIONS_CLOSED, 1);
	trace_kseal_release(ks->id);
	WARN_ON_ONCE(ks->tx.keys || ks->rx.keys || ks->req);
	call_rcu(&ks->rcu, free_rcu_cb);
}

/* ---- listener and child ---- */

static int inherit(struct kseal_sock *ks, struct kseal_sock *parent, gfp_t gfp)
{
	const char *profile;
	int err = 0;

	/* a socket that was connected, disconnected and made to listen */
	if (!parent || READ_ONCE(parent->state) != KSEAL_STATE_LISTEN)
		return -ENOTCONN;
	spin_lock_bh(&parent->text_lock);
	profile = parent->text[KSEAL_TEXT_PROFILE];
	if (profile) {
		ks->text[KSEAL_TEXT_PROFILE] = kstrdup(profile, gfp);
		err = ks->text[KSEAL_TEXT_PROFILE] ? 0 : -ENOMEM;
	}
	spin_unlock_bh(&parent->text_lock);
	ks->rx.lowat = READ_ONCE(parent->rx.lowat);
	ks->rx.cmsg = READ_ONCE(parent->rx.cmsg);
	ks->tx.shape = parent->tx.shape;
	ks->shaped = READ_ONCE(parent->shaped);
	ks->explain.asked = READ_ONCE(parent->explain.asked);
	ks->role = READ_ONCE(parent->role);
	if (ks->role == KSEAL_ROLE_SERVER)
		ks->state = KSEAL_STATE_WAITING;
	return err;
}

/* The ULP's ->clone: a child of a listener, in BH, half built. Nobody takes
 * its lock before accept() hands it out; until then it collects bytes.
 */
static void clone(const struct request_sock *req, struct sock *sk,
		  const gfp_t gfp)
{
	struct kseal_family *family = &families[sk->sk_family == AF_INET6];
	/* alive: TCP holds the listener */
	struct kseal_sock *parent = kseal_sock(sk), *ks;

	/* TCP puts the module once for each child, but gets it for none */
	__module_get(THIS_MODULE);
	/* The child is a copy made without the listener's lock, perhaps while
	 * the ULP was being attached: it may have the old proto.
	 */
	WRITE_ONCE(sk->sk_prot, &family->prot);
	/* used by sk_free() and TIME_WAIT, after we are gone */
	sk->sk_prot_creator = (struct proto *)family->base;

	ks = create(sk, family, gfp);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ks);
	if (!ks)
		return;	/* fails closed: without a session nothing works */
	ks->err = inherit(ks, parent, gfp);
	if (ks->err)
		ks->state = KSEAL_STATE_DEAD;
	set_callbacks(ks);
}

/* A connection that came before the ULP would be served in clear: it is reset
 * and never handed out. Returns whether it was one.
 */
static bool reset_plain(struct sock *child, const struct kseal_family *family)
{
	if (kseal_sock_is(child))
		return false;
	/* copied from the listener between its proto and its ULP */
	if (child->sk_prot == &family->prot) {
		WRITE_ONCE(child->sk_prot, (struct proto *)family->base);
		child->sk_prot_creator = (struct proto *)family->base;
		rcu_assign_pointer(inet_csk(child)->icsk_ulp_data, NULL);
	}
	kseal_stat_add(sock_net(child), KSEAL_STAT_PLAIN_RESET, 1);
	tcp_abort(child, ECONNABORTED);
	child->sk_prot->close(child, 0);
	return true;
}

static struct sock *accept(struct sock *sk, struct proto_accept_arg *arg)
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
	} while (reset_plain(child, listener->family));
	ks = kseal_sock(child);
	if (!ks)
		return child;
	lock_sock(child);
	/* else later: TCP cannot be written to without a struct socket */
	if (ks->state != KSEAL_STATE_WAITING)
		ks->released = true;
	release_sock(child);
	return child;
}

/* inet's, which calls the one above and gives the child its struct socket */
static int ops_accept(struct socket *sock, struct socket *newsock,
		      struct proto_accept_arg *arg)
{
	const struct kseal_family *family =
		&families[sock->sk->sk_family == AF_INET6];
	int err = kseal_compat_ops_accept(family->base_ops, sock, newsock, arg);
	struct kseal_sock *ks;

	if (err || !kseal_sock_is(newsock->sk))
		return err;
	lock_sock(newsock->sk);
	ks = kseal_sock(newsock->sk);
	if (ks)
		kseal_sock_adopt(ks);
	release_sock(newsock->sk);
	return 0;
}

/* ---- attach ---- */

static void make_family(struct kseal_family *family, struct sock *sk)
{
	static const struct kseal_proto_calls calls = {
		.accept = accept,
		.sendmsg = kseal_sendmsg,
		.recvmsg = kseal_recvmsg,
		.splice_eof = kseal_splice_eof,
	};

	family->prot = *sk->sk_prot;
	family->prot.setsockopt = kseal_setsockopt;
	family->prot.getsockopt = kseal_getsockopt;
	family->prot.close = kseal_close;
	family->prot.shutdown = kseal_shutdown;
	family->prot.disconnect = kseal_disconnect;
	kseal_compat_proto(&family->prot, &calls);

	family->data_ready = sk->sk_data_ready;
	family->write_space = sk->sk_write_space;
	family->state_change = sk->sk_state_change;
	family->base_ops = sk->sk_socket->ops;
	family->ops = *family->base_ops;
	family->ops.poll = kseal_poll;
	/* no way around us to TCP's bytes */
	family->ops.splice_read = kseal_splice_read;
	family->ops.read_sock = kseal_read_sock;
	family->ops.read_skb = NULL;
	family->ops.peek_len = kseal_peek_len;
	family->ops.set_peek_off = NULL;
	family->ops.mmap = sock_no_mmap;
	family->ops.set_rcvlowat = kseal_set_rcvlowat;
	kseal_compat_ops(&family->ops, ops_accept);
}

/* Returns the family of a socket that has TCP's own proto, or NULL. */
static const struct kseal_family *get_family(struct sock *sk)
{
	struct kseal_family *family = &families[sk->sk_family == AF_INET6];

	mutex_lock(&families_lock);
	if (!family->base && sk->sk_prot->sendmsg == tcp_sendmsg) {
		make_family(family, sk);
		family->base = sk->sk_prot;
	}
	mutex_unlock(&families_lock);
	if (family->base != sk->sk_prot ||
	    family->base_ops != sk->sk_socket->ops ||
	    family->data_ready != sk->sk_data_ready ||
	    family->write_space != sk->sk_write_space ||
	    family->state_change != sk->sk_state_change)
		return NULL;
	return family;
}

int kseal_sock_attach(struct sock *sk, bool mainline)
{
	const struct kseal_family *family;
	struct kseal_sock *ks;

	sock_owned_by_me(sk);
	if (sk->sk_state != TCP_ESTABLISHED &&
	    (mainline || (sk->sk_state != TCP_LISTEN &&
			  sk->sk_state != TCP_CLOSE_WAIT)))
		return -ENOTCONN;
	if (sk_is_mptcp(sk) || tcp_sk(sk)->repair || !sk->sk_socket)
		return -EOPNOTSUPP;
	/* sockmap, strparser and the like */
	if (rcu_access_pointer(sk->sk_user_data))
		return -EBUSY;
	family = get_family(sk);
	if (!family)
		return -EBUSY;
	ks = create(sk, family, GFP_KERNEL);
	if (!ks)
		return -ENOMEM;
	ks->released = true;
	ks->mainline = mainline;
	ks->rx.cmsg = mainline;
	ks->rx.lowat = sk->sk_rcvlowat;
	if (mainline) {
		/* each direction is TCP's until it has keys */
		ks->state = KSEAL_STATE_KEYED;
	} else {
		WRITE_ONCE(sk->sk_rcvlowat, 1);
		/* TCP has cleared it: what is sent is not the caller's pages,
		 * but the completions come
		 */
		set_bit(SOCK_SUPPORT_ZC, &sk->sk_socket->flags);
	}
	if (sk->sk_state == TCP_LISTEN)
		ks->state = KSEAL_STATE_LISTEN;
	else
		set_callbacks(ks);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ks);
	/* Children are copied from a listener without its lock: whoever copies
	 * our proto has to find our clone. TCP sets it again after us.
	 */
	smp_store_release(&inet_csk(sk)->icsk_ulp_ops,
			  mainline ? &kseal_mainline_ulp_ops : &kseal_ulp_ops);
	WRITE_ONCE(sk->sk_prot, &((struct kseal_family *)family)->prot);
	WRITE_ONCE(sk->sk_socket->ops, &family->ops);
	return 0;
}

static int init(struct sock *sk)
{
	return kseal_sock_attach(sk, false);
}

struct tcp_ulp_ops kseal_ulp_ops __read_mostly = {
	.name = KSEAL_ULP_NAME,
	.owner = THIS_MODULE,
	.init = init,
	.clone = clone,
	.release = kseal_sock_release,
};

int kseal_sock_init(void)
{
	kseal_compat_ulp(&kseal_ulp_ops, kseal_diag_info, kseal_diag_info_size);
	return tcp_register_ulp(&kseal_ulp_ops);
}

void kseal_sock_exit(void)
{
	tcp_unregister_ulp(&kseal_ulp_ops);
	/* free_rcu_cb() is our code */
	rcu_barrier();
}
