// SPDX-License-Identifier: GPL-2.0-or-later
/* KSEAL_CMD_WRAP and its like, and KSEAL_SO_PASS; with programs: wrap.sh. */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "genl.h"
#include "worker.h"

FIXTURE(wrap) {
	struct worker helper;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	struct kseal_genl g;
	int listener;
};

SESSION_VARIANTS(wrap);

FIXTURE_SETUP(wrap)
{
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	ASSERT_EQ(0, kseal_genl_open(&self->g));
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	self->listener = tcp_listen(variant->family);
	ASSERT_LE(0, self->listener);
}

/* Returns 0 or -errno. */
static int ask_at(struct kseal_genl *g, int cmd, const void *address, socklen_t len,
		  const char *profile, int flag, int netlink_flags)
{
	char buf[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = kseal_genl_start(g, buf, cmd, NLM_F_ACK | netlink_flags);

	if (address)
		mnl_attr_put(nlh, KSEAL_A_LOCAL, len, address);
	if (profile)
		mnl_attr_put_strz(nlh, KSEAL_A_PROFILE, profile);
	if (flag)
		mnl_attr_put(nlh, flag, 0, NULL);
	return kseal_genl_talk(g, nlh, NULL, NULL);
}

/* about: the listener it is about, by its address. */
static int ask(struct kseal_genl *g, int cmd, int about, const char *profile, int flag)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (about < 0)
		return ask_at(g, cmd, NULL, 0, profile, flag, 0);
	if (getsockname(about, (struct sockaddr *)&address, &len))
		return -errno;
	return ask_at(g, cmd, &address, len, profile, flag, 0);
}

FIXTURE_TEARDOWN(wrap)
{
	ask(&self->g, KSEAL_CMD_UNWRAP, self->listener, NULL, 0);
	ask(&self->g, KSEAL_CMD_UNWRAP, self->listener, NULL, KSEAL_A_WRAP_ANY);
	close(self->listener);
	kseal_genl_close(&self->g);
	worker_close(&self->helper);
}

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

/* Whether a new connection is TLS: the worker hears of it, with this profile. */
static bool is_wrapped(struct worker *helper, struct worker_msg *msg, int listener,
		       const char *profile)
{
	int client = tcp_connect(listener), server = accept(listener, NULL, NULL);
	bool wrapped;

	if (send(client, hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello))
		return false;
	do {
		wrapped = !worker_next(helper, msg, 300);
	} while (wrapped && msg->cmd != KSEAL_CMD_HANDSHAKE);
	wrapped = wrapped && !strcmp(msg->profile, profile);
	close(client);
	close(server);
	return wrapped;
}

static bool is_plain(int listener)
{
	int client = tcp_connect(listener), server = accept(listener, NULL, NULL);
	char got[8];
	bool plain = send(client, "plain", 5, MSG_NOSIGNAL) == 5 && recv_soon(server, got, 8) == 5;

	close(client);
	close(server);
	return plain;
}

TEST_F(wrap, a_rule_wraps_who_listens_and_changes_the_profile)
{
	EXPECT_TRUE(is_plain(self->listener));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "one", 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "one"));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "two", 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "two"));
	/* the address stands before the port */
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "any", KSEAL_A_WRAP_ANY));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "two"));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_UNWRAP, self->listener, NULL, 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "any"));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_UNWRAP, self->listener, NULL, KSEAL_A_WRAP_ANY));
	EXPECT_TRUE(is_plain(self->listener));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "again", 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "again"));
}

/* Closes the listener. Returns another one at its address, or -1. */
static int listen_again(int listener)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd;

	if (getsockname(listener, (struct sockaddr *)&address, &len))
		return -1;
	close(listener);
	fd = socket(address.ss_family, SOCK_STREAM, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) ||
	    bind(fd, (struct sockaddr *)&address, len) || listen(fd, 8)) {
		close(fd);
		return -1;
	}
	return fd;
}

TEST_F(wrap, a_listener_that_comes_later_is_wrapped_by_its_first_segment)
{
	long long wrapped = counter("listeners_wrapped");

	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "later", 0));
	self->listener = listen_again(self->listener);
	ASSERT_LE(0, self->listener);
	EXPECT_EQ(wrapped + 1, counter("listeners_wrapped"));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "later"));
	EXPECT_EQ(wrapped + 2, counter("listeners_wrapped"));
}

static void *accept_one(void *arg)
{
	return (void *)(intptr_t)accept(*(int *)arg, NULL, NULL);
}

TEST_F(wrap, nor_can_an_accept_that_sleeps_get_one_in_clear)
{
	int client, server;
	pthread_t thread;
	char got[20];
	void *ret;

	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "later", 0));
	self->listener = listen_again(self->listener);
	ASSERT_LE(0, self->listener);
	/* TCP's own accept(): the ULP comes while it sleeps */
	ASSERT_EQ(0, pthread_create(&thread, NULL, accept_one, &self->listener));
	sleep_ms(50);
	client = tcp_connect(self->listener);
	ASSERT_LE(0, client);
	ASSERT_EQ(15, send(client, hello, sizeof(hello), MSG_NOSIGNAL));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	server = (intptr_t)ret;
	EXPECT_EQ(-1, recv(server, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_STREQ("later", self->msg.profile);
	close(client);
	close(server);
}

TEST_F(wrap, a_listener_of_a_program_that_has_the_ulp_is_left_alone)
{
	ASSERT_EQ(0, attach(self->listener));
	ASSERT_EQ(0, setsockopt(self->listener, SOL_KSEAL, KSEAL_SO_PROFILE, "own", 3));
	ASSERT_EQ(0, set_role(self->listener, KSEAL_ROLE_SERVER));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "rule", 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "own"));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_UNWRAP, self->listener, NULL, 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "own"));
	/* by its owner */
	EXPECT_EQ(0, get_option(self->listener, KSEAL_SO_PASS));
	EXPECT_EQ(0, set_option(self->listener, KSEAL_SO_PASS, 1));
	EXPECT_EQ(1, get_option(self->listener, KSEAL_SO_PASS));
	EXPECT_TRUE(is_plain(self->listener));
	EXPECT_EQ(0, set_option(self->listener, KSEAL_SO_PASS, 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "own"));
	EXPECT_EQ(-EINVAL, set_option(self->listener, KSEAL_SO_PASS, 2));
}

TEST_F(wrap, a_rule_is_stronger_than_the_program)
{
	ASSERT_EQ(0, attach(self->listener));
	ASSERT_EQ(0, setsockopt(self->listener, SOL_KSEAL, KSEAL_SO_PROFILE, "own", 3));
	ASSERT_EQ(0, set_role(self->listener, KSEAL_ROLE_SERVER));
	ASSERT_EQ(0, set_option(self->listener, KSEAL_SO_PASS, 1));
	EXPECT_TRUE(is_plain(self->listener));
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "rule", 0));
	EXPECT_EQ(0, get_option(self->listener, KSEAL_SO_PASS));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "own"));
	EXPECT_EQ(-EPERM, set_option(self->listener, KSEAL_SO_PASS, 1));
	EXPECT_EQ(0, set_option(self->listener, KSEAL_SO_PASS, 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "own"));
}

TEST_F(wrap, what_waits_to_be_accepted_is_reset_at_once)
{
	int client = tcp_connect(self->listener), later;
	long long reset = counter("plain_reset");
	char got;

	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "rule", 0));
	/* nobody has called accept() */
	EXPECT_EQ(-ECONNRESET, recv_soon(client, &got, 1));
	EXPECT_EQ(reset + 1, counter("plain_reset"));
	close(client);
	/* nor is it handed out, or counted again */
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, self->listener, "rule"));
	EXPECT_EQ(reset + 1, counter("plain_reset"));
	later = tcp_connect(self->listener);
	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "rule", 0));
	EXPECT_EQ(reset + 1, counter("plain_reset"));
	close(later);
}

TEST_F(wrap, an_address_of_ipv4_written_as_one_of_ipv6_is_that_of_ipv4)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int listener = tcp_listen(AF_INET);
	socklen_t len = sizeof(in);

	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&in, &len));
	in6.sin6_port = in.sin_port;
	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(in6.sin6_addr.s6_addr + 12, &in.sin_addr, 4);
	ASSERT_EQ(0, ask_at(&self->g, KSEAL_CMD_WRAP, &in6, sizeof(in6), "rule", 0, 0));
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, listener, "rule"));
	EXPECT_EQ(-EEXIST, ask_at(&self->g, KSEAL_CMD_WRAP, &in, sizeof(in), "other", 0, NLM_F_EXCL));
	EXPECT_STREQ("there is a rule for it", self->g.error);
	EXPECT_TRUE(is_wrapped(&self->helper, &self->msg, listener, "rule"));
	EXPECT_EQ(0, ask_at(&self->g, KSEAL_CMD_UNWRAP, &in, sizeof(in), NULL, 0, 0));
	EXPECT_EQ(0, ask_at(&self->g, KSEAL_CMD_WRAP, &in, sizeof(in), "other", 0, NLM_F_EXCL));
	EXPECT_EQ(0, ask_at(&self->g, KSEAL_CMD_UNWRAP, &in6, sizeof(in6), NULL, 0, 0));
	EXPECT_TRUE(is_plain(listener));
	close(listener);
}

/* Two sockets with one port, not listening yet. */
static int make_group(int family, int group[2])
{
	struct sockaddr_storage address = { .ss_family = (sa_family_t)family };
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int i, err = 0;

	for (i = 0; i < 2 && !err; i++) {
		group[i] = socket(family, SOCK_STREAM, 0);
		err = setsockopt(group[i], SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)) ||
		      bind(group[i], (struct sockaddr *)&address, len) ||
		      getsockname(group[i], (struct sockaddr *)&address, &len);
	}
	return err;
}

/* Chance chooses between them from now on. */
static int listen_by_chance(const int group[2])
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = { 3, code };

	return listen(group[0], 8) || listen(group[1], 8) ||
	       setsockopt(group[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

/* Whether what a client of the group gets carries the ULP. */
static bool group_is_wrapped(const int group[2])
{
	struct pollfd fds[2] = { { group[0], POLLIN, 0 }, { group[1], POLLIN, 0 } };
	int client = tcp_connect(group[0]), server;
	char name[16] = "";
	socklen_t len = sizeof(name);

	if (client < 0 || poll(fds, 2, 5000) != 1)
		return false;
	server = accept(fds[fds[1].revents != 0].fd, NULL, NULL);
	getsockopt(server, SOL_TCP, TCP_ULP, name, &len);
	close(client);
	close(server);
	return !strcmp(name, "kseal");
}

TEST_F(wrap, whom_chance_chooses_in_a_group_is_wrapped)
{
	int group[2], i, wrapped = 0;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, make_group(variant->family, group));
		ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, group[0], "rule", KSEAL_A_WRAP_AHEAD));
		ASSERT_EQ(0, listen_by_chance(group));
		wrapped += group_is_wrapped(group);
		EXPECT_EQ(0, ask(&self->g, KSEAL_CMD_UNWRAP, group[0], NULL, 0));
		close(group[0]);
		close(group[1]);
	}
	EXPECT_EQ(20, wrapped);
}

TEST_F(wrap, what_is_plain_already_stays_and_can_still_be_used)
{
	int client = tcp_connect(self->listener), server = accept(self->listener, NULL, NULL);
	char got[8];

	ASSERT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "rule", 0));
	ASSERT_EQ(5, send(client, "plain", 5, 0));
	EXPECT_EQ(5, recv_soon(server, got, 8));
	ASSERT_EQ(5, send(server, "plain", 5, 0));
	EXPECT_EQ(5, recv_soon(client, got, 8));
	close(client);
	close(server);
}

TEST_F(wrap, refusals)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), server, client;
	char long_name[KSEAL_PROFILE_MAX + 2];

	memset(long_name, 'x', sizeof(long_name));
	long_name[KSEAL_PROFILE_MAX + 1] = 0;
	EXPECT_EQ(-EINVAL, ask(&self->g, KSEAL_CMD_WRAP, -1, "rule", 0));
	EXPECT_EQ(-EINVAL, ask(&self->g, KSEAL_CMD_WRAP, self->listener, NULL, 0));
	EXPECT_EQ(-EINVAL, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "two words", 0));
	EXPECT_EQ(-EINVAL, ask(&self->g, KSEAL_CMD_WRAP, self->listener, "", 0));
	EXPECT_GT(0, ask(&self->g, KSEAL_CMD_WRAP, self->listener, long_name, 0));
	/* not bound: port 0 */
	EXPECT_EQ(-EINVAL, ask(&self->g, KSEAL_CMD_WRAP, fd, "rule", 0));
	EXPECT_EQ(0, bind(fd, (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET },
			  sizeof(struct sockaddr_in)));
	EXPECT_EQ(-ENOENT, ask(&self->g, KSEAL_CMD_WRAP, fd, "rule", 0));
	EXPECT_STREQ("nobody listens there", self->g.error);
	EXPECT_EQ(-ENOENT, ask(&self->g, KSEAL_CMD_UNWRAP, fd, NULL, 0));
	EXPECT_EQ(0, ask(&self->g, KSEAL_CMD_WRAP, fd, "rule", KSEAL_A_WRAP_AHEAD));
	EXPECT_EQ(0, ask(&self->g, KSEAL_CMD_UNWRAP, fd, NULL, 0));
	close(fd);
	client = tcp_connect(self->listener);
	server = accept(self->listener, NULL, NULL);
	EXPECT_EQ(0, attach(server));
	EXPECT_EQ(-EINVAL, set_option(server, KSEAL_SO_PASS, 1));
	close(client);
	close(server);
}

/* Each waits for all CPUs, which takes its time where those are emulated. */
TEST_F_TIMEOUT(wrap, there_is_an_end_to_rules, 300)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int i, err = 0, made = 0;

	for (i = 1; i <= KSEAL_WRAPS_MAX + 1 && !err; i++) {
		in.sin_addr.s_addr = htonl(0x0a000000 + i);
		in.sin_port = htons(9);
		err = ask_at(&self->g, KSEAL_CMD_WRAP, &in, sizeof(in), "rule", KSEAL_A_WRAP_AHEAD, 0);
		made += !err;
	}
	EXPECT_EQ(-ENOSPC, err);
	for (i = 1; i <= made; i++) {
		in.sin_addr.s_addr = htonl(0x0a000000 + i);
		EXPECT_EQ(0, ask_at(&self->g, KSEAL_CMD_UNWRAP, &in, sizeof(in), NULL, 0, 0));
	}
}

static void *ask_as_nobody(void *arg)
{
	struct kseal_genl g;
	int err;

	/* the thread's alone */
	if (syscall(SYS_setresuid, 65534, 65534, 65534))
		return (void *)1;
	err = kseal_genl_open(&g);
	if (err)
		return (void *)2;
	err = ask(&g, KSEAL_CMD_WRAP, *(int *)arg, "rule", 0);
	if (err == -EPERM)
		err = ask(&g, KSEAL_CMD_UNWRAP, *(int *)arg, NULL, 0);
	kseal_genl_close(&g);
	return (void *)(intptr_t)err;
}

TEST_F(wrap, others_may_not)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_as_nobody, &self->listener));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(-EPERM, (intptr_t)ret);
}

TEST_HARNESS_MAIN
