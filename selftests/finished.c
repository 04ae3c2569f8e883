// SPDX-License-Identifier: GPL-2.0-or-later
/* The client's Finished that the helper has foreseen, and what comes instead of it. */
#include "fixture.h"
#include "worker.h"

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
static const uint8_t flight[15] = { 22, 3, 3, 0, 10, 2 };
static const uint8_t change[6] = { PEER_CCS, 3, 3, 0, 1, 1 };

FIXTURE(finished) {
	struct worker helper;
	int listener, client, server;
	struct worker_msg msg;
	struct kseal_session_keys keys, handshake;
	struct worker_finished expected;
	struct peer peer;		/* the client, of the session */
	struct peer early;		/* and of its handshake's last records */
	uint8_t behind[64];
	long timeout_ms;
};

FIXTURE_VARIANT(finished) { uint16_t version, cipher; };

#define VARIANT(name, v, c)						\
FIXTURE_VARIANT_ADD(finished, name) {					\
	.version = KSEAL_VERSION_##v, .cipher = KSEAL_CIPHER_##c }

VARIANT(tls12_aes128gcm, 1_2, AES_GCM_128);
VARIANT(tls13_aes128gcm, 1_3, AES_GCM_128);
VARIANT(tls12_aes256gcm, 1_2, AES_GCM_256);
VARIANT(tls13_aes256gcm, 1_3, AES_GCM_256);
VARIANT(tls12_aes128ccm, 1_2, AES_CCM_128);
VARIANT(tls13_aes128ccm, 1_3, AES_CCM_128);
VARIANT(tls12_chacha20, 1_2, CHACHA20_POLY1305);
VARIANT(tls13_chacha20, 1_3, CHACHA20_POLY1305);

static bool is_tls13(const struct kseal_session_keys *keys)
{
	return keys->version == KSEAL_VERSION_1_3;
}

/* As the helper would say it; RFC 8446 4.4.4 (the hash's length), RFC 5246 7.4.9. */
static void expect(struct worker_finished *f, const struct kseal_session_keys *keys,
		   const struct kseal_session_keys *handshake)
{
	f->len = 4 + (is_tls13(keys) ? peer_secret_len(keys->cipher) : 12);
	memcpy(f->message, pattern(f->len, 7), f->len);
	memcpy(f->message, "\x14\0\0", 3);
	f->message[3] = f->len - 4;
	f->rx = is_tls13(keys) ? &handshake->rx : NULL;
}

FIXTURE_SETUP(finished)
{
	struct kseal_session_keys own;
	struct peer server;

	self->timeout_ms = param_get("handshake_timeout_ms");
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	self->listener = listen_as_server(AF_INET);
	ASSERT_LE(0, self->listener);
	self->client = tcp_connect(self->listener);
	ASSERT_LE(0, self->client);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->server);
	make_keys(&self->keys, variant->version, variant->cipher);
	make_keys(&self->handshake, variant->version, variant->cipher);
	expect(&self->expected, &self->keys, &self->handshake);
	peer_init(&self->peer, self->client, &self->keys);
	peer_init(&self->early, self->client, is_tls13(&self->keys) ? &self->handshake : &self->keys);
	if (is_tls13(&self->keys)) {
		/* a ticket, sealed by the server under its first number */
		swap_keys(&own, &self->keys);
		peer_init(&server, -1, &own);
		self->expected.behind = self->behind;
		self->expected.behind_len = peer_seal(&server, PEER_HANDSHAKE, "\4\0\0\1t", 5, 0, self->behind);
	}
	ASSERT_EQ(0, peer_write(&self->peer, hello, sizeof(hello)));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);
}

FIXTURE_TEARDOWN(finished)
{
	if (param_get("handshake_timeout_ms") != self->timeout_ms)
		param_set("handshake_timeout_ms", self->timeout_ms);
	close(self->server);
	close(self->client);
	close(self->listener);
	worker_close(&self->helper);
}

/* The helper's part: the flight goes out, and nothing behind it. */
#define AWAIT()								\
	do {								\
		uint8_t await_got[sizeof(flight) + 1];			\
		ASSERT_EQ(0, worker_done_but(&self->helper, self->msg.cookie, sizeof(hello), \
					     flight, sizeof(flight), &self->keys, &self->expected)) \
			TH_LOG("%s", self->helper.g.error);		\
		ASSERT_EQ(0, recv_all(self->client, await_got, sizeof(flight))); \
		EXPECT_EQ(0, memcmp(await_got, flight, sizeof(flight)));	\
		EXPECT_EQ(0, poll_for(self->client, POLLIN, 20));	\
		EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->server)); \
		EXPECT_EQ(0, poll_for(self->server, POLLIN | POLLOUT, 20)); \
	} while (0)

/* TLS 1.2: before anything sealed */
#define CHANGE()							\
	do {								\
		if (!is_tls13(&self->keys))				\
			ASSERT_EQ(0, peer_write(&self->peer, change, sizeof(change))); \
	} while (0)

static int send_finished(struct peer *early, const struct worker_finished *f)
{
	return peer_send(early, PEER_HANDSHAKE, f->message, f->len, 0);
}

/* In TLS 1.2 the session goes on with the numbers of its first record. */
static void go_on(struct peer *peer, const struct peer *early)
{
	if (peer->tx.version == KSEAL_VERSION_1_2)
		peer->tx = early->tx;
}

/* Ticket, then data, there and back. */
#define KEYED()								\
	do {								\
		uint8_t keyed_got[PEER_PLAIN_MAX];			\
		int keyed_type;						\
		go_on(&self->peer, &self->early);			\
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "there", 5, 0)); \
		ASSERT_EQ(5, recv(self->server, keyed_got, sizeof(keyed_got), 0)); \
		EXPECT_EQ(0, memcmp(keyed_got, "there", 5));		\
		EXPECT_EQ(KSEAL_STATE_KEYED, info_state(self->server));	\
		ASSERT_EQ(4, send(self->server, "back", 4, 0));		\
		if (self->expected.behind_len) {			\
			ASSERT_EQ(5, peer_open(&self->peer, &keyed_type, keyed_got)); \
			EXPECT_EQ(PEER_HANDSHAKE, keyed_type);		\
		}							\
		ASSERT_EQ(4, peer_open(&self->peer, &keyed_type, keyed_got)); \
		EXPECT_EQ(PEER_DATA, keyed_type);			\
		EXPECT_EQ(0, memcmp(keyed_got, "back", 4));		\
	} while (0)

/* The session failed, the peer was sent this alert, the helper told of it. */
#define REFUSED(wanted, with)					\
	do {								\
		EXPECT_EQ(wanted, failed_with(self->server));		\
		EXPECT_EQ(with, info_alert(self->server));	\
		EXPECT_TRUE(peer_alerted(&self->peer, 2, with));	\
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000)); \
		EXPECT_EQ(KSEAL_CMD_CANCEL, self->msg.cmd);		\
		EXPECT_EQ(wanted, self->msg.error);			\
		EXPECT_EQ(with, self->msg.alert);		\
		EXPECT_NE(0, self->msg.reason[0]);			\
	} while (0)

/* ---- it comes ---- */

TEST_F(finished, then_the_session_has_its_keys)
{
	AWAIT();
	CHANGE();
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	EXPECT_EQ(POLLOUT, poll_for(self->server, POLLOUT, 5000));
	KEYED();
	EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 50));
}

TEST_F(finished, what_comes_with_it_is_read)
{
	uint8_t all[512], got[64];
	size_t len = 0;

	AWAIT();
	if (!is_tls13(&self->keys)) {
		memcpy(all, change, sizeof(change));
		len = sizeof(change);
	}
	len += peer_seal(&self->early, PEER_HANDSHAKE, self->expected.message, self->expected.len, 0, all + len);
	go_on(&self->peer, &self->early);
	len += peer_seal(&self->peer, PEER_DATA, "at once", 7, 0, all + len);
	self->early.tx = self->peer.tx;
	ASSERT_EQ(0, peer_write(&self->peer, all, len));
	ASSERT_EQ(7, recv(self->server, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, "at once", 7));
	KEYED();
}

TEST_F(finished, it_may_come_byte_by_byte)
{
	uint8_t record[256];
	size_t i, len;

	AWAIT();
	CHANGE();
	len = peer_seal(&self->early, PEER_HANDSHAKE, self->expected.message, self->expected.len, 0, record);
	for (i = 0; i < len; i++)
		ASSERT_EQ(0, peer_write(&self->peer, record + i, 1));
	KEYED();
}

TEST_F(finished, it_may_come_in_pieces)
{
	AWAIT();
	CHANGE();
	ASSERT_EQ(0, peer_send(&self->early, PEER_HANDSHAKE, self->expected.message, 1, 0));
	ASSERT_EQ(0, peer_send(&self->early, PEER_HANDSHAKE, self->expected.message + 1, 6, 0));
	sleep_ms(20);
	EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->server));
	ASSERT_EQ(0, peer_send(&self->early, PEER_HANDSHAKE, self->expected.message + 7, self->expected.len - 7, 0));
	KEYED();
}

TEST_F(finished, it_may_be_padded)
{
	if (!is_tls13(&self->keys))
		SKIP(return, "TLS 1.2 has no padding");
	AWAIT();
	ASSERT_EQ(0, peer_send(&self->early, PEER_HANDSHAKE, self->expected.message, self->expected.len, 16000));
	KEYED();
}

/* RFC 8446 D.4 */
TEST_F(finished, a_change_of_cipher_means_nothing_in_tls13)
{
	if (!is_tls13(&self->keys))
		SKIP(return, "it does in TLS 1.2");
	AWAIT();
	ASSERT_EQ(0, peer_write(&self->peer, change, sizeof(change)));
	ASSERT_EQ(0, peer_write(&self->peer, change, sizeof(change)));
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	KEYED();
}

TEST_F(finished, alerts_that_mean_nothing_are_passed_over)
{
	AWAIT();
	CHANGE();
	/* user_canceled */
	ASSERT_EQ(0, peer_alert(&self->early, 1, 90));
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	KEYED();
}

TEST_F(finished, the_helper_may_be_gone_by_then)
{
	AWAIT();
	worker_close(&self->helper);
	sleep_ms(20);
	EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->server));
	CHANGE();
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	KEYED();
	ASSERT_EQ(0, worker_start(&self->helper));
}

TEST_F(finished, the_helper_has_no_more_to_say)
{
	uint64_t cookie = self->msg.cookie;

	AWAIT();
	EXPECT_EQ(-ESTALE, worker_answer(&self->helper, cookie, 0, "x", 1, false));
	EXPECT_EQ(-ESTALE, worker_done(&self->helper, cookie, 0, NULL, 0, &self->keys));
	EXPECT_EQ(-ESTALE, worker_fail(&self->helper, cookie, 0, NULL, 0, EPROTO, 40, "no"));
	CHANGE();
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	KEYED();
}

/* ---- something else comes ---- */

TEST_F(finished, another_finished_is_refused)
{
	AWAIT();
	CHANGE();
	self->expected.message[self->expected.len - 1] ^= 1;
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	REFUSED(EPROTO, 51);
}

TEST_F(finished, a_record_under_other_keys_is_refused)
{
	AWAIT();
	CHANGE();
	self->early.tx.key[0] ^= 1;
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	REFUSED(EBADMSG, 20);
}

TEST_F(finished, the_sessions_keys_are_none_for_it_in_tls13)
{
	if (!is_tls13(&self->keys))
		SKIP(return, "they are in TLS 1.2");
	AWAIT();
	ASSERT_EQ(0, send_finished(&self->peer, &self->expected));
	REFUSED(EBADMSG, 20);
}

TEST_F(finished, another_message_is_refused)
{
	AWAIT();
	CHANGE();
	ASSERT_EQ(0, peer_send(&self->early, PEER_HANDSHAKE, "\x18\0\0\1\0", 5, 0));
	REFUSED(EPROTO, 10);
}

TEST_F(finished, one_behind_it_is_refused)
{
	AWAIT();
	CHANGE();
	memcpy(self->expected.message + self->expected.len, "\x18\0\0\1\0", 5);
	self->expected.len += 5;
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	REFUSED(EPROTO, 10);
}

TEST_F(finished, data_before_it_is_refused)
{
	AWAIT();
	CHANGE();
	ASSERT_EQ(0, peer_send(&self->early, PEER_DATA, "data", 4, 0));
	REFUSED(EPROTO, 10);
}

TEST_F(finished, in_clear_it_is_refused)
{
	uint8_t record[5 + KSEAL_FINISHED_MAX] = { PEER_HANDSHAKE, 3, 3, 0, self->expected.len };

	AWAIT();
	memcpy(record + 5, self->expected.message, self->expected.len);
	ASSERT_EQ(0, peer_write(&self->peer, record, 5 + self->expected.len));
	REFUSED(EPROTO, 10);
}

TEST_F(finished, without_a_change_of_cipher_it_is_refused_in_tls12)
{
	if (is_tls13(&self->keys))
		SKIP(return, "TLS 1.3 needs none");
	AWAIT();
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	REFUSED(EPROTO, 10);
}

TEST_F(finished, two_changes_of_cipher_are_refused_in_tls12)
{
	if (is_tls13(&self->keys))
		SKIP(return, "in TLS 1.3 they mean nothing");
	AWAIT();
	CHANGE();
	CHANGE();
	REFUSED(EPROTO, 10);
}

TEST_F(finished, a_change_of_cipher_that_is_none_is_refused)
{
	static const uint8_t two[6] = { PEER_CCS, 3, 3, 0, 1, 2 };

	AWAIT();
	ASSERT_EQ(0, peer_write(&self->peer, two, sizeof(two)));
	REFUSED(EPROTO, 10);
}

TEST_F(finished, too_many_records_before_it_are_refused)
{
	int i;

	AWAIT();
	CHANGE();
	for (i = 0; i < 40; i++)
		if (peer_alert(&self->early, 1, 90))
			break;
	REFUSED(EPROTO, 10);
}

TEST_F(finished, what_is_no_tls_is_refused)
{
	AWAIT();
	ASSERT_EQ(0, peer_write(&self->peer, "GET / HTTP/1.0\r\n\r\n", 18));
	REFUSED(EPROTO, 10);
}

TEST_F(finished, what_is_no_tls_behind_a_record_is_refused)
{
	uint8_t both[24];

	AWAIT();
	memcpy(both, change, sizeof(change));
	memcpy(both + sizeof(change), "GET / HTTP/1.0\r\n\r\n", 18);
	ASSERT_EQ(0, peer_write(&self->peer, both, sizeof(both)));
	REFUSED(EPROTO, 10);
}

/* ---- the client refuses, or goes ---- */

static bool has_reason(int fd, const char *words)
{
	char reason[KSEAL_REASON_MAX + 1] = "";

	if (!kseal_reason(fd, reason, sizeof(reason)) && strstr(reason, words))
		return true;
	printf("# the reason is \"%s\"\n", reason);
	return false;
}

TEST_F(finished, its_alert_is_told)
{
	uint64_t cookie = self->msg.cookie;

	AWAIT();
	CHANGE();
	ASSERT_EQ(0, peer_alert(&self->early, 2, 48));
	EXPECT_EQ(EKEYREJECTED, failed_with(self->server));
	EXPECT_EQ(48, info_alert(self->server));
	EXPECT_TRUE(has_reason(self->server, "the peer refused: alert unknown_ca (48)"));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(KSEAL_CMD_CANCEL, self->msg.cmd);
	EXPECT_EQ(cookie, self->msg.cookie);
	EXPECT_EQ(EKEYREJECTED, self->msg.error);
	EXPECT_EQ(48, self->msg.alert);
	EXPECT_STREQ("the peer refused: alert unknown_ca (48)", self->msg.reason);
	/* none goes back */
	EXPECT_EQ(0, poll_for(self->client, POLLIN, 50));
}

TEST_F(finished, its_alert_in_clear_is_told)
{
	static const uint8_t alert[7] = { PEER_ALERT, 3, 3, 0, 2, 2, 47 };

	AWAIT();
	ASSERT_EQ(0, peer_write(&self->peer, alert, sizeof(alert)));
	EXPECT_EQ(EPROTO, failed_with(self->server));
	EXPECT_EQ(47, info_alert(self->server));
	EXPECT_TRUE(has_reason(self->server, "the peer refused: alert illegal_parameter (47)"));
}

TEST_F(finished, a_close_notify_ends_it)
{
	AWAIT();
	CHANGE();
	ASSERT_EQ(0, peer_alert(&self->early, 1, 0));
	EXPECT_EQ(ECONNRESET, failed_with(self->server));
}

TEST_F(finished, the_end_of_the_stream_ends_it)
{
	AWAIT();
	CHANGE();
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(ECONNRESET, failed_with(self->server));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(KSEAL_CMD_CANCEL, self->msg.cmd);
	EXPECT_EQ(-1, self->msg.alert);
}

TEST_F(finished, silence_ends_it_in_time)
{
	ASSERT_EQ(0, param_set("handshake_timeout_ms", 300));
	close(self->client);
	close(self->server);
	ASSERT_EQ(ECONNABORTED, worker_cancelled(&self->helper, self->msg.cookie));
	self->client = self->peer.fd = self->early.fd = tcp_connect(self->listener);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_EQ(0, peer_write(&self->peer, hello, sizeof(hello)));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	AWAIT();
	CHANGE();
	EXPECT_EQ(ETIMEDOUT, failed_with(self->server));
}

TEST_F(finished, its_socket_may_be_closed)
{
	AWAIT();
	CHANGE();
	close(self->server);
	self->server = -1;
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(KSEAL_CMD_CANCEL, self->msg.cmd);
}

/* ---- what the helper may not say ---- */

#define SAY() worker_done_but(&self->helper, self->msg.cookie, sizeof(hello), flight, \
			      sizeof(flight), &self->keys, &self->expected)

TEST_F(finished, what_is_not_one_is_refused)
{
	size_t len = self->expected.len;

	self->expected.len = 4;
	EXPECT_EQ(-EINVAL, SAY());
	self->expected.len = KSEAL_FINISHED_MAX + 1;
	EXPECT_EQ(-ERANGE, SAY());
	self->expected.len = len;
	/* and the request waits for another answer */
	AWAIT();
	CHANGE();
	ASSERT_EQ(0, send_finished(&self->early, &self->expected));
	KEYED();
}

TEST_F(finished, what_is_behind_it_is_records_of_tls13)
{
	if (is_tls13(&self->keys))
		self->expected.behind_len--;
	else
		self->expected.behind_len = 27;
	self->expected.behind = "\x17\x03\x03\x00\x16 of twenty-two bytes....";
	EXPECT_EQ(-EINVAL, SAY());
	if (is_tls13(&self->keys)) {
		self->expected.behind = "\x16\x03\x03\x00\x02..";
		self->expected.behind_len = 7;
		EXPECT_EQ(-EINVAL, SAY());
	}
}

TEST_F(finished, it_is_of_clients_alone)
{
	int fds[2];

	ASSERT_EQ(0, tcp_pair(AF_INET, fds));
	ASSERT_EQ(0, attach(fds[0]));
	ASSERT_EQ(0, setsockopt(fds[0], SOL_KSEAL, KSEAL_SO_SERVER_NAME, "localhost", 9));
	ASSERT_EQ(0, set_role(fds[0], KSEAL_ROLE_CLIENT));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(-EINVAL, worker_done_but(&self->helper, self->msg.cookie, 0, flight, sizeof(flight),
					   &self->keys, &self->expected));
	EXPECT_EQ(0, poll_for(fds[1], POLLIN, 20));
	close(fds[0]);
	close(fds[1]);
}

TEST_F(finished, its_keys_are_of_tls13_alone)
{
	self->expected.rx = is_tls13(&self->keys) ? NULL : &self->handshake.rx;
	EXPECT_EQ(-EINVAL, SAY());
	if (is_tls13(&self->keys)) {
		self->expected.rx = &self->handshake.rx;
		self->handshake.rx.key_len--;
		EXPECT_EQ(-EINVAL, SAY());
	}
	EXPECT_EQ(0, poll_for(self->client, POLLIN, 20));
}

TEST_HARNESS_MAIN
