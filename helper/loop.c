// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop; see loop.h.
 */
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "loop.h"

/* Receive and send for each socket, stop: no more is ever in flight. */
#define ENTRIES		8

#define PAUSE_MS	1	/* until the kernel may have memory again */

#define SOCKETS		(LOOP_SIGNER + 1)

/* The ring's registered files; those before are the sockets. */
enum {
	FILE_STOP = SOCKETS,
	FILES,
};

struct loop {
	int fds[SOCKETS];	/* -1: none */
	int stop_fd;		/* eventfd */
	uint64_t stop_count;	/* what is read from it */
	bool stopped;
	struct op *timer;
	uint64_t timer_when;
	uint64_t now;		/* ms, of the last event */
	bool on_ring;
	struct io_uring ring;
	struct op stop;		/* ring: the read of stop_fd */
	const struct op *behind;	/* ring: a send that nothing waits for */
	struct op *recv[SOCKETS], *send[SOCKETS];	/* poll: what is armed */
};

uint64_t loop_time(const struct loop *loop)
{
	return loop->now;
}

void loop_timer(struct loop *loop, struct op *op, uint64_t when)
{
	loop->timer = op;
	loop->timer_when = when;
}

/* ms until the timer is due; -1: no timer */
static int64_t timer_left(const struct loop *loop)
{
	if (!loop->timer_when)
		return -1;
	return loop->timer_when > loop->now ? (int64_t)(loop->timer_when - loop->now) : 0;
}

static void fire_timer(struct loop *loop)
{
	if (timer_left(loop) != 0)
		return;
	loop->timer_when = 0;
	loop->timer->done(loop->timer, 0);
}

/* ---- io_uring ---- */

static struct io_uring_sqe *get_sqe(struct loop *loop)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

	assert(sqe);
	return sqe;
}

/* After the prep function, which clears both. */
static void finish_sqe(struct io_uring_sqe *sqe, struct op *op)
{
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(sqe, op);
}

static void on_stop(struct op *op, int res)
{
	struct loop *loop = (struct loop *)((char *)op - offsetof(struct loop, stop));

	(void)res;
	loop->stopped = true;
}

/* What bypasses seccomp must be as narrow: three operations, these files, and no way to add to them. */
static int restrict_ring(struct loop *loop)
{
	struct io_uring_restriction allowed[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_RECVMSG },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_SEND },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_FIXED_FILE },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
		  .sqe_flags = IOSQE_FIXED_FILE },
	};
	const int files[FILES] = {
		[LOOP_KERNEL] = loop->fds[LOOP_KERNEL], [LOOP_SIGNER] = loop->fds[LOOP_SIGNER],
		[FILE_STOP] = loop->stop_fd,
	};
	int ret = io_uring_register_files(&loop->ring, files, FILES);

	if (ret)
		return ret;
	/* liburing 2.3 declares a function for it, and for enabling, but exports neither. */
	return io_uring_register((unsigned int)loop->ring.ring_fd, IORING_REGISTER_RESTRICTIONS,
				 allowed, sizeof(allowed) / sizeof(allowed[0]));
}

static int ring_new(struct loop *loop)
{
	/* Disabled: restrictions come first, and the thread that enables it is its one issuer. */
	unsigned int flags = IORING_SETUP_R_DISABLED;
	int ret;

	ret = io_uring_queue_init(ENTRIES, &loop->ring, flags | IORING_SETUP_SINGLE_ISSUER |
				  IORING_SETUP_DEFER_TASKRUN);
	if (ret == -EINVAL)
		ret = io_uring_queue_init(ENTRIES, &loop->ring, flags);
	if (ret)
		return ret;
	/* Waiting with a time limit needs no operation of its own then. */
	ret = loop->ring.features & IORING_FEAT_EXT_ARG ? restrict_ring(loop) : -ENOSYS;
	if (ret)
		io_uring_queue_exit(&loop->ring);
	return ret;
}

static int ring_run(struct loop *loop)
{
	struct io_uring_sqe *sqe;
	int ret = io_uring_register((unsigned int)loop->ring.ring_fd,
				    IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (ret)
		return ret;
	loop->now = clock_now();
	loop->stop.done = on_stop;
	sqe = get_sqe(loop);
	io_uring_prep_read(sqe, FILE_STOP, &loop->stop_count, sizeof(loop->stop_count), 0);
	finish_sqe(sqe, &loop->stop);

	while (!loop->stopped) {
		int64_t left = timer_left(loop);
		struct __kernel_timespec limit = { left / 1000, left % 1000 * 1000000 };
		struct io_uring_cqe *cqe;

		/* a send is done when it is submitted, nearly always: no call for that alone */
		ret = io_uring_submit_and_wait_timeout(&loop->ring, &cqe, loop->behind ? 2 : 1,
						       left < 0 ? NULL : &limit, NULL);
		/* the kernel is short of memory, or has results that do not fit */
		if (ret == -EAGAIN || ret == -EBUSY)
			poll(NULL, 0, PAUSE_MS);
		else if (ret < 0 && ret != -ETIME && ret != -EINTR)
			return ret;
		loop->now = clock_now();
		while (!loop->stopped && !io_uring_peek_cqe(&loop->ring, &cqe)) {
			struct op *op = io_uring_cqe_get_data(cqe);
			int res = cqe->res;

			io_uring_cqe_seen(&loop->ring, cqe);
			if (op == loop->behind)
				loop->behind = NULL;
			/* it is likely to be tried again at once */
			if (res == -ENOMEM)
				poll(NULL, 0, PAUSE_MS);
			op->done(op, res);
		}
		fire_timer(loop);
	}
	return 0;
}

/* ---- poll ---- */

/* The kernel takes what it is sent at once. The signer may be slow: false, when it is. */
static bool poll_send(struct loop *loop, enum loop_socket to)
{
	struct op *op = loop->send[to];
	int flags = MSG_NOSIGNAL | (to == LOOP_SIGNER ? MSG_DONTWAIT : 0);
	ssize_t ret;

	do {
		ret = send(loop->fds[to], op->buf, op->len, flags);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0 && errno == EAGAIN)
		return false;
	loop->send[to] = NULL;
	op->done(op, ret < 0 ? -errno : (int)ret);
	return true;
}

static void poll_recv(struct loop *loop, enum loop_socket from)
{
	struct op *op = loop->recv[from];
	ssize_t ret = recvmsg(loop->fds[from], op->msg, MSG_DONTWAIT);

	if (ret < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop->recv[from] = NULL;
	op->done(op, ret < 0 ? -errno : (int)ret);
}

/* Whether something was sent, so that there may be more. */
static bool poll_send_all(struct loop *loop)
{
	bool sent = false;

	for (enum loop_socket i = 0; i < SOCKETS; i++)
		if (loop->send[i])
			sent |= poll_send(loop, i);
	return sent;
}

static int poll_run(struct loop *loop)
{
	loop->now = clock_now();
	while (!loop->stopped) {
		int64_t left = timer_left(loop);
		struct pollfd fds[FILES] = { [FILE_STOP] = { loop->stop_fd, POLLIN, 0 } };

		if (poll_send_all(loop))
			continue;
		for (int i = 0; i < SOCKETS; i++) {
			short events = (loop->recv[i] ? POLLIN : 0) | (loop->send[i] ? POLLOUT : 0);

			fds[i] = (struct pollfd){ events ? loop->fds[i] : -1, events, 0 };
		}
		if (poll(fds, FILES, left > INT32_MAX ? INT32_MAX : (int)left) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		loop->now = clock_now();
		loop->stopped = fds[FILE_STOP].revents;
		/* POLLERR too: that is how an overrun shows. */
		for (enum loop_socket i = 0; i < SOCKETS && !loop->stopped; i++)
			if (fds[i].revents && loop->recv[i])
				poll_recv(loop, i);
		fire_timer(loop);
	}
	return 0;
}

/* ---- either ---- */

int loop_new(struct loop **out, int kernel, int signer, bool force_poll)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int ret;

	if (!loop)
		return -ENOMEM;
	loop->fds[LOOP_KERNEL] = kernel;
	loop->fds[LOOP_SIGNER] = signer;
	loop->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (loop->stop_fd < 0) {
		ret = -errno;
		free(loop);
		return ret;
	}
	loop->on_ring = !force_poll && ring_new(loop) == 0;
	*out = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->on_ring)
		io_uring_queue_exit(&loop->ring);
	close(loop->stop_fd);
	free(loop);
}

const char *loop_backend(const struct loop *loop)
{
	return loop->on_ring ? "io_uring" : "poll";
}

void loop_recv(struct loop *loop, enum loop_socket from, struct op *op, struct msghdr *msg)
{
	struct io_uring_sqe *sqe;

	op->msg = msg;
	if (!loop->on_ring) {
		loop->recv[from] = op;
		return;
	}
	sqe = get_sqe(loop);
	io_uring_prep_recvmsg(sqe, (int)from, msg, 0);
	finish_sqe(sqe, op);
}

void loop_send(struct loop *loop, enum loop_socket to, struct op *op, const void *buf, size_t len,
	       bool more)
{
	struct io_uring_sqe *sqe;

	op->buf = buf;
	op->len = len;
	if (!loop->on_ring) {
		loop->send[to] = op;
		return;
	}
	sqe = get_sqe(loop);
	io_uring_prep_send(sqe, (int)to, buf, len, MSG_NOSIGNAL);
	finish_sqe(sqe, op);
	loop->behind = more ? NULL : op;
}

void loop_send_more(struct loop *loop)
{
	loop->behind = NULL;
}

int loop_run(struct loop *loop)
{
	return loop->on_ring ? ring_run(loop) : poll_run(loop);
}

void loop_stop(struct loop *loop)
{
	uint64_t one = 1;

	/* Cannot fail on an eventfd that is read or about to be closed. */
	if (write(loop->stop_fd, &one, sizeof(one)) < 0)
		return;
}
