// SPDX-License-Identifier: GPL-2.0-only
/*
 * From TCP's queue to a whole record, one way or the other:
 *
 *   find_record()          where it lies in the queue, and it stays there until
 *                          it was opened
 *   kseal_assemble_copy()  into a flat buffer of our own
 *
 * What lies in TCP's queue may be the sender's page cache, spliced over
 * loopback, and can change between the check of the tag and the decryption.
 * Only a cipher that reads each byte once may have it as it lies; the others
 * get a copy, which nobody else writes to. A record too long for the receive
 * buffer is copied in any case: it leaves the queue in parts.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <net/tcp.h>

#include "assemble.h"
#include "control.h"
#include "keys.h"
#include "queue.h"
#include "sock.h"
#include "stash.h"
#include "stats.h"

/* ---- where it lies ---- */

/* Whether TCP waits for somebody to take what it has. */
static bool pressing(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;

	/* it does not know yet of what was opened */
	kseal_assemble_settle(ks);
	return sock_flag(sk, SOCK_DONE) || sk->sk_err ||
	       sk->sk_state == TCP_CLOSE || tcp_epollin_ready(sk, INT_MAX);
}

/* How many bytes a header is judged with. Mainline's convention waits for the
 * explicit nonce behind it.
 */
static unsigned int header_len(const struct kseal_sock *ks)
{
	return ks->mainline ? kseal_form_prefix(kseal_keys_form(ks->rx.keys)) :
			      KSEAL_HEADER_LEN;
}

/* Small records lie in one piece, many of them in the same. */
static bool peek_prefix(struct sock *sk, struct kseal_receive *rx, u8 *prefix,
			unsigned int len)
{
	if (!rx->run.len) {
		kseal_queue_run(sk, rx->ahead, &rx->run);
		rx->n_runs++;
	}
	if (rx->run.len < len)
		return kseal_queue_peek(sk, rx->ahead, prefix, len);
	memcpy(prefix, rx->run.at, len);
	return true;
}

/* Returns 1 with a whole record, 0 when more must come, -ENOENT when this is
 * not the way: it has to be assembled.
 */
static int find_record(struct kseal_sock *ks, struct kseal_found *f)
{
	struct kseal_receive *rx = &ks->rx;
	const struct kseal_form *form = kseal_keys_form(rx->keys);
	unsigned int prefix = kseal_form_prefix(form), have, ahead;
	struct sock *sk = ks->sk;
	struct kseal_refusal why;
	int len;

	if (rx->raw_len || rx->early || rx->stopped ||
	    tcp_sk(sk)->urg_data || !kseal_keys_read_once(rx->keys))
		return -ENOENT;
	have = tcp_inq(sk) - rx->ahead;
	if (have < header_len(ks))
		return have && pressing(ks) ? -ENOENT : 0;
	if (!peek_prefix(sk, rx, f->prefix, min(prefix, have)))
		return -ENOENT;
	len = kseal_record_check(f->prefix, form, ks->mainline, &why);
	if (len < 0)
		return -ENOENT;
	f->len = KSEAL_HEADER_LEN + len;
	if (have < f->len)
		return pressing(ks) ? -ENOENT : 0;
	f->queued = true;
	f->next = NULL;
	if (rx->run.len >= f->len) {
		f->piece[0] = (struct kseal_piece){ rx->run.at + prefix,
						    f->len - prefix };
		f->n = 1;
		ahead = max_t(unsigned int, f->len, PAGE_SIZE);
		if (rx->run.len > ahead)
			f->next = rx->run.at + ahead;
		return 1;
	}
	f->n = kseal_queue_find(sk, rx->ahead + prefix, f->len - prefix,
				f->piece, KSEAL_FOUND_PIECES);
	return f->n ? 1 : -ENOENT;
}

/* ---- a copy of it ---- */

static int make_raw(struct kseal_receive *rx)
{
	if (!rx->raw)
		rx->raw = kseal_stash_get();
	return rx->raw ? 0 : -ENOMEM;
}

/* In mainline's convention the socket's error says so, once; nothing is read
 * after that, and it is no end either.
 */
static int refuse_header(struct kseal_sock *ks, const struct kseal_refusal *why)
{
	struct sock *sk = ks->sk;

	if (!ks->mainline)
		return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, why->err,
				    why->alert, why->reason);
	kseal_stat_add(sock_net(sk), KSEAL_STAT_RX_MALFORMED, 1);
	ks->rx.stopped = true;
	WRITE_ONCE(sk->sk_err, -why->err);
	sk_error_report(sk);
	return 0;
}

/* How many more bytes the record takes, as far as is known. */
static unsigned int missing(const struct kseal_receive *rx)
{
	return (rx->raw_need ?: rx->raw_header) - rx->raw_len;
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

int kseal_assemble_tcp(struct sock *sk, read_descriptor_t *desc,
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
int kseal_assemble_copy(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	struct assembly a = { .rx = rx, .any_type = ks->mainline };
	read_descriptor_t desc = { .arg.data = &a, .count = 1 };
	int err;

	if (rx->stopped)
		return 0;
	kseal_assemble_settle(ks);
	err = make_raw(rx);
	if (err)
		return err;
	rx->raw_header = header_len(ks);
	err = take_early(&a);
	if (!err && missing(rx)) {
		int ret = kseal_assemble_tcp(ks->sk, &desc, take);

		err = desc.error ?: min(ret, 0);
	}
	if (err && a.why.err)
		return refuse_header(ks, &a.why);
	return err ?: !missing(rx);
}

/* Whichever way: returns as kseal_assemble_copy(). */
int kseal_assemble(struct kseal_sock *ks, struct kseal_found *f)
{
	struct kseal_receive *rx = &ks->rx;
	unsigned int prefix;
	int ret;

	ret = find_record(ks, f);
	if (ret != -ENOENT)
		return ret;
	ret = kseal_assemble_copy(ks);
	if (ret <= 0)
		return ret;
	prefix = kseal_form_prefix(kseal_keys_form(rx->keys));
	memcpy(f->prefix, rx->raw, prefix);
	f->len = rx->raw_need;
	f->piece[0] = (struct kseal_piece){ rx->raw + prefix, f->len - prefix };
	f->n = 1;
	f->next = NULL;
	f->queued = false;
	return 1;
}

/* The record was opened: what comes next is the one behind it. */
void kseal_assemble_pass(struct kseal_receive *rx, const struct kseal_found *f)
{
	if (f->queued) {
		unsigned int n = min_t(size_t, rx->run.len, f->len);

		rx->run.at += n;
		rx->run.len -= n;
		/* it ended in another */
		if (n < f->len)
			rx->run.len = 0;
		rx->ahead += f->len;
		return;
	}
	rx->raw_len = 0;
	rx->raw_need = 0;
	kseal_stash_put(rx->raw);
	rx->raw = NULL;
}

void kseal_assemble_settle(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	u32 seq;

	kseal_sock_owned(ks);
	rx->run.len = 0;
	rx->n_runs = 0;
	if (!rx->ahead)
		return;
	seq = tcp_sk(ks->sk)->copied_seq;
	tcp_read_done(ks->sk, rx->ahead);
	/* or the same records would come again */
	WARN_ON_ONCE(tcp_sk(ks->sk)->copied_seq - seq < rx->ahead);
	rx->ahead = 0;
}

bool kseal_assemble_whole(const struct kseal_receive *rx)
{
	return rx->raw_need && !missing(rx);
}

/* ---- before it is read ---- */

/* Copies the next record's header, of which a part may have been taken in. */
static bool peek_header(struct sock *sk, const struct kseal_receive *rx,
			u8 *header)
{
	unsigned int have = min_t(unsigned int, rx->raw_len, KSEAL_HEADER_LEN);

	if (have)
		memcpy(header, rx->raw, have);
	return kseal_queue_peek(sk, 0, header + have, KSEAL_HEADER_LEN - have);
}

void kseal_assemble_judge(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;
	const struct kseal_form *form;
	u8 header[KSEAL_HEADER_LEN];
	struct kseal_refusal why;

	if (!ks->mainline || !rx->keys || rx->stopped || rx->raw_need)
		return;
	form = kseal_keys_form(rx->keys);
	if (rx->raw_len + tcp_inq(ks->sk) >= header_len(ks) &&
	    peek_header(ks->sk, rx, header) &&
	    kseal_record_check(header, form, true, &why) < 0)
		refuse_header(ks, &why);
}

/* A record is whole, or TCP's buffer fills up with a part of one. */
bool kseal_assemble_worth_waking(struct sock *sk, const struct kseal_receive *rx)
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
