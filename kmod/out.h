/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The out list: bytes for the wire that TCP has not taken yet, in pages of the
 * socket's page fragment. TCP gets references to these pages; nobody writes to
 * what stands in them again.
 */
#ifndef KSEAL_OUT_H
#define KSEAL_OUT_H

#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "record.h"

struct kseal_piece;
struct kseal_sock;
struct sock;

/* At most this many pieces of pages (32 KiB each, if the page allocator is
 * kind), this many bytes before more is sealed.
 */
#define KSEAL_OUT_MAX		64
#define KSEAL_OUT_BATCH		(64 * 1024)

/* A record spans at most this many pieces: fragments are 32 KiB, or single
 * pages when memory is short.
 */
#define KSEAL_PIECES_MAX \
	((KSEAL_PLAIN_MAX + KSEAL_OVERHEAD_MAX) / PAGE_SIZE + 2)

/* Under the socket lock. */
struct kseal_out {
	struct bio_vec *vec;	/* KSEAL_OUT_MAX, made on first use and kept */
	unsigned int first;	/* the first not taken by TCP, */
	unsigned int end;	/* and one past the last */
	unsigned int bytes;	/* written under the lock, read by write_space */
};

/* Whether another record has its place in the list. */
static inline bool kseal_out_has_room(const struct kseal_out *out)
{
	return out->end < KSEAL_OUT_MAX - KSEAL_PIECES_MAX;
}

/* Makes the list. Return: 0 or -ENOMEM. */
int kseal_out_make(struct kseal_out *out);

/**
 * kseal_out_reserve - room for a record at the end of the list
 * @sk: the socket, locked
 * @out: its list
 * @len: the record's length
 * @prefix: bytes at its start that are not sealed; contiguous
 * @dst: KSEAL_PIECES_MAX pieces, made to follow the prefix
 * @n: how many there are, written
 *
 * Return: where the prefix goes, or NULL: no memory.
 */
u8 *kseal_out_reserve(struct sock *sk, struct kseal_out *out, unsigned int len,
		      unsigned int prefix, struct kseal_piece *dst,
		      unsigned int *n);

/* Takes @len bytes off the end again: they were not written. */
void kseal_out_cut(struct kseal_out *out, unsigned int len);

/**
 * kseal_out_copy - bytes at the end of the list, as they are
 * @sk: the socket, locked
 * @out: its list
 * @data: bytes for the wire
 * @len: how many
 *
 * Return: 0 or -ENOMEM (then none).
 */
int kseal_out_copy(struct sock *sk, struct kseal_out *out, const void *data,
		   size_t len);

/**
 * kseal_out_push - give the list to TCP
 * @sk: the socket, locked
 * @out: its list
 * @flags: MSG_MORE, or 0
 *
 * Return: 0 when all is TCP's, -EAGAIN it is full, or TCP's errno.
 */
int kseal_out_push(struct sock *sk, struct kseal_out *out, int flags);

/**
 * kseal_out_force - likewise, beyond the send buffer's limit
 * @sk: the socket, locked
 * @out: its list
 *
 * For a few bytes that must not wait: close_notify, an alert, the rest at
 * close. TCP's own FIN does not ask for room either.
 *
 * Return: as kseal_out_push().
 */
int kseal_out_force(struct sock *sk, struct kseal_out *out);

/* Forgets what TCP has not taken. Any context, under the socket lock. */
void kseal_out_drop(struct kseal_out *out);

/* and frees the list */
void kseal_out_free(struct kseal_out *out);

#endif
