// SPDX-License-Identifier: GPL-2.0-or-later
/* KeyUpdate (RFC 8446 4.6.3) where the kernel has the secrets; and the limit of a key. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "harness.h"
#include "session.h"

FIXTURE(key) {
	int fd;
	struct peer peer;
	long limit;
};

FIXTURE_VARIANT(key) { int family; uint16_t cipher; };
FIXTURE_VARIANT_ADD(key, ipv4_aes128) {
	.family = AF_INET, .cipher = KSEAL_CIPHER_AES_GCM_128 };
FIXTURE_VARIANT_ADD(key, ipv6_aes256) {
	.family = AF_INET6, .cipher = KSEAL_CIPHER_AES_GCM_256 };
FIXTURE_VARIANT_ADD(key, ipv4_aes128ccm) {
	.family = AF_INET, .cipher = KSEAL_CIPHER_AES_CCM_128 };
FIXTURE_VARIANT_ADD(key, ipv6_chacha20) {
	.family = AF_INET6, .cipher = KSEAL_CIPHER_CHACHA20_POLY1305 };

FIXTURE_SETUP(key)
{
	self->limit = param_get("record_limit");
	ASSERT_LE(0, self->limit);
	ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher,
				       &self->fd, &self->peer));
}

FIXTURE_TEARDOWN(key)
{
	if (param_get("record_limit") != self->limit)
		param_set("record_limit", self->limit);
	close(self->fd);
	close(self->peer.fd);
}

/* The session anew, with keys that last for so many records. */
#define LIMITED(v, records)						\
	do {								\
		ASSERT_EQ(0, param_set("record_limit", records));	\
		close(self->fd);					\
		close(self->peer.fd);					\
		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_##v, \
					       variant->cipher, &self->fd, &self->peer)); \
	} while (0)

/* The peer's next record is a KeyUpdate, after which it opens with the next
 * keys. Its request, or -1.
 */
static int updated(struct peer *p)
{
	uint8_t content[PEER_PLAIN_MAX];
	int type, n = peer_open(p, &type, content);

	if (n != 5 || type != PEER_HANDSHAKE || memcmp(content, "\30\0\0\1", 4)) {
		printf("# no KeyUpdate: type %d, length %d\n", type, n);
		return -1;
	}
	peer_next_keys(&p->rx);
	return content[4];
}

/* The peer's next record is this text. */
static bool told(struct peer *p, const char *text)
{
	uint8_t content[PEER_PLAIN_MAX];
	int type, n = peer_open(p, &type, content);

	if (n == strlen(text) && type == PEER_DATA && !memcmp(content, text, n))
		return true;
	printf("# not \"%s\": type %d, length %d\n", text, type, n);
	return false;
}

static bool told_us(int fd, const char *text)
{
	char got[64];
	ssize_t n = recv_soon(fd, got, sizeof(got));

	if (n == strlen(text) && !memcmp(got, text, n))
		return true;
	printf("# not \"%s\" but %zd\n", text, n);
	return false;
}

static int tell(int fd, const char *text)
{
	return send_all(fd, text, strlen(text));
}

static int peer_tell(struct peer *p, const char *text)
{
	return peer_send(p, PEER_DATA, text, strlen(text), 0);
}

static uint64_t updates(int fd, bool tx)
{
	struct kseal_info info;

	return kseal_info(fd, &info) ? -1 : tx ? info.tx_updates : info.rx_updates;
}

/* ---- the peer's ---- */

TEST_F(key, after_the_peers_update_reading_goes_on_under_the_next_keys)
{
	long long seen = counter("rx_key_updates");
	int i;

	ASSERT_LE(0, seen);
	ASSERT_EQ(0, peer_tell(&self->peer, "old"));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, peer_key_update(&self->peer, false));
		ASSERT_EQ(0, peer_tell(&self->peer, "new"));
	}
	EXPECT_TRUE(told_us(self->fd, "oldnewnewnewnew"));
	EXPECT_EQ(4, updates(self->fd, false));
	EXPECT_EQ(seen + 4, counter("rx_key_updates"));
	/* it asked for nothing */
	EXPECT_EQ(0, updates(self->fd, true));
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 50));
}

TEST_F(key, an_update_alone_wakes_nobody)
{
	char got[8];

	ASSERT_EQ(0, peer_key_update(&self->peer, false));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 100));
	EXPECT_EQ(-1, recv(self->fd, got, 8, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(key, a_request_is_answered_once_before_the_next_data)
{
	char got[8];

	ASSERT_EQ(0, tell(self->fd, "before"));
	ASSERT_EQ(0, peer_key_update(&self->peer, true));
	EXPECT_EQ(-EAGAIN, recv_soon(self->fd, got, 8));
	ASSERT_EQ(0, tell(self->fd, "after"));
	EXPECT_TRUE(told(&self->peer, "before"));
	EXPECT_EQ(0, updated(&self->peer));
	EXPECT_TRUE(told(&self->peer, "after"));
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 50));
	EXPECT_EQ(1, updates(self->fd, true));
	EXPECT_EQ(1, updates(self->fd, false));
}

TEST_F(key, several_requests_in_a_row_are_answered)
{
	uint8_t content[PEER_PLAIN_MAX];
	int i, n, type, answers = 0;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, peer_key_update(&self->peer, true));
	ASSERT_EQ(0, peer_tell(&self->peer, "asked"));
	EXPECT_TRUE(told_us(self->fd, "asked"));
	ASSERT_EQ(0, tell(self->fd, "answered"));
	/* RFC 8446 4.6.3: one answer to several is enough */
	while ((n = peer_open(&self->peer, &type, content)) == 5 && type == PEER_HANDSHAKE) {
		EXPECT_EQ(0, content[4]);
		peer_next_keys(&self->peer.rx);
		answers++;
	}
	EXPECT_LE(1, answers);
	EXPECT_GE(10, answers);
	EXPECT_EQ(answers, updates(self->fd, true));
	EXPECT_EQ(8, n);
	EXPECT_EQ(PEER_DATA, type);
}

TEST_F(key, a_request_after_our_close_notify_is_not_answered)
{
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	ASSERT_EQ(0, peer_key_update(&self->peer, true));
	ASSERT_EQ(0, peer_tell(&self->peer, "on"));
	EXPECT_TRUE(told_us(self->fd, "on"));
	EXPECT_TRUE(peer_alerted(&self->peer, 1, 0));
	EXPECT_EQ(0, updates(self->fd, true));
}

TEST_F(key, an_answer_under_back_pressure_comes_behind_what_was_sealed)
{
	uint8_t *data = pattern(32 << 20, 71), *got;
	size_t sent = 0;
	ssize_t n;

	while ((n = send(self->fd, data + sent, 65536, MSG_DONTWAIT)) > 0)
		sent += n;
	ASSERT_EQ(0, peer_key_update(&self->peer, true));
	ASSERT_EQ(0, peer_tell(&self->peer, "asked"));
	EXPECT_TRUE(told_us(self->fd, "asked"));
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	EXPECT_EQ(0, updated(&self->peer));
	ASSERT_EQ(0, tell(self->fd, "on"));
	EXPECT_TRUE(told(&self->peer, "on"));
	free(data);
	free(got);
}

static void *read_blocked(void *arg)
{
	static char got[64];
	ssize_t n = recv(*(int *)arg, got, sizeof(got) - 1, 0);

	got[n < 0 ? 0 : n] = 0;
	return got;
}

TEST_F(key, a_blocked_reader_sleeps_through_an_update)
{
	pthread_t thread;
	void *got;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocked, &self->fd));
	sleep_ms(50);
	ASSERT_EQ(0, peer_key_update(&self->peer, true));
	/* the answer comes although nobody calls */
	EXPECT_EQ(0, updated(&self->peer));
	ASSERT_EQ(0, peer_tell(&self->peer, "awake"));
	pthread_join(thread, &got);
	EXPECT_STREQ("awake", got);
}

/* ---- ours ---- */

TEST_F(key, key_update_sends_one_and_goes_on_with_the_next_keys)
{
	ASSERT_EQ(0, tell(self->fd, "old"));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 0));
	ASSERT_EQ(0, tell(self->fd, "new"));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 1));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 1));
	EXPECT_TRUE(told(&self->peer, "old"));
	EXPECT_EQ(0, updated(&self->peer));
	EXPECT_TRUE(told(&self->peer, "new"));
	EXPECT_EQ(1, updated(&self->peer));
	EXPECT_EQ(1, updated(&self->peer));
	EXPECT_EQ(3, updates(self->fd, true));
	EXPECT_EQ(0, updates(self->fd, false));
}

TEST_F(key, what_waits_with_more_goes_out_under_the_old_keys)
{
	ASSERT_EQ(4, send(self->fd, "wait", 4, MSG_MORE));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 0));
	ASSERT_EQ(5, send(self->fd, "again", 5, MSG_MORE));
	ASSERT_EQ(0, peer_key_update(&self->peer, true));
	EXPECT_TRUE(told(&self->peer, "wait"));
	EXPECT_EQ(0, updated(&self->peer));
	/* a poll is enough to take in the request */
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 50));
	EXPECT_TRUE(told(&self->peer, "again"));
	EXPECT_EQ(0, updated(&self->peer));
	ASSERT_EQ(0, tell(self->fd, "on"));
	EXPECT_TRUE(told(&self->peer, "on"));
}

TEST_F(key, key_update_is_refused_where_it_has_no_place)
{
	struct kseal_session_keys keys;
	int fd[2], number = 0;
	socklen_t len = sizeof(number);

	EXPECT_EQ(-EINVAL, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 2));
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_KSEAL, KSEAL_SO_KEY_UPDATE, &number, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_KSEAL, KSEAL_SO_KEY_UPDATE, &number, &len));
	EXPECT_EQ(ENOPROTOOPT, errno);
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 20));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(-EPIPE, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 0));

	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	ASSERT_EQ(0, attach(fd[0]));
	EXPECT_EQ(-ENOTCONN, set_option(fd[0], KSEAL_SO_KEY_UPDATE, 0));
	make_keys(&keys, KSEAL_VERSION_1_3, variant->cipher);
	keys.tx.secret_len = 0;
	ASSERT_EQ(0, install(fd[0], &keys));
	EXPECT_EQ(-ENOKEY, set_option(fd[0], KSEAL_SO_KEY_UPDATE, 0));
	make_keys(&keys, KSEAL_VERSION_1_2, variant->cipher);
	ASSERT_EQ(0, install(fd[1], &keys));
	EXPECT_EQ(-EOPNOTSUPP, set_option(fd[1], KSEAL_SO_KEY_UPDATE, 0));
	close(fd[0]);
	close(fd[1]);

	ASSERT_EQ(0, peer_alert(&self->peer, 2, 40));
	EXPECT_EQ(ECONNRESET, read_error(self->fd));
	EXPECT_EQ(-ECONNRESET, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 0));
}

/* ---- the limit ---- */

struct sender {
	int fd, err;
	size_t records, len;	/* so many calls, of so many bytes */
	const uint8_t *data;
};

static void *send_many(void *arg)
{
	struct sender *s = arg;
	size_t i;

	for (i = 0; i < s->records && !s->err; i++)
		s->err = send_all(s->fd, s->data + i * s->len, s->len);
	return NULL;
}

/* All of it arrives, and no key is used for more than so many records; returns
 * the generations after the first, or -1.
 */
static int receive_generations(struct peer *p, const uint8_t *data, size_t len, uint64_t limit)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type, generations = 0;
	size_t done = 0;

	while (done < len) {
		int n = peer_open(p, &type, got);

		if (n < 0 || p->rx.seq > limit)
			return -1;
		if (type == PEER_HANDSHAKE && n == 5 && got[0] == 24) {
			peer_next_keys(&p->rx);
			generations++;
		} else if (type != PEER_DATA || memcmp(data + done, got, n)) {
			return -1;
		} else {
			done += n;
		}
	}
	return generations;
}

TEST_F(key, at_the_limit_sending_goes_through_many_generations)
{
	uint8_t *data = pattern(4 << 20, 72);
	struct sender many, long_ones;
	pthread_t thread;

	LIMITED(1_3, 100);
	many = (struct sender){ .fd = self->fd, .data = data, .records = 5000, .len = 10 };
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_many, &many));
	EXPECT_LE(50, receive_generations(&self->peer, data, 50000, 100));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, many.err);

	/* within one call as well; fewer than 16 it does not allow */
	LIMITED(1_3, 1);
	long_ones = (struct sender){ .fd = self->fd, .data = data, .records = 1, .len = 4 << 20 };
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_many, &long_ones));
	EXPECT_LE(16, receive_generations(&self->peer, data, 4 << 20, 16));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, long_ones.err);
	free(data);
}

TEST_F(key, two_ksealed_ends_renew_each_others_keys)
{
	uint8_t *data = pattern(40000, 73), got[40000];
	struct sender s[2];
	pthread_t thread[2];
	int fd[2], i;

	ASSERT_EQ(0, param_set("record_limit", 400));
	ASSERT_EQ(0, session_pair(variant->family, KSEAL_VERSION_1_3, variant->cipher, fd));
	for (i = 0; i < 2; i++) {
		s[i] = (struct sender){ .fd = fd[i], .data = data, .records = 2000, .len = 20 };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, send_many, &s[i]));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, recv_all(fd[i], got, 40000));
		EXPECT_EQ(0, memcmp(data, got, 40000));
	}
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, s[i].err);
		EXPECT_LE(5, updates(fd[i], true));
		EXPECT_LE(5, updates(fd[i], false));
	}
	close(fd[0]);
	close(fd[1]);
	free(data);
}

TEST_F(key, a_peer_near_its_limit_is_asked_once)
{
	int i, round;
	char got[8];

	LIMITED(1_3, 64);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 62; i++) {
			ASSERT_EQ(0, peer_tell(&self->peer, "x"));
			ASSERT_EQ(1, recv_soon(self->fd, got, 8));
			/* an eighth of it before the end */
			if (i == 54)
				EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 20));
		}
		EXPECT_EQ(1, updated(&self->peer));
		EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 20));
		ASSERT_EQ(0, peer_key_update(&self->peer, false));
	}
	ASSERT_EQ(0, tell(self->fd, "on"));
	EXPECT_TRUE(told(&self->peer, "on"));
}

/* Such a record is opened twice: into the reader's memory, where it does not
 * belong with its padding, and then for good. It is one record.
 */
TEST_F(key, a_padded_record_counts_once)
{
	uint8_t *data = pattern(8000, 15), got[16384];
	int i;

	LIMITED(1_3, 64);
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 8000, 100));
		ASSERT_EQ(8000, recv_soon(self->fd, got, sizeof(got))) TH_LOG("record %d", i);
		ASSERT_EQ(0, memcmp(data, got, 8000));
	}
	free(data);
}

TEST_F(key, a_peer_beyond_its_limit_is_ended)
{
	char got[8];
	int i;

	LIMITED(1_3, 64);
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, peer_tell(&self->peer, "x"));
		ASSERT_EQ(1, recv_soon(self->fd, got, 8));
	}
	ASSERT_EQ(0, peer_tell(&self->peer, "x"));
	EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
	EXPECT_EQ(EKEYEXPIRED, info_error(self->fd));
	EXPECT_EQ(KSEAL_STATE_DEAD, info_state(self->fd));
	EXPECT_EQ(1, updated(&self->peer));
	EXPECT_TRUE(peer_alerted(&self->peer, 2, 80));
}

TEST_F(key, in_tls12_the_limit_is_the_end)
{
	int i, n;
	char got[8];

	LIMITED(1_2, 32);
	for (n = 0; !tell(self->fd, "x"); n++)
		ASSERT_GT(32, n);
	/* a few are kept back for alerts */
	EXPECT_LE(16, n);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EKEYEXPIRED, tell(self->fd, "x"));
		EXPECT_EQ(-EKEYEXPIRED, send_type(self->fd, PEER_DATA, "x", 1, 0));
	}
	for (i = 0; i < n; i++)
		ASSERT_TRUE(told(&self->peer, "x"));
	EXPECT_EQ(0, poll_for(self->peer.fd, POLLIN, 50));
	/* the other direction has its own */
	for (i = 0; i < 32; i++) {
		ASSERT_EQ(0, peer_tell(&self->peer, "y"));
		ASSERT_EQ(1, recv_soon(self->fd, got, 8));
	}
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_TRUE(peer_alerted(&self->peer, 1, 0));
	ASSERT_EQ(0, peer_tell(&self->peer, "y"));
	EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
	EXPECT_EQ(KSEAL_STATE_DEAD, info_state(self->fd));
}

/* ---- what is refused ---- */

/* A read fails with EPROTO, and the peer gets that alert. */
#define REFUSED(description)						\
	do {								\
		EXPECT_EQ(EPROTO, read_error(self->fd));		\
		EXPECT_EQ(EPROTO, read_error(self->fd));		\
		EXPECT_TRUE(peer_alerted(&self->peer, 2, description));	\
		EXPECT_EQ(description, info_alert(self->fd));		\
		EXPECT_EQ(KSEAL_STATE_DEAD, info_state(self->fd));	\
	} while (0)

TEST_F(key, a_flood_of_updates_is_ended)
{
	int i, err = 0;
	char got[64];

	/* with data between, so that it is not the records without content */
	for (i = 0; i < 60 && !err; i++) {
		err = peer_key_update(&self->peer, false);
		if (!err)
			err = peer_tell(&self->peer, "x");
	}
	for (i = 0; i < 60 && recv_soon(self->fd, got, 1) == 1; i++)
		;
	EXPECT_LE(20, i);
	EXPECT_GT(60, i);
	REFUSED(10);
}

TEST_F(key, updates_of_a_wrong_length_or_value_are_refused)
{
	static const struct { uint8_t len, alert, bytes[8]; } bad[] = {
		{ 4, 50, { 24, 0, 0, 0 } },
		{ 6, 50, { 24, 0, 0, 2, 0, 0 } },
		{ 4, 50, { 24, 1, 0, 1 } },
		{ 5, 47, { 24, 0, 0, 1, 2 } },
		{ 5, 47, { 24, 0, 0, 1, 255 } },
		/* RFC 8446 5.1: not across a change of keys */
		{ 6, 10, { 24, 0, 0, 1, 0, 4 } },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		close(self->fd);
		close(self->peer.fd);
		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher,
					       &self->fd, &self->peer));
		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, bad[i].bytes, bad[i].len, 0));
		REFUSED(bad[i].alert);
	}
}

TEST_F(key, two_updates_in_one_record_are_refused)
{
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, "\30\0\0\1\0\30\0\0\1\0", 10, 0));
	REFUSED(10);
}

TEST_F(key, in_tls12_an_update_is_refused)
{
	LIMITED(1_2, 0);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, "\30\0\0\1\0", 5, 0));
	REFUSED(10);
}

TEST_F(key, a_split_update_is_one)
{
	static const uint8_t parts[][6] = { { 1, 4 }, { 4, 1 }, { 2, 3 }, { 1, 1, 1, 1, 1 } };
	uint8_t message[5] = { 24, 0, 0, 1, 0 };
	size_t i, k, at;

	/* an application that takes control records sees nothing of it either */
	for (k = 0; k < 8; k++) {
		ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, k / 4));
		for (i = 0, at = 0; parts[k % 4][i]; at += parts[k % 4][i++])
			ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, message + at,
					       parts[k % 4][i], 0));
		peer_next_keys(&self->peer.tx);
		ASSERT_EQ(0, peer_tell(&self->peer, "next"));
		ASSERT_TRUE(told_us(self->fd, "next")) TH_LOG("%zu", k);
	}
	EXPECT_EQ(8, updates(self->fd, false));
}

TEST_F(key, a_split_update_is_not_interrupted)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(self->fd);
		close(self->peer.fd);
		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher,
					       &self->fd, &self->peer));
		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, "\30\0", 2, 0));
		/* RFC 8446 5.1: no other records in between */
		ASSERT_EQ(0, i ? peer_alert(&self->peer, 1, 0) : peer_tell(&self->peer, "x"));
		REFUSED(10);
	}
}

TEST_HARNESS_MAIN
