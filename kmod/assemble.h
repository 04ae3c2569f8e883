/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole records out of TCP's receive queue. */
#ifndef KSEAL_ASSEMBLE_H
#define KSEAL_ASSEMBLE_H

#include <net/tcp.h>

#include "gcm/gcm.h"
#include "record.h"

struct kseal_receive;
struct kseal_sock;
struct sock;

/* A record that lies in more pieces is copied. */
#define KSEAL_FOUND_PIECES	24

/* A whole record: its first bytes, and where the others lie. */
struct kseal_found {
	u8 prefix[KSEAL_PREFIX_MAX];
	struct kseal_piece piece[KSEAL_FOUND_PIECES];
	unsigned int n;
	unsigned int len;	/* of all of it */
	const u8 *next;		/* of the one behind it, or NULL */
	bool queued;		/* in TCP's queue */
};

/**
 * kseal_assemble - the next record, when all of it is there
 * @ks: a session with keys, socket lock held
 * @f: written; good until the lock is given up
 *
 * Does not wait, and takes no record in: kseal_assemble_pass() does.
 *
 * Return: 1 with a record; 0 when more must come; -ENOMEM; or an errno, by then
 * sticky.
 */
int kseal_assemble(struct kseal_sock *ks, struct kseal_found *f);

/* The record was opened: what comes next is the one behind it. */
void kseal_assemble_pass(struct kseal_receive *rx, const struct kseal_found *f);

/* Likewise, but the record is copied, and stays until it is passed. Returns as
 * kseal_assemble().
 */
int kseal_assemble_copy(struct kseal_sock *ks);

/**
 * kseal_assemble_settle - take what was opened out of TCP's queue
 * @ks: a session, socket lock held
 *
 * Many records are opened before TCP is told, once. To be called before the
 * socket lock is given up, for however short a time.
 */
void kseal_assemble_settle(struct kseal_sock *ks);

/* Whether a record is whole, and not opened: the last try failed. */
bool kseal_assemble_whole(const struct kseal_receive *rx);

/**
 * kseal_assemble_judge - look at the next record's header before it is read
 * @ks: a session, socket lock held, or in BH with nobody owning the socket
 *
 * Mainline's convention: a bad header is the socket's error from the moment
 * when it comes first. No matter otherwise.
 */
void kseal_assemble_judge(struct kseal_sock *ks);

/**
 * kseal_assemble_tcp - read TCP's queue
 * @sk: a TCP socket, locked
 * @desc: for @take
 * @take: called with each piece
 *
 * As tcp_read_sock(), but urgent data is data like any other (RFC 6093):
 * else it would stop there for ever.
 */
int kseal_assemble_tcp(struct sock *sk, read_descriptor_t *desc,
		      sk_read_actor_t take);

/* Whether readers should be woken: a record is whole, or TCP's buffer fills up
 * with a part of one. In BH, or under the socket lock.
 */
bool kseal_assemble_worth_waking(struct sock *sk,
				 const struct kseal_receive *rx);

#endif
