// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages that are not copied, or look so: MSG_ZEROCOPY and its completions,
 * io_uring, records spliced out whose pages stay in a pipe.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <liburing.h>
#include <netinet/in.h>
#include <linux/errqueue.h>

#include "fixture.h"

PEER_FIXTURE;
PAIR_FIXTURE;

/* ---- MSG_ZEROCOPY ---- */

static int enable(int fd)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) ? -errno : 0;
}

/* The next completion: the first and the last call it is for. 0 or -errno. */
static int completion(int fd, int family, uint32_t *first, uint32_t *last)
{
	struct sock_extended_err *err;
	char control[256];
	struct msghdr msg = { .msg_control = control, .msg_controllen = sizeof(control) };
	bool ipv6 = family == AF_INET6;
	struct cmsghdr *cmsg;

	if (recvmsg(fd, &msg, MSG_ERRQUEUE) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != (ipv6 ? SOL_IPV6 : SOL_IP) ||
	    cmsg->cmsg_type != (ipv6 ? IPV6_RECVERR : IP_RECVERR)) {
		printf("# control message of level %d, type %d\n", cmsg ? cmsg->cmsg_level : -1,
		       cmsg ? cmsg->cmsg_type : -1);
		return -EPROTO;
	}
	err = (void *)CMSG_DATA(cmsg);
	if (err->ee_errno || err->ee_origin != SO_EE_ORIGIN_ZEROCOPY ||
	    err->ee_code != SO_EE_CODE_ZEROCOPY_COPIED) {
		printf("# errno %u, origin %u, code %u\n", err->ee_errno, err->ee_origin,
		       err->ee_code);
		return -EPROTO;
	}
	*first = err->ee_info;
	*last = err->ee_data;
	return 0;
}

/* How many calls were completed, each once and in order from `next` on. */
static int completed(int fd, int family, uint32_t next)
{
	uint32_t first, last;
	int err, count = 0;

	while (!(err = completion(fd, family, &first, &last))) {
		if (first != next || last < first)
			return -ERANGE;
		count += last - first + 1;
		next = last + 1;
	}
	return err == -EAGAIN ? count : err;
}

TEST_F(peer, zerocopy_is_completed_at_once_as_copied)
{
	uint8_t *data = pattern(50000, 101), *copy = malloc(50000), *got = malloc(50000);
	int i;

	ASSERT_EQ(0, enable(self->fd));
	for (i = 0; i < 5; i++) {
		memcpy(copy, data, 50000);
		ASSERT_EQ(50000, send(self->fd, copy, 50000, MSG_ZEROCOPY));
		EXPECT_EQ(POLLERR, poll_for(self->fd, POLLERR, 0));
		EXPECT_EQ(1, completed(self->fd, variant->family, i));
		EXPECT_EQ(0, poll_for(self->fd, POLLERR, 0));
		/* nobody looks at it any more */
		memset(copy, 0xee, 50000);
		ASSERT_EQ(0, peer_recv_all(&self->peer, got, 50000));
		ASSERT_EQ(0, memcmp(data, got, 50000));
	}
	free(data);
	free(copy);
	free(got);
}

TEST_F(peer, completions_of_many_calls_are_ranges_without_gaps)
{
	uint8_t got[400];
	int i;

	ASSERT_EQ(0, enable(self->fd));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(2, send(self->fd, "ab", 2, MSG_ZEROCOPY));
		/* these are not counted */
		ASSERT_EQ(2, send(self->fd, "cd", 2, 0));
		ASSERT_EQ(0, send(self->fd, "", 0, MSG_ZEROCOPY));
	}
	EXPECT_EQ(100, completed(self->fd, variant->family, 0));
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, 400));
	EXPECT_EQ(0, memcmp(got, "abcdabcd", 8));
}

TEST_F(peer, calls_that_fail_are_not_completed)
{
	uint8_t *data = pattern(16 << 20, 102), *got;
	size_t sent = 0;
	int calls = 0, done = 0;
	ssize_t n;

	ASSERT_EQ(0, enable(self->fd));
	while ((n = send(self->fd, data + sent, 65536, MSG_ZEROCOPY | MSG_DONTWAIT)) > 0) {
		sent += n;
		calls++;
	}
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, send(self->fd, data, 1, MSG_ZEROCOPY | MSG_DONTWAIT));
	EXPECT_EQ(-1, send(self->fd, data, 1, MSG_ZEROCOPY | MSG_OOB));
	EXPECT_EQ(EOPNOTSUPP, errno);
	done = completed(self->fd, variant->family, 0);
	EXPECT_EQ(calls, done);
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	ASSERT_EQ(1, send(self->fd, data, 1, MSG_ZEROCOPY));
	EXPECT_EQ(1, completed(self->fd, variant->family, done));
	free(data);
	free(got);
}

TEST_F(peer, without_so_zerocopy_there_are_no_completions)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(4, send(self->fd, "copy", 4, MSG_ZEROCOPY));
	EXPECT_EQ(0, completed(self->fd, variant->family, 0));
	EXPECT_EQ(4, peer_open(&self->peer, &type, got));
}

TEST_F(peer, zerocopy_with_more_is_completed_when_it_is_taken)
{
	uint8_t got[PEER_PLAIN_MAX];
	char text[] = "wait";
	int type;

	ASSERT_EQ(0, enable(self->fd));
	ASSERT_EQ(4, send(self->fd, text, 4, MSG_ZEROCOPY | MSG_MORE));
	EXPECT_EQ(1, completed(self->fd, variant->family, 0));
	memset(text, 'x', 4);
	ASSERT_EQ(2, send(self->fd, "ed", 2, MSG_ZEROCOPY));
	EXPECT_EQ(1, completed(self->fd, variant->family, 1));
	EXPECT_EQ(6, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(got, "waited", 6));
}

/* ---- io_uring ---- */

#define RING(ring)							\
	do {								\
		int ret_ = io_uring_queue_init(32, ring, 0);		\
									\
		if (ret_ == -ENOSYS || ret_ == -EPERM)			\
			SKIP(return, "the kernel has no io_uring");	\
		ASSERT_EQ(0, ret_);					\
	} while (0)

/* Submits what was prepared; the next result, and its flags. */
static int ring_next(struct io_uring *ring, unsigned int *flags)
{
	struct __kernel_timespec timeout = { .tv_sec = 5 };
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit(ring);

	if (ret >= 0)
		ret = io_uring_wait_cqe_timeout(ring, &cqe, &timeout);
	if (ret)
		return ret;
	ret = cqe->res;
	*flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

TEST_F(peer, io_uring_send_zc_sends_and_notifies)
{
	uint8_t *data = pattern(50000, 103), *copy = malloc(50000), *got = malloc(50000);
	struct io_uring ring;
	unsigned int flags;
	int i, n;

	RING(&ring);
	for (i = 0; i < 3; i++) {
		memcpy(copy, data, 50000);
		io_uring_prep_send_zc(io_uring_get_sqe(&ring), self->fd, copy, 50000, 0, 0);
		n = ring_next(&ring, &flags);
		if (n == -EINVAL || n == -EOPNOTSUPP) {
			io_uring_queue_exit(&ring);
			SKIP(return, "the kernel has no SEND_ZC (%d)", n);
		}
		ASSERT_EQ(50000, n);
		ASSERT_TRUE(flags & IORING_CQE_F_MORE);
		ASSERT_LE(0, ring_next(&ring, &flags));
		EXPECT_TRUE(flags & IORING_CQE_F_NOTIF);
		memset(copy, 0xee, 50000);
		ASSERT_EQ(0, peer_recv_all(&self->peer, got, 50000));
		ASSERT_EQ(0, memcmp(data, got, 50000));
	}
	/* the error queue is for the other interface */
	EXPECT_EQ(0, completed(self->fd, variant->family, 0));
	io_uring_queue_exit(&ring);
	free(data);
	free(copy);
	free(got);
}

TEST_F(peer, io_uring_multishot_receives_record_after_record)
{
	enum { GROUP = 7, BUFFERS = 8, SIZE = 4096 };
	uint8_t *memory = malloc(BUFFERS * SIZE);
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	unsigned int flags;
	char text[16];
	int i, n;

	RING(&ring);
	io_uring_prep_provide_buffers(io_uring_get_sqe(&ring), memory, SIZE, BUFFERS, GROUP, 0);
	ASSERT_LE(0, ring_next(&ring, &flags));
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_recv_multishot(sqe, self->fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	ASSERT_EQ(1, io_uring_submit(&ring));
	for (i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "record %d", i);
		/* a ticket between does not show */
		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, "\4\0\0\1x", 5, 0));
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, text, 8, 0));
		n = ring_next(&ring, &flags);
		if (n == -EINVAL && !i) {
			io_uring_queue_exit(&ring);
			SKIP(return, "the kernel has no multishot receive");
		}
		ASSERT_EQ(8, n);
		EXPECT_TRUE(flags & IORING_CQE_F_MORE);
		EXPECT_EQ(0, memcmp(memory + SIZE * (flags >> IORING_CQE_BUFFER_SHIFT), text, 8));
	}
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	EXPECT_EQ(0, ring_next(&ring, &flags));
	EXPECT_FALSE(flags & IORING_CQE_F_MORE);
	io_uring_queue_exit(&ring);
	free(memory);
}

TEST_F(pair, io_uring_splices_both_ways)
{
	uint8_t *data = pattern(40000, 104), *got = malloc(40000);
	struct io_uring ring;
	unsigned int flags;
	int in[2], out[2];
	size_t done = 0;

	RING(&ring);
	ASSERT_EQ(0, pipe(in));
	ASSERT_EQ(0, pipe(out));
	ASSERT_EQ(40000, write(in[1], data, 40000));
	while (done < 40000) {
		int n;

		io_uring_prep_splice(io_uring_get_sqe(&ring), in[0], -1, self->fd[0], -1,
				     40000 - done, 0);
		n = ring_next(&ring, &flags);
		ASSERT_LT(0, n);
		done += n;
	}
	for (done = 0; done < 40000;) {
		int n;

		io_uring_prep_splice(io_uring_get_sqe(&ring), self->fd[1], -1, out[1], -1,
				     40000 - done, 0);
		n = ring_next(&ring, &flags);
		ASSERT_LT(0, n);
		done += n;
	}
	ASSERT_EQ(40000, read(out[0], got, 40000));
	EXPECT_EQ(0, memcmp(data, got, 40000));
	io_uring_queue_exit(&ring);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	free(data);
	free(got);
}

/* ---- spliced out ---- */

TEST_F(peer, what_is_in_a_pipe_stays_as_it_was_while_records_follow)
{
	uint8_t *data = pattern(16384, 105), *other = malloc(16384), *got = malloc(16384);
	int pipes[2], i;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 16384, 0));
	ASSERT_EQ(16384, splice(self->fd, NULL, pipes[1], NULL, 16384, 0));
	for (i = 0; i < 50; i++) {
		memset(other, i, 16384);
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, other, 16384, 0));
		ASSERT_EQ(0, recv_all(self->fd, got, 16384));
		ASSERT_EQ(0, memcmp(other, got, 16384));
	}
	ASSERT_EQ(16384, read(pipes[0], got, 16384));
	EXPECT_EQ(0, memcmp(data, got, 16384));
	close(pipes[0]);
	close(pipes[1]);
	free(data);
	free(other);
	free(got);
}

TEST_F(peer, what_is_in_a_pipe_outlives_the_socket)
{
	uint8_t *data = pattern(16384, 106), *got = malloc(16384);
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 16384, 0));
	/* a part of it is still the session's when it goes */
	ASSERT_EQ(10000, splice(self->fd, NULL, pipes[1], NULL, 10000, 0));
	close(self->fd);
	self->fd = -1;
	sleep_ms(20);
	ASSERT_EQ(10000, read(pipes[0], got, 16384));
	EXPECT_EQ(0, memcmp(data, got, 10000));
	close(pipes[0]);
	close(pipes[1]);
	free(data);
	free(got);
}

TEST_F(peer, a_record_is_spliced_in_part_peeked_at_and_read)
{
	uint8_t *data = pattern(16000, 107), *got = malloc(16384);
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 16000, 0));
	ASSERT_EQ(5000, recv(self->fd, got, 5000, MSG_PEEK));
	ASSERT_EQ(5000, splice(self->fd, NULL, pipes[1], NULL, 5000, 0));
	ASSERT_EQ(2000, recv(self->fd, got + 5000, 2000, 0));
	ASSERT_EQ(9000, recv(self->fd, got, 16384, MSG_PEEK));
	EXPECT_EQ(0, memcmp(data + 7000, got, 9000));
	/* the rest, and no more than there is */
	ASSERT_EQ(9000, splice(self->fd, NULL, pipes[1], NULL, 60000, 0));
	ASSERT_EQ(14000, read(pipes[0], got, 16384));
	EXPECT_EQ(0, memcmp(data, got, 5000));
	EXPECT_EQ(0, memcmp(data + 7000, got + 5000, 9000));
	EXPECT_EQ(-EAGAIN, recv_soon(self->fd, got, 1));
	close(pipes[0]);
	close(pipes[1]);
	free(data);
	free(got);
}

TEST_F(peer, a_small_pipe_takes_what_it_has_room_for)
{
	uint8_t *data = pattern(16384, 108), *got = malloc(16384);
	size_t done = 0;
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_LE(4096, fcntl(pipes[1], F_SETPIPE_SZ, 4096));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 16384, 0));
	while (done < 16384) {
		ssize_t n = splice(self->fd, NULL, pipes[1], NULL, 16384, SPLICE_F_NONBLOCK);

		ASSERT_LT(0, n);
		/* full: what did not fit is still in the socket */
		if (done + n < 16384) {
			EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 1, SPLICE_F_NONBLOCK));
			EXPECT_EQ(EAGAIN, errno);
		}
		ASSERT_EQ(n, read(pipes[0], got + done, 16384));
		done += n;
	}
	EXPECT_EQ(0, memcmp(data, got, 16384));
	close(pipes[0]);
	close(pipes[1]);
	free(data);
	free(got);
}

TEST_F(peer, tee_gives_the_same_twice)
{
	uint8_t *data = pattern(16384, 109), *got = malloc(16384);
	int first[2], second[2];

	ASSERT_EQ(0, pipe(first));
	ASSERT_EQ(0, pipe(second));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 16384, 0));
	ASSERT_EQ(16384, splice(self->fd, NULL, first[1], NULL, 16384, 0));
	ASSERT_EQ(16384, tee(first[0], second[1], 16384, 0));
	ASSERT_EQ(16384, read(first[0], got, 16384));
	EXPECT_EQ(0, memcmp(data, got, 16384));
	memset(got, 0, 16384);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "next", 4, 0));
	ASSERT_EQ(4, recv_soon(self->fd, got, 16));
	ASSERT_EQ(16384, read(second[0], got, 16384));
	EXPECT_EQ(0, memcmp(data, got, 16384));
	close(first[0]);
	close(first[1]);
	close(second[0]);
	close(second[1]);
	free(data);
	free(got);
}

/* From one session through a pipe into another, and back into the first. */
TEST_F(pair, a_pipe_between_two_sessions_is_exact)
{
	uint8_t *data = pattern(100000, 110), *got = malloc(100000);
	size_t done = 0;
	int pipes[2], fd[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, session_pair(variant->family, KSEAL_VERSION_1_2, variant->cipher, fd));
	while (done < 100000) {
		size_t len = done + 20000 < 100000 ? 20000 : 100000 - done, moved = 0;

		ASSERT_EQ(0, send_all(self->fd[0], data + done, len));
		while (moved < len) {
			ssize_t n = splice(self->fd[1], NULL, pipes[1], NULL, 60000, 0);

			ASSERT_LT(0, n);
			ASSERT_EQ(n, splice(pipes[0], NULL, fd[0], NULL, n, SPLICE_F_MORE));
			moved += n;
		}
		done += len;
		ASSERT_EQ(0, recv_all(fd[1], got + done - len, len));
	}
	EXPECT_EQ(0, memcmp(data, got, 100000));
	close(pipes[0]);
	close(pipes[1]);
	close(fd[0]);
	close(fd[1]);
	free(data);
	free(got);
}

TEST_HARNESS_MAIN
