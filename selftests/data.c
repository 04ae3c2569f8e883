// SPDX-License-Identifier: GPL-2.0-or-later
/* Application data, both ways, of every size; who reads and writes it at once. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "fixture.h"

#define BULK (1 << 20)

static const size_t sizes[] = { 1, 15, 16, 17, 100, 16383, 16384, 16385, 32768, 40000, BULK };

PEER_FIXTURE;
PAIR_FIXTURE;

struct transfer {
	int fd;
	struct peer *peer;	/* NULL: fd */
	void *data;
	size_t len;
	int err;
};

static void *send_thread(void *arg)
{
	struct transfer *t = arg;

	t->err = t->peer ? peer_send_all(t->peer, t->data, t->len) :
			   send_all(t->fd, t->data, t->len);
	return NULL;
}

static void *recv_thread(void *arg)
{
	struct transfer *t = arg;

	t->err = t->peer ? peer_recv_all(t->peer, t->data, t->len) :
			   recv_all(t->fd, t->data, t->len);
	return NULL;
}

TEST_F(peer, opens_what_the_peer_sealed)
{
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *data = pattern(sizes[i], i), *got = malloc(sizes[i]);
		struct transfer t = { .peer = &self->peer, .data = data, .len = sizes[i] };
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, send_thread, &t));
		ASSERT_EQ(0, recv_all(self->fd, got, sizes[i]));
		pthread_join(thread, NULL);
		ASSERT_EQ(0, t.err);
		ASSERT_EQ(0, memcmp(data, got, sizes[i])) TH_LOG("size %zu", sizes[i]);
		free(data);
		free(got);
	}
}

TEST_F(peer, seals_what_the_peer_opens)
{
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *data = pattern(sizes[i], i), *got = malloc(sizes[i]);
		struct transfer t = { .fd = self->fd, .data = data, .len = sizes[i] };
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, send_thread, &t));
		ASSERT_EQ(0, peer_recv_all(&self->peer, got, sizes[i]));
		pthread_join(thread, NULL);
		ASSERT_EQ(0, t.err);
		ASSERT_EQ(0, memcmp(data, got, sizes[i])) TH_LOG("size %zu", sizes[i]);
		free(data);
		free(got);
	}
}

TEST_F(peer, bulk_goes_out_in_records_of_16384)
{
	uint8_t *data = pattern(BULK + 7, 3), *got = malloc(PEER_PLAIN_MAX);
	struct transfer t = { .fd = self->fd, .data = data, .len = BULK + 7 };
	pthread_t thread;
	size_t done = 0;
	int type;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_thread, &t));
	while (done < BULK + 7) {
		int n = peer_open(&self->peer, &type, got);

		ASSERT_EQ(PEER_DATA, type) TH_LOG("%d after %zu bytes", n, done);
		ASSERT_EQ(done < BULK ? PEER_PLAIN_MAX : 7, n);
		ASSERT_EQ(0, memcmp(data + done, got, n));
		done += n;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, t.err);
	free(data);
	free(got);
}

TEST_F(peer, nothing_to_send_sends_nothing)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	EXPECT_EQ(0, send(self->fd, "", 0, 0));
	EXPECT_EQ(0, write(self->fd, "", 0));
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 300));
	EXPECT_EQ(1, send(self->fd, "x", 1, 0));
	EXPECT_EQ(1, peer_open(&self->peer, &type, got));
}

TEST_F(peer, iovecs_become_one_record)
{
	struct iovec iov[3] = {
		{ .iov_base = "abc", .iov_len = 3 },
		{ .iov_base = NULL, .iov_len = 0 },
		{ .iov_base = "defgh", .iov_len = 5 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(8, sendmsg(self->fd, &msg, 0));
	ASSERT_EQ(8, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_DATA, type);
	EXPECT_EQ(0, memcmp(got, "abcdefgh", 8));
}

TEST_F(peer, reads_are_scattered_into_iovecs)
{
	char a[3], b[5];
	struct iovec iov[2] = { { a, 3 }, { b, 5 } };

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "abcdefgh", 8, 0));
	ASSERT_EQ(8, readv(self->fd, iov, 2));
	EXPECT_EQ(0, memcmp(a, "abc", 3));
	EXPECT_EQ(0, memcmp(b, "defgh", 5));
}

TEST_F(peer, a_write_from_a_bad_address_seals_nothing)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	EXPECT_EQ(-1, send(self->fd, (void *)16, 100, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 300));
	ASSERT_EQ(4, send(self->fd, "good", 4, 0));
	EXPECT_EQ(4, peer_open(&self->peer, &type, got));
}

TEST_F(peer, a_read_to_a_bad_address_loses_nothing)
{
	char got[8];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "keep", 4, 0));
	EXPECT_EQ(-1, recv(self->fd, (void *)16, 4, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(4, recv_soon(self->fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, "keep", 4));
}

TEST_F(peer, padding_is_taken_off)
{
	uint8_t *data = pattern(1000, 9), got[2000];
	static const size_t padding[] = { 1, 255, 4096, 15384 };
	size_t i;

	for (i = 0; i < sizeof(padding) / sizeof(padding[0]); i++) {
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 1000, padding[i]));
		ASSERT_EQ(1000, recv_soon(self->fd, got, sizeof(got)));
		EXPECT_EQ(0, memcmp(data, got, 1000));
	}
	free(data);
}

TEST_F(peer, zeros_in_the_data_are_not_padding)
{
	uint8_t zeros[64] = { 0 }, got[100] = { 1 };

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, zeros, 64, 32));
	ASSERT_EQ(64, recv_soon(self->fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(zeros, got, 64));
}

TEST_F(peer, a_few_empty_records_are_passed_over)
{
	char got[8];
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, NULL, 0, i));
	EXPECT_EQ(-EAGAIN, recv_soon(self->fd, got, sizeof(got)));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "here", 4, 0));
	EXPECT_EQ(4, recv_soon(self->fd, got, sizeof(got)));
}

TEST_F(peer, a_flood_of_empty_records_is_refused)
{
	char got[8];
	int i;

	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, NULL, 0, 0));
	EXPECT_EQ(-EPROTO, recv_soon(self->fd, got, sizeof(got)));
	EXPECT_EQ(10, info_alert(self->fd));
}

TEST_F(peer, records_arrive_byte_by_byte)
{
	uint8_t record[PEER_RECORD_MAX], got[300], *data = pattern(200, 4);
	size_t len = peer_seal(&self->peer, PEER_DATA, data, 200, 3, record), i;

	for (i = 0; i < len; i++) {
		ASSERT_EQ(0, peer_write(&self->peer, record + i, 1));
		if (i + 1 < len)
			ASSERT_EQ(-1, recv(self->fd, got, sizeof(got), MSG_DONTWAIT));
	}
	ASSERT_EQ(200, recv_soon(self->fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(data, got, 200));
	free(data);
}

TEST_F(peer, several_records_in_one_segment)
{
	uint8_t wire[4096], got[100];
	size_t len = 0;
	int i;

	for (i = 0; i < 10; i++)
		len += peer_seal(&self->peer, PEER_DATA, "0123456789", 10, i, wire + len);
	/* and a part of an eleventh */
	len += peer_seal(&self->peer, PEER_DATA, "last", 4, 0, wire + len);
	ASSERT_EQ(0, peer_write(&self->peer, wire, len - 3));
	ASSERT_EQ(0, recv_all(self->fd, got, 100));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, memcmp(got + 10 * i, "0123456789", 10));
	EXPECT_EQ(-1, recv(self->fd, got, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, peer_write(&self->peer, wire + len - 3, 3));
	EXPECT_EQ(4, recv_soon(self->fd, got, sizeof(got)));
}

TEST_F(peer, counters_count)
{
	struct kseal_info info;
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(5, send(self->fd, "hello", 5, 0));
	ASSERT_EQ(5, peer_open(&self->peer, &type, got));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "abc", 3, 10));
	ASSERT_EQ(3, recv_soon(self->fd, got, sizeof(got)));
	ASSERT_EQ(0, kseal_info(self->fd, &info));
	EXPECT_EQ(KSEAL_STATE_KEYED, info.state);
	EXPECT_EQ(KSEAL_ROLE_NONE, info.role);
	EXPECT_EQ(KSEAL_VERSION_1_3, info.version);
	EXPECT_EQ(variant->cipher, info.cipher);
	EXPECT_EQ(1, info.tx_records);
	EXPECT_EQ(5, info.tx_bytes);
	EXPECT_EQ(1, info.rx_records);
	EXPECT_EQ(3, info.rx_bytes);
	EXPECT_EQ(0, info.error);
}

/* ---- at once ---- */

TEST_F(pair, both_directions_at_once)
{
	uint8_t *data[2] = { pattern(BULK, 1), pattern(BULK, 2) };
	uint8_t *got[2] = { malloc(BULK), malloc(BULK) };
	struct transfer t[4];
	pthread_t thread[4];
	int i;

	for (i = 0; i < 4; i++) {
		t[i] = (struct transfer){ .fd = self->fd[i % 2], .len = BULK,
					  .data = i < 2 ? data[i] : got[i - 2] };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, i < 2 ? send_thread : recv_thread,
					    &t[i]));
	}
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, t[i].err);
	}
	EXPECT_EQ(0, memcmp(data[0], got[1], BULK));
	EXPECT_EQ(0, memcmp(data[1], got[0], BULK));
	for (i = 0; i < 2; i++) {
		free(data[i]);
		free(got[i]);
	}
}

struct writer {
	int fd;
	char letter;
	int err;
};

#define WRITES 300
#define WRITE_LEN 5000

static void *write_letters(void *arg)
{
	struct writer *w = arg;
	char data[WRITE_LEN];
	int i;

	memset(data, w->letter, sizeof(data));
	for (i = 0; i < WRITES && !w->err; i++)
		if (send(w->fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data))
			w->err = errno ? errno : EIO;
	return NULL;
}

TEST_F(peer, records_of_two_writers_stay_intact)
{
	struct writer w[2] = { { self->fd, 'a', 0 }, { self->fd, 'b', 0 } };
	uint8_t got[PEER_PLAIN_MAX];
	int count[2] = { 0 }, i, type;
	pthread_t thread[2];

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, write_letters, &w[i]));
	for (i = 0; i < 2 * WRITES; i++) {
		int n = peer_open(&self->peer, &type, got), j;

		ASSERT_EQ(WRITE_LEN, n);
		for (j = 1; j < n; j++)
			ASSERT_EQ(got[0], got[j]);
		count[got[0] - 'a']++;
	}
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, w[i].err);
		EXPECT_EQ(WRITES, count[i]);
	}
}

/* A writer that waits for room must not go on in a record that another began,
 * nor the other way round.
 */
TEST_F(peer, a_control_record_beside_a_writer_that_waits_keeps_its_type)
{
	struct writer w = { self->fd, 'a', 0 };
	uint8_t got[PEER_PLAIN_MAX];
	size_t data = 0, alerts = 0, sent = 0;
	pthread_t thread;
	int i, type;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_letters, &w));
	for (i = 0; i < 200; i++) {
		int err = send_type(self->fd, PEER_ALERT, "\1\132", 2,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (err == 2)
			sent++;
		while (poll_for(self->peer.fd, POLLIN, i % 8 ? 0 : 5) > 0) {
			int n = peer_open(&self->peer, &type, got), j;

			ASSERT_LT(0, n);
			if (type == PEER_ALERT) {
				ASSERT_EQ(2, n);
				EXPECT_EQ(0, memcmp(got, "\1\132", 2));
				alerts++;
				continue;
			}
			ASSERT_EQ(PEER_DATA, type);
			for (j = 0; j < n; j++)
				ASSERT_EQ('a', got[j]);
			data += n;
		}
	}
	while (data < WRITES * WRITE_LEN || alerts < sent) {
		int n = peer_open(&self->peer, &type, got);

		ASSERT_LT(0, n);
		*(type == PEER_ALERT ? &alerts : &data) += type == PEER_ALERT ? 1 : n;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, w.err);
	EXPECT_EQ(WRITES * WRITE_LEN, data);
	EXPECT_EQ(sent, alerts);
	EXPECT_LT(0, sent);
}

/* A record of one byte takes as much memory as a full one. */
TEST_F(peer, a_peek_opens_no_more_records_than_the_receive_buffer_may_hold)
{
	int i, rcvbuf = 65536;
	char got[2000];
	socklen_t len = sizeof(rcvbuf);
	ssize_t n;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, &len));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "x", 1, 0));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000));
	sleep_ms(50);
	n = recv(self->fd, got, sizeof(got), MSG_PEEK | MSG_DONTWAIT);
	EXPECT_LT(1, n);
	EXPECT_GE(rcvbuf / 16384, n);
	/* and none is lost */
	for (i = 0; i < 200; i += n) {
		n = recv(self->fd, got, sizeof(got), 0);
		ASSERT_LT(0, n);
	}
	EXPECT_EQ(200, i);
}

TEST_F(peer, a_forked_child_goes_on_with_the_same_session)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type, status;
	pid_t pid;

	ASSERT_EQ(6, send(self->fd, "parent", 6, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char question[8];

		if (recv(self->fd, question, 8, 0) != 4 || send(self->fd, "child", 5, 0) != 5)
			_exit(1);
		close(self->fd);
		_exit(0);
	}
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "ping", 4, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* the child's close() was not the last: no close_notify */
	ASSERT_EQ(6, send(self->fd, "parent", 6, 0));
	EXPECT_EQ(6, peer_open(&self->peer, &type, got));
	EXPECT_EQ(5, peer_open(&self->peer, &type, got));
	EXPECT_EQ(6, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_DATA, type);
}

TEST_HARNESS_MAIN
