// SPDX-License-Identifier: GPL-2.0-or-later
/* How handshakes end, and who may end them. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "fixture.h"
#include "worker.h"

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

FIXTURE(handshake) {
	struct worker helper;
	int listener, client, server;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	struct peer peer;
	long timeout_ms;
};

SESSION_VARIANTS(handshake);

FIXTURE_SETUP(handshake)
{
	self->timeout_ms = param_get("handshake_timeout_ms");
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	self->listener = listen_as_server(variant->family);
	ASSERT_LE(0, self->listener);
	self->client = tcp_connect(self->listener);
	ASSERT_LE(0, self->client);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->server);
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&self->peer, self->client, &self->keys);
}

FIXTURE_TEARDOWN(handshake)
{
	if (param_get("handshake_timeout_ms") != self->timeout_ms)
		param_set("handshake_timeout_ms", self->timeout_ms);
	close(self->server);
	close(self->client);
	close(self->listener);
	worker_close(&self->helper);
}

#define BEGIN()								\
	do {								\
		ASSERT_EQ(0, peer_write(&self->peer, hello, sizeof(hello))); \
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000)); \
		ASSERT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);		\
	} while (0)

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

TEST_F(handshake, a_worker_registers_once)
{
	EXPECT_EQ(-EALREADY, worker_register(&self->helper));
}

TEST_F(handshake, registered_workers_are_counted)
{
	struct worker other;

	EXPECT_EQ(1, counter("helpers"));
	ASSERT_EQ(0, worker_open(&other));
	EXPECT_EQ(1, counter("helpers"));
	ASSERT_EQ(0, worker_register(&other));
	EXPECT_EQ(2, counter("helpers"));
	EXPECT_EQ(-EALREADY, worker_register(&other));
	EXPECT_EQ(2, counter("helpers"));
	worker_close(&other);
	EXPECT_EQ(1, counter("helpers"));
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

TEST_F(handshake, handshakes_are_spread_over_workers)
{
	struct worker other;
	struct worker_msg msg;
	int client, server;

	BEGIN();
	ASSERT_EQ(0, worker_start(&other));
	client = tcp_connect(self->listener);
	server = accept(self->listener, NULL, NULL);
	ASSERT_EQ(15, send(client, hello, 15, 0));
	if (worker_next(&other, &msg, 500)) {
		int client2 = tcp_connect(self->listener);
		int server2 = accept(self->listener, NULL, NULL);

		ASSERT_EQ(15, send(client2, hello, 15, 0));
		EXPECT_EQ(0, worker_next(&other, &msg, 5000));
		close(client2);
		close(server2);
	}
	close(client);
	close(server);
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

TEST_F(handshake, the_helpers_death_fails_its_handshakes_soon)
{
	int64_t start;

	BEGIN();
	start = now_ms();
	worker_close(&self->helper);
	EXPECT_EQ(EOWNERDEAD, failed_with(self->server));
	EXPECT_GT(2000, now_ms() - start);
}

TEST_F(handshake, a_helper_process_killed_fails_its_handshakes_soon)
{
	int pipes[2], status;
	pid_t pid;
	char byte;

	worker_close(&self->helper);
	close(self->server);
	close(self->client);
	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	if (!pid) {
		struct worker w;

		if (worker_start(&w) || write(pipes[1], "r", 1) != 1 ||
		    worker_next(&w, &self->msg, 10000) || write(pipes[1], "g", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	self->client = tcp_connect(self->listener);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_EQ(15, send(self->client, hello, 15, 0));
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EOWNERDEAD, failed_with(self->server));
	close(pipes[0]);
	close(pipes[1]);
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

/* ---- many ---- */

#define MANY 200

struct crowd {
	int n, client[MANY], server[MANY];
};

/* So many handshakes, of which a few fit into the helper's socket. */
static int crowd_in(struct crowd *c, int n, struct worker *w, int listener)
{
	static const uint8_t record[2005] = { 22, 3, 1, 2000 >> 8, 2000 & 0xff };
	int tiny = 2048;

	w->no_ack = true;
	if (setsockopt(mnl_socket_get_fd(w->g.sock), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)))
		return -errno;
	for (c->n = 0; c->n < n; c->n++) {
		c->client[c->n] = tcp_connect(listener);
		c->server[c->n] = accept(listener, NULL, NULL);
		if (c->server[c->n] < 0 ||
		    send(c->client[c->n], record, sizeof(record), 0) != sizeof(record))
			return -EIO;
	}
	sleep_ms(100);
	return 0;
}

static void crowd_out(struct crowd *c)
{
	int i;

	for (i = 0; i < c->n; i++) {
		close(c->client[i]);
		close(c->server[i]);
	}
}

/* Reads until so many handshakes came, and refuses each. Returns how many came. */
static int refuse_all(struct worker *w, int n)
{
	int64_t end = now_ms() + 12000;
	static struct worker_msg msg;
	int seen = 0;

	while (seen < n && now_ms() < end) {
		/* an overrun says ENOBUFS once: nothing of ours is lost by it */
		if (worker_next(w, &msg, 100) || msg.cmd != KSEAL_CMD_HANDSHAKE)
			continue;
		seen++;
		worker_fail(w, msg.cookie, 2005, NULL, 0, EPROTO, 40, "seen");
	}
	return seen;
}

TEST_F(handshake, a_full_helper_gets_every_handshake_in_the_end)
{
	struct crowd c;
	int64_t start;
	int i;

	ASSERT_EQ(0, crowd_in(&c, MANY, &self->helper, self->listener));
	EXPECT_LT(0, counter("handshakes_retried"));
	start = now_ms();
	EXPECT_EQ(MANY, refuse_all(&self->helper, MANY));
	/* not one with each turn of the timer, which is 64 ms for those that wait */
	EXPECT_GT(MANY * 20, now_ms() - start);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(EPROTO, failed_with(c.server[i]));
	crowd_out(&c);
}

TEST_F(handshake, a_full_helper_that_answers_nothing_gets_every_handshake_too)
{
	int64_t end = now_ms() + 10000;
	struct crowd c;
	int seen = 0;

	ASSERT_EQ(0, crowd_in(&c, 16, &self->helper, self->listener));
	while (seen < 16 && now_ms() < end)
		if (!worker_next(&self->helper, &self->msg, 100) &&
		    self->msg.cmd == KSEAL_CMD_HANDSHAKE)
			seen++;
	EXPECT_EQ(16, seen);
	crowd_out(&c);
}

TEST_F(handshake, handshakes_that_end_while_the_helper_is_full_leave_the_line)
{
	struct crowd c;
	int i;

	ASSERT_EQ(0, crowd_in(&c, MANY, &self->helper, self->listener));
	/* the first have been given to the helper, the last wait for room */
	for (i = MANY / 2; i < MANY; i += 2) {
		close(c.server[i]);
		c.server[i] = -1;
	}
	EXPECT_EQ(MANY * 3 / 4, refuse_all(&self->helper, MANY * 3 / 4));
	for (i = 0; i < MANY; i++)
		if (c.server[i] >= 0)
			EXPECT_EQ(EPROTO, failed_with(c.server[i]));
	crowd_out(&c);
}

TEST_F(handshake, a_full_helpers_death_fails_those_that_wait_too)
{
	struct crowd c;
	int i;

	ASSERT_EQ(0, crowd_in(&c, MANY, &self->helper, self->listener));
	worker_close(&self->helper);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(EOWNERDEAD, failed_with(c.server[i]));
	crowd_out(&c);
}

TEST_F(handshake, too_many_handshakes_are_refused)
{
	long max = param_get("max_handshakes");
	int client, server;

	ASSERT_EQ(0, param_set("max_handshakes", 1));
	client = tcp_connect(self->listener);
	server = accept(self->listener, NULL, NULL);
	EXPECT_EQ(ENOBUFS, failed_with(server));
	param_set("max_handshakes", max);
	close(client);
	close(server);
}

static int loopback_up(void)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int err = ioctl(fd, SIOCSIFFLAGS, &req) ? -errno : 0;

	close(fd);
	return err;
}

TEST_F(handshake, namespaces_do_not_share_helpers)
{
	int fds[2];

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(0, counter("helpers"));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, tcp_pair(AF_INET, fds));
	ASSERT_EQ(0, attach(fds[0]));
	EXPECT_EQ(-EUNATCH, set_role(fds[0], KSEAL_ROLE_SERVER));
	/* and the first namespace's goes on */
	BEGIN();
	EXPECT_EQ(0, worker_done(&self->helper, self->msg.cookie, 15, NULL, 0, &self->keys));
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
