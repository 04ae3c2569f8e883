// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/tls.h>
#include <net/tcp.h>

#include "send.h"
#include "sock.h"
#include "stats.h"
#include "submit.h"
#include "zerocopy.h"

/* A record type by cmsg (SOL_TLS, TLS_SET_RECORD_TYPE). Returns the type;
 * *given says how many there were.
 */
static int wanted_type(const struct kseal_sock *ks, struct msghdr *msg,
		       unsigned int *given)
{
	int type = KSEAL_TYPE_DATA;
	struct cmsghdr *cmsg;

	*given = 0;
	if (likely(!msg->msg_controllen))
		return type;
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_TLS)
			continue;
		if (cmsg->cmsg_type != TLS_SET_RECORD_TYPE ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(u8)) ||
		    (msg->msg_flags & MSG_MORE))
			return -EINVAL;
		type = *(u8 *)CMSG_DATA(cmsg);
		(*given)++;
	}
	if (ks->mainline && !*given)
		return -EINVAL;
	if (!ks->mainline && type != KSEAL_TYPE_DATA &&
	    type != KSEAL_TYPE_ALERT && type != KSEAL_TYPE_HANDSHAKE)
		return -EINVAL;
	return type;
}

static int check_flags(const struct kseal_sock *ks, const struct msghdr *msg)
{
	/* what is internal to the kernel's own callers is no matter of ours */
	const int mainline = MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL |
			     MSG_CMSG_COMPAT | MSG_SPLICE_PAGES | MSG_EOR |
			     MSG_SENDPAGE_NOPOLICY;

	if (msg->msg_flags & (MSG_OOB | MSG_FASTOPEN))
		return -EOPNOTSUPP;
	if (!ks->mainline)
		return 0;
	if (msg->msg_flags & ~mainline)
		return -EOPNOTSUPP;
	if ((msg->msg_flags & MSG_MORE) && (msg->msg_flags & MSG_EOR))
		return -EINVAL;
	return 0;
}

static int send_locked(struct kseal_sock *ks, struct msghdr *msg, size_t size,
		       u8 type, unsigned int given, long timeo)
{
	int ret = 0;

	/* each of them ends what is open; the last one's error counts */
	if (given && ks->mainline)
		ret = kseal_send_end(ks, !size);
	if (given > 1 && ks->mainline)
		ret = kseal_send_end(ks, !size);
	if (ret)
		return ret;
	if (!size && ks->mainline)
		return 0;
	return kseal_send_records(ks, msg, type, timeo);
}

int kseal_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct kseal_sock *ks = kseal_sock(sk);
	struct ubuf_info *uarg = NULL;
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int ret, type;
	unsigned int given;

	if (!ks)
		return -ENOMEM;
	lock_sock(sk);
	ret = kseal_sock_wait(ks, &timeo);
	if (!ret && !ks->tx.keys) {
		/* mainline's convention: this direction is still TCP's */
		release_sock(sk);
		return kseal_sock_base(ks)->sendmsg(sk, msg, size);
	}
	type = wanted_type(ks, msg, &given);
	if (!ret)
		ret = check_flags(ks, msg);
	if (!ret)
		ret = min(type, 0);
	if (!ret)
		ret = kseal_zerocopy_begin(sk, msg, size, &uarg);
	if (!ret)
		ret = send_locked(ks, msg, size, type, given, timeo);
	if (ret > 0 && (msg->msg_flags & MSG_SPLICE_PAGES))
		kseal_count(ks, KSEAL_STAT_TX_SPLICE_BYTES, ret);
	kseal_zerocopy_end(uarg, ret);
	if (ret < 0)
		ret = sk_stream_error(sk, msg->msg_flags, ret);
	kseal_send_rest(&ks->tx);
	release_sock(sk);
	return ret;
}

void kseal_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct kseal_sock *ks = kseal_sock(sk);

	if (!ks)
		return;
	lock_sock(sk);
	if (ks->state == KSEAL_STATE_KEYED && ks->tx.keys)
		kseal_send_flush(ks, false);
	release_sock(sk);
}
