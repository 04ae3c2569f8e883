/* SPDX-License-Identifier: GPL-2.0-only */
/* From TCP's receive queue to the application's buffer. */
#ifndef KSEAL_RECEIVE_H
#define KSEAL_RECEIVE_H

#include <linux/list.h>
#include <linux/types.h>
#include <net/tcp.h>

#include "assemble.h"
#include "control.h"
#include "gcm/gcm.h"
#include "keys.h"
#include "record.h"

struct iov_iter;
struct kseal_sock;
struct msghdr;
struct sock;

/* An opened record of which something is left to read; in pages of its own
 * (stash.h).
 */
struct kseal_opened {
	struct list_head node;
	unsigned int off;	/* the first byte that nobody has read, */
	unsigned int len;	/* and how many there are */
	u8 type;		/* content type */
	bool shared;		/* a pipe has references to its pages */
	u8 text[] __aligned(64);
};

#define KSEAL_OPENED_SIZE \
	(sizeof(struct kseal_opened) + KSEAL_CIPHER_MAX)
#define KSEAL_OPENED_PAGES	(KSEAL_OPENED_SIZE / PAGE_SIZE + 1)

/* Under the socket lock. */
struct kseal_receive {
	struct kseal_keys *keys;
	unsigned int ahead;	/* bytes of TCP's queue that were opened there */
	struct kseal_piece run;	/* those that come next, in one piece */
	unsigned int n_runs;	/* how many there were since the last settling */
	struct kseal_found found;	/* the next record; not on every stack */
	u8 *raw;		/* the record being assembled, as received: */
	unsigned int raw_len;	/* bytes of it that are here, */
	unsigned int raw_need;	/* and how many it takes (0: no header yet) */
	unsigned int raw_header;	/* bytes that a header is judged with */
	struct list_head opened;	/* records to be read, oldest first */
	struct kseal_opened *spare;	/* for the next one */
	unsigned int opened_bytes;	/* to be read in them, */
	unsigned int n_opened;	/* and how many there are */
	u8 *early;		/* came with the handshake, precedes the queue */
	unsigned int early_off;
	unsigned int early_len;
	struct kseal_message message;	/* a handshake message in parts */
	unsigned int tickets;	/* that went to the helper */
	u8 detour;		/* records not to be opened for the reader at once */
	bool declined;		/* a renegotiation, once */
	unsigned int empty;	/* records without content, in a row */
	bool closed;		/* close_notify was received */
	bool cmsg;		/* control records go to the application */
	bool no_pad;		/* mainline's TLS_RX_EXPECT_NO_PAD: kept, not used */
	bool stopped;		/* mainline's convention: a bad header came */
	bool update_pending;	/* KeyUpdate came, the next keys did not */
	bool asked;		/* the peer was asked for a KeyUpdate */
	int lowat;		/* SO_RCVLOWAT, kept from TCP */
	unsigned long updates_at;	/* see keyupdate.c */
	u64 records;
	u64 bytes;
	u64 updates;		/* generations of keys after the first */
};

/**
 * kseal_receive_next - the record that is to be read next
 * @ks: a session with keys, socket lock held
 *
 * Assembles, opens, strips until there is one. Does not wait.
 *
 * Return: 1, the record is the first of rx.opened; 0 at the end of the stream;
 * -EAGAIN when more must come; -EKEYEXPIRED while the next keys are missing;
 * -ENOMEM; or the session's sticky errno.
 */
int kseal_receive_next(struct kseal_sock *ks);

/**
 * kseal_receive_into - likewise, and right into the reader's memory
 * @ks: a session with keys, socket lock held
 * @to: where it may go; moves on if it does
 *
 * Saves the copies of records of data that fit, where they are large or many.
 * The memory has what was opened before tag and type are checked, and zeros if
 * it is not for the reader.
 *
 * Return: as kseal_receive_next(); but with rx.opened empty the bytes that @to
 * got.
 */
int kseal_receive_into(struct kseal_sock *ks, struct iov_iter *to);

/* Opens one more behind it, for a peek or SO_RCVLOWAT. Returns likewise, and 0
 * when those that are open take as much memory as the receive buffer may.
 */
int kseal_receive_ahead(struct kseal_sock *ks);

/* The first opened record; there is one. */
static inline struct kseal_opened *
kseal_receive_first(const struct kseal_receive *rx)
{
	return list_first_entry(&rx->opened, struct kseal_opened, node);
}

/* Before waiting and at the end of a call: nothing is kept for the next record. */
void kseal_receive_rest(struct kseal_receive *rx);

/* Takes @n bytes off the first opened record; the record, when it is empty. */
void kseal_receive_consume(struct kseal_receive *rx, unsigned int n);

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
