// SPDX-License-Identifier: GPL-2.0-only
#include <linux/net.h>
#include <net/tcp.h>

#include "calls.h"
#include "deliver.h"
#include "family.h"
#include "listener.h"
#include "sock.h"
#include "submit.h"

static struct kseal_family families[2];
static DEFINE_MUTEX(families_lock);	/* protects their making */

static void make(struct kseal_family *family, struct sock *sk)
{
	static const struct kseal_proto_calls calls = {
		.accept = kseal_listener_accept,
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
	kseal_compat_ops(&family->ops, kseal_listener_ops_accept);
}

struct kseal_family *kseal_family_of(const struct sock *sk)
{
	return &families[sk->sk_family == AF_INET6];
}

struct kseal_family *kseal_family_get(struct sock *sk, gfp_t gfp)
{
	struct kseal_family *family = kseal_family_of(sk);

	/* whoever sees the base sees all of it */
	if (!smp_load_acquire(&family->base) && gfpflags_allow_blocking(gfp)) {
		mutex_lock(&families_lock);
		if (!family->base && sk->sk_prot->sendmsg == tcp_sendmsg) {
			make(family, sk);
			/* pairs with the load above */
			smp_store_release(&family->base, sk->sk_prot);
		}
		mutex_unlock(&families_lock);
	}
	if (family->base != sk->sk_prot ||
	    family->base_ops != sk->sk_socket->ops ||
	    family->data_ready != sk->sk_data_ready ||
	    family->write_space != sk->sk_write_space ||
	    family->state_change != sk->sk_state_change)
		return NULL;
	return family;
}

static int prepare(struct net *net, int af)
{
	struct socket *sock;
	int err = sock_create_kern(net, af, SOCK_STREAM, IPPROTO_TCP, &sock);

	if (err)
		return err;
	lock_sock(sock->sk);
	if (!kseal_family_get(sock->sk, GFP_KERNEL))
		err = -EBUSY;
	release_sock(sock->sk);
	sock_release(sock);
	return err;
}

int kseal_family_prepare(struct net *net)
{
	int err = prepare(net, AF_INET);

	if (err)
		return err;
	err = prepare(net, AF_INET6);
	/* a host without it has no such listeners either */
	return err == -EAFNOSUPPORT ? 0 : err;
}
