// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages into and out of a session: sendfile, splice, io_uring; and MSG_MORE. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "fixture.h"

#define FILE_LEN (1 << 20)

PEER_FIXTURE;
PAIR_FIXTURE;

static int make_file(const uint8_t *data, size_t len)
{
	int fd = memfd_create("kseal-test", 0);

	if (fd >= 0 && write(fd, data, len) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- sendfile ---- */

struct sending {
	int fd, file;
	off_t offset;
	size_t len;
	int err;
};

static void *sendfile_thread(void *arg)
{
	struct sending *s = arg;

	while (s->len) {
		ssize_t n = sendfile(s->fd, s->file, &s->offset, s->len);

		if (n <= 0) {
			s->err = n ? errno : ENODATA;
			break;
		}
		s->len -= n;
	}
	return NULL;
}

TEST_F(peer, sendfile_is_exact_and_goes_out_in_records_of_16384)
{
	uint8_t *data = pattern(FILE_LEN, 21), *got = malloc(PEER_PLAIN_MAX);
	struct sending s = { .fd = self->fd, .file = make_file(data, FILE_LEN), .len = FILE_LEN };
	pthread_t thread;
	size_t done = 0;
	int type;

	ASSERT_LE(0, s.file);
	ASSERT_EQ(0, pthread_create(&thread, NULL, sendfile_thread, &s));
	while (done < FILE_LEN) {
		int n = peer_open(&self->peer, &type, got);

		ASSERT_EQ(PEER_PLAIN_MAX, n) TH_LOG("at %zu", done);
		ASSERT_EQ(PEER_DATA, type);
		ASSERT_EQ(0, memcmp(data + done, got, n));
		done += n;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.err);
	EXPECT_EQ(FILE_LEN, s.offset);
	close(s.file);
	free(data);
	free(got);
}

TEST_F(peer, sendfile_of_a_part_with_an_odd_offset)
{
	uint8_t *data = pattern(FILE_LEN, 22), *got = malloc(FILE_LEN);
	static const struct { off_t offset; size_t len; } parts[] = {
		{ 1, 1 }, { 4095, 2 }, { 4097, 20000 }, { 777, 16384 }, { 100001, 100003 },
	};
	int file = make_file(data, FILE_LEN);
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct sending s = { .fd = self->fd, .file = file, .offset = parts[i].offset,
				     .len = parts[i].len };
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, sendfile_thread, &s));
		/* all of it arrives: nothing of the tail is held back */
		ASSERT_EQ(0, peer_recv_all(&self->peer, got, parts[i].len));
		pthread_join(thread, NULL);
		EXPECT_EQ(0, s.err);
		EXPECT_EQ(parts[i].offset + parts[i].len, s.offset);
		EXPECT_EQ(0, memcmp(data + parts[i].offset, got, parts[i].len));
	}
	close(file);
	free(data);
	free(got);
}

TEST_F(peer, sendfile_tail_is_not_held_back_beyond_the_end_of_the_file)
{
	uint8_t *data = pattern(1000, 23), got[PEER_PLAIN_MAX];
	int file = make_file(data, 1000), type;
	off_t offset = 0;
	int64_t start = now_ms();

	/* more is asked for than there is */
	ASSERT_EQ(1000, sendfile(self->fd, file, &offset, 100000));
	ASSERT_EQ(1000, peer_open(&self->peer, &type, got));
	EXPECT_GT(2000, now_ms() - start);
	EXPECT_EQ(0, memcmp(data, got, 1000));
	close(file);
	free(data);
}

TEST_F(peer, a_page_changed_after_sendfile_does_not_change_the_record)
{
	uint8_t *data = pattern(16384, 24), got[PEER_PLAIN_MAX];
	int file = make_file(data, 16384), type;
	off_t offset = 0;

	ASSERT_EQ(16384, sendfile(self->fd, file, &offset, 16384));
	ASSERT_EQ(5, pwrite(file, "CHANG", 5, 100));
	ASSERT_EQ(16384, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(data, got, 16384));
	close(file);
	free(data);
}

/* ---- splice ---- */

TEST_F(peer, splice_from_a_pipe)
{
	uint8_t *data = pattern(50000, 25), *got = malloc(50000);
	int pipes[2], type, first;
	uint8_t record[PEER_PLAIN_MAX];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(50000, write(pipes[1], data, 50000));
	ASSERT_EQ(50000, splice(pipes[0], NULL, self->fd, NULL, 50000, 0));
	first = peer_open(&self->peer, &type, record);
	ASSERT_LT(0, first);
	EXPECT_EQ(0, memcmp(data, record, first));
	ASSERT_EQ(0, peer_recv_all(&self->peer, got + first, 50000 - first));
	EXPECT_EQ(0, memcmp(data + first, got + first, 50000 - first));
	close(pipes[0]);
	close(pipes[1]);
	free(data);
	free(got);
}

TEST_F(peer, vmsplice_and_splice_with_more)
{
	struct iovec iov = { "gifted pages", 12 };
	uint8_t got[PEER_PLAIN_MAX];
	int pipes[2], type;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(12, vmsplice(pipes[1], &iov, 1, 0));
	ASSERT_EQ(12, splice(pipes[0], NULL, self->fd, NULL, 12, SPLICE_F_MORE));
	ASSERT_EQ(4, send(self->fd, "tail", 4, 0));
	ASSERT_EQ(16, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(got, "gifted pagestail", 16));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(peer, splice_out_to_a_pipe)
{
	uint8_t *data = pattern(30000, 26), got[30000];
	size_t done = 0;
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, peer_send_all(&self->peer, data, 30000));
	while (done < 30000) {
		ssize_t n = splice(self->fd, NULL, pipes[1], NULL, 30000 - done, 0);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(pipes[0], got + done, n));
		done += n;
	}
	EXPECT_EQ(0, memcmp(data, got, 30000));
	/* as with TCP, it is the socket that has to be non-blocking */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(EAGAIN, errno);
	close(pipes[0]);
	close(pipes[1]);
	free(data);
}

TEST_F(pair, splice_from_session_to_session)
{
	uint8_t *data = pattern(100000, 27), *got = malloc(100000);
	int other[2], pipes[2];
	size_t done = 0;

	ASSERT_EQ(0, session_pair(variant->family, KSEAL_VERSION_1_3, variant->cipher, other));
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, send_all(self->fd[0], data, 100000));
	while (done < 100000) {
		ssize_t n = splice(self->fd[1], NULL, pipes[1], NULL, 100000 - done, 0);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, splice(pipes[0], NULL, other[0], NULL, n, 0));
		done += n;
	}
	ASSERT_EQ(0, recv_all(other[1], got, 100000));
	EXPECT_EQ(0, memcmp(data, got, 100000));
	close(other[0]);
	close(other[1]);
	close(pipes[0]);
	close(pipes[1]);
	free(data);
	free(got);
}

/* ---- io_uring ---- */

static int ring_one(struct io_uring *ring, bool sending, int fd, void *data, size_t len)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int ret;

	if (sending)
		io_uring_prep_send(sqe, fd, data, len, 0);
	else
		io_uring_prep_recv(sqe, fd, data, len, 0);
	ret = io_uring_submit_and_wait(ring, 1);
	if (ret < 0)
		return ret;
	ret = io_uring_wait_cqe(ring, &cqe);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

TEST_F(pair, io_uring_sends_and_receives)
{
	uint8_t *data = pattern(10000, 28), got[10000];
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int ret = io_uring_queue_init(8, &ring, 0);

	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "the kernel has no io_uring");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(10000, ring_one(&ring, true, self->fd[0], data, 10000));
	ASSERT_EQ(10000, ring_one(&ring, false, self->fd[1], got, 10000));
	EXPECT_EQ(0, memcmp(data, got, 10000));

	/* one that has to wait */
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_recv(sqe, self->fd[1], got, 100, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	sleep_ms(50);
	EXPECT_EQ(-EAGAIN, io_uring_peek_cqe(&ring, &cqe));
	ASSERT_EQ(4, send(self->fd[0], "ring", 4, 0));
	ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
	EXPECT_EQ(4, cqe->res);
	EXPECT_EQ(0, memcmp(got, "ring", 4));
	io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
	free(data);
}

/* ---- MSG_MORE ---- */

TEST_F(peer, more_is_held_back_and_sealed_into_one_record)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(3, send(self->fd, "one", 3, MSG_MORE));
	ASSERT_EQ(3, send(self->fd, "two", 3, MSG_MORE));
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 50));
	ASSERT_EQ(5, send(self->fd, "three", 5, 0));
	ASSERT_EQ(11, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(got, "onetwothree", 11));
}

TEST_F(peer, more_goes_out_after_200_ms)
{
	uint8_t got[PEER_PLAIN_MAX];
	int64_t start = now_ms();
	int type;

	ASSERT_EQ(7, send(self->fd, "waiting", 7, MSG_MORE));
	ASSERT_EQ(POLLIN, poll_for(self->peer.fd, POLLIN, 5000));
	EXPECT_LE(100, now_ms() - start);
	EXPECT_EQ(7, peer_open(&self->peer, &type, got));
}

static const struct { int name, value; } pushes[] = {
	{ TCP_NODELAY, 1 },
	{ TCP_CORK, 0 },
};

TEST_F(peer, more_goes_out_with_nodelay_and_with_the_cork)
{
	uint8_t got[PEER_PLAIN_MAX];
	size_t i;
	int type;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(4, send(self->fd, "held", 4, MSG_MORE));
		ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, pushes[i].name, &pushes[i].value,
					sizeof(int)));
		/* there when the call returns: not by the 200 ms timer */
		EXPECT_EQ(POLLIN, poll_for(self->peer.fd, POLLIN, 0));
		ASSERT_EQ(4, peer_open(&self->peer, &type, got));
	}
}

TEST_F(peer, more_goes_out_with_shutdown)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(4, send(self->fd, "last", 4, MSG_MORE));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(4, peer_open(&self->peer, &type, got));
	EXPECT_EQ(2, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_ALERT, type);
}

TEST_F(peer, more_goes_out_with_close)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(4, send(self->fd, "last", 4, MSG_MORE));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(4, peer_open(&self->peer, &type, got));
	EXPECT_EQ(2, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_ALERT, type);
	EXPECT_EQ(-ENODATA, peer_open(&self->peer, &type, got));
}

TEST_F(peer, more_fills_whole_records)
{
	uint8_t *data = pattern(20000, 29), got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(20000, send(self->fd, data, 20000, MSG_MORE));
	ASSERT_EQ(1000, send(self->fd, data, 1000, 0));
	ASSERT_EQ(16384, peer_open(&self->peer, &type, got));
	ASSERT_EQ(20000 - 16384 + 1000, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(got, data + 16384, 20000 - 16384));
	free(data);
}

TEST_HARNESS_MAIN
