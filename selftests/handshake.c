// SPDX-License-Identifier: GPL-2.0-or-later
/* How handshakes end, and who may end them. */
#include <pthread.h>
#include <sys/ioctl.h>

#include "begun.h"

/* ---- who ---- */

TEST_F(handshake, a_new_socket_without_role_says_enokey)
{
	char byte;
	int fds[2];

	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, attach(fds[0]));
	EXPECT_EQ(-EEXIST, attach(fds[0]));
	EXPECT_EQ(KSEAL_STATE_NEW, info_state(fds[0]));
	EXPECT_EQ(-1, recv(fds[0], &byte, 1, 0));
	EXPECT_EQ(ENOKEY, errno);
	EXPECT_EQ(-1, send(fds[0], "x", 1, 0));
	EXPECT_EQ(ENOKEY, errno);
	EXPECT_EQ(0, poll_for(fds[1], POLLIN, 50));
	close(fds[0]);
	close(fds[1]);
}

TEST_F(handshake, without_a_helper_a_role_is_eunatch_at_once)
{
	int fds[2], client, child;

	worker_close(&self->helper);
	sleep_ms(50);
	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, attach(fds[0]));
	EXPECT_EQ(-EUNATCH, set_role(fds[0], KSEAL_ROLE_SERVER));
	EXPECT_EQ(EUNATCH, failed_with(fds[0]));
	close(fds[0]);
	close(fds[1]);
	/* a listener may wait for one; its child may not */
	client = tcp_connect(self->listener);
	child = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, child);
	EXPECT_EQ(EUNATCH, failed_with(child));
	close(client);
	close(child);
}

TEST_F(handshake, roles_that_may_not_be_are_refused)
{
	int listener = tcp_listen(variant->family);

	ASSERT_EQ(0, attach(listener));
	EXPECT_EQ(-EINVAL, set_role(listener, KSEAL_ROLE_CLIENT));
	EXPECT_EQ(-EINVAL, set_role(listener, KSEAL_ROLE_NONE));
	EXPECT_EQ(-EINVAL, set_role(listener, 3));
	EXPECT_EQ(0, set_role(listener, KSEAL_ROLE_SERVER));
	EXPECT_EQ(-EALREADY, set_role(listener, KSEAL_ROLE_SERVER));
	close(listener);
}

static int set_text(int fd, int option, const char *text, size_t len)
{
	return setsockopt(fd, SOL_KSEAL, option, text, len) ? -errno : 0;
}

TEST_F(handshake, profiles_and_names_that_may_not_be_are_refused)
{
	const int options[] = { KSEAL_SO_PROFILE, KSEAL_SO_SERVER_NAME };
	const size_t most[] = { KSEAL_PROFILE_MAX, KSEAL_NAME_MAX };
	int listener = tcp_listen(variant->family), i;
	char text[KSEAL_NAME_MAX + 2];

	memset(text, 'x', sizeof(text));
	ASSERT_EQ(0, attach(listener));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, set_text(listener, options[i], "", 0));
		EXPECT_EQ(-EINVAL, set_text(listener, options[i], "a b", 3));
		EXPECT_EQ(-EINVAL, set_text(listener, options[i], "a\n", 2));
		EXPECT_EQ(-EINVAL, set_text(listener, options[i], text, most[i] + 1));
		EXPECT_EQ(0, set_text(listener, options[i], text, most[i]));
	}
	ASSERT_EQ(0, set_role(listener, KSEAL_ROLE_SERVER));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-EALREADY, set_text(listener, options[i], "x", 1));
	close(listener);
}

TEST_F(handshake, what_is_not_tcp_is_refused)
{
	int udp = socket(variant->family, SOCK_DGRAM, 0), fresh = socket(variant->family, SOCK_STREAM, 0);
	int local = socket(AF_UNIX, SOCK_STREAM, 0);

	EXPECT_EQ(-ENOPROTOOPT, attach(udp));
	EXPECT_EQ(-EOPNOTSUPP, attach(local));
	EXPECT_EQ(-ENOTCONN, attach(fresh));
	close(udp);
	close(local);
	close(fresh);
}

TEST_F(handshake, unregistered_foreign_and_stale_answers_are_refused)
{
	struct worker other;

	BEGIN();
	ASSERT_EQ(0, worker_open(&other));
	EXPECT_EQ(-ESRCH, worker_answer(&other, self->msg.cookie, 0, "x", 1, false));
	EXPECT_EQ(-ESRCH, worker_done(&other, self->msg.cookie, 0, NULL, 0, &self->keys));
	ASSERT_EQ(0, worker_register(&other));
	EXPECT_EQ(-EPERM, worker_answer(&other, self->msg.cookie, 0, "x", 1, false));
	EXPECT_EQ(-EPERM, worker_done(&other, self->msg.cookie, 0, NULL, 0, &self->keys));
	EXPECT_EQ(-EPERM, worker_fail(&other, self->msg.cookie, 0, NULL, 0, EPROTO, 40, "no"));
	EXPECT_EQ(-ESTALE, worker_answer(&self->helper, self->msg.cookie + 1, 0, "x", 1, false));
	EXPECT_EQ(0, poll_for(self->client, POLLIN, 50));
	EXPECT_EQ(0, worker_done(&self->helper, self->msg.cookie, 15, NULL, 0, &self->keys));
	EXPECT_EQ(-ESTALE, worker_done(&self->helper, self->msg.cookie, 0, NULL, 0, &self->keys));
	worker_close(&other);
}

/* ---- failure ---- */

TEST_F(handshake, the_helpers_refusal_has_errno_reason_and_alert)
{
	static const uint8_t alert[7] = { 21, 3, 3, 0, 2, 2, 42 };
	char reason[KSEAL_REASON_MAX + 1];
	uint8_t got[16];

	BEGIN();
	ASSERT_EQ(0, worker_fail(&self->helper, self->msg.cookie, 15, alert, 7, EKEYREJECTED, 42,
				 "the certificate has expired"));
	EXPECT_EQ(7, recv_soon(self->client, got, 16));
	EXPECT_EQ(0, memcmp(got, alert, 7));
	EXPECT_EQ(EKEYREJECTED, failed_with(self->server));
	EXPECT_EQ(-1, send(self->server, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EKEYREJECTED, errno);
	EXPECT_EQ(42, info_alert(self->server));
	EXPECT_EQ(EKEYREJECTED, info_error(self->server));
	ASSERT_EQ(0, kseal_reason(self->server, reason, sizeof(reason)));
	EXPECT_STREQ("the certificate has expired", reason);
	EXPECT_EQ(POLLERR, poll_for(self->server, POLLIN, 0) & POLLERR);
}

static void *read_it(void *arg)
{
	char byte;
	ssize_t n = recv(*(int *)arg, &byte, 1, 0);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

TEST_F(handshake, failure_wakes_a_blocked_reader_and_poll)
{
	pthread_t thread;
	void *ret;

	BEGIN();
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_it, &self->server));
	sleep_ms(50);
	ASSERT_EQ(0, worker_fail(&self->helper, self->msg.cookie, 15, NULL, 0, EPROTO, 40, "no"));
	pthread_join(thread, &ret);
	EXPECT_EQ(-EPROTO, (intptr_t)ret);
}

TEST_F(handshake, too_slow_a_handshake_times_out)
{
	int client, server;
	uint64_t cookie;

	ASSERT_EQ(0, param_set("handshake_timeout_ms", 200));
	client = tcp_connect(self->listener);
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(15, send(client, hello, 15, 0));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(200, self->msg.timeout);
	cookie = self->msg.cookie;
	EXPECT_EQ(ETIMEDOUT, failed_with(server));
	EXPECT_EQ(ETIMEDOUT, worker_cancelled(&self->helper, cookie));
	EXPECT_EQ(-ESTALE, worker_done(&self->helper, cookie, 15, NULL, 0, &self->keys));
	close(client);
	close(server);
}

TEST_F(handshake, a_client_that_says_nothing_times_out)
{
	int client, server;

	ASSERT_EQ(0, param_set("handshake_timeout_ms", 200));
	client = tcp_connect(self->listener);
	server = accept(self->listener, NULL, NULL);
	EXPECT_EQ(ETIMEDOUT, failed_with(server));
	/* the helper never heard of it */
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 100));
	close(client);
	close(server);
}

TEST_F(handshake, close_cancels)
{
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	close(self->server);
	self->server = -1;
	EXPECT_LT(0, worker_cancelled(&self->helper, cookie));
	EXPECT_EQ(-ESTALE, worker_done(&self->helper, cookie, 15, NULL, 0, &self->keys));
	EXPECT_EQ(-ESTALE, worker_answer(&self->helper, cookie, 15, "x", 1, false));
}

TEST_F(handshake, the_peers_close_is_a_reset)
{
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	ASSERT_EQ(0, worker_answer(&self->helper, cookie, 15, "flight", 6, false));
	{
		char got[8];

		ASSERT_EQ(6, recv_soon(self->client, got, 8));
	}
	close(self->client);
	self->client = -1;
	EXPECT_EQ(ECONNRESET, failed_with(self->server));
	EXPECT_EQ(ECONNRESET, worker_cancelled(&self->helper, cookie));
}

TEST_F(handshake, the_peers_close_before_its_hello_is_a_reset)
{
	close(self->client);
	self->client = -1;
	EXPECT_EQ(ECONNRESET, failed_with(self->server));
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 50));
}

static void reset(int *fd)
{
	const struct linger now = { 1, 0 };

	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(*fd);
	*fd = -1;
}

TEST_F(handshake, the_peers_reset_is_one_while_the_helper_thinks_too)
{
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	reset(&self->client);
	EXPECT_EQ(ECONNRESET, failed_with(self->server));
	EXPECT_EQ(ECONNRESET, worker_cancelled(&self->helper, cookie));
	EXPECT_EQ(-ESTALE, worker_done(&self->helper, cookie, 15, "ticket", 6, &self->keys));
}

TEST_F(handshake, a_last_flight_with_a_reset_behind_it_is_a_reset)
{
	static const uint8_t record[7] = { 22, 3, 3, 0, 2, 1, 2 };
	uint64_t cookie;
	char got[8];

	BEGIN();
	cookie = self->msg.cookie;
	ASSERT_EQ(0, worker_answer(&self->helper, cookie, 15, "flight", 6, false));
	ASSERT_EQ(6, recv_soon(self->client, got, 8));
	ASSERT_EQ(0, peer_write(&self->peer, record, sizeof(record)));
	reset(&self->client);
	/* before or after the helper was given the record */
	EXPECT_EQ(ECONNRESET, failed_with(self->server));
	EXPECT_LT(0, worker_cancelled(&self->helper, cookie));
}

TEST_F(handshake, plain_http_gets_an_alert_and_nothing_else)
{
	static const uint8_t alert[7] = { 21, 3, 3, 0, 2, 2, 10 };
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	uint8_t got[64];

	ASSERT_EQ(0, peer_write(&self->peer, request, strlen(request)));
	ASSERT_EQ(7, recv_soon(self->client, got, 64));
	EXPECT_EQ(0, memcmp(alert, got, 7));
	EXPECT_EQ(EPROTO, failed_with(self->server));
	EXPECT_EQ(-1, send(self->server, "secret", 6, MSG_NOSIGNAL));
	close(self->server);
	self->server = -1;
	EXPECT_GE(0, recv_soon(self->client, got, 64));
	/* nobody told the helper of it */
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 50));
}

TEST_F(handshake, a_handshake_record_too_long_is_overflow)
{
	static const uint8_t alert[7] = { 21, 3, 3, 0, 2, 2, 22 };
	static const uint8_t header[5] = { 22, 3, 1, 0x41, 0x01 };
	uint8_t got[16];

	ASSERT_EQ(0, peer_write(&self->peer, header, 5));
	ASSERT_EQ(7, recv_soon(self->client, got, 16));
	EXPECT_EQ(0, memcmp(alert, got, 7));
	EXPECT_EQ(EMSGSIZE, failed_with(self->server));
}

TEST_F(handshake, a_disconnected_socket_ends_its_handshake)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	uint64_t cookie;

	BEGIN();
	cookie = self->msg.cookie;
	connect(self->server, &none, sizeof(none));
	EXPECT_LT(0, worker_cancelled(&self->helper, cookie));
	EXPECT_EQ(-ESTALE, worker_done(&self->helper, cookie, 15, NULL, 0, &self->keys));
	EXPECT_LT(0, failed_with(self->server));
}

TEST_HARNESS_MAIN
