// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way out, in the order in which it stands below:
 *
 *   frame_record()   the application's bytes into the open record
 *   seal_record()    takes a number, writes header, ciphertext, tag
 *   push_records()   to TCP; remembers how far it came; never seals again
 *   send_records()   the driver: frame, seal, push, wait
 *
 * The open record is a flat buffer of our own (buf->plain), and records are
 * sealed out of it into pages of the socket's page fragment, one after the
 * other, several records to a push: TCP gets references to these pages, which
 * nobody writes to again. A record that was sealed is sent as it is or not at
 * all, so no number is ever used for two texts.
 *
 * All of it is under the socket lock. Like TCP's own sendmsg, it is given up
 * while waiting for memory, and writers on several threads then interleave
 * where they wait, between records.
 */
#include <crypto/aead.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/tls.h>
#include <net/tcp.h>

#include "control.h"
#include "keys.h"
#include "main.h"
#include "sock.h"
#include "stats.h"

/* MSG_MORE without a successor: as long as TCP's cork holds back at most */
#define FLUSH_DELAY (HZ / 5)

/* A record spans at most this many pieces: fragments are 32 KiB, or single
 * pages when memory is short.
 */
#define DST_MAX ((KSEAL_PLAIN_MAX + KSEAL_OVERHEAD) / PAGE_SIZE + 2)

static int make_buf(struct kseal_send *tx)
{
	struct kseal_send_buf *buf;

	if (tx->buf)
		return 0;
	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	buf->plain = alloc_pages_exact(KSEAL_PLAIN_MAX, GFP_KERNEL_ACCOUNT);
	if (!buf->plain) {
		kfree(buf);
		return -ENOMEM;
	}
	tx->buf = buf;
	return 0;
}

/* ---- frame ---- */

/* Returns bytes taken, or -EFAULT when there was not one. */
static int frame_record(struct kseal_send *tx, struct iov_iter *from)
{
	size_t room = KSEAL_PLAIN_MAX - tx->len;
	size_t want = min(room, iov_iter_count(from));
	size_t got = copy_from_iter(tx->buf->plain + tx->len, want, from);

	tx->len += got;
	return got || !want ? got : -EFAULT;
}

/* ---- seal ---- */

/* Another piece of page memory at the end of the out list, up to len bytes;
 * contiguous ones grow the last piece. Returns its length, 0: no memory, or
 * no place in the list.
 */
static unsigned int add_out(struct sock *sk, struct kseal_send *tx,
			    unsigned int len, struct scatterlist *piece)
{
	struct page_frag *frag = sk_page_frag(sk);
	struct bio_vec *vec = NULL;

	if (!sk_page_frag_refill(sk, frag))
		return 0;
	len = min(len, frag->size - frag->offset);
	if (tx->out_end > tx->out_first)
		vec = &tx->buf->out[tx->out_end - 1];
	if (vec && vec->bv_page == frag->page &&
	    vec->bv_offset + vec->bv_len == frag->offset) {
		vec->bv_len += len;
	} else {
		if (tx->out_end == KSEAL_OUT_MAX)
			return 0;
		vec = &tx->buf->out[tx->out_end++];
		get_page(frag->page);
		bvec_set_page(vec, frag->page, len, frag->offset);
	}
	if (piece)
		sg_set_page(piece, frag->page, len, frag->offset);
	frag->offset += len;
	WRITE_ONCE(tx->out_bytes, tx->out_bytes + len);
	return len;
}

/* Takes len bytes off the end of the out list again: they were not written.
 * The page fragment moved on and stays so.
 */
static void cut_out(struct kseal_send *tx, unsigned int len)
{
	WRITE_ONCE(tx->out_bytes, tx->out_bytes - len);
	while (len) {
		struct bio_vec *vec = &tx->buf->out[tx->out_end - 1];
		unsigned int n = min(len, vec->bv_len);

		vec->bv_len -= n;
		len -= n;
		if (!vec->bv_len) {
			put_page(vec->bv_page);
			tx->out_end--;
		}
	}
}

/* Room for a whole record of len bytes at the end of the out list. */
static int reserve_out(struct sock *sk, struct kseal_send *tx,
		       unsigned int len, struct scatterlist *dst)
{
	unsigned int done = 0, n = 0;

	sg_init_table(dst, DST_MAX);
	while (done < len) {
		unsigned int got = n < DST_MAX ?
			add_out(sk, tx, len - done, &dst[n++]) : 0;

		if (!got) {
			cut_out(tx, done);
			return -ENOMEM;
		}
		done += got;
	}
	sg_mark_end(&dst[n - 1]);
	return 0;
}

/* Seals len bytes of plain as one record of the given type into the out list.
 * RFC 8446 5.2: TLSCiphertext of TLSInnerPlaintext, no padding.
 */
static int seal_record(struct kseal_sock *ks, u8 type, const void *plain,
		       unsigned int len)
{
	struct kseal_send *tx = &ks->tx;
	struct kseal_send_buf *buf = tx->buf;
	struct scatterlist src[3], dst[DST_MAX];
	int err;

	err = reserve_out(ks->sk, tx, len + KSEAL_OVERHEAD, dst);
	if (err)
		return err;

	kseal_record_header(buf->header, KSEAL_TYPE_DATA,
			    len + 1 + KSEAL_TAG_LEN);
	buf->inner_type = type;
	/* the fragment has at least 32 bytes: the header is in one piece */
	memcpy(sg_virt(&dst[0]), buf->header, KSEAL_HEADER_LEN);
	if (len) {
		sg_init_table(src, 3);
		sg_set_buf(&src[1], plain, len);
		sg_set_buf(&src[2], &buf->inner_type, 1);
	} else {
		sg_init_table(src, 2);
		sg_set_buf(&src[1], &buf->inner_type, 1);
	}
	sg_set_buf(&src[0], buf->header, KSEAL_HEADER_LEN);

	err = kseal_keys_seal(tx->keys, src, dst, len + 1);
	if (err) {
		cut_out(tx, len + KSEAL_OVERHEAD);
		kseal_sock_fail(ks, err, "sealing a record failed in the kernel's cipher");
		return err;
	}
	WRITE_ONCE(tx->records, tx->records + 1);
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_TX_RECORDS, 1);
	return 0;
}

/* The open record, if it has anything. */
static int seal_open_record(struct kseal_sock *ks)
{
	struct kseal_send *tx = &ks->tx;
	unsigned int len = tx->len;
	int err;

	if (!len)
		return 0;
	err = seal_record(ks, KSEAL_TYPE_DATA, tx->buf->plain, len);
	if (err)
		return err;
	tx->len = 0;
	WRITE_ONCE(tx->bytes, tx->bytes + len);
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_TX_BYTES, len);
	return 0;
}

/* ---- push ---- */

static void drop_taken(struct kseal_send *tx, unsigned int taken)
{
	WRITE_ONCE(tx->out_bytes, tx->out_bytes - taken);
	while (taken) {
		struct bio_vec *vec = &tx->buf->out[tx->out_first];
		unsigned int n = min(taken, vec->bv_len);

		vec->bv_offset += n;
		vec->bv_len -= n;
		taken -= n;
		if (!vec->bv_len) {
			put_page(vec->bv_page);
			tx->out_first++;
		}
	}
	if (tx->out_first == tx->out_end)
		tx->out_first = tx->out_end = 0;
}

/* flags: MSG_MORE. Returns 0 when all is TCP's, -EAGAIN, or TCP's errno. */
static int push_records(struct kseal_sock *ks, int flags)
{
	struct kseal_send *tx = &ks->tx;
	struct sock *sk = ks->sk;

	while (tx->out_bytes) {
		int ret;

		/* TCP notes a full buffer on the struct socket */
		if (!sk->sk_socket)
			return -EPIPE;
		/* TCP would take the error, which is the application's */
		if (sk->sk_err)
			return -EPIPE;
		ret = kseal_compat_push(sk, &tx->buf->out[tx->out_first],
					tx->out_end - tx->out_first,
					tx->out_bytes, flags);
		if (ret <= 0)
			return ret ?: -EAGAIN;
		drop_taken(tx, ret);
	}
	return 0;
}

/* For a few bytes that must not wait: close_notify, an alert, the rest at
 * close. TCP's own FIN does not ask for room either.
 */
static int push_forced(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;
	u8 shutdown = sk->sk_shutdown;
	int sndbuf = sk->sk_sndbuf, sk_err = sk->sk_err;
	u32 lowat = tcp_sk(sk)->notsent_lowat;
	int err;

	if (!ks->tx.out_bytes)
		return 0;
	/* an error of ours is no error of TCP's */
	if (sk->sk_state != TCP_CLOSE)
		WRITE_ONCE(sk->sk_err, 0);

	/* inet_shutdown() marks the socket before it tells us */
	WRITE_ONCE(sk->sk_shutdown, shutdown & ~SEND_SHUTDOWN);
	WRITE_ONCE(sk->sk_sndbuf, INT_MAX);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, U32_MAX);
	err = push_records(ks, 0);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, lowat);
	WRITE_ONCE(sk->sk_sndbuf, sndbuf);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | shutdown);
	if (sk_err && !sk->sk_err)
		WRITE_ONCE(sk->sk_err, sk_err);
	return err;
}

/* ---- the driver ---- */

/* Makes room for another record: pushes what is sealed when it is enough for a
 * batch. -EAGAIN: TCP is full.
 */
static int make_room(struct kseal_sock *ks)
{
	struct kseal_send *tx = &ks->tx;

	if (tx->out_bytes < KSEAL_OUT_BATCH &&
	    tx->out_end < KSEAL_OUT_MAX - DST_MAX)
		return 0;
	return push_records(ks, MSG_MORE);
}

/* One step: frames what fits into the open record, seals it if it is full or
 * last. Returns bytes taken from the application, or an errno.
 */
static int send_step(struct kseal_sock *ks, struct iov_iter *from, bool more)
{
	struct kseal_send *tx = &ks->tx;
	int err, taken = 0;

	if (tx->len < KSEAL_PLAIN_MAX) {
		taken = frame_record(tx, from);
		if (taken < 0)
			return taken;
	}
	if (tx->len == KSEAL_PLAIN_MAX || (!iov_iter_count(from) && !more)) {
		err = seal_open_record(ks);
		/* what was framed stays framed; memory may come */
		if (err && !(err == -ENOMEM && taken))
			return err;
	}
	return taken;
}

static int tx_error(const struct kseal_sock *ks)
{
	const struct sock *sk = ks->sk;

	if (ks->state == KSEAL_STATE_DEAD)
		return ks->err;
	if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN) || ks->tx.closed)
		return -EPIPE;
	if (kseal_keys_spent(ks->tx.keys)) {
		kseal_stat_add(sock_net(sk), KSEAL_STAT_KEY_LIMIT, 1);
		return -EKEYEXPIRED;
	}
	return 0;
}

static int send_records(struct kseal_sock *ks, struct msghdr *msg, long timeo)
{
	bool more = (msg->msg_flags & MSG_MORE) && !(msg->msg_flags & MSG_EOR);
	struct kseal_send *tx = &ks->tx;
	struct sock *sk = ks->sk;
	int copied = 0, err;

	do {
		err = tx_error(ks);
		if (err)
			break;
		err = make_room(ks);
		if (!err) {
			int taken = send_step(ks, &msg->msg_iter, more);

			if (taken >= 0) {
				copied += taken;
				/* let acknowledgements in now and then */
				if (tx->out_bytes >= KSEAL_OUT_BATCH)
					sk_flush_backlog(sk);
				continue;
			}
			err = taken;
		}
		if (err == -ENOMEM || err == -EAGAIN) {
			/* A batch half full must not wait for memory with us */
			push_records(ks, 0);
			sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
			set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
			err = sk_stream_wait_memory(sk, &timeo);
		}
		if (err)
			break;
	} while (msg_data_left(msg) || (tx->len == KSEAL_PLAIN_MAX));

	if (tx->len) {
		tx->flush_at = jiffies + FLUSH_DELAY;
		queue_delayed_work(kseal_wq, &ks->tx_work, FLUSH_DELAY);
	}
	if (ks->state == KSEAL_STATE_KEYED)
		push_records(ks, more ? MSG_MORE : 0);
	return copied ?: err;
}

/* A record type asked for by cmsg must not go out as data. */
static int refuse_cmsg(struct msghdr *msg)
{
	struct cmsghdr *cmsg;

	if (!msg->msg_controllen)
		return 0;
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level == SOL_TLS)
			return -EOPNOTSUPP;
	}
	return 0;
}

int kseal_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct kseal_sock *ks = kseal_sock(sk);
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int ret;

	if (!ks)
		return -ENOMEM;
	if (msg->msg_flags & (MSG_OOB | MSG_FASTOPEN | MSG_ZEROCOPY))
		return -EOPNOTSUPP;
	ret = refuse_cmsg(msg);
	if (ret)
		return ret;

	lock_sock(sk);
	ret = kseal_sock_wait(ks, &timeo);
	if (!ret)
		ret = make_buf(&ks->tx);
	if (!ret)
		ret = send_records(ks, msg, timeo);
	if (ret > 0 && (msg->msg_flags & MSG_SPLICE_PAGES))
		kseal_stat_add(sock_net(sk), KSEAL_STAT_TX_SPLICE_BYTES, ret);
	if (ret == -EPIPE)
		ret = sk_stream_error(sk, msg->msg_flags, ret);
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
	if (ks->state == KSEAL_STATE_KEYED)
		kseal_send_flush(ks, false);
	release_sock(sk);
}

/* ---- what others send ---- */

int kseal_send_flush(struct kseal_sock *ks, bool force)
{
	int err = 0, ret;

	kseal_sock_owned(ks);
	/* the list has to have room for one more */
	if (ks->tx.out_end >= KSEAL_OUT_MAX - DST_MAX)
		push_records(ks, 0);
	if (ks->tx.keys && ks->state == KSEAL_STATE_KEYED)
		err = seal_open_record(ks);
	ret = force ? push_forced(ks) : push_records(ks, 0);
	return err ?: ret;
}

int kseal_send_control(struct kseal_sock *ks, u8 type, const void *data,
		       size_t len)
{
	int err;

	kseal_sock_owned(ks);
	if (ks->tx.closed)
		return -EPIPE;
	err = make_buf(&ks->tx);
	if (!err)
		err = push_forced(ks);
	if (!err)
		err = seal_open_record(ks);
	if (!err)
		err = seal_record(ks, type, data, len);
	if (!err)
		err = push_forced(ks);
	return err;
}

int kseal_send_plain(struct kseal_sock *ks, const void *data, size_t len)
{
	struct kseal_send *tx = &ks->tx;
	struct scatterlist piece;
	size_t done = 0;
	int err;

	kseal_sock_owned(ks);
	if (WARN_ON_ONCE(tx->keys))
		return -EINVAL;
	if (tx->out_bytes >= KSEAL_OUT_BATCH)
		return -ENOBUFS;
	err = make_buf(tx);
	if (err)
		return err;
	sg_init_table(&piece, 1);
	while (done < len) {
		unsigned int got = add_out(ks->sk, tx, len - done, &piece);

		if (!got) {
			cut_out(tx, done);
			return -ENOMEM;
		}
		memcpy(sg_virt(&piece), data + done, got);
		done += got;
	}
	err = push_records(ks, 0);
	return err == -EAGAIN ? 0 : err;
}

/* ---- what follows by itself ---- */

void kseal_send_work(struct work_struct *work)
{
	struct kseal_sock *ks = container_of(to_delayed_work(work),
					     struct kseal_sock, tx_work);
	struct sock *sk = ks->sk;

	lock_sock(sk);
	kseal_sock_adopt(ks);
	if (!ks->tx.len || ks->state != KSEAL_STATE_KEYED)
		push_records(ks, 0);
	else if (time_after_eq(jiffies, ks->tx.flush_at))
		kseal_send_flush(ks, false);
	else
		push_records(ks, MSG_MORE);
	/* Still something: memory was short, or its time has not come. Nobody
	 * else may ever call; with TCP full, its write_space does.
	 */
	if (ks->state == KSEAL_STATE_KEYED &&
	    (ks->tx.len || (ks->tx.out_bytes && sk_stream_memory_free(sk))))
		queue_delayed_work(kseal_wq, &ks->tx_work, FLUSH_DELAY);
	release_sock(sk);
}

void kseal_write_space(struct sock *sk)
{
	struct kseal_sock *ks = kseal_sock(sk);

	if (READ_ONCE(ks->tx.out_bytes))
		mod_delayed_work(kseal_wq, &ks->tx_work, 0);
	ks->base_write_space(sk);
}

void kseal_send_drop(struct kseal_send *tx)
{
	if (tx->buf) {
		cut_out(tx, tx->out_bytes);
		tx->out_first = 0;
		tx->out_end = 0;
		tx->len = 0;
	}
	tx->closed = true;
}

void kseal_send_free(struct kseal_send *tx)
{
	kseal_keys_destroy(tx->keys);
	tx->keys = NULL;
	if (!tx->buf)
		return;
	kseal_send_drop(tx);
	memzero_explicit(tx->buf->plain, KSEAL_PLAIN_MAX);
	free_pages_exact(tx->buf->plain, KSEAL_PLAIN_MAX);
	kfree(tx->buf);
	tx->buf = NULL;
}
