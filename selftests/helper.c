// SPDX-License-Identifier: GPL-2.0-or-later
/* Workers that register and leave, what becomes of their handshakes, and who is full. */
#include <sched.h>
#include <signal.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "begun.h"

/* ---- who ---- */

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

TEST_F(handshake, a_worker_leaves_and_comes_again)
{
	struct worker other;
	struct worker_msg msg;
	int client, server;

	BEGIN();
	ASSERT_EQ(0, worker_open(&other));
	EXPECT_EQ(-ESRCH, worker_unregister(&other));
	EXPECT_EQ(1, counter("helpers"));
	EXPECT_EQ(0, worker_unregister(&self->helper));
	EXPECT_EQ(-ESRCH, worker_unregister(&self->helper));
	EXPECT_EQ(0, counter("helpers"));
	EXPECT_EQ(EOWNERDEAD, failed_with(self->server));
	EXPECT_EQ(-ESRCH, worker_done(&self->helper, self->msg.cookie, 15, NULL, 0, &self->keys));

	/* who has left gets none */
	ASSERT_EQ(0, worker_register(&other));
	for (int i = 0; i < 2; i++) {
		client = tcp_connect(self->listener);
		server = accept(self->listener, NULL, NULL);
		ASSERT_EQ(15, send(client, hello, 15, 0));
		EXPECT_EQ(0, worker_next(&other, &msg, 5000));
		close(client);
		close(server);
	}
	worker_close(&other);
	EXPECT_EQ(0, counter("helpers"));

	EXPECT_EQ(0, worker_register(&self->helper));
	EXPECT_EQ(-EALREADY, worker_register(&self->helper));
	EXPECT_EQ(1, counter("helpers"));
	client = tcp_connect(self->listener);
	server = accept(self->listener, NULL, NULL);
	ASSERT_EQ(15, send(client, hello, 15, 0));
	do { /* it may have been told of the end of what it had */
		ASSERT_EQ(0, worker_next(&self->helper, &msg, 5000));
	} while (msg.cmd == KSEAL_CMD_CANCEL);
	EXPECT_EQ(0, worker_done(&self->helper, msg.cookie, 15, NULL, 0, &self->keys));
	close(client);
	close(server);

	/* its socket is closed when it is none */
	EXPECT_EQ(0, worker_unregister(&self->helper));
	worker_close(&self->helper);
	EXPECT_EQ(0, counter("helpers"));
	ASSERT_EQ(0, worker_start(&self->helper));
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

/* ---- gone ---- */

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

TEST_HARNESS_MAIN
