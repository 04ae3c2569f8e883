/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of one thread around one datagram socket, or two: receive, send,
 * one timer. On io_uring, restricted to these operations on these sockets; on
 * poll(2) where io_uring is switched off. Nothing else knows which.
 */
#ifndef KSEALD_LOOP_H
#define KSEALD_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;

/* Which of the two. */
enum loop_socket {
	LOOP_KERNEL,
	LOOP_SIGNER,
};

/* Something that is waited for. Set done, embed it; the rest is the loop's. */
struct op {
	/* res: bytes, or -errno. The op may be armed again from here. */
	void (*done)(struct op *op, int res);
	struct msghdr *msg;	/* recv */
	const void *buf;	/* send */
	size_t len;
};

/*
 * Makes a loop for two sockets, which stay the caller's; signer: -1: there is but
 * one. force_poll: as if there were no io_uring. Returns 0 or -errno.
 */
int loop_new(struct loop **loop, int kernel, int signer, bool force_poll);
void loop_free(struct loop *loop);

/* "io_uring" or "poll" */
const char *loop_backend(const struct loop *loop);

/* One datagram into msg, which stays valid until op->done(). One at a time and socket. */
void loop_recv(struct loop *loop, enum loop_socket from, struct op *op, struct msghdr *msg);

/*
 * One datagram from buf, which stays valid until op->done(). Likewise. more: there is
 * something to be sent behind it; else op->done() may come as late as the next event.
 */
void loop_send(struct loop *loop, enum loop_socket to, struct op *op, const void *buf, size_t len,
	       bool more);

/* There is something to be sent behind what was given to loop_send(), after all. */
void loop_send_more(struct loop *loop);

/* Calls op->done(op, 0) once it is when (ms, clock_now()); replaces what was set; 0: never. */
void loop_timer(struct loop *loop, struct op *op, uint64_t when);

/* Runs until loop_stop(). All calls above are then this thread's. Returns 0 or -errno. */
int loop_run(struct loop *loop);

/* From any thread or signal handler. */
void loop_stop(struct loop *loop);

/* clock_now() when what is being done was begun: of the loop's thread. */
uint64_t loop_time(const struct loop *loop);

#endif
