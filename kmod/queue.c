// SPDX-License-Identifier: GPL-2.0-only
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "gcm/gcm.h"
#include "queue.h"

/* The skb that has the byte with this sequence number. What is queued may
 * overlap, but has no holes.
 */
static struct sk_buff *find_skb(struct sock *sk, u32 seq, u32 *offset)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		*offset = seq - TCP_SKB_CB(skb)->seq;
		if (*offset < skb->len)
			return skb;
	}
	return NULL;
}

bool kseal_queue_peek(struct sock *sk, u32 skip, u8 *to, unsigned int len)
{
	u32 seq = tcp_sk(sk)->copied_seq + skip, offset;

	while (len) {
		struct sk_buff *skb = find_skb(sk, seq, &offset);
		unsigned int n;

		if (!skb)
			return false;
		n = min(skb->len - offset, len);
		if (skb_copy_bits(skb, offset, to, n))
			return false;
		to += n;
		seq += n;
		len -= n;
	}
	return true;
}

struct search {
	struct kseal_piece *piece;
	unsigned int n, max;
	unsigned int len;	/* still to be found */
};

/* A part of an skb, of which some bytes come before those that are sought.
 * Returns how many do after it.
 */
static u32 note(struct search *s, void *at, u32 size, u32 before)
{
	u32 len;

	if (before >= size)
		return before - size;
	len = min(size - before, s->len);
	if (len && s->n < s->max) {
		s->piece[s->n++] = (struct kseal_piece){ at + before, len };
		s->len -= len;
	}
	return 0;
}

/* Returns whether all of it could be looked at. */
static bool search_skb(struct search *s, const struct sk_buff *skb, u32 before)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	const struct sk_buff *part;
	unsigned int i;

	before = note(s, skb->data, skb_headlen(skb), before);
	for (i = 0; i < info->nr_frags && s->len && s->n < s->max; i++) {
		const skb_frag_t *frag = &info->frags[i];
		void *at = skb_frag_address(frag);

		if (!at)
			return false;
		before = note(s, at, skb_frag_size(frag), before);
	}
	skb_walk_frags(skb, part) {
		if (!s->len || s->n == s->max)
			break;
		/* TCP's have no lists in their lists */
		if (skb_has_frag_list(part))
			return false;
		if (before >= part->len) {
			before -= part->len;
			continue;
		}
		if (!search_skb(s, part, before))
			return false;
		before = 0;
	}
	return true;
}

void kseal_queue_run(struct sock *sk, u32 skip, struct kseal_piece *run)
{
	struct search s = { .piece = run, .max = 1, .len = INT_MAX };
	struct sk_buff *skb;
	u32 offset;

	*run = (struct kseal_piece){};
	skb = find_skb(sk, tcp_sk(sk)->copied_seq + skip, &offset);
	if (skb)
		search_skb(&s, skb, offset);
}

unsigned int kseal_queue_find(struct sock *sk, u32 skip, unsigned int len,
			      struct kseal_piece *piece, unsigned int max)
{
	struct search s = { .piece = piece, .max = max, .len = len };
	u32 seq = tcp_sk(sk)->copied_seq + skip, offset;

	while (s.len && s.n < max) {
		struct sk_buff *skb = find_skb(sk, seq, &offset);
		unsigned int before = s.len;

		if (!skb || !search_skb(&s, skb, offset) || s.len == before)
			return 0;
		seq += before - s.len;
	}
	return s.len ? 0 : s.n;
}
