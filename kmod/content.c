// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bvec.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/uio.h>

#include "content.h"
#include "pages.h"

bool kseal_content_spliced(struct kseal_content *c, const struct iov_iter *from,
			   unsigned int len)
{
	struct bio_vec *vec = (struct bio_vec *)from->bvec;
	const struct bio_vec *end = vec + from->nr_segs;
	size_t skip = from->iov_offset, before = skip;

	c->n = 0;
	c->last = NULL;
	for (c->len = 0; c->len < len; vec++) {
		size_t n = min_t(size_t, vec->bv_len - skip, len - c->len);

		if (n && c->n == KSEAL_AEAD_PIECES)
			return false;
		if (n)
			c->piece[c->n++] = (struct kseal_piece){
				bvec_virt(vec) + skip, n };
		c->len += n;
		before = skip;
		skip = 0;
	}
	/* as far into the page after it as the last piece begins in its own */
	c->next = vec < end && before < vec->bv_len ? bvec_virt(vec) + before :
						      NULL;
	return true;
}

void kseal_content_pinned(struct kseal_content *c, const struct kseal_pages *p,
			  size_t skip, unsigned int len)
{
	unsigned int i;

	c->n = 0;
	c->len = 0;
	c->last = NULL;
	for (i = 0; skip >= p->piece[i].len; i++)
		skip -= p->piece[i].len;
	for (; c->len < len; i++) {
		size_t n = min_t(size_t, p->piece[i].len - skip, len - c->len);

		c->piece[c->n++] = (struct kseal_piece){
			p->piece[i].at + skip, n };
		c->len += n;
		c->next = i + 1 < p->n && skip < p->piece[i + 1].len ?
			  p->piece[i + 1].at + skip : NULL;
		skip = 0;
	}
}

void kseal_content_tail(struct kseal_content *c, u8 *tail, unsigned int len)
{
	struct kseal_piece *last = &c->piece[c->n - 1];

	if (last->at + last->len == tail)
		last->len += len;
	else if (!WARN_ON_ONCE(len > 1))
		c->last = tail;
	c->len += len;
}
