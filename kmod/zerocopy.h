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

/**
 * kseal_zerocopy_begin - announce a completion if the caller wants one
 * @sk: the socket, locked
 * @msg: the caller's; io_uring waits on msg->msg_ubuf, which nobody keeps here
 * @size: bytes
 * @uarg: for kseal_zerocopy_end(), NULL before
 *
 * Return: 0 or -ENOBUFS.
 */
static inline int kseal_zerocopy_begin(struct sock *sk, struct msghdr *msg,
				       size_t size, struct ubuf_info **uarg)
{
	if (likely(!(msg->msg_flags & MSG_ZEROCOPY)) || !size ||
	    msg->msg_ubuf || !sock_flag(sk, SOCK_ZEROCOPY))
		return 0;
	*uarg = kseal_compat_zerocopy_alloc(sk, size);
	return *uarg ? 0 : -ENOBUFS;
}

/* Completes it; after a failure (@ret < 0) there is nothing to complete. */
static inline void kseal_zerocopy_end(struct ubuf_info *uarg, int ret)
{
	if (likely(!uarg))
		return;
	if (ret < 0) {
		net_zcopy_put_abort(uarg, true);
		return;
	}
	uarg_to_msgzc(uarg)->zerocopy = 0;
	net_zcopy_put(uarg);
}

#endif
