/* SPDX-License-Identifier: GPL-2.0-only */
/* What a record is to hold, where it lies. */
#ifndef KSEAL_CONTENT_H
#define KSEAL_CONTENT_H

#include <linux/types.h>

#include "aead.h"

struct iov_iter;
struct kseal_pages;

struct kseal_content {
	struct kseal_piece piece[KSEAL_AEAD_PIECES];
	unsigned int n;
	unsigned int len;
	u8 *last;		/* as that of struct kseal_body */
	const u8 *next;		/* likewise */
};

/**
 * kseal_content_spliced - the next bytes that sendfile or splice brings
 * @c: written
 * @from: pages; stays where it is
 * @len: how many bytes, no more than there are
 *
 * Return: false: they lie in too many pieces.
 */
bool kseal_content_spliced(struct kseal_content *c, const struct iov_iter *from,
			   unsigned int len);

/* Likewise of a caller's pages, from the skip-th byte on; always possible. */
void kseal_content_pinned(struct kseal_content *c, const struct kseal_pages *p,
			  size_t skip, unsigned int len);

/* Type and padding, behind the content: in the same piece, or one byte. */
void kseal_content_tail(struct kseal_content *c, u8 *tail, unsigned int len);

#endif
