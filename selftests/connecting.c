// SPDX-License-Identifier: GPL-2.0-or-later
/* The ULP on a socket whose connect() has not come to an end. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "fixture.h"
#include "worker.h"

FIXTURE(connecting) {
	struct worker helper;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	int listener;		/* with a queue that is full: it answers no SYN */
	int first;		/* which fills it */
	int fd;			/* in SYN_SENT */
};

SESSION_VARIANTS(connecting);

static int begin_to_connect(int listener)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd;

	if (getsockname(listener, (struct sockaddr *)&address, &len))
		return -errno;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || !connect(fd, (struct sockaddr *)&address, len) || errno != EINPROGRESS)
		return -EISCONN;
	return fd;
}

static int tcp_state(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len) ? -errno : info.tcpi_state;
}

static int so_error(int fd)
{
	socklen_t len = sizeof(int);
	int err = -1;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? -errno : err;
}

FIXTURE_SETUP(connecting)
{
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	self->listener = tcp_listen(variant->family);
	ASSERT_EQ(0, listen(self->listener, 0));
	self->first = tcp_connect(self->listener);
	ASSERT_LE(0, self->first);
	self->fd = begin_to_connect(self->listener);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(TCP_SYN_SENT, tcp_state(self->fd));
	ASSERT_EQ(0, attach(self->fd));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_KSEAL, KSEAL_SO_SERVER_NAME, "localhost", 9));
	ASSERT_EQ(0, set_role(self->fd, KSEAL_ROLE_CLIENT));
}

FIXTURE_TEARDOWN(connecting)
{
	if (self->fd >= 0)
		close(self->fd);
	close(self->first);
	if (self->listener >= 0)
		close(self->listener);
	worker_close(&self->helper);
}

TEST_F(connecting, the_handshake_begins_with_the_connection)
{
	char got[8];
	int server;

	EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->fd));
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 100));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(-1, send(self->fd, "early", 5, MSG_NOSIGNAL));
	EXPECT_EQ(EAGAIN, errno);

	close(accept(self->listener, NULL, NULL));
	/* the SYN is sent again after a second */
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 10000));
	EXPECT_TRUE(self->msg.begins);
	EXPECT_EQ(KSEAL_ROLE_CLIENT, self->msg.role);
	EXPECT_STREQ("localhost", self->msg.name);
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(self->fd));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN | POLLOUT, 50));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 0, "hello", 5, &self->keys));
	EXPECT_EQ(POLLOUT, poll_for(self->fd, POLLIN | POLLOUT, 5000));
	EXPECT_EQ(0, so_error(self->fd));
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(5, recv_soon(server, got, 5));
	close(server);
}

TEST_F(connecting, a_connection_that_is_refused_says_so)
{
	close(self->listener);
	self->listener = -1;
	/* the next SYN is answered with a reset */
	EXPECT_LT(0, poll_for(self->fd, POLLOUT, 10000) & POLLERR);
	EXPECT_EQ(ECONNREFUSED, so_error(self->fd));
	EXPECT_EQ(KSEAL_STATE_DEAD, info_state(self->fd));
	EXPECT_EQ(ECONNREFUSED, info_error(self->fd));
	EXPECT_EQ(-1, send(self->fd, "late", 4, MSG_NOSIGNAL));
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 100));
}

TEST_F(connecting, closed_it_leaves_nothing)
{
	long long closed = counter("sessions_closed");
	int64_t end = now_ms() + 5000;

	close(self->fd);
	self->fd = -1;
	while (counter("sessions_closed") == closed && now_ms() < end)
		sleep_ms(10);
	EXPECT_EQ(closed + 1, counter("sessions_closed"));
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 50));
}

TEST_F(connecting, a_helper_that_dies_ends_it)
{
	worker_close(&self->helper);
	EXPECT_LT(0, poll_for(self->fd, POLLOUT, 5000) & POLLERR);
	EXPECT_EQ(EOWNERDEAD, info_error(self->fd));
	EXPECT_EQ(-1, send(self->fd, "late", 4, MSG_NOSIGNAL));
	ASSERT_EQ(0, worker_start(&self->helper));
}

TEST_F(connecting, keys_of_ones_own_wait_for_the_connection)
{
	int other = begin_to_connect(self->listener);

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOTCONN, install(other, &self->keys));
	close(other);
}

TEST_HARNESS_MAIN
