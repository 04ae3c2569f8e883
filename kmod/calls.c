// SPDX-License-Identifier: GPL-2.0-only
/* What poll, shutdown, connect(AF_UNSPEC), close and SO_RCVLOWAT do to a session. */
#include <linux/poll.h>
#include <net/tcp.h>

#include "calls.h"
#include "control.h"
#include "handshake.h"
#include "keys.h"
#include "netlink.h"
#include "sock.h"

__poll_t kseal_poll(struct file *file, struct socket *sock,
		    struct poll_table_struct *wait)
{
	const __poll_t in = EPOLLIN | EPOLLRDNORM;
	struct sock *sk = sock->sk;
	__poll_t mask = tcp_poll(file, sock, wait);
	struct kseal_sock *ks;

	if (sk->sk_state == TCP_LISTEN)
		return mask;
	ks = kseal_sock(sk);
	if (!ks)
		return EPOLLERR | EPOLLHUP;
	/* pairs with kseal_sock_set_state() */
	switch (smp_load_acquire(&ks->state)) {
	case KSEAL_STATE_KEYED:
		/* pairs with kseal_mainline_keyed() */
		if (!smp_load_acquire(&ks->rx.keys))
			return mask;
		mask &= ~in;
		if (kseal_receive_readable(ks))
			mask |= in;
		/* which may have met the end of the stream of records */
		if (READ_ONCE(sk->sk_err))
			mask |= EPOLLERR;
		if (READ_ONCE(ks->rx.closed))
			mask |= EPOLLRDHUP;
		/* opening may have ended it */
		if (READ_ONCE(ks->state) != KSEAL_STATE_DEAD)
			return mask;
		fallthrough;
	case KSEAL_STATE_DEAD:
		return mask | in | EPOLLOUT | EPOLLWRNORM | EPOLLERR |
		       EPOLLHUP | EPOLLRDHUP;
	case KSEAL_STATE_NEW:
		return mask & (EPOLLERR | EPOLLHUP | EPOLLRDHUP);
	default:
		/* silent until there are keys */
		return 0;
	}
}

void kseal_shutdown(struct sock *sk, int how)
{
	struct kseal_sock *ks = kseal_sock(sk);

	if (ks && (how & SEND_SHUTDOWN)) {
		if (ks->state == KSEAL_STATE_WAITING) {
			/* FIN would end the handshake; it follows the keys.
			 * inet_shutdown() has marked the socket, and TCP takes
			 * nothing from a marked one, the helper's answers included.
			 */
			ks->shutdown_late = true;
			WRITE_ONCE(sk->sk_shutdown,
				   sk->sk_shutdown & ~SEND_SHUTDOWN);
			return;
		}
		kseal_close_notify(ks);
	}
	(ks ? kseal_sock_base(ks) : sk->sk_prot_creator)->shutdown(sk, how);
}

/* connect(AF_UNSPEC), and in BH the end of children nobody accepted. */
int kseal_disconnect(struct sock *sk, int flags)
{
	struct kseal_sock *ks = kseal_sock(sk);

	if (!ks)
		return sk->sk_prot_creator->disconnect(sk, flags);
	/* close() with SO_LINGER 0 comes here too, when it is over */
	if (ks->mainline && ks->state != KSEAL_STATE_DEAD)
		return -EOPNOTSUPP;
	if (ks->state != KSEAL_STATE_LISTEN) {
		WRITE_ONCE(ks->err, -ENOTCONN);
		kseal_sock_set_state(ks, KSEAL_STATE_DEAD);
		kseal_handshake_wake(ks);
		/* not for whoever is connected to next, nor for children */
		kseal_send_drop(&ks->tx);
		if (ks->base_write_space)
			kseal_sock_restore(ks);
	}
	return kseal_sock_base(ks)->disconnect(sk, flags);
}

void kseal_close(struct sock *sk, long timeout)
{
	struct kseal_sock *ks = kseal_sock(sk);
	const struct proto *base;

	if (!ks) {
		sk->sk_prot_creator->close(sk, timeout);
		return;
	}
	base = kseal_sock_base(ks);
	lock_sock(sk);
	kseal_handshake_cancel(ks, -ECONNABORTED);
	/* before the drain, which may end the session */
	kseal_send_flush(ks, true);
	if (ks->state == KSEAL_STATE_KEYED && !ks->mainline) {
		kseal_receive_drain(ks);
		kseal_close_notify(ks);
		kseal_session_tell(ks, KSEAL_EVENT_CLOSED, GFP_KERNEL);
	}
	/* TCP would not take it: a reset, not an end that hides the loss */
	if (ks->tx.out.bytes || ks->tx.len) {
		sock_set_flag(sk, SOCK_LINGER);
		WRITE_ONCE(sk->sk_lingertime, 0);
	}
	if (ks->state != KSEAL_STATE_LISTEN)
		kseal_sock_set_state(ks, KSEAL_STATE_DEAD);
	if (ks->base_write_space)
		kseal_sock_restore(ks);
	release_sock(sk);

	/* nothing queues it any more */
	cancel_delayed_work_sync(&ks->tx_work);
	lock_sock(sk);
	kseal_send_free(&ks->tx);
	kseal_receive_free(&ks->rx);
	release_sock(sk);
	base->close(sk, timeout);
}

/* SO_RCVLOWAT, under the socket lock. TCP counts what is in its own queue, and
 * would not wake us for the rest of a record whose beginning has left it.
 */
int kseal_set_rcvlowat(struct sock *sk, int val)
{
	struct kseal_sock *ks = kseal_sock(sk);

	if (!ks)
		return -ENOMEM;
	if (ks->mainline && !ks->rx.keys)
		return kseal_sock_base_ops(ks)->set_rcvlowat(sk, val);
	WRITE_ONCE(ks->rx.lowat, val);
	return 0;
}
