// SPDX-License-Identifier: GPL-2.0-or-later
/* KSEAL_SO_EXPLAIN: who may ask, what is kept of what a helper tells, and for how long. */
#include <stdlib.h>

#include "fixture.h"
#include "worker.h"

/* A client whose handshake the helper has, and which asked. */
FIXTURE(explain) {
	struct worker helper;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	uint64_t cookie;
	int fd, peer;
	long timeout_ms;
};

SESSION_VARIANTS(explain);

#define NAME(fd) ASSERT_EQ(0, setsockopt(fd, SOL_KSEAL, KSEAL_SO_SERVER_NAME, "a.test", 6))

/* Its first message is answered without a word. */
#define BEGIN(fd)							\
	do {								\
		ASSERT_EQ(0, set_role(fd, KSEAL_ROLE_CLIENT));		\
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000)); \
		ASSERT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);		\
		self->cookie = self->msg.cookie;			\
	} while (0)

FIXTURE_SETUP(explain)
{
	int fds[2];

	self->timeout_ms = param_get("handshake_timeout_ms");
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	self->fd = fds[0];
	self->peer = fds[1];
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	ASSERT_EQ(0, attach(self->fd));
	NAME(self->fd);
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_EXPLAIN, 1));
}

FIXTURE_TEARDOWN(explain)
{
	if (param_get("handshake_timeout_ms") != self->timeout_ms)
		param_set("handshake_timeout_ms", self->timeout_ms);
	close(self->fd);
	close(self->peer);
	worker_close(&self->helper);
}

/* What the socket says; valid until the next call. */
static const char *story(int fd)
{
	static char text[KSEAL_EXPLAIN_MAX + 1];
	socklen_t len = sizeof(text);

	memset(text, 0xa5, sizeof(text));
	if (getsockopt(fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, text, &len))
		return strerror(errno);
	if (!len || len > sizeof(text) || strnlen(text, len) != len - 1)
		return "not terminated";
	return text;
}

/* The helper's next answers tell this. */
static void tell(struct worker *w, const void *text, size_t len)
{
	w->explain = text;
	w->explain_len = len;
}

#define TELL(text) tell(&self->helper, text, strlen(text))

#define ANSWER() worker_answer(&self->helper, self->cookie, 0, NULL, 0, false)

/* ---- who asks ---- */

TEST_F(explain, the_helper_is_told_who_wants_it)
{
	int fds[2];

	BEGIN(self->fd);
	EXPECT_TRUE(self->msg.explain);
	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, attach(fds[0]));
	NAME(fds[0]);
	BEGIN(fds[0]);
	EXPECT_FALSE(self->msg.explain);
	close(fds[0]);
	close(fds[1]);
}

TEST_F(explain, it_is_asked_for_before_the_role)
{
	uint32_t two = 2;

	EXPECT_EQ(-EINVAL, set_option(self->fd, KSEAL_SO_EXPLAIN, 2));
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, &two, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, set_option(self->fd, KSEAL_SO_EXPLAIN, 0));
	EXPECT_EQ(0, set_option(self->fd, KSEAL_SO_EXPLAIN, 1));
	BEGIN(self->fd);
	EXPECT_EQ(-EALREADY, set_option(self->fd, KSEAL_SO_EXPLAIN, 1));
	EXPECT_EQ(-EALREADY, set_option(self->fd, KSEAL_SO_EXPLAIN, 0));
	TELL("still told\n");
	ASSERT_EQ(0, ANSWER());
	EXPECT_STREQ("still told\n", story(self->fd));
}

TEST_F(explain, a_socket_with_keys_of_its_own_has_no_story_and_no_wishes)
{
	int fd;
	struct peer p;

	ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
	EXPECT_EQ(-EALREADY, set_option(fd, KSEAL_SO_EXPLAIN, 1));
	EXPECT_EQ(-1, setsockopt(fd, SOL_KSEAL, KSEAL_SO_ALPN, "h2", 2));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_STREQ("", story(fd));
	close(fd);
	close(p.fd);
}

TEST_F(explain, a_socket_that_did_not_ask_gets_nothing)
{
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_EXPLAIN, 0));
	BEGIN(self->fd);
	TELL("a line\n");
	ASSERT_EQ(0, ANSWER());
	ASSERT_EQ(0, worker_done(&self->helper, self->cookie, 0, NULL, 0, &self->keys));
	EXPECT_STREQ("", story(self->fd));
	EXPECT_EQ(KSEAL_STATE_KEYED, info_state(self->fd));
}

TEST_F(explain, connections_of_a_listener_ask_as_it_does)
{
	static const uint8_t hello[6] = { 22, 3, 1, 0, 1, 1 };
	int listener, client, server;
	uint32_t on;

	for (on = 0; on < 2; on++) {
		listener = tcp_listen(variant->family);
		ASSERT_EQ(0, attach(listener));
		ASSERT_EQ(0, set_option(listener, KSEAL_SO_EXPLAIN, on));
		ASSERT_EQ(0, set_role(listener, KSEAL_ROLE_SERVER));
		EXPECT_EQ(-EALREADY, set_option(listener, KSEAL_SO_EXPLAIN, 1));
		client = tcp_connect(listener);
		server = accept(listener, NULL, NULL);
		ASSERT_EQ(6, send(client, hello, 6, 0));
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
		EXPECT_EQ(on, self->msg.explain);
		self->cookie = self->msg.cookie;
		TELL("hello\n");
		ASSERT_EQ(0, worker_done(&self->helper, self->cookie, 6, NULL, 0, &self->keys));
		EXPECT_STREQ(on ? "hello\n" : "", story(server));
		EXPECT_STREQ("", story(listener));
		close(client);
		close(server);
		close(listener);
	}
}

/* ---- what is kept ---- */

TEST_F(explain, the_story_grows_with_each_answer)
{
	EXPECT_STREQ("", story(self->fd));
	BEGIN(self->fd);
	EXPECT_STREQ("", story(self->fd));
	TELL("one\n");
	ASSERT_EQ(0, worker_answer(&self->helper, self->cookie, 0, "flight", 6, true));
	EXPECT_STREQ("one\n", story(self->fd));
	/* with the terminator, which is not told */
	tell(&self->helper, "two\n", 5);
	ASSERT_EQ(0, ANSWER());
	EXPECT_STREQ("one\ntwo\n", story(self->fd));
	tell(&self->helper, "", 1);
	ASSERT_EQ(0, worker_answer(&self->helper, self->cookie, 0, "x", 1, true));
	TELL("three\n");
	ASSERT_EQ(0, worker_done(&self->helper, self->cookie, 0, NULL, 0, &self->keys));
	EXPECT_EQ(KSEAL_STATE_KEYED, info_state(self->fd));
	EXPECT_STREQ("one\ntwo\nthree\n", story(self->fd));
}

TEST_F(explain, the_story_is_cut_to_the_callers_room)
{
	char text[8] = "*******";
	socklen_t len = 4;

	BEGIN(self->fd);
	TELL("abcdef\n");
	ASSERT_EQ(0, ANSWER());
	ASSERT_EQ(0, getsockopt(self->fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, text, &len));
	EXPECT_EQ(4, len);
	EXPECT_EQ(0, memcmp(text, "abc\0***", 8));
	len = 1;
	ASSERT_EQ(0, getsockopt(self->fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, text, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ('\0', text[0]);
	len = 0;
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, text, &len));
	EXPECT_EQ(EINVAL, errno);
	len = 4;
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, NULL, &len));
	EXPECT_EQ(EFAULT, errno);
}

/* Lines of 100 bytes, so many of them; malloc()ed. */
static char *lines(size_t n)
{
	char *text = malloc(100 * n + 1);
	size_t i;

	for (i = 0; i < n; i++) {
		memset(text + 100 * i, 'a' + i % 26, 99);
		text[100 * i + 99] = '\n';
	}
	text[100 * n] = '\0';
	return text;
}

TEST_F(explain, too_long_a_story_is_cut_and_says_so)
{
	static const char mark[] = "[cut: there is no room for more]\n";
	size_t room = KSEAL_EXPLAIN_MAX - strlen(mark), whole = room / 100 * 100;
	char *text = lines(50), *all = lines(100);
	int i;

	BEGIN(self->fd);
	TELL(text);
	ASSERT_EQ(0, ANSWER());
	EXPECT_STREQ(text, story(self->fd));
	memcpy(text, all + 5000, 5000);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, worker_answer(&self->helper, self->cookie, 0, "x", 1, true));
	EXPECT_EQ(0, memcmp(all, story(self->fd), whole));
	EXPECT_STREQ(mark, story(self->fd) + whole);
	/* for good */
	TELL("x");
	ASSERT_EQ(0, worker_done(&self->helper, self->cookie, 0, NULL, 0, &self->keys));
	EXPECT_STREQ(mark, story(self->fd) + whole);
	free(text);
	free(all);
}

TEST_F(explain, a_line_without_end_is_cut_anywhere)
{
	char text[KSEAL_EXPLAIN_MAX];

	memset(text, 'x', sizeof(text));
	BEGIN(self->fd);
	tell(&self->helper, text, sizeof(text));
	ASSERT_EQ(0, ANSWER());
	EXPECT_EQ(KSEAL_EXPLAIN_MAX, strlen(story(self->fd)));
	EXPECT_STREQ("xx[cut: there is no room for more]\n",
		     story(self->fd) + KSEAL_EXPLAIN_MAX - 35);
}

/* Which is refused changes nothing. */
#define REFUSED(err, text, len)						\
	do {								\
		tell(&self->helper, text, len);				\
		EXPECT_EQ(err, ANSWER());				\
		EXPECT_EQ(err, worker_done(&self->helper, self->cookie, 0, NULL, 0, &self->keys)); \
		EXPECT_EQ(err, worker_fail(&self->helper, self->cookie, 0, NULL, 0, EPROTO, 40, "")); \
	} while (0)

TEST_F(explain, what_is_no_text_or_too_long_is_refused)
{
	static const uint8_t bad[] = { 1, 9, 13, 27, 31, 127, 128, 155, 255 };
	static char text[KSEAL_EXPLAIN_MAX + 2];
	size_t i;

	BEGIN(self->fd);
	for (i = 0; i < sizeof(bad); i++) {
		snprintf(text, sizeof(text), "a%cb\n", bad[i]);
		REFUSED(-EINVAL, text, 4);
		EXPECT_NE(NULL, strstr(self->helper.g.error, "EXPLAIN"))
			TH_LOG("%u: %s", bad[i], self->helper.g.error);
	}
	REFUSED(-EINVAL, "a\0b", 3);
	REFUSED(-EINVAL, "a\0\0", 3);
	memset(text, 'x', sizeof(text));
	REFUSED(-ERANGE, text, KSEAL_EXPLAIN_MAX + 1);
	REFUSED(-ERANGE, text, 0);
	EXPECT_STREQ("", story(self->fd));
	EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->fd));
	TELL("~ all the same !\n");
	EXPECT_EQ(0, worker_done(&self->helper, self->cookie, 0, NULL, 0, &self->keys));
	EXPECT_STREQ("~ all the same !\n", story(self->fd));
}

TEST_F(explain, what_is_refused_for_another_reason_is_not_told_twice)
{
	struct kseal_session_keys bad = self->keys;

	BEGIN(self->fd);
	TELL("once\n");
	EXPECT_EQ(-EINVAL, worker_answer(&self->helper, self->cookie, 7, NULL, 0, false));
	bad.tx.key_len = 24;
	EXPECT_EQ(-EINVAL, worker_done(&self->helper, self->cookie, 0, NULL, 0, &bad));
	EXPECT_STREQ("", story(self->fd));
	EXPECT_EQ(0, worker_done(&self->helper, self->cookie, 0, NULL, 0, &self->keys));
	EXPECT_STREQ("once\n", story(self->fd));
}

/* ---- for how long ---- */

TEST_F(explain, it_is_kept_after_a_failure)
{
	char reason[KSEAL_REASON_MAX + 1];

	BEGIN(self->fd);
	TELL("begun\n");
	ASSERT_EQ(0, ANSWER());
	TELL("refused\n");
	ASSERT_EQ(0, worker_fail(&self->helper, self->cookie, 0, NULL, 0, EKEYREJECTED, 42, "no"));
	EXPECT_EQ(EKEYREJECTED, read_error(self->fd));
	EXPECT_STREQ("begun\nrefused\n", story(self->fd));
	ASSERT_EQ(0, kseal_reason(self->fd, reason, sizeof(reason)));
	EXPECT_STREQ("no", reason);
	EXPECT_EQ(-ESTALE, ANSWER());
	EXPECT_STREQ("begun\nrefused\n", story(self->fd));
}

TEST_F(explain, it_is_kept_after_a_timeout)
{
	char reason[KSEAL_REASON_MAX + 1];

	ASSERT_EQ(0, param_set("handshake_timeout_ms", 300));
	BEGIN(self->fd);
	TELL("begun\n");
	ASSERT_EQ(0, ANSWER());
	EXPECT_EQ(ETIMEDOUT, read_error(self->fd));
	EXPECT_STREQ("begun\n", story(self->fd));
	ASSERT_EQ(0, kseal_reason(self->fd, reason, sizeof(reason)));
	EXPECT_NE(NULL, strstr(reason, "too long"));
	EXPECT_EQ(-ESTALE, ANSWER());
	EXPECT_STREQ("begun\n", story(self->fd));
}

TEST_F(explain, it_is_kept_after_a_reset_and_a_helpers_death)
{
	const struct linger now = { 1, 0 };
	int fds[2];

	BEGIN(self->fd);
	TELL("begun\n");
	ASSERT_EQ(0, ANSWER());
	ASSERT_EQ(0, setsockopt(self->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(self->peer);
	self->peer = -1;
	EXPECT_EQ(ECONNRESET, read_error(self->fd));
	EXPECT_STREQ("begun\n", story(self->fd));

	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, attach(fds[0]));
	ASSERT_EQ(0, set_option(fds[0], KSEAL_SO_EXPLAIN, 1));
	NAME(fds[0]);
	ASSERT_EQ(ECONNRESET, worker_cancelled(&self->helper, self->cookie));
	BEGIN(fds[0]);
	TELL("begun again\n");
	ASSERT_EQ(0, ANSWER());
	worker_close(&self->helper);
	EXPECT_EQ(EOWNERDEAD, read_error(fds[0]));
	EXPECT_STREQ("begun again\n", story(fds[0]));
	close(fds[0]);
	close(fds[1]);
}

TEST_F(explain, without_a_helper_there_is_none)
{
	worker_close(&self->helper);
	sleep_ms(50);
	EXPECT_EQ(-EUNATCH, set_role(self->fd, KSEAL_ROLE_CLIENT));
	EXPECT_STREQ("", story(self->fd));
}

TEST_HARNESS_MAIN
