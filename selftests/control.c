// SPDX-License-Identifier: GPL-2.0-or-later
/* Alerts and handshake messages: by control message, passed over, or for the helper. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <linux/tls.h>

#include "fixture.h"
#include "worker.h"

PEER_FIXTURE;

static const uint8_t ticket[] = { 4, 0, 0, 6, 't', 'i', 'c', 'k', 'e', 't' };

#define TICKET ((int)sizeof(ticket))

/* The peer's next record has this type and content. */
static bool told(struct peer *p, int type, const void *content, size_t len)
{
	uint8_t got[PEER_PLAIN_MAX];
	int got_type, n = peer_open(p, &got_type, got);

	if (n == len && got_type == type && !memcmp(got, content, len))
		return true;
	printf("# not type %d, length %zu, but %d, %d\n", type, len, got_type, n);
	return false;
}

/* The next call that has room for the type gives this. */
static bool gives(int fd, int type, const void *content, ssize_t len, int flags)
{
	uint8_t got[256];
	int got_type;
	ssize_t n = recv_type(fd, &got_type, got, sizeof(got), flags);

	if (n == len && got_type == type && !memcmp(got, content, len))
		return true;
	printf("# not type %d, length %zd, but %d, %zd\n", type, len, got_type, n);
	return false;
}

/* The session anew, TLS 1.2. */
#define TLS12()								\
	do {								\
		close(self->fd);					\
		close(self->peer.fd);					\
		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_2, \
					       variant->cipher, &self->fd, &self->peer)); \
	} while (0)

/* ---- sent ---- */

TEST_F(peer, records_of_another_type_are_sent_as_they_are)
{
	ASSERT_EQ(2, send_type(self->fd, PEER_ALERT, "\1\132", 2, 0));
	ASSERT_EQ(TICKET, send_type(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
	ASSERT_EQ(4, send_type(self->fd, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(4, send(self->fd, "more", 4, 0));
	EXPECT_TRUE(told(&self->peer, PEER_ALERT, "\1\132", 2));
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, ticket, TICKET));
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "data", 4));
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "more", 4));
}

TEST_F(peer, in_tls12_the_type_is_in_the_header)
{
	uint8_t record[PEER_RECORD_MAX];

	TLS12();
	ASSERT_EQ(TICKET, send_type(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, ticket, TICKET));
	ASSERT_EQ(2, send_type(self->fd, PEER_ALERT, "\1\132", 2, 0));
	ASSERT_LT(0, peer_read(&self->peer, record));
	EXPECT_EQ(PEER_ALERT, record[0]);
}

static ssize_t send_cmsg(int fd, int level, int type, size_t len)
{
	char control[CMSG_SPACE(1)] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = len;
	*CMSG_DATA(cmsg) = PEER_DATA;
	n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

TEST_F(peer, other_types_and_other_control_messages_are_refused)
{
	static const int types[] = { 0, 1, PEER_CCS, 24, 255 };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		EXPECT_EQ(-EINVAL, send_type(self->fd, types[i], "x", 1, 0));
	for (i = PEER_ALERT; i <= PEER_DATA; i++)
		EXPECT_EQ(-EINVAL, send_type(self->fd, i, "x", 1, MSG_MORE));
	EXPECT_EQ(-EINVAL, send_cmsg(self->fd, SOL_TLS, TLS_GET_RECORD_TYPE, CMSG_LEN(1)));
	EXPECT_EQ(-EINVAL, send_cmsg(self->fd, SOL_TLS, TLS_SET_RECORD_TYPE, CMSG_LEN(0)));
	EXPECT_EQ(-EINVAL, send_cmsg(self->fd, SOL_TLS, TLS_SET_RECORD_TYPE, 3));
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 50));
	EXPECT_EQ(1, send_cmsg(self->fd, SOL_TLS, TLS_SET_RECORD_TYPE, CMSG_LEN(1)));
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "x", 1));
}

TEST_F(peer, data_that_waits_goes_out_before_in_its_own_record)
{
	ASSERT_EQ(4, send(self->fd, "data", 4, MSG_MORE));
	ASSERT_EQ(TICKET, send_type(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
	ASSERT_EQ(4, send(self->fd, "wait", 4, MSG_MORE));
	ASSERT_EQ(4, send_type(self->fd, PEER_DATA, "ed", 2, 0) + 2);
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "data", 4));
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, ticket, TICKET));
	/* this is one type */
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "waited", 6));
}

TEST_F(peer, a_long_message_is_split_over_records_of_its_type)
{
	uint8_t *data = pattern(40000, 81);

	ASSERT_EQ(40000, send_type(self->fd, PEER_HANDSHAKE, data, 40000, 0));
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, data, 16384));
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, data + 16384, 16384));
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, data + 32768, 40000 - 32768));
	free(data);
}

TEST_F(peer, after_ones_own_close_notify_or_fatal_alert_nothing_is_sent)
{
	static const uint8_t alerts[][2] = { { 1, 0 }, { 2, 0 }, { 2, 80 } };
	uint8_t got[PEER_PLAIN_MAX];
	int i, type;

	for (i = 0; i < 3; i++) {
		close(self->fd);
		close(self->peer.fd);
		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher,
					       &self->fd, &self->peer));
		ASSERT_EQ(2, send_type(self->fd, PEER_ALERT, alerts[i], 2, 0));
		EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(EPIPE, errno);
		EXPECT_EQ(-EPIPE, send_type(self->fd, PEER_ALERT, alerts[i], 2, 0));
		/* reading is another matter */
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
		EXPECT_EQ(2, recv_soon(self->fd, got, 8));
		close(self->fd);
		self->fd = -1;
		EXPECT_TRUE(told(&self->peer, PEER_ALERT, alerts[i], 2));
		EXPECT_EQ(-ENODATA, peer_open(&self->peer, &type, got));
	}
}

TEST_F(peer, a_warning_of_ones_own_ends_nothing)
{
	ASSERT_EQ(2, send_type(self->fd, PEER_ALERT, "\1\132", 2, 0));
	ASSERT_EQ(2, send(self->fd, "on", 2, MSG_NOSIGNAL));
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(told(&self->peer, PEER_ALERT, "\1\132", 2));
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "on", 2));
	EXPECT_TRUE(told(&self->peer, PEER_ALERT, "\1\0", 2));
}

/* ---- received by control message ---- */

TEST_F(peer, control_is_0_or_1)
{
	EXPECT_EQ(0, get_option(self->fd, KSEAL_SO_CONTROL));
	EXPECT_EQ(-EINVAL, set_option(self->fd, KSEAL_SO_CONTROL, 2));
	EXPECT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	EXPECT_EQ(1, get_option(self->fd, KSEAL_SO_CONTROL));
	EXPECT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 0));
	EXPECT_EQ(0, get_option(self->fd, KSEAL_SO_CONTROL));
}

TEST_F(peer, control_records_are_given_alone_with_their_type)
{
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "be", 2, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "fore", 4, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 4, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "after", 5, 0));
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 90));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "end", 3, 0));
	sleep_ms(50);
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "before", 6, 0));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 1000));
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, 4, 0));
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "after", 5, 0));
	EXPECT_TRUE(gives(self->fd, PEER_ALERT, "\1\132", 2, 0));
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "end", 3, 0));
}

TEST_F(peer, a_control_record_is_peeked_at_and_read_in_parts)
{
	uint8_t got[8];
	int type;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	/* a peek stops where a read would */
	sleep_ms(50);
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "data", 4, MSG_PEEK));
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "data", 4, 0));
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, TICKET, MSG_PEEK));
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, TICKET, MSG_PEEK));
	ASSERT_EQ(6, recv_type(self->fd, &type, got, 6, 0));
	EXPECT_EQ(PEER_HANDSHAKE, type);
	EXPECT_EQ(0, memcmp(got, ticket, 6));
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket + 6, TICKET - 6, 0));
}

static void *peek_all(void *arg)
{
	char got[16];
	ssize_t n = recv(*(int *)arg, got, 10, MSG_PEEK | MSG_WAITALL);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

TEST_F(peer, a_peek_whose_data_is_taken_meets_the_control_record_behind_it)
{
	pthread_t thread;
	char got[8];
	void *ret;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, peek_all, &self->fd));
	sleep_ms(100);
	ASSERT_EQ(4, recv(self->fd, got, 8, MSG_DONTWAIT));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	pthread_join(thread, &ret);
	/* it has no room for the type; 0 would be the end of the stream */
	EXPECT_EQ(-EIO, (intptr_t)ret);
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
}

/* Sessions whose control records change their reader in the middle of one. */
TEST_F(peer, the_rest_of_a_ticket_belongs_to_who_has_its_beginning)
{
	struct kseal_session_keys keys;
	int fd[2], secrets;
	struct peer p;
	char got[8];

	for (secrets = 0; secrets < 2; secrets++) {
		ASSERT_EQ(0, tcp_pair(variant->family, fd));
		make_keys(&keys, KSEAL_VERSION_1_3, variant->cipher);
		if (!secrets)
			keys.tx.secret_len = keys.rx.secret_len = 0;
		peer_init(&p, fd[0], &keys);
		ASSERT_EQ(0, install(fd[1], &keys));
		ASSERT_EQ(0, peer_send(&p, PEER_HANDSHAKE, ticket, 6, 0));
		EXPECT_EQ(0, poll_for(fd[1], POLLIN, 20));
		ASSERT_EQ(0, set_option(fd[1], KSEAL_SO_CONTROL, 1));
		ASSERT_EQ(0, peer_send(&p, PEER_HANDSHAKE, ticket + 6, TICKET - 6, 0));
		ASSERT_EQ(0, peer_send(&p, PEER_DATA, "on", 2, 0));
		EXPECT_EQ(2, recv_soon(fd[1], got, 8));
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_F(peer, without_room_for_the_type_a_control_record_stays)
{
	char got[8];
	int i;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	sleep_ms(50);
	EXPECT_EQ(4, recv_soon(self->fd, got, 8));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EIO, recv_soon(self->fd, got, 8));
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
}

TEST_F(peer, a_control_record_is_not_spliced)
{
	int pipes[2];
	char got[8];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(4, splice(self->fd, NULL, pipes[1], NULL, 4, 0));
	EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
	EXPECT_EQ(2, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(6, read(pipes[0], got, 8));
	EXPECT_EQ(0, memcmp(got, "dataon", 6));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(peer, close_notify_is_given_and_then_the_end)
{
	struct kseal_info info;
	char got[8];
	int i, type;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "bye", 3, 0));
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "bye", 3, 0));
	EXPECT_TRUE(gives(self->fd, PEER_ALERT, "\1\0", 2, 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, recv_type(self->fd, &type, got, 8, 0));
	ASSERT_EQ(0, kseal_info(self->fd, &info));
	EXPECT_EQ(1, info.peer_closed);
}

TEST_F(peer, a_fatal_alert_is_given_and_then_the_error)
{
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "oh", 2, 0));
	ASSERT_EQ(0, peer_alert(&self->peer, 2, 40));
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "oh", 2, 0));
	EXPECT_TRUE(gives(self->fd, PEER_ALERT, "\2\50", 2, 0));
	EXPECT_EQ(ECONNRESET, read_error(self->fd));
	EXPECT_EQ(40, info_alert(self->fd));
}

TEST_F(peer, a_control_record_that_waits_never_becomes_data)
{
	char got[16];

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 1000));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 0));
	EXPECT_GT(0, recv_soon(self->fd, got, 16));
	/* it is still there for who asks for it as what it is */
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, ticket, TICKET, 0));
}

/* ---- passed over ---- */

TEST_F(peer, tickets_disturb_neither_reading_nor_polling_nor_splicing)
{
	long long seen = counter("rx_tickets");
	uint8_t two[2 * TICKET];
	int pipes[2], i;
	char got[8];

	memcpy(two, ticket, TICKET);
	memcpy(two + TICKET, ticket, TICKET);
	ASSERT_EQ(0, pipe(pipes));
	/* in a record, two in one, split, and one and a half */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, two, 2 * TICKET, 0));
	for (i = 0; i < TICKET; i++)
		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket + i, 1, 3));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, two, TICKET + 2, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, two + TICKET + 2, TICKET - 2, 0));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 50));
	EXPECT_EQ(-1, recv(self->fd, got, 8, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, splice(self->fd, NULL, pipes[1], NULL, 8, SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(seen + 6, counter("rx_tickets"));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 1000));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
	EXPECT_EQ(0, info_error(self->fd));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(peer, a_long_ticket_is_passed_over_as_well)
{
	uint8_t *message = pattern(70004, 82), *at = message;
	size_t left = 70004;
	char got[8];

	memcpy(message, "\4\1\21\160", 4);	/* 70000 */
	while (left) {
		size_t n = left < 16000 ? left : 16000;

		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, at, n, 0));
		EXPECT_EQ(0, poll_for(self->fd, POLLIN, 10));
		at += n;
		left -= n;
	}
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
	free(message);
}

TEST_F(peer, a_split_ticket_is_not_interrupted)
{
	char got[8];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "ok", 2, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 7, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "no", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 2));
	EXPECT_EQ(EPROTO, read_error(self->fd));
	EXPECT_TRUE(peer_alerted(&self->peer, 2, 10));
}

/* ---- TLS 1.2 ---- */

TEST_F(peer, in_tls12_warnings_end_nothing)
{
	char got[8];
	int i;

	TLS12();
	for (i = 0; i < 30; i++)
		ASSERT_EQ(0, peer_alert(&self->peer, 1, i % 2 ? 90 : 110));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
	/* but nobody may send nothing else */
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, peer_alert(&self->peer, 1, 90));
	EXPECT_EQ(EPROTO, read_error(self->fd));
	EXPECT_TRUE(peer_alerted(&self->peer, 2, 10));
}

TEST_F(peer, in_tls12_renegotiation_is_declined_and_data_goes_on)
{
	static const uint8_t hellos[][12] = { { 0, 0, 0, 0 }, { 1, 0, 0, 8, 3, 3 } };
	static const size_t lens[] = { 4, 12 };
	char got[8];
	int i;

	TLS12();
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, hellos[i], lens[i], 0));
		EXPECT_EQ(0, poll_for(self->fd, POLLIN, 20));
		/* once: an answer to each would let the peer make us send */
		if (!i)
			EXPECT_TRUE(told(&self->peer, PEER_ALERT, "\1\144", 2));
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
		EXPECT_EQ(2, recv_soon(self->fd, got, 8));
		ASSERT_EQ(2, send(self->fd, "on", 2, MSG_NOSIGNAL));
		EXPECT_TRUE(told(&self->peer, PEER_DATA, "on", 2));
	}
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 20));
}

TEST_F(peer, in_tls12_other_messages_are_unexpected)
{
	static const uint8_t types[] = { 2, 4, 11, 14, 20, 24 };
	size_t i;

	for (i = 0; i < sizeof(types); i++) {
		const uint8_t message[] = { types[i], 0, 0, 1, 0 };

		TLS12();
		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, message, 5, 0));
		EXPECT_EQ(EPROTO, read_error(self->fd)) TH_LOG("type %u", types[i]);
		EXPECT_TRUE(peer_alerted(&self->peer, 2, 10));
	}
}

TEST_F(peer, in_tls12_control_records_are_given_too)
{
	static const uint8_t request[4];

	TLS12();
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, request, 4, 0));
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 90));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_TRUE(gives(self->fd, PEER_HANDSHAKE, request, 4, 0));
	EXPECT_TRUE(gives(self->fd, PEER_ALERT, "\1\132", 2, 0));
	EXPECT_TRUE(gives(self->fd, PEER_DATA, "on", 2, 0));
	/* the answer is the application's */
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 20));
}

TEST_HARNESS_MAIN
