/* SPDX-License-Identifier: GPL-2.0-only */
/* From the application's bytes to sealed records in TCP's write queue. */
#ifndef KSEAL_SEND_H
#define KSEAL_SEND_H

#include <linux/types.h>

#include "out.h"

struct kseal_keys;
struct kseal_sock;
struct msghdr;
struct sock;
struct work_struct;

/* How records are cut, chosen by the application or the profile. */
struct kseal_shape {
	u16 max;		/* content bytes in a record, at most */
	u16 pad;		/* what is sealed is a multiple of it; 0: no padding */
	bool dynamic;		/* small records first: see send.c */
};

/* Bytes in a control record of ours: an alert has 2, a KeyUpdate 5. */
#define KSEAL_CONTROL_MAX	16

/* Under the socket lock. */
struct kseal_send {
	struct kseal_keys *keys;
	struct kseal_out out;	/* what is sealed */
	u8 *text;		/* the open record, made on first use and kept */
	u8 control[KSEAL_CONTROL_MAX + 1];	/* one of our own, and its type */
	unsigned int len;	/* bytes in it */
	u8 type;		/* its content type */
	bool closed;		/* close_notify or a fatal alert was sealed */
	bool update_owed;	/* the peer asked for a KeyUpdate */
	struct kseal_shape shape;
	u16 peer_max;		/* content bytes that the peer takes: RFC 6066 4 */
	unsigned int run;	/* dynamic: records since the last pause */
	unsigned long last;	/* and when the last was sealed, jiffies */
	unsigned long flush_at;	/* jiffies: the open record waits until then */
	u64 records;
	u64 bytes;
	u64 updates;		/* generations of keys after the first */
};

/* Content bytes in a record at most, by both sides. Any context. */
static inline unsigned int kseal_send_most(const struct kseal_send *tx)
{
	return min(READ_ONCE(tx->shape.max), READ_ONCE(tx->peer_max));
}

/**
 * kseal_send_records - frame, seal and push what a caller writes
 * @ks: a session with keys, socket lock held; given up while waiting
 * @msg: what to send; MSG_MORE and MSG_EOR are looked at
 * @type: content type
 * @timeo: jiffies to wait at most
 *
 * Return: bytes taken, or an errno if there was not one.
 */
int kseal_send_records(struct kseal_sock *ks, struct msghdr *msg, u8 type,
		       long timeo);

/**
 * kseal_send_end - seal the open record
 * @ks: a session with keys, socket lock held
 * @push: and give everything to TCP
 *
 * Mainline's convention: to name a type ends what is open, be it that of data.
 * A call with nothing else pushes it.
 *
 * Return: 0, or an errno.
 */
int kseal_send_end(struct kseal_sock *ks, bool push);

/**
 * kseal_send_plain - queue handshake bytes as they are
 * @ks: a session that has no keys, socket lock held
 * @data: bytes for the wire
 * @len: how many
 *
 * Copies; pushes what TCP takes now, the rest follows by itself.
 *
 * Return: 0, -ENOBUFS when too much waits already, -ENOMEM, -EPIPE.
 */
int kseal_send_plain(struct kseal_sock *ks, const void *data, size_t len);

/**
 * kseal_send_control - seal a record that is not application data, and push it
 * @ks: a session with keys, socket lock held
 * @type: content type
 * @data: its content
 * @len: at most KSEAL_CONTROL_MAX
 *
 * What the application wrote before goes out first. TCP takes it beyond the
 * send buffer's limit: a few bytes that must not wait.
 *
 * Return: 0; -EAGAIN, it is sealed and follows by itself; or another errno,
 * then nothing of it is sent.
 */
int kseal_send_control(struct kseal_sock *ks, u8 type, const void *data,
		       size_t len);

/**
 * kseal_send_flush - seal the open record and give everything to TCP
 * @ks: a session, socket lock held
 * @force: beyond the send buffer's limit, for the socket is about to go
 *
 * Return: 0 when nothing is left, -EAGAIN (it follows by itself), or an errno.
 */
int kseal_send_flush(struct kseal_sock *ks, bool force);

/* sk_write_space: lets the application in, and the rest out. */
void kseal_write_space(struct sock *sk);
void kseal_send_work(struct work_struct *work);

/* Forgets what was not sent, for good. Any context, under the socket lock. */
void kseal_send_drop(struct kseal_send *tx);

/* At the end of a call: without an open record no memory is kept for one. */
void kseal_send_rest(struct kseal_send *tx);

/* Wipes and frees; the socket lock is held or the socket is dying. */
void kseal_send_free(struct kseal_send *tx);

#endif
