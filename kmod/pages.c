// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/uio.h>

#include "pages.h"

bool kseal_pages_get(struct iov_iter *iter, size_t len, struct kseal_pages *p)
{
	struct page **page = p->page;
	size_t offset, left;
	ssize_t got;

	if (len < KSEAL_PAGES_LEN_MIN || !user_backed_iter(iter))
		return false;
	got = kseal_compat_extract_pages(iter, &page, len, KSEAL_PAGES_MAX,
					 &offset);
	if (got <= 0)
		return false;
	p->back = got;
	for (p->n = 0, left = got; left; p->n++) {
		size_t n = min_t(size_t, left, PAGE_SIZE - offset);

		p->piece[p->n] = (struct kseal_piece){
			page_address(p->page[p->n]) + offset, n };
		left -= n;
		offset = 0;
	}
	if (got == len)
		return true;
	kseal_pages_undo(iter, p, false);
	return false;
}

void kseal_pages_put(struct kseal_pages *p, bool written)
{
	unpin_user_pages_dirty_lock(p->page, p->n, written);
}

void kseal_pages_undo(struct iov_iter *iter, struct kseal_pages *p,
		      bool written)
{
	kseal_pages_put(p, written);
	iov_iter_revert(iter, p->back);
}
