/* SPDX-License-Identifier: GPL-2.0-only */
/* From the application's bytes to sealed records in TCP's write queue. */
#ifndef KSEAL_SEND_H
#define KSEAL_SEND_H

#include <linux/bvec.h>
#include <linux/types.h>

#include "record.h"

struct kseal_keys;
struct kseal_sock;
struct msghdr;
struct sock;
struct socket;

/* Sealed bytes that TCP has not taken yet: at most this many pieces of pages
 * (32 KiB each, if the page allocator is kind), this many bytes before more is
 * sealed.
 */
#define KSEAL_OUT_MAX		64
#define KSEAL_OUT_BATCH		(64 * 1024)

/* Memory that sending needs, made on first use and kept. */
struct kseal_send_buf {
	u8 *plain;		/* the open record, KSEAL_PLAIN_MAX bytes */
	u8 header[KSEAL_HEADER_LEN];
	u8 inner_type;
	struct bio_vec out[KSEAL_OUT_MAX];
};

/* Under the socket lock. */
struct kseal_send {
	struct kseal_keys *keys;
	struct kseal_send_buf *buf;
	unsigned int len;	/* bytes in the open record */
	unsigned int out_first;	/* buf->out: the first not taken by TCP, */
	unsigned int out_end;	/* and one past the last */
	unsigned int out_bytes;	/* written under the lock, read by write_space */
	unsigned long flush_at;	/* jiffies: the open record waits until then */
	bool closed;		/* close_notify or a fatal alert was sealed */
	u64 records;
	u64 bytes;
};

/* The proto's ->sendmsg, ->splice_eof. */
int kseal_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
void kseal_splice_eof(struct socket *sock);

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
 * @type: inner content type
 * @data: its content
 * @len: at most KSEAL_PLAIN_MAX
 *
 * What the application wrote before goes out first. TCP takes it beyond the
 * send buffer's limit: a few bytes that must not wait.
 *
 * Return: 0 or a negative errno; then nothing of it is sent.
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

/* Wipes and frees; the socket lock is held or the socket is dying. */
void kseal_send_free(struct kseal_send *tx);

#endif
