// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way in, in the order in which it stands below:
 *
 *   kseal_assemble()   a whole record; assemble.c
 *   open_record()      takes a number, verifies and decrypts into another
 *   strip_record()     padding and inner type; control records go to control.c
 *   look_for_record()  these, until there is something to read
 *
 * What came of it waits in rx.opened for its readers: deliver.c. That is one
 * record, as a rule; a peek may open more.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "assemble.h"
#include "content.h"
#include "control.h"
#include "keys.h"
#include "keyupdate.h"
#include "pages.h"
#include "receive.h"
#include "sock.h"
#include "stash.h"
#include "stats.h"

/* RFC 8446 5.1 allows empty records as cover traffic; so many in a row are an
 * attack.
 */
#define EMPTY_MAX 32
/* records without data before the socket lock is offered to others */
#define CONTROL_BURST 16
/* what is read in TCP's queue before TCP is told */
#define AHEAD_MAX (128 * 1024)
/* and pieces of it, for what is before the next record is walked over */
#define RUNS_MAX 32
/* Records that are opened into memory of our own after one that turned out not to
 * be data, or to have padding: it had to be opened twice.
 */
#define DETOUR 16

/* ---- buffers ---- */

static int make_spare(struct kseal_receive *rx)
{
	if (rx->spare)
		return 0;
	rx->spare = kseal_stash_get();
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
	if (opened->shared)
		free_pages_exact(opened, KSEAL_STASH_SIZE);
	else
		kseal_stash_wipe(opened);
}

void kseal_receive_rest(struct kseal_receive *rx)
{
	kseal_stash_put(rx->spare);
	rx->spare = NULL;
	/* half a record */
	if (rx->raw_len)
		return;
	kseal_stash_put(rx->raw);
	rx->raw = NULL;
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

/* ---- open ---- */

static void note_record(struct kseal_receive *rx)
{
	WRITE_ONCE(rx->records, rx->records + 1);
}

static void note_data(struct kseal_receive *rx, unsigned int len)
{
	rx->empty = 0;
	WRITE_ONCE(rx->bytes, rx->bytes + len);
}

/* The namespace's counters, once for many records. */
static void count_since(struct kseal_sock *ks, u64 records, u64 bytes)
{
	kseal_count(ks, KSEAL_STAT_RX_RECORDS, ks->rx.records - records);
	kseal_count(ks, KSEAL_STAT_RX_BYTES, ks->rx.bytes - bytes);
}

/* When the peer's keys are getting old. */
static void ask_for_keys(struct kseal_sock *ks)
{
	if (likely(!kseal_keys_old(ks->rx.keys)))
		return;
	kseal_assemble_settle(ks);
	kseal_keyupdate_ask(ks);
}

/* In mainline's convention a record that cannot be opened stays where it is:
 * every read meets it again, under the keys that the socket has by then.
 */
static int refuse_record(struct kseal_sock *ks, const struct kseal_found *f,
			 enum kseal_stat stat)
{
	struct sock *sk = ks->sk;
	int ret;

	if (f->queued) {
		ret = kseal_assemble_copy(ks);
		if (ret < 0)
			return ret;
	}
	kseal_stat_add(sock_net(sk), stat, 1);
	WRITE_ONCE(sk->sk_err, EBADMSG);
	sk_error_report(sk);
	return -EBADMSG;
}

/* Bytes of a record that are sealed, without the tag. */
static unsigned int sealed_len(const struct kseal_receive *rx,
			       const struct kseal_found *f)
{
	return f->len - kseal_form_prefix(kseal_keys_form(rx->keys)) -
	       KSEAL_TAG_LEN;
}

/* Decrypts into the spare. Returns the length of what was sealed, or an errno. */
static int open_record(struct kseal_sock *ks, const struct kseal_found *f)
{
	struct kseal_receive *rx = &ks->rx;
	struct kseal_piece dst = { .len = sealed_len(rx, f) };
	struct kseal_body t = {
		.dst = &dst, .n_dst = 1, .src = f->piece, .n_src = f->n,
		.len = dst.len, .next = f->next,
	};
	int err;

	err = make_spare(rx);
	if (err)
		return err;
	dst.at = rx->spare->text;
	err = kseal_keys_open(rx->keys, f->prefix, &t);
	if (err == -EKEYEXPIRED)
		return kseal_refuse(ks, KSEAL_STAT_KEY_LIMIT, -EKEYEXPIRED,
				    KSEAL_ALERT_INTERNAL_ERROR,
				    "the peer reached the limit of RFC 8446 5.5 without a KeyUpdate");
	/* what a forger made of it is nobody's business */
	if (err)
		memzero_explicit(dst.at, dst.len);
	if (err == -EBADMSG && ks->mainline)
		return refuse_record(ks, f, KSEAL_STAT_RX_BAD_TAG);
	if (err == -EBADMSG)
		return kseal_refuse(ks, KSEAL_STAT_RX_BAD_TAG, -EBADMSG,
				    KSEAL_ALERT_BAD_RECORD_MAC,
				    "a record from the peer failed authentication");
	if (err) {
		kseal_sock_fail(ks, err, "opening a record failed in the kernel's cipher");
		return err;
	}
	note_record(rx);
	return dst.len;
}

/* ---- strip ---- */

/* The spare becomes the last of those to be read. */
static void keep_record(struct kseal_receive *rx, u8 type, unsigned int len)
{
	struct kseal_opened *opened = rx->spare;

	rx->spare = NULL;
	opened->type = type;
	opened->off = 0;
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
static int strip_record(struct kseal_sock *ks, const struct kseal_found *f,
			unsigned int sealed)
{
	struct kseal_receive *rx = &ks->rx;
	const u8 *text = rx->spare->text;
	struct kseal_refusal why;
	u8 type = f->prefix[0];
	int len;

	len = kseal_record_strip(text, sealed, kseal_keys_form(rx->keys),
				 ks->mainline, &type, &why);
	if (len < 0 && ks->mainline) {
		kseal_keys_again(rx->keys);
		return refuse_record(ks, f, KSEAL_STAT_RX_MALFORMED);
	}
	kseal_assemble_pass(rx, f);
	if (len < 0)
		return malformed(ks, &why);
	if (type == KSEAL_TYPE_DATA && rx->message.got)
		return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, -EPROTO,
				    KSEAL_ALERT_UNEXPECTED_MESSAGE,
				    "the peer broke off a handshake message");
	if (len && type == KSEAL_TYPE_DATA) {
		note_data(rx, len);
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
	/* it may have to be answered, and that lets in what came meanwhile */
	kseal_assemble_settle(ks);
	return rx->cmsg ? keep_control(ks, type, text, len) :
			  kseal_control_receive(ks, type, text, len);
}

/* What was read in TCP's queue is TCP's to free before it is too much. */
static void settle_now_and_then(struct kseal_sock *ks)
{
	if (ks->rx.ahead >= AHEAD_MAX || ks->rx.n_runs >= RUNS_MAX) {
		kseal_assemble_settle(ks);
		cond_resched();
	}
}

/* ---- right into the reader's memory ---- */

static void wipe(const struct kseal_piece *piece, unsigned int n)
{
	while (n--)
		memzero_explicit(piece[n].at, piece[n].len);
}

/* Opens a record into c, memory of the caller's. Returns 0 if it is data without
 * padding; an errno: then it is as if nothing had been tried.
 */
static int open_into(struct kseal_sock *ks, const struct kseal_found *f,
		     struct kseal_content *c)
{
	struct kseal_receive *rx = &ks->rx;
	u8 type = f->prefix[0];
	struct kseal_body body = {
		.src = f->piece, .n_src = f->n, .dst = c->piece,
		.len = sealed_len(rx, f), .next = f->next,
	};
	int err;

	if (kseal_keys_form(rx->keys)->tail_len)
		kseal_content_tail(c, &type, 1);
	body.n_dst = c->n;
	body.last = c->last;
	err = kseal_keys_open(rx->keys, f->prefix, &body);
	if (!err && type != KSEAL_TYPE_DATA) {
		kseal_keys_again(rx->keys);
		rx->detour = DETOUR;
		err = -EBADMSG;
	}
	/* it is nobody's business, whether a forger made it or not */
	if (err)
		wipe(c->piece, c->n);
	return err;
}

/* The content of a record, if it is data without padding. 0: it is not, or there
 * is none.
 */
static unsigned int likely_content(const struct kseal_receive *rx,
				   const struct kseal_found *f)
{
	unsigned int tail = kseal_keys_form(rx->keys)->tail_len;
	unsigned int len = sealed_len(rx, f);

	if ((!tail && f->prefix[0] != KSEAL_TYPE_DATA) || len < tail ||
	    len - tail > KSEAL_PLAIN_MAX)
		return 0;
	return len - tail;
}

/* Records of data that the reader has room for, as many as lie in the pages of a
 * full one. The first was found. Returns bytes, or 0: they go the other way.
 */
static int deliver_records(struct kseal_sock *ks, struct kseal_found *f,
			   struct iov_iter *to)
{
	size_t most = min_t(size_t, iov_iter_single_seg_count(to),
			    KSEAL_PLAIN_MAX);
	struct kseal_receive *rx = &ks->rx;
	struct kseal_content c;
	struct kseal_pages pages;
	unsigned int len, done = 0;

	len = likely_content(rx, f);
	if (!len || len > most || !kseal_pages_get(to, most, &pages))
		return 0;
	do {
		kseal_content_pinned(&c, &pages, done, len);
		if (open_into(ks, f, &c))
			break;
		kseal_assemble_pass(rx, f);
		note_record(rx);
		note_data(rx, len);
		done += len;
		if (done == most)
			break;
		settle_now_and_then(ks);
		if (kseal_assemble(ks, f) <= 0)
			break;
		len = likely_content(rx, f);
	} while (len && len <= most - done);
	kseal_pages_put(&pages, true);
	iov_iter_revert(to, most - done);
	return done;
}

/* Whether that is worth a try: to pin pages costs something. */
static bool may_deliver(struct kseal_receive *rx, struct sock *sk,
			const struct kseal_found *f, const struct iov_iter *to)
{
	if (!to || rx->message.got || !kseal_keys_read_once(rx->keys))
		return false;
	if (rx->detour) {
		rx->detour--;
		return false;
	}
	return f->len >= KSEAL_PAGES_LEN_MIN ||
	       (f->queued && tcp_inq(sk) - rx->ahead >= KSEAL_PAGES_LEN_MIN);
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

/* Assembles, opens, strips until there is another opened record. to: where it may
 * go at once; NULL nowhere.
 */
static int look_for_record(struct kseal_sock *ks, struct iov_iter *to)
{
	struct kseal_receive *rx = &ks->rx;
	struct kseal_found *found = &rx->found;
	int burst, ret;

	for (burst = 1; ; burst++) {
		if (ks->state == KSEAL_STATE_DEAD)
			return ks->err;
		/* RFC 8446 6.1: what follows close_notify is ignored */
		if (rx->closed)
			return 0;
		if (rx->update_pending)
			return -EKEYEXPIRED;
		settle_now_and_then(ks);
		if (burst % CONTROL_BURST == 0) {
			kseal_assemble_settle(ks);
			sk_flush_backlog(ks->sk);
			cond_resched();
		}
		ret = kseal_assemble(ks, found);
		if (!ret)
			return check_end(ks);
		if (ret > 0 && may_deliver(rx, ks->sk, found, to)) {
			ret = deliver_records(ks, found, to);
			if (ret)
				break;
		}
		if (ret >= 0)
			ret = open_record(ks, found);
		if (ret >= 0)
			ret = strip_record(ks, found, ret);
		if (ret)
			break;
	}
	if (ret > 0)
		ask_for_keys(ks);
	return ret;
}

static int next_record(struct kseal_sock *ks, struct iov_iter *to)
{
	u64 records = ks->rx.records, bytes = ks->rx.bytes;
	int ret = look_for_record(ks, to);

	count_since(ks, records, bytes);
	return ret;
}

int kseal_receive_next(struct kseal_sock *ks)
{
	kseal_sock_owned(ks);
	return list_empty(&ks->rx.opened) ? next_record(ks, NULL) : 1;
}

int kseal_receive_into(struct kseal_sock *ks, struct iov_iter *to)
{
	kseal_sock_owned(ks);
	return list_empty(&ks->rx.opened) ? next_record(ks, to) : 1;
}

int kseal_receive_ahead(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;

	kseal_sock_owned(ks);
	/* what they take, not what is in them: a record may have one byte */
	if (rx->n_opened && (rx->n_opened + 1) * KSEAL_OPENED_PAGES * PAGE_SIZE >
			    READ_ONCE(ks->sk->sk_rcvbuf))
		return 0;
	return next_record(ks, NULL);
}

/* ---- readiness ---- */

/* Mainline's convention: a record that is whole is there to be read, whatever
 * comes of that, and so is TCP's end of the stream. A bad header is in the
 * socket's error alone.
 */
static bool something_came(struct kseal_sock *ks)
{
	int ret = 0;

	if (!list_empty(&ks->rx.opened))
		return true;
	if (!ks->rx.update_pending)
		ret = kseal_assemble(ks, &ks->rx.found) ?: check_end(ks);
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
	kseal_assemble_settle(ks);
	kseal_receive_rest(rx);
	release_sock(sk);
	return ret;
}

void kseal_receive_drain(struct kseal_sock *ks)
{
	kseal_sock_owned(ks);
	if (skb_queue_empty(&ks->sk->sk_receive_queue) && !ks->rx.early)
		return;
	/* also the part of one whose end has not come */
	if (kseal_receive_next(ks) == -EAGAIN && !ks->rx.update_pending)
		kseal_assemble_copy(ks);
	kseal_assemble_settle(ks);
}

void kseal_data_ready(struct sock *sk)
{
	struct kseal_sock *ks = kseal_sock(sk);

	kseal_assemble_judge(ks);
	if (ks->state != KSEAL_STATE_KEYED || !ks->rx.keys ||
	    kseal_assemble_worth_waking(sk, &ks->rx))
		ks->base_data_ready(sk);
}

void kseal_receive_free(struct kseal_receive *rx)
{
	struct kseal_opened *opened, *next;

	kseal_keys_destroy(rx->keys);
	rx->keys = NULL;
	kseal_stash_wipe(rx->raw);
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
