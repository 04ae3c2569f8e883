/* SPDX-License-Identifier: GPL-2.0-only */
/* From TCP's receive queue to the application's buffer. */
#ifndef KSEAL_RECEIVE_H
#define KSEAL_RECEIVE_H

#include <linux/types.h>
#include <net/tcp.h>

#include "record.h"

struct kseal_keys;
struct kseal_sock;
struct msghdr;
struct sock;

/* Under the socket lock. */
struct kseal_receive {
	struct kseal_keys *keys;
	u8 *raw;		/* the record being assembled, as received: */
	unsigned int raw_len;	/* bytes of it that are here, */
	unsigned int raw_need;	/* and how many it takes (0: no header yet) */
	u8 *plain;		/* the record being delivered: */
	unsigned int plain_off;	/* its first byte that nobody has read, */
	unsigned int plain_len;	/* and how many there are */
	u8 *early;		/* came with the handshake, precedes the queue */
	unsigned int early_off;
	unsigned int early_len;
	unsigned int empty;	/* records without content, in a row */
	bool closed;		/* close_notify was received */
	int lowat;		/* SO_RCVLOWAT, kept from TCP */
	u64 records;
	u64 bytes;
};

/**
 * kseal_receive_tcp - read TCP's queue
 * @sk: a TCP socket, locked
 * @desc: for @take
 * @take: called with each piece
 *
 * As tcp_read_sock(), but urgent data is data like any other (RFC 6093):
 * else it would stop there for ever.
 */
int kseal_receive_tcp(struct sock *sk, read_descriptor_t *desc,
		      sk_read_actor_t take);

/* The proto's ->recvmsg. */
int kseal_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);

/**
 * kseal_receive_readable - whether a read would not wait
 * @ks: a session with keys
 *
 * Opens what has arrived, so that a ticket or half a record is not mistaken for
 * data. Takes the socket lock; process context.
 */
bool kseal_receive_readable(struct kseal_sock *ks);

/**
 * kseal_receive_drain - take in control records before the socket goes
 * @ks: a session with keys, socket lock held
 *
 * A ticket or a close_notify left in the queue would make TCP reset the
 * connection on close, and with it what was just sent.
 */
void kseal_receive_drain(struct kseal_sock *ks);

/* sk_data_ready: wakes readers when there is a record for them. */
void kseal_data_ready(struct sock *sk);

/* Wipes and frees; the socket lock is held or the socket is dying. */
void kseal_receive_free(struct kseal_receive *rx);

#endif
