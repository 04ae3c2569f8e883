// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/pipe_fs_i.h>
#include <linux/splice.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "assemble.h"
#include "deliver.h"
#include "receive.h"
#include "sock.h"
#include "stash.h"

/* ---- recvmsg ---- */

struct delivery {
	struct msghdr *msg;
	size_t len;		/* asked for */
	size_t target;		/* enough to stop waiting */
	size_t copied;
	int flags;
	u8 type;		/* of what was copied; 0: nothing yet */
};

static int tell_type(struct delivery *d)
{
	int err = put_cmsg(d->msg, SOL_TLS, TLS_GET_RECORD_TYPE,
			   sizeof(d->type), &d->type);

	return err || (d->msg->msg_flags & MSG_CTRUNC) ? -EIO : 0;
}

/* A call gives content of one type. Returns 1 when the record's is this one,
 * 0 when it has to wait for the next call, or -EIO: a control record, and no
 * room to say so (mainline's convention). That of data is told when the call is
 * over: what was peeked at may be taken by another reader meanwhile.
 */
static int match_type(u8 type, struct delivery *d)
{
	if (d->type)
		return d->type == type;
	/* no content type; TLS 1.2 has it outside, where it can be anything */
	if (!type)
		return -EBADMSG;
	d->type = type;
	return type == KSEAL_TYPE_DATA ? 1 : tell_type(d) ?: 1;
}

/* Returns 1 to go on, 0 when the call is over, or an errno. */
static int deliver(struct kseal_sock *ks, struct kseal_opened *opened,
		   struct delivery *d)
{
	struct kseal_receive *rx = &ks->rx;
	unsigned int want, got;
	u8 type = opened->type;
	bool whole;
	int ret;

	ret = match_type(type, d);
	if (ret <= 0)
		return ret;
	want = min_t(size_t, d->len - d->copied, opened->len);
	got = want;
	if (!(d->flags & MSG_TRUNC) || ks->mainline)
		got = copy_to_iter(opened->text + opened->off, want,
				   &d->msg->msg_iter);
	if (!got && want)
		return -EFAULT;
	d->copied += got;
	whole = got == opened->len;
	if (!(d->flags & MSG_PEEK))
		kseal_receive_consume(rx, got);
	if (whole && rx->cmsg)
		d->msg->msg_flags |= MSG_EOR;
	return type == KSEAL_TYPE_DATA && got == want;
}

/* The record after this one, or the first; NULL: none is open. */
static struct kseal_opened *behind(struct kseal_receive *rx,
				   struct kseal_opened *opened)
{
	struct list_head *next = opened ? opened->node.next : rx->opened.next;

	return next == &rx->opened ? NULL :
	       list_entry(next, struct kseal_opened, node);
}

/* Waits for TCP. Returns 0 to look again, or an errno. */
static int wait_for_data(struct kseal_sock *ks, long *timeo)
{
	struct sock *sk = ks->sk;

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	kseal_assemble_settle(ks);
	kseal_receive_rest(&ks->rx);
	sk_wait_data(sk, timeo, skb_peek_tail(&sk->sk_receive_queue));
	return 0;
}

/* A peek leaves the records, and may need more of them than one. What the caller
 * has room for goes there at once.
 */
static int open_another(struct kseal_sock *ks, struct delivery *d)
{
	struct kseal_receive *rx = &ks->rx;
	int ret;

	if (d->flags & MSG_PEEK)
		return kseal_receive_ahead(ks);
	if ((d->flags & MSG_TRUNC) || (d->type && d->type != KSEAL_TYPE_DATA))
		return kseal_receive_next(ks);
	ret = kseal_receive_into(ks, &d->msg->msg_iter);
	if (ret <= 0 || !list_empty(&rx->opened))
		return ret;
	d->type = KSEAL_TYPE_DATA;
	d->copied += ret;
	if (rx->cmsg)
		d->msg->msg_flags |= MSG_EOR;
	return ret;
}

/* In mainline's convention the socket's error is told once, by a call that has
 * nothing else to tell. A record that cannot be opened is told again.
 */
static int take_error(struct kseal_sock *ks, int err)
{
	struct sock *sk = ks->sk;

	if (ks->mainline && err < 0 && err == -READ_ONCE(sk->sk_err) &&
	    !kseal_assemble_whole(&ks->rx))
		sock_error(sk);
	return err;
}

static int receive_records(struct kseal_sock *ks, struct delivery *d,
			   long timeo)
{
	struct kseal_receive *rx = &ks->rx;
	struct kseal_opened *opened, *last = NULL;
	int ret = 0;

	while (d->copied < d->len) {
		opened = behind(rx, last);
		if (opened) {
			ret = deliver(ks, opened, d);
			if (ret <= 0)
				break;
			/* the others are gone when they are read */
			last = d->flags & MSG_PEEK ? opened : NULL;
			continue;
		}
		ret = open_another(ks, d);
		if (ret > 0)
			continue;
		if (!d->copied)
			ret = take_error(ks, ret);
		if (ret != -EAGAIN || d->copied >= d->target)
			break;
		ret = wait_for_data(ks, &timeo);
		if (ret)
			break;
		/* another reader may have taken what was peeked at */
		if (last) {
			iov_iter_revert(&d->msg->msg_iter, d->copied);
			d->copied = 0;
			d->type = 0;
			last = NULL;
		}
	}
	if (rx->cmsg && d->type == KSEAL_TYPE_DATA)
		tell_type(d);
	return d->copied ?: ret;
}

/* In the family's form, as TCP gives them. */
static int receive_errors(struct sock *sk, struct msghdr *msg, size_t len)
{
	return sk->sk_family == AF_INET6 ?
	       sock_recv_errqueue(sk, msg, len, SOL_IPV6, IPV6_RECVERR) :
	       sock_recv_errqueue(sk, msg, len, SOL_IP, IP_RECVERR);
}

int kseal_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct kseal_sock *ks = kseal_sock(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct delivery d = { .msg = msg, .len = len, .flags = flags };
	int ret;

	if (!ks)
		return -ENOMEM;
	if (unlikely(flags & MSG_ERRQUEUE))
		return receive_errors(sk, msg, len);

	lock_sock(sk);
	ret = kseal_sock_wait(ks, &timeo);
	if (!ret && !ks->rx.keys) {
		/* mainline's convention: this direction is still TCP's */
		release_sock(sk);
		return kseal_compat_recvmsg(kseal_sock_base(ks), sk, msg, len,
					    flags);
	}
	if (!ret && (flags & MSG_OOB))
		ret = -EOPNOTSUPP;
	/* data that was opened before the failure is still to be read */
	if (!ret || !list_empty(&ks->rx.opened)) {
		d.target = flags & MSG_WAITALL ? len :
			   clamp_t(size_t, ks->rx.lowat, 1, len ?: 1);
		ret = receive_records(ks, &d, timeo);
		kseal_assemble_settle(ks);
		kseal_assemble_judge(ks);
		kseal_receive_rest(&ks->rx);
	}
	release_sock(sk);
	return ret;
}

/* ---- splice ---- */

/* The next record that has something. */
static int next_content(struct kseal_sock *ks)
{
	struct kseal_opened *opened;
	int ret;

	while ((ret = kseal_receive_next(ks)) > 0) {
		opened = kseal_receive_first(&ks->rx);
		if (opened->len || opened->type != KSEAL_TYPE_DATA)
			break;
		kseal_receive_consume(&ks->rx, 0);
	}
	return ret;
}

/* Waits for a record. Returns 1, 0 at the end, or an errno; -EINVAL when it is
 * a control record, which a pipe cannot tell from data.
 */
static int wait_for_record(struct kseal_sock *ks, long timeo)
{
	int ret;

	for (;;) {
		ret = take_error(ks, next_content(ks));
		if (ret != -EAGAIN)
			break;
		ret = wait_for_data(ks, &timeo);
		if (ret)
			break;
	}
	if (ret > 0 && kseal_receive_first(&ks->rx)->type != KSEAL_TYPE_DATA)
		return -EINVAL;
	return ret;
}

static void release_page(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

/* The pipe gets references to the record's pages, which nobody writes to until
 * the last is dropped. Returns bytes, or what splice_to_pipe() says.
 */
static ssize_t splice_record(struct kseal_receive *rx,
			     struct pipe_inode_info *pipe, size_t len)
{
	struct kseal_opened *opened = kseal_receive_first(rx);
	const u8 *at = opened->text + opened->off;
	struct partial_page partial[KSEAL_OPENED_PAGES];
	struct page *pages[KSEAL_OPENED_PAGES];
	struct splice_pipe_desc spd = {
		.pages = pages,
		.partial = partial,
		.nr_pages_max = KSEAL_OPENED_PAGES,
		.ops = &nosteal_pipe_buf_ops,
		.spd_release = release_page,
	};
	ssize_t ret;

	len = min_t(size_t, len, opened->len);
	while (len) {
		unsigned int n = min_t(size_t, len,
				       PAGE_SIZE - offset_in_page(at));

		pages[spd.nr_pages] = virt_to_page(at);
		get_page(pages[spd.nr_pages]);
		partial[spd.nr_pages].offset = offset_in_page(at);
		partial[spd.nr_pages].len = n;
		spd.nr_pages++;
		at += n;
		len -= n;
	}
	ret = splice_to_pipe(pipe, &spd);
	if (ret > 0 && !opened->shared) {
		/* the rest of the pages may be another record's, or session's */
		memzero_explicit(opened->text + opened->off + opened->len,
				 KSEAL_STASH_SIZE - sizeof(*opened) -
				 opened->off - opened->len);
		opened->shared = true;
	}
	if (ret > 0)
		kseal_receive_consume(rx, ret);
	return ret;
}

ssize_t kseal_splice_read(struct socket *sock, loff_t *ppos,
			  struct pipe_inode_info *pipe, size_t len,
			  unsigned int flags)
{
	struct sock *sk = sock->sk;
	struct kseal_sock *ks = kseal_sock(sk);
	bool nonblock = (flags & SPLICE_F_NONBLOCK) ||
			(sock->file->f_flags & O_NONBLOCK);
	long timeo = sock_rcvtimeo(sk, nonblock);
	ssize_t ret;

	if (!ks)
		return -ENOMEM;
	lock_sock(sk);
	ret = kseal_sock_wait(ks, &timeo);
	if (!ret && !ks->rx.keys) {
		release_sock(sk);
		return kseal_sock_base_ops(ks)->splice_read(sock, ppos, pipe,
							    len, flags);
	}
	if (!ret || !list_empty(&ks->rx.opened))
		ret = wait_for_record(ks, timeo);
	if (ret > 0)
		ret = splice_record(&ks->rx, pipe, len);
	kseal_assemble_settle(ks);
	kseal_assemble_judge(ks);
	kseal_receive_rest(&ks->rx);
	release_sock(sk);
	return ret;
}

/* ---- read_sock ---- */

int kseal_peek_len(struct socket *sock)
{
	const struct kseal_sock *ks = kseal_sock(sock->sk);

	return ks ? READ_ONCE(ks->rx.opened_bytes) : 0;
}

/* The reader may keep the skb, so it gets one of its own. */
static struct sk_buff *make_skb(const struct kseal_opened *opened)
{
	struct sk_buff *skb = alloc_skb(opened->len, GFP_KERNEL);

	if (skb)
		skb_put_data(skb, opened->text + opened->off, opened->len);
	return skb;
}

static int read_record(struct kseal_sock *ks, read_descriptor_t *desc,
		       sk_read_actor_t actor)
{
	struct kseal_opened *opened;
	struct sk_buff *skb;
	int ret;

	ret = next_content(ks);
	if (ret <= 0)
		return ret;
	opened = kseal_receive_first(&ks->rx);
	/* readers of this kind have no way to take them */
	if (opened->type != KSEAL_TYPE_DATA)
		return -EINVAL;
	skb = make_skb(opened);
	if (!skb)
		return -ENOMEM;
	ret = actor(desc, skb, 0, skb->len);
	kfree_skb(skb);
	if (ret > 0)
		kseal_receive_consume(&ks->rx, ret);
	return ret;
}

int kseal_read_sock(struct sock *sk, read_descriptor_t *desc,
		    sk_read_actor_t actor)
{
	struct kseal_sock *ks = kseal_sock(sk);
	int copied = 0, ret = 0;

	if (!ks)
		return -ENOMEM;
	/* Opening a record may sleep. Readers that come in BH, with the
	 * socket's spinlock alone, get nothing.
	 */
	if (!sock_owned_by_user_nocheck(sk))
		return -EWOULDBLOCK;
	if (ks->state != KSEAL_STATE_KEYED && list_empty(&ks->rx.opened))
		return ks->err ?: -EAGAIN;
	if (ks->state == KSEAL_STATE_KEYED && !ks->rx.keys)
		return kseal_sock_base_ops(ks)->read_sock(sk, desc, actor);
	while (desc->count) {
		ret = read_record(ks, desc, actor);
		if (ret <= 0)
			break;
		copied += ret;
	}
	kseal_assemble_settle(ks);
	kseal_receive_rest(&ks->rx);
	return copied ?: ret;
}
