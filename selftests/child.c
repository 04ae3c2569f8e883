// SPDX-License-Identifier: GPL-2.0-or-later
/* What becomes of the connections of a listener that has, gets or may not have the ULP. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "fixture.h"
#include "worker.h"

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

FIXTURE(child) {
	struct worker helper;
	struct worker_msg msg;
	struct kseal_session_keys keys;
};

SESSION_VARIANTS(child);

FIXTURE_SETUP(child)
{
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
}

FIXTURE_TEARDOWN(child)
{
	worker_close(&self->helper);
}

TEST_F(child, children_from_before_the_ulp_are_reset_never_served_in_clear)
{
	int listener = tcp_listen(variant->family);
	int client = tcp_connect(listener), child;
	char got[8];

	ASSERT_EQ(3, send(client, "GET", 3, MSG_NOSIGNAL));
	sleep_ms(20);
	ASSERT_EQ(0, attach(listener));
	ASSERT_EQ(0, set_role(listener, KSEAL_ROLE_SERVER));
	ASSERT_EQ(0, fcntl(listener, F_SETFL, O_NONBLOCK));
	child = accept(listener, NULL, NULL);
	EXPECT_EQ(-1, child);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-ECONNRESET, recv_soon(client, got, 8));
	close(client);
	close(listener);
}

TEST_F(child, a_listener_closed_with_children_queued_leaks_nothing)
{
	int listener = listen_as_server(variant->family), client[8], i;
	long long attached = counter("sessions_attached"), closed = counter("sessions_closed");
	int64_t end = now_ms() + 5000;

	ASSERT_LE(0, attached);
	for (i = 0; i < 8; i++) {
		client[i] = tcp_connect(listener);
		ASSERT_EQ(15, send(client[i], hello, 15, 0));
	}
	sleep_ms(50);
	EXPECT_EQ(attached + 8, counter("sessions_attached"));
	close(listener);
	for (i = 0; i < 8; i++)
		close(client[i]);
	/* eight children and the listener itself */
	while (counter("sessions_closed") < closed + 9 && now_ms() < end)
		sleep_ms(10);
	EXPECT_EQ(closed + 9, counter("sessions_closed"));
}

TEST_F(child, a_child_that_waited_in_the_queue_is_served)
{
	int listener = listen_as_server(variant->family);
	int client = tcp_connect(listener), server;
	char got[8];

	ASSERT_EQ(15, send(client, hello, 15, 0));
	sleep_ms(50);
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 0));
	server = accept(listener, NULL, NULL);
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(15, self->msg.len);
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 15, "done", 4, &self->keys));
	EXPECT_EQ(4, recv_soon(client, got, 8));
	EXPECT_EQ(KSEAL_STATE_KEYED, info_state(server));
	close(client);
	close(server);
	close(listener);
}

TEST_F(child, the_first_answer_does_not_wait_until_the_tickets_are_acknowledged)
{
	int listener = listen_as_server(variant->family);
	int client = tcp_connect(listener), server = accept(listener, NULL, NULL);
	int off = 0, unsent = -1;

	ASSERT_EQ(15, send(client, hello, 15, 0));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	/* it delays its acknowledgements, as one does that has just asked for something */
	ASSERT_EQ(0, setsockopt(client, SOL_TCP, TCP_QUICKACK, &off, sizeof(off)));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 15, "tickets", 7, &self->keys));
	ASSERT_EQ(6, send(server, "answer", 6, 0));
	ASSERT_EQ(0, ioctl(server, SIOCOUTQNSD, &unsent));
	EXPECT_EQ(0, unsent);
	close(client);
	close(server);
	close(listener);
}

/* ---- accept() under way when the ULP comes ---- */

static void *accept_it(void *arg)
{
	return (void *)(intptr_t)accept(*(int *)arg, NULL, NULL);
}

/* A child that TCP's own accept() handed out, as it slept when the listener got
 * the ULP; *client is the other end.
 */
static int accepted_behind_us(int family, int *client)
{
	int listener = tcp_listen(family);
	pthread_t thread;
	void *ret;

	if (listener < 0 || pthread_create(&thread, NULL, accept_it, &listener))
		return -1;
	sleep_ms(50);
	if (attach(listener) || set_role(listener, KSEAL_ROLE_SERVER))
		return -1;
	*client = tcp_connect(listener);
	pthread_join(thread, &ret);
	close(listener);
	return (intptr_t)ret;
}

TEST_F(child, an_accept_that_slept_when_the_ulp_came_gives_a_tls_socket)
{
	char got[8];
	int client, server = accepted_behind_us(variant->family, &client);
	struct peer peer;

	ASSERT_LE(0, server);
	peer_init(&peer, client, &self->keys);
	EXPECT_EQ(0, poll_for(server, POLLIN, 50));
	/* the peer's bytes begin the handshake, no call of the owner's is needed */
	ASSERT_EQ(15, send(client, hello, 15, 0));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(15, self->msg.len);
	EXPECT_EQ(-1, recv(server, got, 8, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	/* nor is it TCP's poll any more, which would say that it can be written */
	EXPECT_EQ(0, poll_for(server, POLLIN | POLLOUT, 50));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 15, NULL, 0, &self->keys));
	ASSERT_EQ(0, peer_send(&peer, PEER_DATA, "data", 4, 0));
	EXPECT_EQ(POLLIN, poll_for(server, POLLIN, 5000));
	EXPECT_EQ(4, recv_soon(server, got, 8));
	close(client);
	close(server);
}

TEST_F(child, an_accept_that_slept_when_the_ulp_came_sends_nothing_in_clear)
{
	int client, server = accepted_behind_us(variant->family, &client);
	long long started = counter("handshakes_started");
	char byte;

	ASSERT_LE(0, server);
	EXPECT_EQ(-1, send(server, "secret", 6, MSG_DONTWAIT | MSG_NOSIGNAL));
	EXPECT_EQ(EAGAIN, errno);
	/* and its time runs, should the peer never say a word */
	EXPECT_EQ(started + 1, counter("handshakes_started"));
	EXPECT_EQ(-EAGAIN, recv_soon(client, &byte, 1));
	close(client);
	close(server);
}

/* ---- connections that are made while the ULP comes ---- */

#define RACES 30
#define RACERS 12

struct racers {
	int listener;
	int fd[RACERS];
};

static void *connect_all(void *arg)
{
	struct racers *r = arg;
	int i;

	for (i = 0; i < RACERS; i++) {
		r->fd[i] = tcp_connect(r->listener);
		if (r->fd[i] >= 0)
			send(r->fd[i], "GET /", 5, MSG_NOSIGNAL);
	}
	return NULL;
}

/* Whatever accept() hands out carries the ULP and gives nothing in clear. */
static int count_plain(int listener)
{
	int plain = 0, fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		char name[16] = "", got[8];
		socklen_t len = sizeof(name);

		if (getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &len) ||
		    strcmp(name, KSEAL_ULP_NAME))
			plain++;
		if (recv(fd, got, sizeof(got), MSG_DONTWAIT) >= 0)
			plain++;
		close(fd);
	}
	return plain;
}

TEST_F(child, connections_made_while_the_ulp_comes_are_tls_or_reset)
{
	int race, i;

	for (race = 0; race < RACES; race++) {
		struct racers r = { .listener = tcp_listen(variant->family) };
		pthread_t thread;

		ASSERT_LE(0, r.listener);
		ASSERT_EQ(0, fcntl(r.listener, F_SETFL, O_NONBLOCK));
		ASSERT_EQ(0, pthread_create(&thread, NULL, connect_all, &r));
		for (i = 0; i < race; i++)
			sched_yield();
		ASSERT_EQ(0, attach(r.listener));
		ASSERT_EQ(0, set_role(r.listener, KSEAL_ROLE_SERVER));
		EXPECT_EQ(0, count_plain(r.listener));
		pthread_join(thread, NULL);
		EXPECT_EQ(0, count_plain(r.listener));
		for (i = 0; i < RACERS; i++)
			close(r.fd[i]);
		close(r.listener);
	}
}

/* ---- a session's socket that is made to listen ---- */

static int listen_again(int fd, int family)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage any = { .ss_family = family };
	socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					     sizeof(struct sockaddr_in);

	if (connect(fd, &none, sizeof(none)))
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, len) && errno != EINVAL)
		return -errno;
	return listen(fd, 8) ? -errno : 0;
}

TEST_F(child, a_disconnected_session_that_listens_has_dead_children)
{
	int fd[2], client, child;
	char got[8];

	ASSERT_EQ(0, session_pair(variant->family, KSEAL_VERSION_1_3, variant->cipher, fd));
	/* sealed bytes that TCP has no room for are not for whoever is next */
	while (send(fd[0], self, sizeof(*self), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	ASSERT_EQ(0, listen_again(fd[0], variant->family));
	client = tcp_connect(fd[0]);
	ASSERT_LE(0, client);
	ASSERT_EQ(5, send(client, "GET /", 5, MSG_NOSIGNAL));
	child = accept(fd[0], NULL, NULL);
	if (child >= 0) {
		EXPECT_EQ(-ENOTCONN, recv_soon(child, got, 8));
		EXPECT_EQ(-1, send(child, "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(KSEAL_STATE_DEAD, info_state(child));
		close(child);
	}
	EXPECT_GE(0, recv_soon(client, got, 8));
	/* the listener still has its keys, and nothing to use them on */
	EXPECT_EQ(-ENOTCONN, recv_soon(fd[0], got, 8));
	close(client);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(child, what_a_disconnected_session_had_sealed_is_for_nobody_else)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int listener = tcp_listen(variant->family), fd[2], buffer = 65536, next;
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	uint8_t data[65536] = { 0 };
	char got[8];

	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &len));
	ASSERT_EQ(0, session_pair(variant->family, KSEAL_VERSION_1_3, variant->cipher, fd));
	ASSERT_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)));
	while (send(fd[0], data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	ASSERT_EQ(0, connect(fd[0], &none, sizeof(none)));
	ASSERT_EQ(0, connect(fd[0], (struct sockaddr *)&addr, len));
	next = accept(listener, NULL, NULL);
	ASSERT_LE(0, next);
	EXPECT_EQ(-1, send(fd[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, recv_soon(next, got, 8));
	/* which gives TCP all that is left */
	close(fd[0]);
	EXPECT_GE(0, recv_soon(next, got, 8));
	close(next);
	close(fd[1]);
	close(listener);
}

TEST_HARNESS_MAIN
