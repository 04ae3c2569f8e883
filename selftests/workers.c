// SPDX-License-Identifier: GPL-2.0-or-later
/* Listeners and sessions that several processes have: after fork(), in a group (SO_REUSEPORT), handed over. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fixture.h"
#include "worker.h"

#define VISITS 6

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

FIXTURE(workers) {
	struct worker helper;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	pid_t pids[2];
};

SESSION_VARIANTS(workers);

FIXTURE_SETUP(workers)
{
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	self->pids[0] = self->pids[1] = 0;
}

FIXTURE_TEARDOWN(workers)
{
	for (int i = 0; i < 2; i++) {
		if (self->pids[i] > 0) {
			kill(self->pids[i], SIGKILL);
			waitpid(self->pids[i], NULL, 0);
		}
	}
	worker_close(&self->helper);
}

/* A program that knows nothing of TLS: answers each connection with its name. */
static _Noreturn void answer(int listener, char name)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || send(fd, &name, 1, MSG_NOSIGNAL) != 1)
			_exit(1);
		close(fd);
	}
}

/* other: what a process of its own would not have, or -1. */
static pid_t serve(int listener, char name, int other)
{
	pid_t pid = fork();

	if (!pid) {
		close(other);
		answer(listener, name);
	}
	return pid;
}

/* The name of who answers over TLS, 0: nobody. The profile is in self->msg. */
static char visit(struct worker *helper, struct worker_msg *msg,
		  const struct kseal_session_keys *keys, int listener)
{
	int client = tcp_connect(listener), type = -1;
	uint8_t data[PEER_PLAIN_MAX];
	char got[8], name = 0;
	struct peer p;

	if (send(client, hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello))
		return 0;
	do {
		if (worker_next(helper, msg, 5000))
			return 0;
	} while (msg->cmd != KSEAL_CMD_HANDSHAKE);
	if (worker_done(helper, msg->cookie, sizeof(hello), "done", 4, keys) ||
	    recv_soon(client, got, 4) != 4)
		return 0;
	peer_init(&p, client, keys);
	if (peer_open(&p, &type, data) == 1 && type == PEER_DATA)
		name = (char)data[0];
	close(client);
	return name;
}

TEST_F(workers, both_ends_of_a_fork_accept_over_tls)
{
	int listener = listen_as_server(variant->family), names[2] = { 0, 0 }, i;
	char name;

	self->pids[0] = serve(listener, 'a', -1);
	self->pids[1] = serve(listener, 'b', -1);
	/* who waits for longest is next, once it has come as far as accept() */
	for (i = 0; i < 500 && !(names[0] && names[1]); i++) {
		name = visit(&self->helper, &self->msg, &self->keys, listener);
		ASSERT_TRUE(name == 'a' || name == 'b') TH_LOG("visit %d: %d", i, name);
		names[name - 'a']++;
	}
	EXPECT_LT(0, names[0]);
	EXPECT_LT(0, names[1]);
	close(listener);
}

/* One of a group, a server with this profile. */
static int join(int family, const struct sockaddr_storage *address, socklen_t len,
		const char *profile)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)) ||
	    bind(fd, (const struct sockaddr *)address, len))
		return -1;
	if (listen(fd, 8) || attach(fd) ||
	    setsockopt(fd, SOL_KSEAL, KSEAL_SO_PROFILE, profile, (socklen_t)strlen(profile)) ||
	    set_role(fd, KSEAL_ROLE_SERVER))
		return -1;
	return fd;
}

TEST_F(workers, each_of_a_group_serves_with_its_own_profile)
{
	struct sockaddr_storage address = { .ss_family = (sa_family_t)variant->family };
	socklen_t len = variant->family == AF_INET ? sizeof(struct sockaddr_in) :
						     sizeof(struct sockaddr_in6);
	int group[2], seen[2] = { 0, 0 }, i;
	char name;

	group[0] = join(variant->family, &address, len, "a");
	ASSERT_LE(0, group[0]);
	ASSERT_EQ(0, getsockname(group[0], (struct sockaddr *)&address, &len));
	group[1] = join(variant->family, &address, len, "b");
	ASSERT_LE(0, group[1]);
	for (i = 0; i < 2; i++)
		self->pids[i] = serve(group[i], (char)('a' + i), group[!i]);
	/* the client's port chooses */
	for (i = 0; i < 64 && !(seen[0] && seen[1]); i++) {
		name = visit(&self->helper, &self->msg, &self->keys, group[0]);
		ASSERT_TRUE(name == 'a' || name == 'b');
		EXPECT_EQ(name, self->msg.profile[0]);
		seen[name - 'a']++;
	}
	EXPECT_LT(0, seen[0]);
	EXPECT_LT(0, seen[1]);
	/* who is left goes on alone, and nothing of it is plain */
	kill(self->pids[1], SIGKILL);
	waitpid(self->pids[1], NULL, 0);
	self->pids[1] = 0;
	close(group[1]);
	for (i = 0; i < VISITS; i++)
		EXPECT_EQ('a', visit(&self->helper, &self->msg, &self->keys, group[0]));
	close(group[0]);
}

TEST_F(workers, a_session_goes_on_in_the_child_until_the_last_has_closed)
{
	int fd, type;
	uint8_t data[PEER_PLAIN_MAX];
	struct peer p;
	char got[8];

	ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
	self->pids[0] = fork();
	if (!self->pids[0]) {
		/* when the parent has closed its own, and the other end has seen nothing of it */
		_exit(recv_soon(fd, got, 8) != 2 || send(fd, "child", 5, 0) != 5 || close(fd));
	}
	ASSERT_EQ(6, send(fd, "parent", 6, 0));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(6, peer_open(&p, &type, data));
	EXPECT_EQ(0, memcmp(data, "parent", 6));
	ASSERT_EQ(0, peer_send_all(&p, "go", 2));
	ASSERT_EQ(5, peer_open(&p, &type, data));
	EXPECT_EQ(0, memcmp(data, "child", 5));
	/* one close_notify, of the last */
	EXPECT_EQ(2, peer_open(&p, &type, data));
	EXPECT_EQ(PEER_ALERT, type);
	EXPECT_EQ(-ENODATA, peer_open(&p, &type, data));
	close(p.fd);
}

TEST_F(workers, a_listener_is_handed_over)
{
	int listener = listen_as_server(variant->family), pair[2], got = -1;
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &listener, sizeof(int));
	self->pids[0] = fork();
	if (!self->pids[0]) {
		/* nobody's but what comes */
		close(listener);
		if (recvmsg(pair[1], &msg, 0) != 1)
			_exit(1);
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
		answer(got, 'x');
	}
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	EXPECT_EQ('x', visit(&self->helper, &self->msg, &self->keys, listener));
	close(listener);
	close(pair[0]);
	close(pair[1]);
}

TEST_HARNESS_MAIN
