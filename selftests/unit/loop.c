// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/loop.c, on io_uring and on poll: what is received, sent and timed,
 * and that the ring does nothing else.
 */
#include <liburing.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* A kernel that is short of memory now and then. */
static int refusals, refused_with;

static int may_refuse(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned int n,
		      struct __kernel_timespec *limit, sigset_t *mask)
{
	return refusals-- > 0 ? refused_with :
				io_uring_submit_and_wait_timeout(ring, cqe, n, limit, mask);
}

#define io_uring_submit_and_wait_timeout may_refuse
#include "../../helper/loop.c"
#include "tap.h"

static struct loop *tested;
static int fds[2];

static char in[64];
static struct iovec iov = { in, sizeof(in) };
static struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
static struct op recv_op, send_op, timer_op;
static int received[8], sent[8];
static unsigned int n_received, n_sent, n_fired;
static uint64_t fired_at;

/* Echoes each datagram; "stop" stops. */
static void on_recv(struct op *op, int res)
{
	if (n_received < 8)
		received[n_received++] = res;
	if (res == 4 && !memcmp(in, "stop", 4))
		loop_stop(tested);
	else if (res > 0)
		loop_send(tested, LOOP_KERNEL, &send_op, in, (size_t)res, true);
	else
		loop_stop(tested);
	(void)op;
}

static void on_sent(struct op *op, int res)
{
	(void)op;
	if (n_sent < 8)
		sent[n_sent++] = res;
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
}

static void on_timer(struct op *op, int res)
{
	fired_at = clock_now();
	if (++n_fired == 1)
		loop_timer(tested, op, clock_now() + 30);
	else
		loop_stop(tested);
	(void)res;
}

static void *stop_later(void *arg)
{
	usleep(50000);
	loop_stop(tested);
	return arg;
}

static void set_up(bool force_poll)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) ||
	    loop_new(&tested, fds[0], -1, force_poll))
		abort();
	recv_op.done = on_recv;
	send_op.done = on_sent;
	timer_op.done = on_timer;
	n_received = n_sent = n_fired = 0;
}

static void tear_down(void)
{
	loop_free(tested);
	close(fds[0]);
	close(fds[1]);
}

static void echoes(bool force_poll)
{
	char back[64];

	set_up(force_poll);
	note("on %s", loop_backend(tested));
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	if (send(fds[1], "one", 3, 0) != 3 || send(fds[1], "three", 5, 0) != 5 ||
	    send(fds[1], "stop", 4, 0) != 4)
		abort();
	ok(loop_run(tested) == 0, "runs until stopped from a callback");
	ok(n_received == 3 && received[0] == 3 && received[1] == 5 && received[2] == 4,
	   "receives datagrams in order");
	ok(n_sent == 2 && sent[0] == 3 && sent[1] == 5, "sends");
	ok(recv(fds[1], back, sizeof(back), MSG_DONTWAIT) == 3 && !memcmp(back, "one", 3) &&
	   recv(fds[1], back, sizeof(back), MSG_DONTWAIT) == 5 && !memcmp(back, "three", 5),
	   "what was asked for");
	tear_down();
}

static void short_of_memory(int error)
{
	char back[64];

	set_up(false);
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	if (send(fds[1], "one", 3, 0) != 3 || send(fds[1], "stop", 4, 0) != 4)
		abort();
	refused_with = error;
	refusals = 3;
	ok(loop_run(tested) == 0 && n_received == 2 && n_sent == 1 && sent[0] == 3 &&
	   recv(fds[1], back, sizeof(back), MSG_DONTWAIT) == 3,
	   "%s ends nothing and loses nothing", strerrorname_np(-error));
	tear_down();
}

static void on_sent_behind(struct op *op, int res)
{
	(void)op;
	sent[n_sent++] = res;
}

/* A send that nothing waits for arrives, and is reported with what comes next. */
static void behind(bool force_poll)
{
	char back[8];
	pthread_t thread;

	set_up(force_poll);
	send_op.done = on_sent_behind;
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	loop_send(tested, LOOP_KERNEL, &send_op, "first", 5, false);
	pthread_create(&thread, NULL, stop_later, NULL);
	ok(loop_run(tested) == 0 && n_sent == 1 && sent[0] == 5 && !n_received,
	   "a send is done before the loop is stopped");
	pthread_join(thread, NULL);
	ok(recv(fds[1], back, sizeof(back), MSG_DONTWAIT) == 5, "and has arrived");
	tear_down();

	set_up(force_poll);
	send_op.done = on_sent_behind;
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	loop_send(tested, LOOP_KERNEL, &send_op, "first", 5, false);
	loop_timer(tested, &timer_op, clock_now() + 10);
	ok(loop_run(tested) == 0 && n_sent == 1 && n_fired == 2, "or when the timer fires");
	tear_down();
}

static void errors(bool force_poll)
{
	set_up(force_poll);
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	close(fds[1]);
	fds[1] = dup(fds[0]);
	ok(loop_run(tested) == 0 && n_received == 1 && received[0] == 0, "reports the end of the peer");
	tear_down();

	set_up(force_poll);
	loop_send(tested, LOOP_KERNEL, &send_op, "x", 1, true);
	close(fds[1]);
	fds[1] = dup(fds[0]);
	ok(loop_run(tested) == 0 && n_sent == 1 && sent[0] == -EPIPE, "reports a failed send");
	tear_down();
}

static void timing(bool force_poll)
{
	uint64_t start;
	pthread_t thread;

	set_up(force_poll);
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	start = clock_now();
	loop_timer(tested, &timer_op, start + 10000);
	loop_timer(tested, &timer_op, start + 20);
	ok(loop_run(tested) == 0 && n_fired == 2, "the timer fires as last set, and again from itself");
	ok(fired_at - start >= 50 && fired_at - start < 2000, "after %u ms",
	   (unsigned int)(fired_at - start));
	tear_down();

	set_up(force_poll);
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	loop_timer(tested, &timer_op, clock_now() + 10);
	loop_timer(tested, &timer_op, 0);
	pthread_create(&thread, NULL, stop_later, NULL);
	ok(loop_run(tested) == 0 && !n_fired && !n_received, "stopped by another thread; no timer");
	pthread_join(thread, NULL);
	tear_down();
}

/* ---- the other socket ---- */

static struct op signer_recv, signer_send;
static char signer_in[64];
static struct iovec signer_iov = { signer_in, sizeof(signer_in) };
static struct msghdr signer_msg = { .msg_iov = &signer_iov, .msg_iovlen = 1 };
static int n_signer_sent;

/* What comes from one goes to the other. */
static void on_kernel(struct op *op, int res)
{
	(void)op;
	if (res > 0)
		loop_send(tested, LOOP_SIGNER, &signer_send, in, (size_t)res, true);
}

static void on_signer(struct op *op, int res)
{
	(void)op;
	received[n_received++] = res;
	loop_stop(tested);
}

static void on_signer_sent(struct op *op, int res)
{
	(void)res;
	/* for ever, until nobody reads */
	if (++n_signer_sent > 1)
		loop_send(tested, LOOP_SIGNER, op, signer_in, sizeof(signer_in), true);
}

/* other: the second socket's ends, of which the first is the loop's. */
static void set_up_two(bool force_poll, int other[2])
{
	set_up(force_poll);
	loop_free(tested);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, other) ||
	    loop_new(&tested, fds[0], other[0], force_poll))
		abort();
}

static void tear_down_two(int other[2])
{
	tear_down();
	close(other[0]);
	close(other[1]);
}

/* What comes from the first begins a send that nothing waits for; what comes from the
 * second, at once, wants to be sent behind it.
 */
static void on_first(struct op *op, int res)
{
	(void)op;
	loop_send(tested, LOOP_KERNEL, &send_op, in, (size_t)res, false);
}

static void on_second(struct op *op, int res)
{
	(void)op;
	(void)res;
	loop_send_more(tested);
}

static void on_sent_twice(struct op *op, int res)
{
	sent[n_sent++] = res;
	if (n_sent == 1)
		loop_send(tested, LOOP_KERNEL, op, "second", 6, true);
	else
		loop_stop(tested);
}

static void one_behind_another(bool force_poll)
{
	char back[64];
	int other[2];

	set_up_two(force_poll, other);
	recv_op.done = on_first;
	signer_recv.done = on_second;
	send_op.done = on_sent_twice;
	if (send(fds[1], "first", 5, 0) != 5 || send(other[1], "more", 4, 0) != 4)
		abort();
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	loop_recv(tested, LOOP_SIGNER, &signer_recv, &signer_msg);
	/* which would stop it as well, in the end */
	loop_timer(tested, &timer_op, clock_now() + 3000);
	n_fired = 1;
	ok(loop_run(tested) == 0 && n_sent == 2 && n_fired == 1,
	   "what is to be sent behind a send does not wait for anything else");
	ok(recv(fds[1], back, sizeof(back), MSG_DONTWAIT) == 5 &&
	   recv(fds[1], back, sizeof(back), MSG_DONTWAIT) == 6, "both arrive");
	tear_down_two(other);
}

static void two_sockets(bool force_poll)
{
	char back[64];
	int other[2];

	set_up_two(force_poll, other);
	recv_op.done = on_kernel;
	signer_recv.done = on_signer;
	signer_send.done = on_signer_sent;
	n_signer_sent = 0;
	loop_recv(tested, LOOP_KERNEL, &recv_op, &msg);
	loop_recv(tested, LOOP_SIGNER, &signer_recv, &signer_msg);
	if (send(fds[1], "ask", 3, 0) != 3 || send(other[1], "answer", 6, 0) != 6)
		abort();
	ok(loop_run(tested) == 0 && n_received == 1 && received[0] == 6 && !memcmp(signer_in, "answer", 6),
	   "two sockets: the second is received from, too");
	ok(recv(other[1], back, sizeof(back), MSG_DONTWAIT) == 3 && !memcmp(back, "ask", 3),
	   "two sockets: and sent to");

	/* nobody reads the second any more; the timer stops it */
	loop_free(tested);
	if (loop_new(&tested, fds[0], other[0], force_poll))
		abort();
	n_signer_sent = 1;
	n_fired = 1;
	loop_send(tested, LOOP_SIGNER, &signer_send, signer_in, sizeof(signer_in), true);
	loop_timer(tested, &timer_op, clock_now() + 100);
	ok(loop_run(tested) == 0 && n_signer_sent > 10 && n_fired == 2,
	   "two sockets: one that is full holds up nothing");
	tear_down_two(other);
}

/* ---- what the ring must refuse ---- */

static struct op forbidden[4];
static int forbidden_res[4];
static unsigned int n_forbidden;

static void on_forbidden(struct op *op, int res)
{
	forbidden_res[op - forbidden] = res;
	if (++n_forbidden == 4)
		loop_stop(tested);
}

/* From a callback, when the ring is enabled: four that a stranger might want. */
static void try_forbidden(struct op *op, int res)
{
	struct io_uring_sqe *sqe;

	(void)op;
	(void)res;
	for (int i = 0; i < 4; i++) {
		forbidden[i].done = on_forbidden;
		sqe = io_uring_get_sqe(&tested->ring);
		switch (i) {
		case 0: io_uring_prep_nop(sqe); break;
		case 1: io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0); break;
		case 2: io_uring_prep_send(sqe, fds[0], "x", 1, 0); break;
		case 3: io_uring_prep_recvmsg(sqe, fds[0], &msg, 0); break;
		}
		/* Not 2 and 3: those are allowed operations, but on a file that is not registered. */
		io_uring_sqe_set_flags(sqe, i < 2 ? IOSQE_FIXED_FILE : 0);
		io_uring_sqe_set_data(sqe, &forbidden[i]);
	}
}

static void restricted(void)
{
	set_up(false);
	if (!tested->on_ring) {
		ok(true, "the ring is restricted # SKIP io_uring is switched off here");
		tear_down();
		return;
	}
	timer_op.done = try_forbidden;
	loop_timer(tested, &timer_op, clock_now() + 1);
	ok(loop_run(tested) == 0 && n_forbidden == 4, "four forbidden operations end");
	for (int i = 0; i < 4; i++)
		ok(forbidden_res[i] == -EACCES, "forbidden operation %d: %s", i,
		   strerror(-forbidden_res[i]));
	ok(io_uring_register_files_update(&tested->ring, 0, &fds[1], 1) == -EACCES,
	   "its files cannot be exchanged");
	tear_down();
}

int main(void)
{
	bool ring;

	for (int force_poll = 0; force_poll < 2; force_poll++) {
		echoes(force_poll);
		behind(force_poll);
		errors(force_poll);
		timing(force_poll);
		one_behind_another(force_poll);
		two_sockets(force_poll);
	}
	set_up(false);
	ring = !strcmp(loop_backend(tested), "io_uring");
	tear_down();
	if (ring) {
		short_of_memory(-EAGAIN);
		short_of_memory(-EBUSY);
	}
	restricted();
	return done_testing();
}
