/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A caller's memory where it lies: pinned, so that the process may fork or go
 * meanwhile, and used before the call returns. What is in it can change at any
 * time, by another thread's hand.
 */
#ifndef KSEAL_PAGES_H
#define KSEAL_PAGES_H

#include <linux/types.h>

#include "gcm/gcm.h"

struct iov_iter;
struct page;

/* a full record's, wherever it begins */
#define KSEAL_PAGES_MAX		((16384 - 1) / PAGE_SIZE + 2)
/* below, to copy costs less than to pin */
#define KSEAL_PAGES_LEN_MIN	4096

struct kseal_pages {
	struct kseal_piece piece[KSEAL_PAGES_MAX];
	unsigned int n;
	struct page *page[KSEAL_PAGES_MAX];
	size_t back;		/* for kseal_pages_undo() */
};

/**
 * kseal_pages_get - the next bytes of an iterator as pieces
 * @iter: user memory; moves on
 * @len: how many bytes, at most 16384
 * @p: written; kseal_pages_put() or kseal_pages_undo() give it back
 *
 * May sleep.
 *
 * Return: true; false: not such memory, not in one piece for the process, too
 * little to be worth it, or it could not be pinned; then @iter is where it was.
 */
bool kseal_pages_get(struct iov_iter *iter, size_t len, struct kseal_pages *p);

/* Gives them back; @written: there is something new in them. */
void kseal_pages_put(struct kseal_pages *p, bool written);

/* Likewise, and takes the iterator back. */
void kseal_pages_undo(struct iov_iter *iter, struct kseal_pages *p,
		      bool written);

#endif
