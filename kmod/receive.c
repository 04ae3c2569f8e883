// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way in, in the order in which it stands below:
 *
 *   assemble_record()  TCP's bytes into a flat buffer of our own, one record
 *   open_record()      takes a number, verifies and decrypts into another
 *   strip_record()     padding and inner type; control records go to control.c
 *   next_record()      these three, until there is something to read
 *
 * What came of it waits in rx.opened for its readers: deliver.c. That is one
 * record, as a rule; a peek may open more.
 *
 * The copy at the start is on purpose. What lies in TCP's queue may be the
 * sender's page cache, spliced over loopback, and can change between the check
 * of the tag and the decryption; a copy of our own cannot. And a record too
 * long for the receive buffer still arrives, as it leaves the queue in parts.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "control.h"
#include "keys.h"
#include "keyupdate.h"
#include "receive.h"
#include "sock.h"
#include "stats.h"

/* RFC 8446 5.1 allows empty records as cover traffic; so many in a row are an
 * attack.
 */
#define EMPTY_MAX 32
/* records without data before the socket lock is offered to others */
#define CONTROL_BURST 16

#define RAW_SIZE	(KSEAL_HEADROOM + KSEAL_RECORD_MAX)

/* ---- buffers ---- */

static int make_buffers(struct kseal_receive *rx)
{
	u8 *raw;

	if (!rx->raw) {
		raw = alloc_pages_exact(RAW_SIZE, GFP_KERNEL_ACCOUNT);
		if (!raw)
			return -ENOMEM;
		rx->raw = raw + KSEAL_HEADROOM;
	}
	if (rx->spare)
		return 0;
	rx->spare = alloc_pages_exact(KSEAL_OPENED_SIZE, GFP_KERNEL_ACCOUNT);
	if (!rx->spare)
		return -ENOMEM;
	/* it may be freed before there was a record for it */
	rx->spare->shared = false;
	return 0;
}

static void free_opened(struct kseal_opened *opened)
{
	if (!opened)
		return;
	/* what is in a pipe belongs to who reads it */
	if (!opened->shared)
		memzero_explicit(opened, KSEAL_OPENED_SIZE);
	free_pages_exact(opened, KSEAL_OPENED_SIZE);
}

void kseal_receive_consume(struct kseal_receive *rx, unsigned int n)
{
	struct kseal_opened *opened = kseal_receive_first(rx);

	opened->off += n;
	opened->len -= n;
	WRITE_ONCE(rx->opened_bytes, rx->opened_bytes - n);
	if (opened->len)
		return;
	list_del(&opened->node);
	rx->n_opened--;
	if (rx->spare || opened->shared)
		free_opened(opened);
	else
		rx->spare = opened;
}

static int malformed(struct kseal_sock *ks, const struct kseal_refusal *why)
{
	return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, why->err, why->alert,
			    why->reason);
}

/* In mainline's convention the socket's error says so, once; nothing is read
 * after that, and it is no end either.
 */
static int refuse_header(struct kseal_sock *ks, const struct kseal_refusal *why)
{
	struct sock *sk = ks->sk;

	if (!ks->mainline)
		return malformed(ks, why);
	kseal_stat_add(sock_net(sk), KSEAL_STAT_RX_MALFORMED, 1);
	ks->rx.stopped = true;
	WRITE_ONCE(sk->sk_err, -why->err);
	sk_error_report(sk);
	return 0;
}

/* Likewise, but the record stays where it is: every read meets it again, under
 * the keys that the socket has by then.
 */
static int refuse_record(struct kseal_sock *ks, enum kseal_stat stat)
{
	struct sock *sk = ks->sk;

	kseal_stat_add(sock_net(sk), stat, 1);
	WRITE_ONCE(sk->sk_err, EBADMSG);
	sk_error_report(sk);
	return -EBADMSG;
}

/* ---- assemble ---- */

/* How many more bytes the record takes, as far as is known. */
static unsigned int missing(const struct kseal_receive *rx)
{
	return (rx->raw_need ?: KSEAL_HEADER_LEN) - rx->raw_len;
}

/* Called when the header is whole. */
static int judge_header(struct kseal_receive *rx, bool any_type,
			struct kseal_refusal *why)
{
	int len = kseal_record_check(rx->raw, kseal_keys_form(rx->keys),
				     any_type, why);

	if (len < 0)
		return len;
	rx->raw_need = KSEAL_HEADER_LEN + len;
	return 0;
}

struct assembly {
	struct kseal_receive *rx;
	bool any_type;
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
			desc->error = judge_header(rx, a->any_type, &a->why);
	}
	desc->count = missing(rx) && !desc->error;
	return used;
}

/* What came with the handshake, before the queue. */
static int take_early(struct assembly *a)
{
	struct kseal_receive *rx = a->rx;
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
			err = judge_header(rx, a->any_type, &a->why);
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
	struct assembly a = { .rx = rx, .any_type = ks->mainline };
	read_descriptor_t desc = { .arg.data = &a, .count = 1 };
	int err;

	if (rx->stopped)
		return 0;
	err = take_early(&a);
	if (!err && missing(rx)) {
		int ret = kseal_receive_tcp(ks->sk, &desc, take);

		err = desc.error ?: min(ret, 0);
	}
	if (err && a.why.err)
		return refuse_header(ks, &a.why);
	return err ?: !missing(rx);
}

/* ---- open ---- */

/* Decrypts raw into the spare. Returns the length of what was sealed, or an
 * errno; *type is the outer content type.
 */
static int open_record(struct kseal_sock *ks, u8 *type)
{
	struct kseal_receive *rx = &ks->rx;
	u8 *text = rx->spare->text + KSEAL_HEADROOM;
	unsigned int len = rx->raw_need;
	int ret;

	*type = rx->raw[0];
	ret = kseal_keys_open(rx->keys, rx->raw, len, text);
	if (ret == -EBADMSG && ks->mainline) {
		memzero_explicit(text, len);
		return refuse_record(ks, KSEAL_STAT_RX_BAD_TAG);
	}
	if (ret == -EKEYEXPIRED)
		return kseal_refuse(ks, KSEAL_STAT_KEY_LIMIT, -EKEYEXPIRED,
				    KSEAL_ALERT_INTERNAL_ERROR,
				    "the peer reached the limit of RFC 8446 5.5 without a KeyUpdate");
	if (ret < 0) {
		/* what a forger made of it is nobody's business */
		memzero_explicit(text, len);
		if (ret == -EBADMSG)
			return kseal_refuse(ks, KSEAL_STAT_RX_BAD_TAG, -EBADMSG,
					    KSEAL_ALERT_BAD_RECORD_MAC,
					    "a record from the peer failed authentication");
		kseal_sock_fail(ks, ret, "opening a record failed in the kernel's cipher");
		return ret;
	}
	WRITE_ONCE(rx->records, rx->records + 1);
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_RECORDS, 1);
	return ret;
}

/* ---- strip ---- */

/* The spare becomes the last of those to be read. */
static void keep_record(struct kseal_receive *rx, u8 type, unsigned int len)
{
	struct kseal_opened *opened = rx->spare;

	rx->spare = NULL;
	opened->type = type;
	opened->off = KSEAL_HEADROOM;
	opened->len = len;
	list_add_tail(&opened->node, &rx->opened);
	rx->n_opened++;
	WRITE_ONCE(rx->opened_bytes, rx->opened_bytes + len);
}

/* A control record for an application that takes them by cmsg. KeyUpdates are
 * its own matter when the next keys have to come from it.
 */
static int keep_control(struct kseal_sock *ks, u8 type, const u8 *content,
			unsigned int len)
{
	struct kseal_receive *rx = &ks->rx;
	bool update = type == KSEAL_TYPE_HANDSHAKE && len &&
		      content[0] == KSEAL_KEY_UPDATE;
	int err;

	/* and the rest of one that began here, whatever it begins with */
	if ((update && kseal_keys_can_update(rx->keys)) ||
	    (type == KSEAL_TYPE_HANDSHAKE && rx->message.got))
		return kseal_control_receive(ks, type, content, len);
	if (update) {
		kseal_keyupdate_note(ks);
	} else if (type == KSEAL_TYPE_ALERT && !ks->mainline) {
		/* acted upon, and shown: what follows it is the end, or the
		 * error that it means
		 */
		err = kseal_control_receive(ks, type, content, len);
		if (err && err != -ECONNRESET)
			return err;
	}
	keep_record(rx, type, len);
	return 1;
}

/* Takes type and padding off; control records are acted on at once. Returns 1
 * when there is something for the application, 0 when not, or an errno.
 */
static int strip_record(struct kseal_sock *ks, u8 type, unsigned int sealed)
{
	struct kseal_receive *rx = &ks->rx;
	const u8 *text = rx->spare->text + KSEAL_HEADROOM;
	struct kseal_refusal why;
	int len;

	len = kseal_record_strip(text, sealed, kseal_keys_form(rx->keys),
				 ks->mainline, &type, &why);
	if (len < 0 && ks->mainline) {
		kseal_keys_again(rx->keys);
		return refuse_record(ks, KSEAL_STAT_RX_MALFORMED);
	}
	rx->raw_len = 0;
	rx->raw_need = 0;
	if (len < 0)
		return malformed(ks, &why);
	if (type == KSEAL_TYPE_DATA && rx->message.got)
		return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, -EPROTO,
				    KSEAL_ALERT_UNEXPECTED_MESSAGE,
				    "the peer broke off a handshake message");
	if (len && type == KSEAL_TYPE_DATA) {
		rx->empty = 0;
		WRITE_ONCE(rx->bytes, rx->bytes + len);
		kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_BYTES, len);
		keep_record(rx, type, len);
		return 1;
	}
	if (!(rx->cmsg && len) && ++rx->empty > EMPTY_MAX)
		return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, -EPROTO,
				    KSEAL_ALERT_UNEXPECTED_MESSAGE,
				    "the peer sends records without content");
	if (type == KSEAL_TYPE_DATA) {
		if (!ks->mainline)
			return 0;
		/* it has a type to tell */
		keep_record(rx, type, 0);
		return 1;
	}
	return rx->cmsg ? keep_control(ks, type, text, len) :
			  kseal_control_receive(ks, type, text, len);
}

/* ---- the driver ---- */

/* TCP has ended: is there still something to come? */
static int check_end(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;

	if (ks->rx.closed)
		return 0;
	if (ks->mainline) {
		/* whoever is told takes it off: deliver.c */
		if (sk->sk_err)
			return -READ_ONCE(sk->sk_err);
		return (sk->sk_shutdown & RCV_SHUTDOWN) ||
		       sock_flag(sk, SOCK_DONE) ? 0 : -EAGAIN;
	}
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

/* Assembles, opens, strips until there is another opened record. */
static int next_record(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	int burst, ret;
	u8 type;

	ret = make_buffers(rx);
	if (ret)
		return ret;
	for (burst = 1; ; burst++) {
		if (ks->state == KSEAL_STATE_DEAD)
			return ks->err;
		/* RFC 8446 6.1: what follows close_notify is ignored */
		if (rx->closed)
			return 0;
		if (rx->update_pending)
			return -EKEYEXPIRED;
		if (burst % CONTROL_BURST == 0) {
			sk_flush_backlog(ks->sk);
			cond_resched();
		}
		ret = assemble_record(ks);
		if (!ret)
			return check_end(ks);
		if (ret > 0)
			ret = open_record(ks, &type);
		if (ret >= 0)
			ret = strip_record(ks, type, ret);
		if (ret)
			break;
	}
	if (ret > 0)
		kseal_keyupdate_ask(ks);
	return ret;
}

int kseal_receive_next(struct kseal_sock *ks)
{
	kseal_sock_owned(ks);
	return list_empty(&ks->rx.opened) ? next_record(ks) : 1;
}

int kseal_receive_ahead(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;

	kseal_sock_owned(ks);
	/* what they take, not what is in them: a record may have one byte */
	if (rx->n_opened && (rx->n_opened + 1) * KSEAL_OPENED_PAGES * PAGE_SIZE >
			    READ_ONCE(ks->sk->sk_rcvbuf))
		return 0;
	return next_record(ks);
}

bool kseal_receive_whole(const struct kseal_receive *rx)
{
	return rx->raw_need && !missing(rx);
}

/* ---- readiness ---- */

/* Mainline's convention: a record that is whole is there to be read, whatever
 * comes of that, and so is TCP's end of the stream. A bad header is in the
 * socket's error alone.
 */
static bool something_came(struct kseal_sock *ks)
{
	int ret = make_buffers(&ks->rx);

	if (!list_empty(&ks->rx.opened))
		return true;
	if (!ret && !ks->rx.update_pending)
		ret = assemble_record(ks) ?: check_end(ks);
	else
		ret = -EAGAIN;
	return ret >= 0 || (READ_ONCE(ks->sk->sk_shutdown) & RCV_SHUTDOWN);
}

/* Opens until there is as much as SO_RCVLOWAT wants, or nothing more can be.
 * That the next keys are missing is news to who did not get the KeyUpdate.
 */
static bool readable(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	int ret;

	if (ks->state != KSEAL_STATE_KEYED)
		return true;
	if (ks->mainline)
		return something_came(ks);
	ret = kseal_receive_next(ks);
	while (ret > 0 && rx->opened_bytes < rx->lowat) {
		ret = kseal_receive_ahead(ks);
		if (ret == -EAGAIN)
			return false;
	}
	return ret != -EAGAIN && !(ret == -EKEYEXPIRED && rx->cmsg);
}

bool kseal_receive_readable(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	struct sock *sk = ks->sk;
	bool ret;

	if (!list_empty_careful(&rx->opened) && READ_ONCE(rx->lowat) <= 1)
		return true;
	if (READ_ONCE(rx->closed))
		return true;
	if (skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	    list_empty_careful(&rx->opened) && !READ_ONCE(rx->early) &&
	    !(ks->mainline && READ_ONCE(rx->raw_len)) &&
	    !READ_ONCE(rx->update_pending) && !READ_ONCE(sk->sk_err) &&
	    !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN))
		return false;
	lock_sock(sk);
	ret = readable(ks);
	release_sock(sk);
	return ret;
}

void kseal_receive_drain(struct kseal_sock *ks)
{
	kseal_sock_owned(ks);
	if (skb_queue_empty(&ks->sk->sk_receive_queue) && !ks->rx.early)
		return;
	kseal_receive_next(ks);
}

/* Copies the next record's header, of which a part may have been taken in. What
 * is queued may overlap.
 */
static bool peek_header(struct sock *sk, const struct kseal_receive *rx,
			u8 *header)
{
	unsigned int have = rx->raw_len;
	u32 seq = tcp_sk(sk)->copied_seq, offset;
	struct sk_buff *skb;

	if (have)
		memcpy(header, rx->raw, have);
	skb = tcp_recv_skb(sk, seq, &offset);
	while (skb && have < KSEAL_HEADER_LEN) {
		unsigned int n = offset < skb->len ?
			min(skb->len - offset, KSEAL_HEADER_LEN - have) : 0;

		if (n && skb_copy_bits(skb, offset, header + have, n))
			return false;
		have += n;
		seq += n;
		skb = skb_queue_is_last(&sk->sk_receive_queue, skb) ? NULL :
		      skb_queue_next(&sk->sk_receive_queue, skb);
		offset = skb ? seq - TCP_SKB_CB(skb)->seq : 0;
	}
	return have == KSEAL_HEADER_LEN;
}

void kseal_receive_judge(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	const struct kseal_form *form;
	u8 header[KSEAL_HEADER_LEN];
	struct kseal_refusal why;

	if (!ks->mainline || !rx->keys || rx->stopped || rx->raw_need)
		return;
	form = kseal_keys_form(rx->keys);
	if (rx->raw_len + tcp_inq(ks->sk) >= kseal_form_prefix(form) &&
	    peek_header(ks->sk, rx, header) &&
	    kseal_record_check(header, form, true, &why) < 0)
		refuse_header(ks, &why);
}

/* A record is whole, or TCP's buffer fills up with a part of one. */
static bool worth_waking(struct sock *sk, const struct kseal_receive *rx)
{
	int have = tcp_inq(sk), len;
	u8 header[KSEAL_HEADER_LEN];

	if (rx->early || sock_flag(sk, SOCK_DONE) || tcp_sk(sk)->urg_data ||
	    tcp_epollin_ready(sk, INT_MAX))
		return true;
	if (rx->raw_len)
		return have >= missing(rx);
	if (have < KSEAL_HEADER_LEN)
		return false;
	if (!peek_header(sk, rx, header))
		return true;
	len = header[3] << 8 | header[4];
	return len > KSEAL_CIPHER_MAX || have >= KSEAL_HEADER_LEN + len;
}

void kseal_data_ready(struct sock *sk)
{
	struct kseal_sock *ks = kseal_sock(sk);

	kseal_receive_judge(ks);
	if (ks->state != KSEAL_STATE_KEYED || !ks->rx.keys ||
	    worth_waking(sk, &ks->rx))
		ks->base_data_ready(sk);
}

void kseal_receive_free(struct kseal_receive *rx)
{
	struct kseal_opened *opened, *next;

	kseal_keys_destroy(rx->keys);
	rx->keys = NULL;
	if (rx->raw)
		free_pages_exact(rx->raw - KSEAL_HEADROOM, RAW_SIZE);
	rx->raw = NULL;
	list_for_each_entry_safe(opened, next, &rx->opened, node) {
		list_del(&opened->node);
		free_opened(opened);
	}
	WRITE_ONCE(rx->opened_bytes, 0);
	rx->n_opened = 0;
	free_opened(rx->spare);
	rx->spare = NULL;
	kvfree(rx->early);
	rx->early = NULL;
	kseal_message_reset(&rx->message);
}
