// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way in, in the order in which it stands below:
 *
 *   assemble_record()  TCP's bytes into a flat buffer of our own, one record
 *   open_record()      takes a number, verifies and decrypts into another
 *   strip_record()     padding and inner type; control records go to control.c
 *   deliver_record()   to the application
 *   kseal_recvmsg()    the driver
 *
 * The copy at the start is on purpose. What lies in TCP's queue may be the
 * sender's page cache, spliced over loopback, and can change between the check
 * of the tag and the decryption; a copy of our own cannot. And a record too
 * long for the receive buffer still arrives, as it leaves the queue in parts.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "control.h"
#include "keys.h"
#include "receive.h"
#include "sock.h"
#include "stats.h"

/* RFC 8446 5.1 allows empty records as cover traffic; so many in a row are an
 * attack.
 */
#define EMPTY_MAX 32
/* records without data before the socket lock is offered to others */
#define CONTROL_BURST 16

static int make_buffers(struct kseal_receive *rx)
{
	if (!rx->raw)
		rx->raw = alloc_pages_exact(KSEAL_RECORD_MAX,
					    GFP_KERNEL_ACCOUNT);
	if (!rx->plain)
		rx->plain = alloc_pages_exact(KSEAL_HEADER_LEN + KSEAL_CIPHER_MAX,
					      GFP_KERNEL_ACCOUNT);
	return rx->raw && rx->plain ? 0 : -ENOMEM;
}

static int refuse(struct kseal_sock *ks, const struct kseal_refusal *why,
		  enum kseal_stat stat)
{
	kseal_stat_add(sock_net(ks->sk), stat, 1);
	kseal_alert_fatal(ks, why);
	return ks->err;
}

/* ---- assemble ---- */

/* How many more bytes the record takes, as far as is known. */
static unsigned int missing(const struct kseal_receive *rx)
{
	return (rx->raw_need ?: KSEAL_HEADER_LEN) - rx->raw_len;
}

/* Called when the header is whole. */
static int judge_header(struct kseal_receive *rx, struct kseal_refusal *why)
{
	int len = kseal_record_check(rx->raw, why);

	if (len < 0)
		return len;
	rx->raw_need = KSEAL_HEADER_LEN + len;
	return 0;
}

struct assembly {
	struct kseal_receive *rx;
	struct kseal_refusal why;
};

/* One piece of TCP's queue. Takes no more than the record needs. */
static int take(read_descriptor_t *desc, struct sk_buff *skb,
		unsigned int offset, size_t len)
{
	struct assembly *a = desc->arg.data;
	struct kseal_receive *rx = a->rx;
	size_t used = 0;

	while (used < len && missing(rx) && !desc->error) {
		unsigned int n = min_t(size_t, len - used, missing(rx));
		int err = skb_copy_bits(skb, offset + used,
					rx->raw + rx->raw_len, n);

		if (err) {
			desc->error = err;
			break;
		}
		used += n;
		rx->raw_len += n;
		if (!missing(rx) && !rx->raw_need)
			desc->error = judge_header(rx, &a->why);
	}
	desc->count = missing(rx) && !desc->error;
	return used;
}

/* What came with the handshake, before the queue. */
static int take_early(struct kseal_receive *rx, struct kseal_refusal *why)
{
	int err = 0;

	while (rx->early && missing(rx) && !err) {
		unsigned int n = min(rx->early_len, missing(rx));

		memcpy(rx->raw + rx->raw_len, rx->early + rx->early_off, n);
		rx->raw_len += n;
		rx->early_off += n;
		rx->early_len -= n;
		if (!rx->early_len) {
			kvfree(rx->early);
			rx->early = NULL;
		}
		if (!missing(rx) && !rx->raw_need)
			err = judge_header(rx, why);
	}
	return err;
}

int kseal_receive_tcp(struct sock *sk, read_descriptor_t *desc,
		      sk_read_actor_t take)
{
	sock_owned_by_me(sk);
	if (unlikely(tcp_sk(sk)->urg_data))
		WRITE_ONCE(tcp_sk(sk)->urg_data, 0);
	return tcp_read_sock(sk, desc, take);
}

/* Returns 1 with a whole record in raw, 0 when more must come, or an errno,
 * by then sticky.
 */
static int assemble_record(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	struct assembly a = { .rx = rx };
	read_descriptor_t desc = { .arg.data = &a, .count = 1 };
	int err;

	err = take_early(rx, &a.why);
	if (!err && missing(rx)) {
		int ret = kseal_receive_tcp(ks->sk, &desc, take);

		err = desc.error ?: min(ret, 0);
	}
	if (err && a.why.err)
		return refuse(ks, &a.why, KSEAL_STAT_RX_MALFORMED);
	return err ?: !missing(rx);
}

/* ---- open ---- */

/* Decrypts raw into plain. Returns the inner plaintext's length or an errno. */
static int open_record(struct kseal_sock *ks)
{
	static const struct kseal_refusal bad_tag = {
		-EBADMSG, KSEAL_ALERT_BAD_RECORD_MAC,
		"a record from the peer failed authentication",
	};
	static const struct kseal_refusal spent = {
		-EKEYEXPIRED, KSEAL_ALERT_INTERNAL_ERROR,
		"the peer reached the limit of RFC 8446 5.5 without a KeyUpdate",
	};
	struct kseal_receive *rx = &ks->rx;
	unsigned int len = rx->raw_need - KSEAL_HEADER_LEN;
	struct scatterlist src, dst;
	int err;

	sg_init_one(&src, rx->raw, rx->raw_need);
	sg_init_one(&dst, rx->plain, rx->raw_need - KSEAL_TAG_LEN);
	err = kseal_keys_open(rx->keys, &src, &dst, len);
	rx->raw_len = 0;
	rx->raw_need = 0;
	if (err == -EKEYEXPIRED)
		return refuse(ks, &spent, KSEAL_STAT_KEY_LIMIT);
	if (err) {
		/* what a forger made of it is nobody's business */
		memzero_explicit(rx->plain, KSEAL_HEADER_LEN + len);
		if (err == -EBADMSG)
			return refuse(ks, &bad_tag, KSEAL_STAT_RX_BAD_TAG);
		kseal_sock_fail(ks, err, "opening a record failed in the kernel's cipher");
		return err;
	}
	WRITE_ONCE(rx->records, rx->records + 1);
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_RECORDS, 1);
	return len - KSEAL_TAG_LEN;
}

/* ---- strip ---- */

/* Takes type and padding off; control records are acted on at once. Returns 1
 * when there is data for the application, 0 when not, or an errno.
 */
static int strip_record(struct kseal_sock *ks, unsigned int inner_len)
{
	static const struct kseal_refusal flood = {
		-EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
		"the peer sends records without content",
	};
	struct kseal_receive *rx = &ks->rx;
	u8 *inner = rx->plain + KSEAL_HEADER_LEN;
	struct kseal_refusal why;
	u8 type;
	int len;

	len = kseal_record_strip(inner, inner_len, &type, &why);
	if (len < 0)
		return refuse(ks, &why, KSEAL_STAT_RX_MALFORMED);
	if (len && type == KSEAL_TYPE_DATA) {
		rx->empty = 0;
		rx->plain_off = KSEAL_HEADER_LEN;
		rx->plain_len = len;
		WRITE_ONCE(rx->bytes, rx->bytes + len);
		kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_BYTES, len);
		return 1;
	}
	if (++rx->empty > EMPTY_MAX)
		return refuse(ks, &flood, KSEAL_STAT_RX_MALFORMED);
	return len ? kseal_control_receive(ks, type, inner, len) : 0;
}

/* TCP has ended: is there still something to come? */
static int check_end(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;

	if (ks->rx.closed)
		return 0;
	if (sk->sk_err) {
		kseal_sock_fail(ks, -sk->sk_err, "the TCP connection broke");
		return ks->err;
	}
	/* TCP sets SOCK_DONE with the FIN; shutdown(SHUT_RD) alone is our end */
	if (sk->sk_state != TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return sk->sk_shutdown & RCV_SHUTDOWN ? 0 : -EAGAIN;
	/* RFC 8446 6.1: without close_notify the end is a truncation */
	kseal_stat_add(sock_net(sk), KSEAL_STAT_RX_TRUNCATED, 1);
	kseal_sock_fail(ks, -ECONNRESET,
			"the connection ended without close_notify: data may be missing");
	return ks->err;
}

/* Assembles, opens, strips until there is data in plain. Returns 1; 0 at the
 * end of the stream; -EAGAIN when more must come; or the sticky errno.
 */
static int next_record(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	int burst, ret;

	ret = make_buffers(rx);
	if (ret)
		return ret;
	for (burst = 0; !rx->plain_len; burst++) {
		if (ks->state == KSEAL_STATE_DEAD)
			return ks->err;
		/* RFC 8446 6.1: what follows close_notify is ignored */
		if (rx->closed)
			return 0;
		if (burst == CONTROL_BURST) {
			burst = 0;
			sk_flush_backlog(ks->sk);
			cond_resched();
		}
		ret = assemble_record(ks);
		if (!ret)
			return check_end(ks);
		if (ret > 0)
			ret = open_record(ks);
		if (ret > 0)
			ret = strip_record(ks, ret);
		if (ret < 0)
			return ret;
	}
	return 1;
}

/* ---- deliver ---- */

/* Returns bytes delivered, or -EFAULT when there was not one. */
static int deliver_record(struct kseal_receive *rx, struct msghdr *msg,
			  size_t len, int flags)
{
	unsigned int want = min_t(size_t, len, rx->plain_len);
	unsigned int got = want;

	if (!(flags & MSG_TRUNC))
		got = copy_to_iter(rx->plain + rx->plain_off, want,
				   &msg->msg_iter);
	if (!(flags & MSG_PEEK)) {
		rx->plain_off += got;
		rx->plain_len -= got;
	}
	return got ?: -EFAULT;
}

/* ---- the driver ---- */

/* Waits for TCP. Returns 0 to look again, or an errno. */
static int wait_for_data(struct kseal_sock *ks, long *timeo)
{
	struct sock *sk = ks->sk;

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	sk_wait_data(sk, timeo, skb_peek_tail(&sk->sk_receive_queue));
	return 0;
}

static int receive_records(struct kseal_sock *ks, struct msghdr *msg,
			   size_t len, int flags, long timeo)
{
	struct kseal_receive *rx = &ks->rx;
	size_t target = flags & MSG_WAITALL ? len :
			clamp_t(size_t, rx->lowat, 1, len ?: 1);
	size_t copied = 0;
	int ret = 0;

	while (copied < len) {
		ret = rx->plain_len ? 1 : next_record(ks);
		if (ret > 0) {
			ret = deliver_record(rx, msg, len - copied, flags);
			if (ret < 0)
				break;
			copied += ret;
			/* a peek sees the first record's data */
			if (flags & MSG_PEEK)
				break;
			continue;
		}
		if (ret != -EAGAIN || copied >= target)
			break;
		ret = wait_for_data(ks, &timeo);
		if (ret)
			break;
	}
	return copied ?: ret;
}

int kseal_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct kseal_sock *ks = kseal_sock(sk);
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	int ret;

	if (!ks)
		return -ENOMEM;
	if (unlikely(flags & MSG_ERRQUEUE))
		return sock_recv_errqueue(sk, msg, len, SOL_IP, IP_RECVERR);
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;

	lock_sock(sk);
	ret = kseal_sock_wait(ks, &timeo);
	if (!ret)
		ret = receive_records(ks, msg, len, flags, timeo);
	/* data that was opened before the failure is still to be read */
	else if (ks->state == KSEAL_STATE_DEAD && ks->rx.plain_len)
		ret = deliver_record(&ks->rx, msg, len, flags);
	release_sock(sk);
	return ret;
}

bool kseal_receive_readable(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	struct sock *sk = ks->sk;
	bool readable;

	if (READ_ONCE(rx->plain_len) || READ_ONCE(rx->closed))
		return true;
	if (skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	    !READ_ONCE(rx->early) && !READ_ONCE(sk->sk_err) &&
	    !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN))
		return false;
	lock_sock(sk);
	readable = ks->state != KSEAL_STATE_KEYED || next_record(ks) != -EAGAIN;
	release_sock(sk);
	return readable;
}

void kseal_receive_drain(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;

	kseal_sock_owned(ks);
	if (skb_queue_empty(&ks->sk->sk_receive_queue) && !rx->early)
		return;
	if (!rx->plain_len)
		next_record(ks);
}

/* A record is whole, or TCP's buffer fills up with a part of one. */
static bool worth_waking(struct sock *sk, const struct kseal_receive *rx)
{
	int have = tcp_inq(sk), len;
	u8 header[KSEAL_HEADER_LEN];
	struct sk_buff *skb;
	u32 offset;

	if (rx->early || sock_flag(sk, SOCK_DONE) || tcp_sk(sk)->urg_data ||
	    tcp_epollin_ready(sk, INT_MAX))
		return true;
	if (rx->raw_len)
		return have >= missing(rx);
	if (have < KSEAL_HEADER_LEN)
		return false;
	skb = tcp_recv_skb(sk, tcp_sk(sk)->copied_seq, &offset);
	if (!skb || skb_copy_bits(skb, offset, header, sizeof(header)))
		return true;
	len = header[3] << 8 | header[4];
	return len > KSEAL_CIPHER_MAX || have >= KSEAL_HEADER_LEN + len;
}

void kseal_data_ready(struct sock *sk)
{
	struct kseal_sock *ks = kseal_sock(sk);

	if (ks->state != KSEAL_STATE_KEYED || worth_waking(sk, &ks->rx))
		ks->base_data_ready(sk);
}

void kseal_receive_free(struct kseal_receive *rx)
{
	kseal_keys_destroy(rx->keys);
	rx->keys = NULL;
	if (rx->raw)
		free_pages_exact(rx->raw, KSEAL_RECORD_MAX);
	if (rx->plain) {
		memzero_explicit(rx->plain, KSEAL_HEADER_LEN + KSEAL_CIPHER_MAX);
		free_pages_exact(rx->plain, KSEAL_HEADER_LEN + KSEAL_CIPHER_MAX);
	}
	kvfree(rx->early);
	rx->raw = NULL;
	rx->plain = NULL;
	rx->early = NULL;
	rx->plain_len = 0;
}
