// SPDX-License-Identifier: GPL-2.0-or-later
/* What a program expects of any stream socket: flags, time limits, pressure. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "fixture.h"

#define BULK (4 << 20)

PEER_FIXTURE;
PAIR_FIXTURE;

struct sender {
	int fd;
	struct peer *peer;	/* in records of its, instead of to fd */
	const uint8_t *data;
	size_t len;
	int err;
	volatile bool done;
};

static void *blocking_sender(void *arg)
{
	struct sender *s = arg;

	s->err = s->peer ? peer_send_all(s->peer, s->data, s->len) :
			   send_all(s->fd, s->data, s->len);
	s->done = true;
	return NULL;
}

/* ---- reading ---- */

TEST_F(peer, a_record_is_read_in_parts)
{
	uint8_t *data = pattern(5000, 5), got[5000];
	size_t done = 0;

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 5000, 0));
	while (done < 5000) {
		size_t want = done % 700 + 1;
		ssize_t n = recv_soon(self->fd, got + done, want);

		ASSERT_LT(0, n);
		ASSERT_GE(want, n);
		done += n;
	}
	EXPECT_EQ(0, memcmp(data, got, 5000));
	free(data);
}

TEST_F(peer, peek_leaves_the_data)
{
	char got[16];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "peekaboo", 8, 0));
	ASSERT_EQ(4, recv(self->fd, got, 4, MSG_PEEK));
	EXPECT_EQ(0, memcmp(got, "peek", 4));
	ASSERT_EQ(8, recv(self->fd, got, 16, MSG_PEEK));
	ASSERT_EQ(8, recv(self->fd, got, 16, 0));
	EXPECT_EQ(0, memcmp(got, "peekaboo", 8));
	EXPECT_EQ(-EAGAIN, recv_soon(self->fd, got, 16));
}

TEST_F(peer, peek_goes_over_records)
{
	uint8_t *data = pattern(5000, 16), got[6000];
	int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data + 1000 * i, 1000, 0));
	sleep_ms(50);
	for (i = 0; i < 2; i++) {
		memset(got, 0, sizeof(got));
		ASSERT_EQ(3500, recv(self->fd, got, 3500, MSG_PEEK));
		EXPECT_EQ(0, memcmp(data, got, 3500));
	}
	/* reading in the middle moves where a peek begins */
	ASSERT_EQ(1500, recv(self->fd, got, 1500, 0));
	ASSERT_EQ(3500, recv(self->fd, got, 6000, MSG_PEEK));
	EXPECT_EQ(0, memcmp(data + 1500, got, 3500));
	ASSERT_EQ(3500, recv(self->fd, got, 6000, 0));
	EXPECT_EQ(0, memcmp(data + 1500, got, 3500));
	EXPECT_EQ(-EAGAIN, recv_soon(self->fd, got, 1));
	free(data);
}

TEST_F(peer, peek_holds_no_more_than_the_receive_buffer)
{
	uint8_t *data = pattern(1 << 20, 17), *got = malloc(1 << 20);
	struct sender s;
	int size = 64 << 10;
	socklen_t len = sizeof(size);
	pthread_t thread;
	ssize_t n, before = 0;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &size, &len));
	s = (struct sender){ .peer = &self->peer, .data = data, .len = 1 << 20 };
	ASSERT_EQ(0, pthread_create(&thread, NULL, blocking_sender, &s));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 10000));
	/* until a longer wait brings nothing more */
	do {
		sleep_ms(100);
		n = recv(self->fd, got, 1 << 20, MSG_PEEK | MSG_DONTWAIT);
		ASSERT_LT(0, n);
		ASSERT_LE(before, n);
		if (n == before)
			break;
		before = n;
	} while (1);
	EXPECT_GE(size + PEER_PLAIN_MAX, n);
	EXPECT_EQ(0, memcmp(data, got, n));
	ASSERT_EQ(0, recv_all(self->fd, got, 1 << 20));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.err);
	EXPECT_EQ(0, memcmp(data, got, 1 << 20));
	free(data);
	free(got);
}

TEST_F(peer, trunc_discards)
{
	char got[16] = "untouched";

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "skipthis", 8, 0));
	ASSERT_EQ(4, recv(self->fd, got, 4, MSG_TRUNC));
	EXPECT_STREQ("untouched", got);
	ASSERT_EQ(4, recv(self->fd, got, 16, 0));
	EXPECT_EQ(0, memcmp(got, "this", 4));
}

TEST_F(peer, dontwait_gives_eagain)
{
	char got[16];

	EXPECT_EQ(-1, recv(self->fd, got, 16, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->fd, got, 16));
	EXPECT_EQ(EAGAIN, errno);
}

struct waiter {
	int fd, flags;
	size_t len;
	char got[64];
	ssize_t ret;
	int err;
	volatile bool done;
};

static void *wait_for_data(void *arg)
{
	struct waiter *w = arg;

	w->ret = recv(w->fd, w->got, w->len, w->flags);
	w->err = errno;
	w->done = true;
	return NULL;
}

/* two records, and a thread that waits for both */
static struct waiter wait_over_records(struct peer *p, int fd, int flags)
{
	struct waiter w = { .fd = fd, .flags = MSG_WAITALL | flags, .len = 10 };
	bool early;
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_data, &w))
		return (struct waiter){ .ret = -1 };
	peer_send(p, PEER_DATA, "01234", 5, 0);
	sleep_ms(100);
	early = w.done;
	peer_send(p, PEER_DATA, "56789", 5, 0);
	pthread_join(thread, NULL);
	w.done = early;
	return w;
}

TEST_F(peer, waitall_waits_over_records)
{
	struct waiter w = wait_over_records(&self->peer, self->fd, 0);

	EXPECT_FALSE(w.done);
	EXPECT_EQ(10, w.ret);
	EXPECT_EQ(0, memcmp(w.got, "0123456789", 10));
}

TEST_F(peer, peek_with_waitall_waits_over_records_and_leaves_them)
{
	struct waiter w = wait_over_records(&self->peer, self->fd, MSG_PEEK);
	char got[16];

	EXPECT_FALSE(w.done);
	EXPECT_EQ(10, w.ret);
	EXPECT_EQ(0, memcmp(w.got, "0123456789", 10));
	ASSERT_EQ(10, recv_soon(self->fd, got, 16));
	EXPECT_EQ(0, memcmp(got, "0123456789", 10));
}

TEST_F(peer, a_reader_may_take_what_another_peeks_at)
{
	struct waiter w = { .fd = self->fd, .flags = MSG_WAITALL | MSG_PEEK, .len = 10 };
	pthread_t thread;
	char got[16];

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_data, &w));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "01234", 5, 0));
	sleep_ms(100);
	ASSERT_EQ(3, recv(self->fd, got, 3, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "56789", 5, 0));
	sleep_ms(100);
	EXPECT_FALSE(w.done);
	/* what it sees then is what is there then */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "abc", 3, 0));
	pthread_join(thread, NULL);
	EXPECT_EQ(10, w.ret);
	EXPECT_EQ(0, memcmp(w.got, "3456789abc", 10));
	ASSERT_EQ(10, recv_soon(self->fd, got, 16));
	EXPECT_EQ(0, memcmp(got, "3456789abc", 10));
}

struct peeker {
	int fd;
	volatile bool stop;
	unsigned long peeks;
	bool torn;
};

/* Bytes count up, modulo 256: what a peek sees does too, wherever it begins. */
static void *peek_on(void *arg)
{
	struct peeker *p = arg;
	uint8_t got[5000];
	ssize_t i, n;

	while (!p->stop) {
		n = recv(p->fd, got, sizeof(got), MSG_PEEK | MSG_DONTWAIT);
		p->peeks += n > 0;
		for (i = 1; i < n; i++)
			if (got[i] != (uint8_t)(got[i - 1] + 1))
				p->torn = true;
	}
	return NULL;
}

TEST_F(peer, peeks_beside_a_reader_see_the_stream_in_order)
{
	uint8_t *data = malloc(BULK), *got = malloc(BULK);
	struct peeker p = { .fd = self->fd };
	struct sender s = { .peer = &self->peer, .data = data, .len = BULK };
	pthread_t sender, peeker;
	size_t i;

	for (i = 0; i < BULK; i++)
		data[i] = i;
	ASSERT_EQ(0, pthread_create(&peeker, NULL, peek_on, &p));
	ASSERT_EQ(0, pthread_create(&sender, NULL, blocking_sender, &s));
	ASSERT_EQ(0, recv_all(self->fd, got, BULK));
	pthread_join(sender, NULL);
	p.stop = true;
	pthread_join(peeker, NULL);
	EXPECT_EQ(0, s.err);
	EXPECT_FALSE(p.torn);
	EXPECT_EQ(0, memcmp(data, got, BULK));
	free(data);
	free(got);
}

TEST_F(peer, a_blocked_read_wakes_for_a_whole_record_only)
{
	struct waiter w = { .fd = self->fd, .len = 64 };
	uint8_t record[128];
	size_t len = peer_seal(&self->peer, PEER_DATA, "wake", 4, 0, record);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_data, &w));
	sleep_ms(50);
	ASSERT_EQ(0, peer_write(&self->peer, record, len - 1));
	sleep_ms(100);
	EXPECT_FALSE(w.done);
	ASSERT_EQ(0, peer_write(&self->peer, record + len - 1, 1));
	pthread_join(thread, NULL);
	EXPECT_EQ(4, w.ret);
}

TEST_F(peer, so_rcvtimeo_ends_a_wait)
{
	struct timeval tv = { .tv_usec = 200000 };
	int64_t start = now_ms();
	char got[8];

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_EQ(-1, recv(self->fd, got, 8, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(150, now_ms() - start);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "late", 4, 0));
	EXPECT_EQ(4, recv(self->fd, got, 8, 0));
}

static void on_signal(int sig)
{
}

static void *interrupt_soon(void *arg)
{
	sleep_ms(200);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

TEST_F(peer, a_signal_interrupts_a_read)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t self_thread = pthread_self(), thread;
	char got[8];

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(0, pthread_create(&thread, NULL, interrupt_soon, &self_thread));
	EXPECT_EQ(-1, recv(self->fd, got, 8, 0));
	EXPECT_EQ(EINTR, errno);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
}

TEST_F(peer, a_signal_interrupts_a_blocked_write_and_loses_nothing)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t self_thread = pthread_self(), thread;
	uint8_t *data = pattern(64 << 20, 8), *got;
	ssize_t sent;

	sigaction(SIGUSR1, &action, NULL);
	ASSERT_EQ(0, pthread_create(&thread, NULL, interrupt_soon, &self_thread));
	sent = send(self->fd, data, 64 << 20, 0);
	pthread_join(thread, NULL);
	ASSERT_LT(0, sent);
	ASSERT_GT(64 << 20, sent);
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	free(data);
	free(got);
}

/* ---- pressure ---- */

/* Fills the way to the peer without waiting; returns bytes taken. */
static size_t fill(int fd, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, data + done, len - done < 50000 ? len - done : 50000,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			break;
		done += n;
	}
	return done;
}

TEST_F(peer, what_a_full_socket_took_arrives_without_another_send)
{
	uint8_t *data = pattern(BULK * 8, 6), *got;
	size_t sent = fill(self->fd, data, BULK * 8);
	char byte;

	ASSERT_LT(0, sent);
	ASSERT_GT(BULK * 8, sent);
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 300));
	EXPECT_EQ(-1, recv(self->peer.fd, &byte, 1, MSG_DONTWAIT));
	free(data);
	free(got);
}

TEST_F(peer, nothing_is_lost_over_many_non_blocking_writes)
{
	uint8_t *data = pattern(BULK, 11), got[PEER_PLAIN_MAX];
	size_t sent = 0, seen = 0;
	int type;

	while (seen < BULK) {
		sent += fill(self->fd, data + sent, BULK - sent);
		do {
			int n = peer_open(&self->peer, &type, got);

			ASSERT_LT(0, n);
			ASSERT_EQ(0, memcmp(data + seen, got, n));
			seen += n;
		} while (poll_for(self->peer.fd, POLLIN, 0) > 0);
		ASSERT_GE(sent, seen);
	}
	free(data);
}

TEST_F(peer, a_blocking_write_waits_for_a_slow_reader)
{
	uint8_t *data = pattern(BULK * 8, 12), *got = malloc(BULK * 8);
	struct sender s = { .fd = self->fd, .data = data, .len = BULK * 8 };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, blocking_sender, &s));
	sleep_ms(300);
	EXPECT_FALSE(s.done);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, BULK * 8));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.err);
	EXPECT_EQ(0, memcmp(data, got, BULK * 8));
	free(data);
	free(got);
}

TEST_F(peer, a_record_larger_than_the_receive_buffer_arrives)
{
	uint8_t *data = pattern(3 * 16384, 13), *got = malloc(3 * 16384);
	int tiny = 2048, fds[2];
	struct kseal_session_keys keys;
	struct peer p;
	pthread_t thread;
	struct sender s;

	/* from the start, before the window has grown */
	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)));
	make_keys(&keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&p, fds[0], &keys);
	ASSERT_EQ(0, install(fds[1], &keys));
	{
		uint8_t *wire = malloc(3 * PEER_RECORD_MAX);
		size_t len = 0;
		int i;

		for (i = 0; i < 3; i++)
			len += peer_seal(&p, PEER_DATA, data + i * 16384, 16384, 0, wire + len);
		s = (struct sender){ .fd = fds[0], .data = wire, .len = len };
		ASSERT_EQ(0, pthread_create(&thread, NULL, blocking_sender, &s));
		ASSERT_EQ(0, recv_all(fds[1], got, 3 * 16384));
		pthread_join(thread, NULL);
		free(wire);
	}
	EXPECT_EQ(0, s.err);
	EXPECT_EQ(0, memcmp(data, got, 3 * 16384));
	close(fds[0]);
	close(fds[1]);
	free(data);
	free(got);
}

TEST_F(peer, poll_sees_a_record_larger_than_the_receive_buffer)
{
	int tiny = 2048;
	uint8_t *data = pattern(16384, 14), *wire = malloc(PEER_RECORD_MAX);
	uint8_t *got = malloc(16384);
	struct sender s = { .fd = self->peer.fd, .data = wire };
	pthread_t thread;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)));
	s.len = peer_seal(&self->peer, PEER_DATA, data, 16384, 0, wire);
	ASSERT_EQ(0, pthread_create(&thread, NULL, blocking_sender, &s));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 20000));
	ASSERT_EQ(0, recv_all(self->fd, got, 16384));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, memcmp(data, got, 16384));
	free(data);
	free(wire);
	free(got);
}

TEST_F(peer, so_sndtimeo_ends_a_blocked_write)
{
	struct timeval tv = { .tv_usec = 200000 };
	uint8_t *data = pattern(BULK * 8, 15), *got;
	size_t sent = 0;
	ssize_t n;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	while ((n = send(self->fd, data + sent, BULK * 8 - sent, 0)) > 0)
		sent += n;
	ASSERT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	free(data);
	free(got);
}

/* ---- what would go around the records ---- */

TEST_F(peer, urgent_data_is_refused)
{
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_OOB));
	EXPECT_EQ(EOPNOTSUPP, errno);
	/* nor does another type or flag let it through */
	EXPECT_EQ(-EOPNOTSUPP, send_type(self->fd, PEER_HANDSHAKE, "x", 1, MSG_OOB));
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_OOB | MSG_ZEROCOPY));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 100));
}

/* Seals data and sends the record's last byte as urgent. */
static int send_urgently(struct peer *p, const void *data, size_t len)
{
	uint8_t record[PEER_RECORD_MAX];
	size_t n = peer_seal(p, PEER_DATA, data, len, 0, record);

	return send(p->fd, record, n, MSG_OOB | MSG_NOSIGNAL) == (ssize_t)n ? 0 : -errno;
}

TEST_F(peer, urgent_bytes_from_the_peer_stay_in_their_place)
{
	char got[8];

	/* TCP's own reader stops before an urgent byte until it was asked for */
	ASSERT_EQ(0, send_urgently(&self->peer, "one", 3));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000) & POLLIN);
	ASSERT_EQ(3, recv_soon(self->fd, got, 8));
	ASSERT_EQ(0, send_urgently(&self->peer, "two", 3));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "three", 5, 0));
	ASSERT_EQ(3, recv_soon(self->fd, got, 3));
	EXPECT_EQ(0, memcmp(got, "two", 3));
	ASSERT_EQ(5, recv_soon(self->fd, got, 8));
	EXPECT_EQ(0, memcmp(got, "three", 5));
}

TEST_F(peer, an_urgent_byte_between_records_ends_the_session)
{
	char got[8];

	ASSERT_EQ(1, send(self->peer.fd, "!", 1, MSG_OOB));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	EXPECT_EQ(-EPROTO, recv_soon(self->fd, got, 8));
}

TEST_F(peer, repair_mode_is_refused)
{
	int one = 1;

	EXPECT_EQ(-1, setsockopt(self->fd, 6, 19 /* TCP_REPAIR */, &one, sizeof(one)));
	EXPECT_EQ(EBUSY, errno);
}

TEST_F(pair, shutdown_of_reading_is_the_end_for_reading_alone)
{
	char got[8];

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(0, recv_soon(self->fd[0], got, 8));
	EXPECT_EQ(4, send(self->fd[0], "more", 4, MSG_NOSIGNAL));
	EXPECT_EQ(4, recv_soon(self->fd[1], got, 8));
	EXPECT_EQ(0, info_error(self->fd[0]));
}

TEST_HARNESS_MAIN
