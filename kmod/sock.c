// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attach, adopt, release: what becomes of a socket that carries the ULP.
 * Lifetime and locking are argued in sock.h; what its calls do, calls.c.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "calls.h"
#include "control.h"
#include "diag.h"
#include "family.h"
#include "handshake.h"
#include "keys.h"
#include "kseal_trace.h"
#include "listener.h"
#include "main.h"
#include "mainline.h"
#include "netlink.h"
#include "sock.h"
#include "stats.h"

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

/* Who waits to write, and who sleeps in a call (kseal_sock_wait()). Who polls
 * for something to read hears of it when there is something.
 */
static void wake_writers(struct kseal_sock *ks)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(ks->sk->sk_wq);
	/* whether TCP has room or not: kseal_sock_wait() waits for neither */
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
					   EPOLLWRBAND);
	rcu_read_unlock();
	/* and signals, of who asked for them */
	ks->base_write_space(ks->sk);
}

void kseal_sock_keyed(struct kseal_sock *ks, struct kseal_keys *tx,
		      struct kseal_keys *rx, u16 version, u16 cipher,
		      gfp_t gfp)
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
	/* The handshake's last segment, tickets say, is not the application's
	 * small one, whose ACK Nagle's rule (RFC 9293 3.7.4) would have the first
	 * answer wait for: with a peer that delays it, 40 ms.
	 */
	tcp_sk(sk)->snd_sml = tcp_sk(sk)->snd_una;
	kseal_session_tell(ks, KSEAL_EVENT_OPENED, gfp);
	/* poll was silent about an end, and time stamps, while there were no keys */
	if (sk->sk_shutdown || sk->sk_err ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		wake(ks);
	else
		wake_writers(ks);
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
	kseal_session_tell(ks, KSEAL_EVENT_FAILED, GFP_KERNEL);
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

void kseal_sock_set_callbacks(struct kseal_sock *ks)
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

struct kseal_sock *kseal_sock_create(struct sock *sk,
				     const struct kseal_family *family,
				     gfp_t gfp)
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
	ks->tx.peer_max = KSEAL_PLAIN_MAX;
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
	kfree(ks->chain.bytes);
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

/* ---- attach ---- */

static struct kseal_sock *create(struct sock *sk,
				 const struct kseal_attach *as)
{
	const struct kseal_family *family = kseal_family_get(sk, as->gfp);
	char *profile = NULL;
	struct kseal_sock *ks;

	if (!family)
		return ERR_PTR(-EBUSY);
	if (as->profile) {
		profile = kstrdup(as->profile, as->gfp | __GFP_ACCOUNT);
		if (!profile)
			return ERR_PTR(-ENOMEM);
	}
	ks = kseal_sock_create(sk, family, as->gfp);
	if (!ks) {
		kfree(profile);
		return ERR_PTR(-ENOMEM);
	}
	if (profile) {
		ks->text[KSEAL_TEXT_PROFILE] = profile;
		ks->role = KSEAL_ROLE_SERVER;
		ks->wrapped = true;
	}
	ks->released = true;
	ks->mainline = as->mainline;
	ks->rx.cmsg = as->mainline;
	ks->rx.lowat = sk->sk_rcvlowat;
	return ks;
}

int kseal_sock_attach(struct sock *sk, const struct kseal_attach *as)
{
	struct kseal_sock *ks;

	sock_owned_by_me(sk);
	if (sk->sk_state != TCP_ESTABLISHED &&
	    (as->mainline || (sk->sk_state != TCP_LISTEN &&
			      sk->sk_state != TCP_SYN_SENT &&
			      sk->sk_state != TCP_CLOSE_WAIT)))
		return -ENOTCONN;
	if (sk_is_mptcp(sk) || tcp_sk(sk)->repair || !sk->sk_socket)
		return -EOPNOTSUPP;
	/* sockmap, strparser and the like */
	if (rcu_access_pointer(sk->sk_user_data))
		return -EBUSY;
	ks = create(sk, as);
	if (IS_ERR(ks))
		return PTR_ERR(ks);
	if (as->mainline) {
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
		kseal_sock_set_callbacks(ks);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ks);
	/* Children are copied from a listener without its lock: whoever copies
	 * our proto has to find our clone. TCP sets it again after us.
	 */
	smp_store_release(&inet_csk(sk)->icsk_ulp_ops, as->mainline ?
			  &kseal_mainline_ulp_ops : &kseal_ulp_ops);
	WRITE_ONCE(sk->sk_prot, (struct proto *)&ks->family->prot);
	WRITE_ONCE(sk->sk_socket->ops, &ks->family->ops);
	return 0;
}

static int init(struct sock *sk)
{
	const struct kseal_attach as = { .gfp = GFP_KERNEL };

	return kseal_sock_attach(sk, &as);
}

struct tcp_ulp_ops kseal_ulp_ops __read_mostly = {
	.name = KSEAL_ULP_NAME,
	.owner = THIS_MODULE,
	.init = init,
	.clone = kseal_listener_clone,
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
