// SPDX-License-Identifier: GPL-2.0-or-later
/* Handshake bytes between a socket and a helper, and the keys at their end. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>

#include "fixture.h"
#include "worker.h"

/* A listener with the server role, a client of plain TCP, the accepted child,
 * and the helper.
 */
FIXTURE(relay) {
	struct worker helper;
	int listener, client, server;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	struct peer peer;
};

SESSION_VARIANTS(relay);

FIXTURE_SETUP(relay)
{
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	self->listener = tcp_listen(variant->family);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, attach(self->listener));
	ASSERT_EQ(0, setsockopt(self->listener, SOL_KSEAL, KSEAL_SO_PROFILE, "test", 4));
	ASSERT_EQ(0, set_role(self->listener, KSEAL_ROLE_SERVER));
	self->client = tcp_connect(self->listener);
	ASSERT_LE(0, self->client);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->server);
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&self->peer, self->client, &self->keys);
}

FIXTURE_TEARDOWN(relay)
{
	close(self->server);
	close(self->client);
	close(self->listener);
	worker_close(&self->helper);
}

/* A plaintext handshake record; returns its length. */
static size_t hello(uint8_t *out, size_t len, uint8_t fill)
{
	const uint8_t header[5] = { 22, 3, 1, len >> 8, len & 0xff };

	memcpy(out, header, 5);
	memset(out + 5, fill, len);
	return 5 + len;
}

/* The client sends a record of 100 bytes and the helper gets it. */
#define BEGIN()								\
	do {								\
		uint8_t begin_record[105];				\
		hello(begin_record, 100, 1);				\
		ASSERT_EQ(0, peer_write(&self->peer, begin_record, 105)); \
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000)); \
		ASSERT_EQ(105, self->msg.len);				\
	} while (0)

TEST_F(relay, the_first_message_says_whose_handshake_it_is)
{
	BEGIN();
	EXPECT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);
	EXPECT_TRUE(self->msg.begins);
	EXPECT_EQ(KSEAL_ROLE_SERVER, self->msg.role);
	EXPECT_STREQ("test", self->msg.profile);
	EXPECT_EQ(variant->family, self->msg.peer.ss_family);
	EXPECT_EQ(variant->family, self->msg.local.ss_family);
	EXPECT_EQ(param_get("handshake_timeout_ms"), self->msg.timeout);
	{
		struct sockaddr_storage addr = { 0 };
		socklen_t len = sizeof(addr);

		ASSERT_EQ(0, getsockname(self->client, (struct sockaddr *)&addr, &len));
		EXPECT_EQ(0, memcmp(&addr, &self->msg.peer, len));
		ASSERT_EQ(0, getpeername(self->client, (struct sockaddr *)&addr, &len));
		EXPECT_EQ(0, memcmp(&addr, &self->msg.local, len));
	}
	ASSERT_EQ(0, worker_answer(&self->helper, self->msg.cookie, 105, NULL, 0, false));
	{
		uint64_t cookie = self->msg.cookie;
		uint8_t record[15];

		hello(record, 10, 2);
		ASSERT_EQ(0, peer_write(&self->peer, record, 15));
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
		EXPECT_EQ(cookie, self->msg.cookie);
		EXPECT_FALSE(self->msg.begins);
		EXPECT_EQ(0, memcmp(record, self->msg.bytes, 15));
	}
}

TEST_F(relay, bytes_are_given_as_whole_records)
{
	uint8_t record[205], i;

	hello(record, 200, 3);
	for (i = 0; i < 204; i++)
		ASSERT_EQ(0, peer_write(&self->peer, record + i, 1));
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 100));
	ASSERT_EQ(0, peer_write(&self->peer, record + 204, 1));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(205, self->msg.len);
	EXPECT_EQ(0, memcmp(record, self->msg.bytes, 205));
}

TEST_F(relay, the_next_message_comes_only_after_the_answer)
{
	uint8_t record[15];
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	hello(record, 10, 4);
	ASSERT_EQ(0, peer_write(&self->peer, record, 15));
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 100));
	ASSERT_EQ(0, worker_answer(&self->helper, cookie, 105, NULL, 0, false));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(15, self->msg.len);
	EXPECT_EQ(0, memcmp(record, self->msg.bytes, 15));
}

TEST_F(relay, what_was_not_consumed_is_given_again_with_what_follows)
{
	uint8_t record[15];
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	ASSERT_EQ(0, worker_answer(&self->helper, cookie, 0, NULL, 0, false));
	/* not by itself */
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 100));
	hello(record, 10, 4);
	ASSERT_EQ(0, peer_write(&self->peer, record, 15));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(120, self->msg.len);
	EXPECT_EQ(0, memcmp(record, self->msg.bytes + 105, 15));
}

TEST_F(relay, consumed_may_stop_at_a_record)
{
	uint8_t records[45];
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	ASSERT_EQ(0, worker_answer(&self->helper, cookie, 105, NULL, 0, false));
	hello(records, 10, 5);
	hello(records + 15, 10, 6);
	ASSERT_EQ(0, peer_write(&self->peer, records, 30));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(30, self->msg.len);
	ASSERT_EQ(0, worker_answer(&self->helper, cookie, 15, NULL, 0, false));
	hello(records + 30, 10, 7);
	ASSERT_EQ(0, peer_write(&self->peer, records + 30, 15));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(30, self->msg.len);
	EXPECT_EQ(0, memcmp(records + 15, self->msg.bytes, 30));
}

TEST_F(relay, consumed_beyond_what_was_given_is_refused_and_changes_nothing)
{
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	EXPECT_EQ(-EINVAL, worker_answer(&self->helper, cookie, 106, NULL, 0, false));
	EXPECT_NE(NULL, strstr(self->helper.g.error, "CONSUMED"));
	EXPECT_EQ(-EINVAL, worker_answer(&self->helper, cookie, 1, NULL, 0, true));
	EXPECT_NE(NULL, strstr(self->helper.g.error, "CONSUMED"));
	EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->server));
	EXPECT_EQ(0, worker_done(&self->helper, cookie, 105, NULL, 0, &self->keys));
	EXPECT_EQ(KSEAL_STATE_KEYED, info_state(self->server));
}

TEST_F(relay, answers_are_written_in_order)
{
	uint8_t *flight = pattern(3 * 30000 + 10, 51), *got = malloc(3 * 30000 + 10);
	int i;

	BEGIN();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, worker_answer(&self->helper, self->msg.cookie, 0, flight + i * 30000,
					   30000, true)) TH_LOG("%s", self->helper.g.error);
	ASSERT_EQ(0, worker_answer(&self->helper, self->msg.cookie, 105, flight + 90000, 10, false));
	ASSERT_EQ(0, recv_all(self->client, got, 90010));
	EXPECT_EQ(0, memcmp(flight, got, 90010));
	free(flight);
	free(got);
}

static void *read_it(void *arg)
{
	static char got[16];
	ssize_t n = recv(*(int *)arg, got, sizeof(got), 0);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

static void *write_it(void *arg)
{
	ssize_t n = send(*(int *)arg, "hello", 5, MSG_NOSIGNAL);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

TEST_F(relay, reads_and_writes_wait_and_poll_is_silent)
{
	uint8_t got[PEER_PLAIN_MAX];
	pthread_t reader, writer;
	void *ret;
	int type;

	EXPECT_EQ(-1, recv(self->server, got, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, send(self->server, "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	BEGIN();
	EXPECT_EQ(0, poll_for(self->server, POLLIN | POLLOUT, 100));
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_it, &self->server));
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_it, &self->server));
	sleep_ms(100);
	EXPECT_EQ(0, poll_for(self->client, POLLIN, 0));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 105, "flight", 6, &self->keys));
	/* the helper's bytes, then the first record */
	ASSERT_EQ(0, recv_all(self->client, got, 6));
	EXPECT_EQ(0, memcmp(got, "flight", 6));
	ASSERT_EQ(5, peer_open(&self->peer, &type, got));
	pthread_join(writer, &ret);
	EXPECT_EQ(5, (intptr_t)ret);
	EXPECT_EQ(POLLOUT, poll_for(self->server, POLLOUT, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "hi", 2, 0));
	pthread_join(reader, &ret);
	EXPECT_EQ(2, (intptr_t)ret);
}

TEST_F(relay, a_blocked_poll_wakes_when_the_keys_come)
{
	struct pollfd p = { .fd = self->server, .events = POLLOUT };
	int64_t start;

	BEGIN();
	ASSERT_EQ(0, poll(&p, 1, 0));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &self->keys));
	start = now_ms();
	EXPECT_EQ(1, poll(&p, 1, 5000));
	EXPECT_GT(1000, now_ms() - start);
	EXPECT_EQ(POLLOUT, p.revents);
}

struct poller {
	struct pollfd p;
	pid_t tid;
};

static void *poll_it(void *arg)
{
	struct poller *poller = arg;

	__atomic_store_n(&poller->tid, gettid(), __ATOMIC_RELEASE);
	return (void *)(intptr_t)poll(&poller->p, 1, 10000);
}

/* How often a thread went to sleep, or -1. */
static long sleeps(const struct poller *poller)
{
	char path[64], line[128];
	long n = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status",
		 __atomic_load_n(&poller->tid, __ATOMIC_ACQUIRE));
	status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
			break;
	if (status)
		fclose(status);
	return n;
}

/* A server's thread that waits for a request would wake in vain for each connection. */
TEST_F(relay, the_keys_wake_who_writes_and_let_who_reads_sleep)
{
	struct poller in = { .p = { .fd = self->server, .events = POLLIN } };
	struct poller out = { .p = { .fd = self->server, .events = POLLOUT } };
	pthread_t reader, writer;
	int64_t start;
	long before;
	void *ret;

	BEGIN();
	ASSERT_EQ(0, pthread_create(&reader, NULL, poll_it, &in));
	ASSERT_EQ(0, pthread_create(&writer, NULL, poll_it, &out));
	sleep_ms(100);
	before = sleeps(&in);
	ASSERT_LE(0, before);
	start = now_ms();
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &self->keys));
	pthread_join(writer, &ret);
	EXPECT_EQ(1, (intptr_t)ret);
	EXPECT_EQ(POLLOUT, out.p.revents);
	sleep_ms(50);
	EXPECT_EQ(before, sleeps(&in));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "hi", 2, 0));
	pthread_join(reader, &ret);
	EXPECT_EQ(1, (intptr_t)ret);
	EXPECT_EQ(POLLIN, in.p.revents);
	EXPECT_GT(5000, now_ms() - start);
}

TEST_F(relay, the_keys_wake_who_waits_for_an_end_that_came_before)
{
	struct poller p = { .p = { .fd = self->server, .events = POLLRDHUP } };
	int64_t start = now_ms();
	pthread_t thread;
	void *ret;

	BEGIN();
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_it, &p));
	sleep_ms(50);
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	sleep_ms(50);
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &self->keys));
	pthread_join(thread, &ret);
	EXPECT_EQ(1, (intptr_t)ret);
	EXPECT_EQ(POLLRDHUP, p.p.revents & POLLRDHUP);
	EXPECT_GT(5000, now_ms() - start);
}

TEST_F(relay, what_came_with_the_handshake_is_the_first_data_read)
{
	uint8_t wire[512], got[64];
	size_t len = hello(wire, 20, 8);

	/* the client's last flight, a record under the new keys, half of another */
	len += peer_seal(&self->peer, PEER_DATA, "early", 5, 0, wire + len);
	len += peer_seal(&self->peer, PEER_DATA, " bird", 5, 0, wire + len);
	ASSERT_EQ(0, peer_write(&self->peer, wire, len - 4));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_LE(25, self->msg.len);
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 25, NULL, 0, &self->keys));
	EXPECT_EQ(POLLIN, poll_for(self->server, POLLIN, 2000));
	ASSERT_EQ(5, recv_soon(self->server, got, 64));
	EXPECT_EQ(0, memcmp(got, "early", 5));
	ASSERT_EQ(0, peer_write(&self->peer, wire + len - 4, 4));
	ASSERT_EQ(5, recv_soon(self->server, got, 64));
	EXPECT_EQ(0, memcmp(got, " bird", 5));
}

/* They acknowledge what the peer has sent, and Nagle may hold back the rest of its
 * request until then.
 */
TEST_F(relay, tickets_go_out_at_once_though_data_waits)
{
	uint8_t got[10];
	int unsent = -1;

	BEGIN();
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "request", 7, 0));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 105, "tickets", 7, &self->keys));
	ASSERT_EQ(0, ioctl(self->server, SIOCOUTQNSD, &unsent));
	EXPECT_EQ(0, unsent);
	EXPECT_EQ(7, recv_soon(self->client, got, 10));
}

TEST_F(relay, shutdown_in_mid_handshake_is_sent_after_the_keys)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	BEGIN();
	ASSERT_EQ(0, shutdown(self->server, SHUT_WR));
	ASSERT_EQ(0, worker_answer(&self->helper, self->msg.cookie, 105, "flight", 6, false))
		TH_LOG("%s", self->helper.g.error);
	ASSERT_EQ(6, recv_soon(self->client, got, 10));
	{
		uint8_t record[15];

		hello(record, 10, 9);
		ASSERT_EQ(0, peer_write(&self->peer, record, 15));
	}
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 15, NULL, 0, &self->keys));
	EXPECT_EQ(2, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_ALERT, type);
	EXPECT_EQ(-ENODATA, peer_open(&self->peer, &type, got));
	/* the other direction is open */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	EXPECT_EQ(4, recv_soon(self->server, got, 10));
	EXPECT_EQ(-1, send(self->server, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(relay, a_ticket_from_a_client_is_unexpected)
{
	static const uint8_t ticket[] = { 4, 0, 0, 1, 0 };
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	BEGIN();
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &self->keys));
	/* RFC 8446 4.6.1: only servers send them */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 5, 0));
	EXPECT_EQ(-EPROTO, recv_soon(self->server, got, 10));
	EXPECT_EQ(2, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_ALERT, type);
	EXPECT_EQ(10, got[1]);
}

TEST_F(relay, a_client_is_asked_before_any_bytes_came)
{
	uint8_t got[16];
	int fds[2];

	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, attach(fds[0]));
	ASSERT_EQ(0, setsockopt(fds[0], SOL_KSEAL, KSEAL_SO_SERVER_NAME, "kseal.test", 10));
	ASSERT_EQ(0, set_role(fds[0], KSEAL_ROLE_CLIENT));
	EXPECT_EQ(-EALREADY, set_role(fds[0], KSEAL_ROLE_CLIENT));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(KSEAL_ROLE_CLIENT, self->msg.role);
	EXPECT_STREQ("kseal.test", self->msg.name);
	EXPECT_STREQ("default", self->msg.profile);
	EXPECT_EQ(0, self->msg.len);
	ASSERT_EQ(0, worker_answer(&self->helper, self->msg.cookie, 0, "client hello", 12, false));
	EXPECT_EQ(12, recv_soon(fds[1], got, 16));
	close(fds[0]);
	close(fds[1]);
}

/* who it wants may be its profile's matter */
TEST_F(relay, a_client_without_a_name_is_the_helpers)
{
	int fds[2];

	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, attach(fds[0]));
	ASSERT_EQ(0, set_role(fds[0], KSEAL_ROLE_CLIENT));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(KSEAL_ROLE_CLIENT, self->msg.role);
	EXPECT_STREQ("", self->msg.name);
	close(fds[0]);
	close(fds[1]);
}

TEST_F(relay, done_with_bad_keys_is_refused_and_may_be_tried_again)
{
	struct kseal_session_keys bad = self->keys;

	BEGIN();
	bad.cipher = 99;
	EXPECT_EQ(-EOPNOTSUPP, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &bad));
	EXPECT_NE(NULL, strstr(self->helper.g.error, "CIPHER"));
	bad = self->keys;
	bad.tx.key_len = 24;
	EXPECT_EQ(-EINVAL, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &bad));
	EXPECT_NE(NULL, strstr(self->helper.g.error, "TX.KEY"));
	bad = self->keys;
	bad.rx = bad.tx;
	EXPECT_EQ(-EINVAL, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &bad));
	EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->server));
	EXPECT_EQ(0, worker_done(&self->helper, self->msg.cookie, 105, NULL, 0, &self->keys));
	EXPECT_EQ(4, send(self->server, "data", 4, 0));
}

/* A peer that closes with bytes unread sends its last alert and a reset behind it. */
TEST_F(relay, an_alert_with_a_reset_behind_it_says_why)
{
	static const uint8_t alert[7] = { 21, 3, 3, 0, 2, 2, 48 };
	const struct linger now = { 1, 0 };
	char byte;

	BEGIN();
	ASSERT_EQ(0, worker_answer(&self->helper, self->msg.cookie, 105, "flight", 6, false));
	ASSERT_EQ(0, peer_write(&self->peer, alert, sizeof(alert)));
	ASSERT_EQ(0, setsockopt(self->client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(self->client);
	self->client = -1;
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);
	sleep_ms(100);
	EXPECT_EQ(0, worker_fail(&self->helper, self->msg.cookie, 7, NULL, 0, EKEYREJECTED, 48,
				 "unknown_ca"));
	EXPECT_EQ(-1, recv(self->server, &byte, 1, 0));
	EXPECT_EQ(EKEYREJECTED, errno);
}

TEST_HARNESS_MAIN
