// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>

#ifdef KSEAL_COMPAT_ACCEPT
static struct sock *(*new_accept)(struct sock *sk,
				  struct proto_accept_arg *arg);

static struct sock *old_accept(struct sock *sk, int flags, int *err, bool kern)
{
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };
	struct sock *child = new_accept(sk, &arg);

	*err = arg.err;
	return child;
}

static int (*new_ops_accept)(struct socket *sock, struct socket *child,
			     struct proto_accept_arg *arg);

static int old_ops_accept(struct socket *sock, struct socket *child, int flags,
			  bool kern)
{
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };

	return new_ops_accept(sock, child, &arg);
}
#endif

#ifdef KSEAL_COMPAT_RECVMSG
static int (*new_recvmsg)(struct sock *sk, struct msghdr *msg, size_t len,
			  int flags);

static int old_recvmsg(struct sock *sk, struct msghdr *msg, size_t len,
		       int flags, int *addr_len)
{
	return new_recvmsg(sk, msg, len, flags);
}
#endif

#ifdef KSEAL_COMPAT_SENDPAGE
static int (*new_sendmsg)(struct sock *sk, struct msghdr *msg, size_t size);

static int old_sendpage(struct sock *sk, struct page *page, int offset,
			size_t size, int flags)
{
	struct bio_vec vec = {
		.bv_page = page,
		.bv_offset = offset,
		.bv_len = size,
	};
	struct msghdr msg = {
		.msg_flags = (flags & ~MSG_SENDPAGE_NOTLAST) | MSG_SPLICE_PAGES,
	};

	if (flags & MSG_SENDPAGE_NOTLAST)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, size);
	return new_sendmsg(sk, &msg, size);
}
#endif

void kseal_compat_proto(struct proto *prot,
			const struct kseal_proto_calls *calls)
{
	prot->sendmsg = calls->sendmsg;
#ifdef KSEAL_COMPAT_ACCEPT
	new_accept = calls->accept;
	prot->accept = old_accept;
#else
	prot->accept = calls->accept;
#endif
#ifdef KSEAL_COMPAT_RECVMSG
	new_recvmsg = calls->recvmsg;
	prot->recvmsg = old_recvmsg;
#else
	prot->recvmsg = calls->recvmsg;
#endif
#ifdef KSEAL_COMPAT_SENDPAGE
	new_sendmsg = calls->sendmsg;
	prot->sendpage = old_sendpage;
#endif
#ifdef KSEAL_COMPAT_SPLICE_EOF
	prot->splice_eof = calls->splice_eof;
#endif
}

#ifdef KSEAL_COMPAT_ULP_INFO
static int (*new_info)(struct sock *sk, struct sk_buff *skb, bool net_admin);
static size_t (*new_size)(const struct sock *sk, bool net_admin);

static int old_info(struct sock *sk, struct sk_buff *skb)
{
	return new_info(sk, skb, false);
}

static size_t old_size(const struct sock *sk)
{
	return new_size(sk, false);
}
#endif

void kseal_compat_ulp(struct tcp_ulp_ops *ops,
		      int (*info)(struct sock *sk, struct sk_buff *skb,
				  bool net_admin),
		      size_t (*size)(const struct sock *sk, bool net_admin))
{
#ifdef KSEAL_COMPAT_ULP_INFO
	new_info = info;
	new_size = size;
	ops->get_info = old_info;
	ops->get_info_size = old_size;
#else
	ops->get_info = info;
	ops->get_info_size = size;
#endif
}

void kseal_compat_ops(struct proto_ops *ops,
		      int (*accept)(struct socket *sock, struct socket *child,
				    struct proto_accept_arg *arg))
{
#ifdef KSEAL_COMPAT_ACCEPT
	new_ops_accept = accept;
	ops->accept = old_ops_accept;
#else
	ops->accept = accept;
#endif
	ops->sendmsg_locked = NULL;
#ifdef KSEAL_COMPAT_SENDPAGE
	ops->sendpage_locked = NULL;
#endif
}

#ifdef KSEAL_COMPAT_SENDPAGE
int kseal_compat_push(struct sock *sk, struct bio_vec *vec, unsigned int n,
		      size_t bytes, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_DONTWAIT | MSG_NOSIGNAL };
	int taken = 0;
	unsigned int i;

	if (!(sk->sk_route_caps & NETIF_F_SG)) {
		iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, vec, n, bytes);
		return tcp_sendmsg_locked(sk, &msg, bytes);
	}
	for (i = 0; i < n; i++) {
		int more = i + 1 < n ? MSG_MORE | MSG_SENDPAGE_NOTLAST : 0;
		int len = vec[i].bv_len;
		int ret = do_tcp_sendpages(sk, vec[i].bv_page,
					   vec[i].bv_offset, len,
					   msg.msg_flags | more);

		if (ret <= 0)
			return taken ?: ret ?: -EAGAIN;
		taken += ret;
		if (ret < len)
			break;
	}
	return taken;
}
#else
int kseal_compat_push(struct sock *sk, struct bio_vec *vec, unsigned int n,
		      size_t bytes, int flags)
{
	/* Nobody writes to these pages any more: TCP need not fear that they
	 * change under its checksums.
	 */
	struct msghdr msg = {
		.msg_flags = flags | MSG_DONTWAIT | MSG_NOSIGNAL |
			     MSG_SPLICE_PAGES | MSG_NO_SHARED_FRAGS,
	};

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, vec, n, bytes);
	return tcp_sendmsg_locked(sk, &msg, bytes);
}
#endif
