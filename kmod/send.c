// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way out, in the order in which it stands below:
 *
 *   frame_record()   the application's bytes into the open record
 *   seal_record()    takes a number, writes header, ciphertext, tag
 *   seal_in_place()  both, for what makes a record by itself, where it lies
 *   push_records()   to TCP; remembers how far it came; never seals again
 *   kseal_send_records()   the driver: frame, seal, push, wait
 *
 * The open record is a flat buffer of our own (tx->text), and records are
 * sealed out of it into the out list (out.h), one after the other, several
 * records to a push. A record that was sealed is sent as it is or not at all,
 * so no number is ever used for two texts.
 *
 * All of it is under the socket lock. Like TCP's own sendmsg, it is given up
 * while waiting for memory, and writers on several threads then interleave
 * where they wait, between records.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <net/tcp.h>

#include "content.h"
#include "control.h"
#include "keys.h"
#include "keyupdate.h"
#include "main.h"
#include "pages.h"
#include "sock.h"
#include "stash.h"
#include "stats.h"

/* MSG_MORE without a successor: as long as TCP's cork holds back at most */
#define FLUSH_DELAY (HZ / 5)

/* Dynamic size: records that fit a segment until the connection flows, so that
 * the first bytes can be opened when the first segment arrives.
 */
#define SMALL_RECORD	((u16)1369)
#define SMALL_RUN	40
#define PAUSE		HZ

/* Only what is not sealed where it lies needs it. */
static int make_text(struct kseal_send *tx)
{
	if (!tx->text)
		tx->text = kseal_stash_get();
	return tx->text ? 0 : -ENOMEM;
}

/* ---- frame ---- */

/* How much the open record may hold. */
static unsigned int room(struct kseal_send *tx)
{
	unsigned int most = kseal_send_most(tx);

	if (!tx->shape.dynamic)
		return most;
	if (!tx->len && time_after(jiffies, tx->last + PAUSE))
		tx->run = 0;
	return tx->run < SMALL_RUN ? min_t(unsigned int, most, SMALL_RECORD) :
				     most;
}

/* Returns bytes taken, or -EFAULT when there was not one. */
static int frame_record(struct kseal_send *tx, struct iov_iter *from)
{
	unsigned int most = room(tx);
	size_t want = min_t(size_t, most - min(most, tx->len),
			    iov_iter_count(from));
	size_t got = copy_from_iter(tx->text + tx->len, want, from);

	tx->len += got;
	return got || !want ? got : -EFAULT;
}

/* ---- seal ---- */

/* RFC 8446 5.4: zeros after the type, up to a multiple of the block; what is
 * sealed stays within the record's limit.
 */
static unsigned int padding(const struct kseal_send *tx, unsigned int len)
{
	unsigned int inner = len + 1, most = kseal_send_most(tx) + 1;

	if (!tx->shape.pad || !kseal_keys_form(tx->keys)->tail_len)
		return 0;
	return max(min(roundup(inner, tx->shape.pad), most), inner) - inner;
}

/* After close_notify or a fatal alert nothing may follow (RFC 8446 6), whoever
 * sent it. In mainline's convention that is the application's matter.
 */
static void note_alert(struct kseal_sock *ks, const u8 *text)
{
	struct kseal_send *tx = &ks->tx;

	if (tx->type == KSEAL_TYPE_ALERT && tx->len == 2 && !ks->mainline &&
	    (text[0] == KSEAL_LEVEL_FATAL ||
	     text[1] == KSEAL_ALERT_CLOSE_NOTIFY))
		tx->closed = true;
}

/* The namespace's counters, once for many records. */
static void count_since(struct kseal_sock *ks, u64 records, u64 bytes)
{
	kseal_count(ks, KSEAL_STAT_TX_RECORDS, ks->tx.records - records);
	kseal_count(ks, KSEAL_STAT_TX_BYTES, ks->tx.bytes - bytes);
}

/* Seals a record into the out list. tail: room for type and padding. */
static int seal_record(struct kseal_sock *ks, struct kseal_content *c, u8 *tail)
{
	struct kseal_send *tx = &ks->tx;
	const struct kseal_form *form = kseal_keys_form(tx->keys);
	unsigned int len = c->len, pad = padding(tx, len), n_dst, record;
	struct kseal_piece dst[KSEAL_PIECES_MAX];
	struct kseal_body t;
	u8 *prefix;
	int err;

	record = len + pad + kseal_form_overhead(form);
	prefix = kseal_out_reserve(ks->sk, &tx->out, record,
				   kseal_form_prefix(form), dst, &n_dst);
	if (!prefix)
		return -ENOMEM;
	if (form->tail_len) {
		tail[0] = tx->type;
		memset(tail + 1, 0, pad);
		kseal_content_tail(c, tail, 1 + pad);
	}
	t = (struct kseal_body){ .dst = dst, .n_dst = n_dst,
				 .src = c->piece, .n_src = c->n, .len = c->len,
				 .last = c->last, .next = c->next };
	err = kseal_keys_seal(tx->keys, tx->type, prefix, &t);
	if (err) {
		kseal_out_cut(&tx->out, record);
		kseal_sock_fail(ks, err, "sealing a record failed in the kernel's cipher");
		return err;
	}
	if (tx->type == KSEAL_TYPE_DATA)
		WRITE_ONCE(tx->bytes, tx->bytes + len);
	tx->run++;
	tx->last = jiffies;
	WRITE_ONCE(tx->records, tx->records + 1);
	return 0;
}

/* text: tx->len bytes, and room behind them for type and padding. */
static int seal_text(struct kseal_sock *ks, u8 *text)
{
	struct kseal_send *tx = &ks->tx;
	struct kseal_content c = {
		.piece[0] = { text, tx->len }, .n = 1, .len = tx->len,
	};
	u64 records = tx->records, bytes = tx->bytes;
	int err;

	if (!tx->len)
		return 0;
	err = seal_record(ks, &c, text + tx->len);
	if (err)
		return err;
	count_since(ks, records, bytes);
	note_alert(ks, text);
	tx->len = 0;
	return 0;
}

static int seal_open_record(struct kseal_sock *ks)
{
	return seal_text(ks, ks->tx.text);
}

/* Records of one call are pushed together, so many bytes at a time; a socket
 * with a small send buffer does not hold more than that beyond it.
 */
static unsigned int batch(const struct sock *sk)
{
	return min_t(unsigned int, KSEAL_OUT_BATCH, READ_ONCE(sk->sk_sndbuf));
}

/* Whether one more may be sealed before the driver looks around. */
static bool may_go_on(const struct kseal_sock *ks)
{
	const struct kseal_send *tx = &ks->tx;

	return tx->out.bytes < batch(ks->sk) && kseal_out_has_room(&tx->out) &&
	       !kseal_keys_spent(tx->keys, false) && !tx->update_owed;
}

/* How much of what is left makes a record of its own, now; 0: it has to wait for
 * what comes behind it.
 */
static unsigned int own_length(struct kseal_send *tx, size_t left, bool more)
{
	unsigned int most = room(tx);

	return left < most && more ? 0 : min_t(size_t, most, left);
}

static int seal_spliced(struct kseal_sock *ks, struct iov_iter *from, bool more)
{
	struct kseal_send *tx = &ks->tx;
	u64 records = tx->records, bytes = tx->bytes;
	struct kseal_content c;
	int err = 0, taken = 0;
	unsigned int len;
	u8 tail;

	while (may_go_on(ks)) {
		len = own_length(tx, iov_iter_count(from), more);
		if (!len || !kseal_content_spliced(&c, from, len))
			break;
		err = seal_record(ks, &c, &tail);
		if (err)
			break;
		iov_iter_advance(from, len);
		taken += len;
	}
	count_since(ks, records, bytes);
	return taken ?: err;
}

/* As many as lie in the pages of one. */
static int seal_pinned(struct kseal_sock *ks, struct iov_iter *from, bool more)
{
	size_t most = min_t(size_t, iov_iter_single_seg_count(from),
			    KSEAL_PLAIN_MAX);
	struct kseal_send *tx = &ks->tx;
	u64 records = tx->records, bytes = tx->bytes;
	struct kseal_content c;
	struct kseal_pages pages;
	int err = 0, taken = 0;
	unsigned int len;
	u8 tail;

	more = more || most < iov_iter_count(from);
	if (!own_length(tx, most, more) || !kseal_pages_get(from, most, &pages))
		return 0;
	while (may_go_on(ks)) {
		len = own_length(tx, most - taken, more);
		if (!len)
			break;
		kseal_content_pinned(&c, &pages, taken, len);
		err = seal_record(ks, &c, &tail);
		if (err)
			break;
		taken += len;
	}
	count_since(ks, records, bytes);
	kseal_pages_put(&pages, false);
	iov_iter_revert(from, most - taken);
	return taken ?: err;
}

/* What makes records of its own is sealed where it lies: each byte is read once,
 * so whoever writes there meanwhile changes what is sent and nothing else.
 * Returns bytes taken, 0 when it is to be copied, or an errno.
 */
static int seal_in_place(struct kseal_sock *ks, struct iov_iter *from,
			 bool more)
{
	struct kseal_send *tx = &ks->tx;

	/* alerts are looked at where they are framed */
	if (tx->type != KSEAL_TYPE_DATA || tx->len || tx->shape.pad ||
	    !kseal_keys_read_once(tx->keys))
		return 0;
	return iov_iter_is_bvec(from) ? seal_spliced(ks, from, more) :
					seal_pinned(ks, from, more);
}

/* ---- push ---- */

static int push_records(struct kseal_sock *ks, int flags)
{
	return kseal_out_push(ks->sk, &ks->tx.out, flags);
}

/* ---- the driver ---- */

/* Makes room for another record. -EAGAIN: TCP is full. */
static int make_room(struct kseal_sock *ks)
{
	struct kseal_out *out = &ks->tx.out;

	if (out->bytes >= batch(ks->sk) || !kseal_out_has_room(out))
		return push_records(ks, MSG_MORE);
	return 0;
}

/* Nothing is taken from the application before TCP has taken what was left. */
static int make_way(struct kseal_sock *ks, bool more)
{
	unsigned int left = ks->tx.out.bytes;
	int err = 0;

	/* in mainline's convention what more is to follow pushes nothing */
	if (left && !(ks->mainline && more && left < batch(ks->sk)))
		err = push_records(ks, MSG_MORE);
	return err ?: sk_stream_memory_free(ks->sk) ? 0 : -EAGAIN;
}

/* One step: frames what fits into the open record, seals it if it is full or
 * last. Returns bytes taken from the application, or an errno.
 */
static int send_step(struct kseal_sock *ks, struct iov_iter *from, bool more)
{
	struct kseal_send *tx = &ks->tx;
	int err, taken;

	taken = seal_in_place(ks, from, more);
	if (taken)
		return taken;
	err = make_text(tx);
	if (err)
		return err;
	taken = frame_record(tx, from);
	if (taken < 0)
		return taken;
	if (tx->len >= room(tx) || (!iov_iter_count(from) && !more)) {
		err = seal_open_record(ks);
		/* what was framed stays framed; memory may come */
		if (err && !(err == -ENOMEM && taken))
			return err;
	}
	return taken;
}

/* Whether something may be sealed; the limit of the keys, met by KeyUpdate. */
static int tx_ready(struct kseal_sock *ks, u8 type)
{
	struct kseal_send *tx = &ks->tx;
	const struct sock *sk = ks->sk;
	bool spent;

	if (ks->state == KSEAL_STATE_DEAD)
		return ks->err;
	if (ks->mainline && sk->sk_err)
		return -sk->sk_err;
	if (sk->sk_err || (sk->sk_shutdown & SEND_SHUTDOWN) || tx->closed)
		return -EPIPE;
	/* where the application brings the next keys, its KeyUpdate is the way on */
	spent = kseal_keys_spent(tx->keys, type != KSEAL_TYPE_DATA);
	if (likely(!spent && !tx->update_owed))
		return 0;
	if (kseal_keys_can_update(tx->keys))
		return kseal_keyupdate_send(ks, false);
	if (!spent)
		return 0;
	kseal_stat_add(sock_net(sk), KSEAL_STAT_KEY_LIMIT, 1);
	return -EKEYEXPIRED;
}

/* One record has one type: what is open of another goes out first. A control
 * record is nobody else's continuation.
 */
static int own_record(struct kseal_sock *ks, u8 type)
{
	struct kseal_send *tx = &ks->tx;
	int err = 0;

	if (type != tx->type || type != KSEAL_TYPE_DATA)
		err = seal_open_record(ks);
	if (!err)
		tx->type = type;
	return err;
}

/* The open record waits for a successor that may never come. In mainline's
 * convention it waits for ever.
 */
static void plan_flush(struct kseal_sock *ks)
{
	if (!ks->tx.len || ks->mainline)
		return;
	ks->tx.flush_at = jiffies + FLUSH_DELAY;
	queue_delayed_work(kseal_wq, &ks->tx_work, FLUSH_DELAY);
}

int kseal_send_records(struct kseal_sock *ks, struct msghdr *msg, u8 type,
		       long timeo)
{
	bool more = (msg->msg_flags & MSG_MORE) && !(msg->msg_flags & MSG_EOR);
	struct kseal_send *tx = &ks->tx;
	struct sock *sk = ks->sk;
	u64 before = tx->records;
	bool begun = false;
	int copied = 0, err;

	kseal_sock_owned(ks);
	err = kseal_out_make(&tx->out);
	if (err)
		return err;
	do {
		err = tx_ready(ks, type);
		if (!err)
			err = begun ? make_room(ks) : make_way(ks, more);
		/* another writer may have been here while we waited */
		if (!err && !begun)
			err = own_record(ks, type);
		begun = !err;
		if (!err) {
			int taken = send_step(ks, &msg->msg_iter, more);

			if (taken >= 0) {
				copied += taken;
				/* let acknowledgements in now and then */
				if (tx->out.bytes >= batch(sk))
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
			/* others may write meanwhile, of another type */
			begun = false;
			err = sk_stream_wait_memory(sk, &timeo);
		}
		if (err)
			break;
	} while (msg_data_left(msg) || tx->len >= room(tx));

	plan_flush(ks);
	if (ks->state == KSEAL_STATE_KEYED &&
	    !(ks->mainline && more && tx->records == before))
		push_records(ks, more ? MSG_MORE : 0);
	return copied ?: err;
}

/* ---- what others send ---- */

int kseal_send_end(struct kseal_sock *ks, bool push)
{
	int err;

	if (!ks->tx.len)
		return 0;
	err = seal_open_record(ks);
	/* the socket's error stays until it is asked for */
	if (!err && push)
		err = -ks->sk->sk_err ?: push_records(ks, 0);
	kseal_send_rest(&ks->tx);
	return err == -EAGAIN ? 0 : err;
}

int kseal_send_flush(struct kseal_sock *ks, bool force)
{
	struct kseal_out *out = &ks->tx.out;
	int err = 0, ret;

	kseal_sock_owned(ks);
	/* the list has to have room for one more */
	if (!kseal_out_has_room(out))
		push_records(ks, 0);
	if (ks->tx.keys && ks->state == KSEAL_STATE_KEYED)
		err = seal_open_record(ks);
	ret = force ? kseal_out_force(ks->sk, out) : push_records(ks, 0);
	kseal_send_rest(&ks->tx);
	return err ?: ret;
}

int kseal_send_control(struct kseal_sock *ks, u8 type, const void *data,
		       size_t len)
{
	struct kseal_send *tx = &ks->tx;
	u8 before = tx->type, *text;
	int err;

	kseal_sock_owned(ks);
	if (tx->closed)
		return -EPIPE;
	if (WARN_ON_ONCE(len > KSEAL_CONTROL_MAX))
		return -EMSGSIZE;
	/* to send lets in what came meanwhile */
	WARN_ON_ONCE(ks->rx.ahead);
	err = kseal_out_make(&tx->out);
	if (!err && tx->shape.pad)
		err = make_text(tx);
	if (!err)
		err = kseal_out_force(ks->sk, &tx->out);
	/* short of memory: it goes with what is left. -EAGAIN means sealed. */
	if (err == -EAGAIN)
		err = kseal_out_has_room(&tx->out) ? 0 : -ENOMEM;
	if (!err)
		err = seal_open_record(ks);
	if (err)
		return err;
	text = tx->shape.pad ? tx->text : tx->control;
	memcpy(text, data, len);
	tx->len = len;
	tx->type = type;
	/* sealed or not, it is no open record */
	err = seal_text(ks, text);
	tx->len = 0;
	tx->type = before;
	kseal_send_rest(tx);
	if (!err)
		err = kseal_out_force(ks->sk, &tx->out);
	/* on a quiet connection nobody else would try again */
	if (err == -EAGAIN)
		mod_delayed_work(kseal_wq, &ks->tx_work, FLUSH_DELAY);
	return err;
}

int kseal_send_plain(struct kseal_sock *ks, const void *data, size_t len)
{
	struct kseal_send *tx = &ks->tx;
	int err;

	kseal_sock_owned(ks);
	if (WARN_ON_ONCE(tx->keys))
		return -EINVAL;
	if (tx->out.bytes >= KSEAL_OUT_BATCH)
		return -ENOBUFS;
	err = kseal_out_make(&tx->out);
	if (!err)
		err = kseal_out_copy(ks->sk, &tx->out, data, len);
	if (err)
		return err;
	err = push_records(ks, 0);
	return err == -EAGAIN ? 0 : err;
}

/* ---- what follows by itself ---- */

void kseal_send_work(struct work_struct *work)
{
	struct kseal_sock *ks = container_of(to_delayed_work(work),
					     struct kseal_sock, tx_work);
	struct kseal_send *tx = &ks->tx;
	struct sock *sk = ks->sk;
	int err = 0;

	lock_sock(sk);
	kseal_sock_adopt(ks);
	if (!tx->len || ks->state != KSEAL_STATE_KEYED)
		err = push_records(ks, 0);
	else if (!ks->mainline && time_after_eq(jiffies, tx->flush_at))
		kseal_send_flush(ks, false);
	else
		push_records(ks, MSG_MORE);
	if (ks->state == KSEAL_STATE_KEYED && tx->update_owed)
		kseal_keyupdate_send(ks, false);
	/* TCP is gone: nobody will take it */
	if (err == -EPIPE && sk->sk_state == TCP_CLOSE)
		kseal_send_drop(tx);
	/* Still something: memory was short, or its time has not come. Nobody
	 * else may ever call; with TCP full, its write_space does.
	 */
	if (ks->state == KSEAL_STATE_KEYED &&
	    ((tx->len && !ks->mainline) || tx->update_owed ||
	     (tx->out.bytes && sk_stream_memory_free(sk))))
		queue_delayed_work(kseal_wq, &ks->tx_work, FLUSH_DELAY);
	kseal_send_rest(tx);
	release_sock(sk);
}

void kseal_write_space(struct sock *sk)
{
	struct kseal_sock *ks = kseal_sock(sk);

	if (READ_ONCE(ks->tx.out.bytes))
		mod_delayed_work(kseal_wq, &ks->tx_work, 0);
	ks->base_write_space(sk);
}

void kseal_send_drop(struct kseal_send *tx)
{
	kseal_out_drop(&tx->out);
	tx->len = 0;
	tx->closed = true;
}

void kseal_send_free(struct kseal_send *tx)
{
	kseal_keys_destroy(tx->keys);
	tx->keys = NULL;
	kseal_send_drop(tx);
	kseal_out_free(&tx->out);
	kseal_stash_wipe(tx->text);
	tx->text = NULL;
}

void kseal_send_rest(struct kseal_send *tx)
{
	/* there is an open record */
	if (tx->len)
		return;
	kseal_stash_put(tx->text);
	tx->text = NULL;
}
