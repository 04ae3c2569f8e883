/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MSG_ZEROCOPY and io_uring's SEND_ZC. Sealing reads the caller's pages before
 * the call returns and keeps no reference to them, so the completion comes at
 * once, and says that the data was copied (SO_EE_CODE_ZEROCOPY_COPIED).
 */
#ifndef KSEAL_ZEROCOPY_H
#define KSEAL_ZEROCOPY_H

#include <linux/skbuff.h>
#include <linux/socket.h>
#include <net/sock.h>

struct kseal_zerocopy {
	struct ubuf_info *uarg;
};

/**
 * kseal_zerocopy_begin - announce a completion if the caller wants one
 * @sk: the socket, locked
 * @msg: the caller's; io_uring waits on msg->msg_ubuf, which nobody keeps here
 * @size: bytes
 * @zc: for kseal_zerocopy_end(), zeroed
 *
 * Return: 0 or -ENOBUFS.
 */
static inline int kseal_zerocopy_begin(struct sock *sk, struct msghdr *msg,
				       size_t size, struct kseal_zerocopy *zc)
{
	if (likely(!(msg->msg_flags & MSG_ZEROCOPY)) || !size ||
	    msg->msg_ubuf || !sock_flag(sk, SOCK_ZEROCOPY))
		return 0;
	zc->uarg = kseal_compat_zerocopy_alloc(sk, size);
	return zc->uarg ? 0 : -ENOBUFS;
}

/* Completes it; after a failure (@ret < 0) there is nothing to complete. */
static inline void kseal_zerocopy_end(struct kseal_zerocopy *zc, int ret)
{
	if (likely(!zc->uarg))
		return;
	if (ret < 0) {
		net_zcopy_put_abort(zc->uarg, true);
		return;
	}
	uarg_to_msgzc(zc->uarg)->zerocopy = 0;
	net_zcopy_put(zc->uarg);
}

#endif
