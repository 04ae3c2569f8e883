// SPDX-License-Identifier: GPL-2.0-or-later
/* What a session does with records that are not as they should be, and how it ends. */
#include <pthread.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "fixture.h"

PEER_FIXTURE;
PAIR_FIXTURE;

/* Reads, writes, info and reason agree that the session failed with this error,
 * now and later.
 */
static bool is_dead(int fd, int err)
{
	char byte, reason[KSEAL_REASON_MAX + 1] = "";
	int i;

	for (i = 0; i < 3; i++) {
		ssize_t n = recv_soon(fd, &byte, 1);

		if (n != -err) {
			printf("# read %d gave %zd, not %d\n", i, n, -err);
			return false;
		}
		if (send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != -1) {
			printf("# a write went through\n");
			return false;
		}
	}
	if (kseal_reason(fd, reason, sizeof(reason)) || !*reason) {
		printf("# no reason\n");
		return false;
	}
	if (info_error(fd) != err || info_state(fd) != KSEAL_STATE_DEAD) {
		printf("# info has error %d, state %d\n", info_error(fd), info_state(fd));
		return false;
	}
	return true;
}

/* The peer's next record is this alert, fatal, and nothing follows but the end. */
static bool alerted(struct peer *p, int description)
{
	uint8_t content[PEER_PLAIN_MAX];
	int type, n = peer_open(p, &type, content);

	if (n != 2 || type != PEER_ALERT || content[0] != 2 || content[1] != description) {
		printf("# no alert %d: type %d, length %d, %d %d\n", description, type, n,
		       content[0], content[1]);
		return false;
	}
	return true;
}

/* ---- records ---- */

TEST_F(peer, a_record_too_long_is_overflow)
{
	const uint8_t header[5] = { 23, 3, 3, (16384 + 257) >> 8, (16384 + 257) & 0xff };

	ASSERT_EQ(0, peer_write(&self->peer, header, 5));
	EXPECT_TRUE(is_dead(self->fd, EMSGSIZE));
	EXPECT_TRUE(alerted(&self->peer, 22));
	EXPECT_EQ(22, info_alert(self->fd));
}

TEST_F(peer, the_longest_record_is_not_too_long)
{
	uint8_t *data = pattern(16384, 31), *got = malloc(16384);

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 16384, 0));
	ASSERT_EQ(16384, recv_soon(self->fd, got, 16384));
	EXPECT_EQ(0, memcmp(data, got, 16384));
	free(data);
	free(got);
}

TEST_F(peer, too_much_inside_a_record_is_overflow)
{
	uint8_t *data = pattern(16385, 32);

	/* RFC 8446 5.4: the limit holds for content, type and padding together */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 16385, 0));
	EXPECT_TRUE(is_dead(self->fd, EMSGSIZE));
	EXPECT_TRUE(alerted(&self->peer, 22));
	free(data);
}

TEST_F(peer, too_much_padding_is_overflow)
{
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "x", 1, 16384));
	EXPECT_TRUE(is_dead(self->fd, EMSGSIZE));
	EXPECT_TRUE(alerted(&self->peer, 22));
}

TEST_F(peer, outer_types_other_than_application_data_are_unexpected)
{
	static const uint8_t types[] = { 0, 20, 21, 22, 24, 255 };
	size_t i;

	for (i = 0; i < sizeof(types); i++) {
		uint8_t record[64];
		struct peer p;
		size_t len;
		int fd;

		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
		len = peer_seal(&p, PEER_DATA, "x", 1, 0, record);
		record[0] = types[i];
		ASSERT_EQ(0, peer_write(&p, record, len));
		EXPECT_TRUE(is_dead(fd, EPROTO));
		EXPECT_TRUE(alerted(&p, 10)) TH_LOG("type %u", types[i]);
		close(fd);
		close(p.fd);
	}
}

TEST_F(peer, wrong_versions_are_protocol_version)
{
	static const uint8_t versions[][2] = { { 3, 1 }, { 3, 4 }, { 2, 3 }, { 0, 0 } };
	size_t i;

	for (i = 0; i < sizeof(versions) / 2; i++) {
		uint8_t record[64];
		struct peer p;
		size_t len;
		int fd;

		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
		len = peer_seal(&p, PEER_DATA, "x", 1, 0, record);
		memcpy(record + 1, versions[i], 2);
		ASSERT_EQ(0, peer_write(&p, record, len));
		EXPECT_TRUE(is_dead(fd, EPROTO));
		EXPECT_TRUE(alerted(&p, 70));
		close(fd);
		close(p.fd);
	}
}

TEST_F(peer, a_flipped_bit_anywhere_is_bad_record_mac)
{
	/* first and last of the ciphertext, first and last of the tag */
	static const size_t at[] = { 5, 104, 106, 121 };
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint8_t *data = pattern(100, 33), record[200];
		struct peer p;
		size_t len;
		int fd;

		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
		len = peer_seal(&p, PEER_DATA, data, 100, 0, record);
		ASSERT_EQ(122, len);
		record[at[i]] ^= 1 << (i % 8);
		ASSERT_EQ(0, peer_write(&p, record, len));
		EXPECT_TRUE(is_dead(fd, EBADMSG)) TH_LOG("byte %zu", at[i]);
		EXPECT_TRUE(alerted(&p, 20));
		close(fd);
		close(p.fd);
		free(data);
	}
}

TEST_F(peer, a_replayed_record_is_bad_record_mac)
{
	uint8_t record[64], got[8];
	size_t len = peer_seal(&self->peer, PEER_DATA, "once", 4, 0, record);

	ASSERT_EQ(0, peer_write(&self->peer, record, len));
	ASSERT_EQ(4, recv_soon(self->fd, got, 8));
	ASSERT_EQ(0, peer_write(&self->peer, record, len));
	EXPECT_TRUE(is_dead(self->fd, EBADMSG));
}

TEST_F(peer, a_missing_record_is_bad_record_mac)
{
	self->peer.tx.seq++;
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "two", 3, 0));
	EXPECT_TRUE(is_dead(self->fd, EBADMSG));
	EXPECT_TRUE(alerted(&self->peer, 20));
}

TEST_F(peer, a_record_too_short_for_a_tag_is_bad_record_mac)
{
	static const uint8_t lens[] = { 0, 1, 15, 16 };
	size_t i;

	for (i = 0; i < sizeof(lens); i++) {
		uint8_t record[5 + 16] = { 23, 3, 3, 0, lens[i] };
		struct peer p;
		int fd;

		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
		ASSERT_EQ(0, peer_write(&p, record, 5 + lens[i]));
		EXPECT_TRUE(is_dead(fd, EBADMSG)) TH_LOG("%u bytes", lens[i]);
		EXPECT_TRUE(alerted(&p, 20));
		close(fd);
		close(p.fd);
	}
}

TEST_F(peer, no_inner_type_is_unexpected)
{
	ASSERT_EQ(0, peer_send(&self->peer, -1, NULL, 0, 50));
	EXPECT_TRUE(is_dead(self->fd, EPROTO));
	EXPECT_TRUE(alerted(&self->peer, 10));
}

TEST_F(peer, inner_types_that_may_not_be_are_unexpected)
{
	static const int types[] = { 1, PEER_CCS, 24, 255 };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct peer p;
		int fd;

		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
		ASSERT_EQ(0, peer_send(&p, types[i], "x", 1, 0));
		EXPECT_TRUE(is_dead(fd, EPROTO)) TH_LOG("type %d", types[i]);
		EXPECT_TRUE(alerted(&p, 10));
		close(fd);
		close(p.fd);
	}
}

TEST_F(peer, empty_alerts_and_handshake_messages_are_unexpected)
{
	static const int types[] = { PEER_ALERT, PEER_HANDSHAKE };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct peer p;
		int fd;

		ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, &fd, &p));
		ASSERT_EQ(0, peer_send(&p, types[i], NULL, 0, 4));
		EXPECT_TRUE(is_dead(fd, EPROTO));
		EXPECT_TRUE(alerted(&p, 10));
		close(fd);
		close(p.fd);
	}
}

TEST_F(peer, handshake_messages_out_of_place_are_unexpected)
{
	static const uint8_t hello[] = { 1, 0, 0, 0 };

	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, hello, 4, 0));
	EXPECT_TRUE(is_dead(self->fd, EPROTO));
	EXPECT_TRUE(alerted(&self->peer, 10));
}

TEST_F(peer, an_alert_of_a_wrong_length_is_a_decode_error)
{
	ASSERT_EQ(0, peer_send(&self->peer, PEER_ALERT, "\2\50\0", 3, 0));
	EXPECT_TRUE(is_dead(self->fd, EPROTO));
	EXPECT_TRUE(alerted(&self->peer, 50));
}

TEST_F(peer, data_before_the_error_is_delivered)
{
	uint8_t wire[256], got[16];
	size_t len = peer_seal(&self->peer, PEER_DATA, "before", 6, 0, wire), more;

	more = peer_seal(&self->peer, PEER_DATA, "broken", 6, 0, wire + len);
	wire[len + 7] ^= 4;
	ASSERT_EQ(0, peer_write(&self->peer, wire, len + more));
	sleep_ms(50);
	/* more than the first record has: the second is looked at as well */
	ASSERT_EQ(6, recv_soon(self->fd, got, 16));
	EXPECT_EQ(0, memcmp(got, "before", 6));
	EXPECT_TRUE(is_dead(self->fd, EBADMSG));
}

TEST_F(peer, data_half_read_before_the_error_is_delivered)
{
	uint8_t wire[256], got[16];
	size_t len = peer_seal(&self->peer, PEER_DATA, "before", 6, 0, wire);

	wire[len] = 99;
	memset(wire + len + 1, 0, 30);
	ASSERT_EQ(0, peer_write(&self->peer, wire, len + 31));
	ASSERT_EQ(2, recv_soon(self->fd, got, 2));
	poll_for(self->fd, POLLIN, 0);
	ASSERT_EQ(4, recv_soon(self->fd, got, 16));
	EXPECT_EQ(0, memcmp(got, "fore", 4));
	EXPECT_TRUE(is_dead(self->fd, EPROTO));
}

/* ---- alerts and ends ---- */

TEST_F(peer, a_fatal_alert_from_the_peer_is_a_reset)
{
	ASSERT_EQ(0, peer_alert(&self->peer, 2, 40));
	EXPECT_TRUE(is_dead(self->fd, ECONNRESET));
	EXPECT_EQ(40, info_alert(self->fd));
}

TEST_F(peer, a_warning_that_is_not_close_notify_is_fatal_too)
{
	/* RFC 8446 6: the level means nothing */
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 48));
	EXPECT_TRUE(is_dead(self->fd, ECONNRESET));
	EXPECT_EQ(48, info_alert(self->fd));
}

TEST_F(peer, user_canceled_alone_ends_nothing)
{
	char got[8];

	ASSERT_EQ(0, peer_alert(&self->peer, 1, 90));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
}

TEST_F(peer, close_notify_is_the_end_of_the_stream_for_ever)
{
	uint8_t data[PEER_PLAIN_MAX];
	struct kseal_info info;
	char got[8];
	int i, type;

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "bye", 3, 0));
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	EXPECT_EQ(3, recv_soon(self->fd, got, 8));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, recv_soon(self->fd, got, 8));
	/* what comes after it is ignored */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "no", 2, 0));
	EXPECT_EQ(0, recv_soon(self->fd, got, 8));
	ASSERT_EQ(0, kseal_info(self->fd, &info));
	EXPECT_EQ(1, info.peer_closed);
	EXPECT_EQ(0, info.error);
	/* RFC 8446 6.1: the other direction stays open */
	EXPECT_EQ(5, send(self->fd, "still", 5, 0));
	EXPECT_EQ(5, peer_open(&self->peer, &type, data));
}

TEST_F(peer, close_notify_then_fin_is_a_clean_end)
{
	char got[8];

	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	EXPECT_EQ(0, recv_soon(self->fd, got, 8));
	EXPECT_EQ(0, recv_soon(self->fd, got, 8));
	EXPECT_EQ(0, info_error(self->fd));
}

TEST_F(peer, fin_without_close_notify_is_a_truncation)
{
	char got[8];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "cut", 3, 0));
	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	EXPECT_EQ(3, recv_soon(self->fd, got, 8));
	EXPECT_TRUE(is_dead(self->fd, ECONNRESET));
}

TEST_F(peer, fin_inside_a_record_is_a_truncation)
{
	uint8_t record[64];
	size_t len = peer_seal(&self->peer, PEER_DATA, "cut", 3, 0, record);

	ASSERT_EQ(0, peer_write(&self->peer, record, len - 1));
	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	EXPECT_TRUE(is_dead(self->fd, ECONNRESET));
}

static void *read_blocked(void *arg)
{
	char byte;
	ssize_t n = recv(*(int *)arg, &byte, 1, 0);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

TEST_F(peer, fin_wakes_a_blocked_reader)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocked, &self->fd));
	sleep_ms(50);
	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	pthread_join(thread, &ret);
	EXPECT_EQ(-ECONNRESET, (intptr_t)ret);
}

static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

TEST_F(peer, rst_is_a_reset)
{
	reset(self->peer.fd);
	self->peer.fd = -1;
	EXPECT_TRUE(is_dead(self->fd, ECONNRESET));
}

TEST_F(peer, rst_wakes_a_blocked_reader)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocked, &self->fd));
	sleep_ms(50);
	reset(self->peer.fd);
	self->peer.fd = -1;
	pthread_join(thread, &ret);
	EXPECT_EQ(-ECONNRESET, (intptr_t)ret);
}

/* The peer gets close_notify, warning level, once, and then the end. */
static bool closed_once(struct peer *p)
{
	uint8_t content[PEER_PLAIN_MAX];
	int type, n = peer_open(p, &type, content);

	if (n != 2 || type != PEER_ALERT || content[0] != 1 || content[1] != 0) {
		printf("# no close_notify: type %d, length %d\n", type, n);
		return false;
	}
	n = peer_open(p, &type, content);
	if (n != -ENODATA)
		printf("# after close_notify: type %d, length %d\n", type, n);
	return n == -ENODATA;
}

TEST_F(peer, close_sends_close_notify_once)
{
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(closed_once(&self->peer));
}

TEST_F(peer, shutdown_then_close_sends_close_notify_once)
{
	char got[8];

	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	/* half-closed: the peer may go on */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "more", 4, 0));
	EXPECT_EQ(4, recv_soon(self->fd, got, 8));
	shutdown(self->fd, SHUT_WR);
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(closed_once(&self->peer));
}

TEST_F(peer, close_with_an_unread_ticket_or_close_notify_does_not_reset)
{
	static const uint8_t ticket[] = { 4, 0, 0, 1, 0 };

	ASSERT_EQ(4, send(self->fd, "data", 4, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 5, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 5, 0));
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	sleep_ms(50);
	close(self->fd);
	self->fd = -1;
	sleep_ms(50);
	{
		uint8_t content[PEER_PLAIN_MAX];
		int type;

		EXPECT_EQ(4, peer_open(&self->peer, &type, content));
	}
	/* an RST would show as ECONNRESET here */
	EXPECT_TRUE(closed_once(&self->peer));
}

TEST_F(peer, close_under_back_pressure_still_sends_everything)
{
	uint8_t *data = pattern(32 << 20, 34), *got;
	size_t sent = 0;
	ssize_t n;

	while ((n = send(self->fd, data + sent, 65536, MSG_DONTWAIT)) > 0)
		sent += n;
	close(self->fd);
	self->fd = -1;
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	EXPECT_TRUE(closed_once(&self->peer));
	free(data);
	free(got);
}

/* Writes until nothing is taken any more, then or later: a batch is sealed that
 * TCP has no room for. Were its buffer to grow, the next acknowledgement could
 * make room. Returns bytes taken.
 */
static size_t fill_to_the_brim(struct peer *p, int fd, const uint8_t *data, size_t max)
{
	struct timeval soon = { .tv_sec = 3 };
	int buffer = 65536, quiet;
	size_t sent = 0;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	/* what does not come is a failure, not the end of time */
	setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	for (quiet = 0; quiet < 10 && sent + 65536 <= max; quiet++) {
		ssize_t n;

		while (sent + 65536 <= max &&
		       (n = send(fd, data + sent, 65536, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
			sent += n;
			quiet = 0;
		}
		sleep_ms(10);
	}
	return sent;
}

/* What was sealed before a failure goes out before the alert, or the peer could
 * not open the alert.
 */
TEST_F(peer, a_failure_under_back_pressure_loses_nothing_sealed)
{
	uint8_t *data = pattern(32 << 20, 35), *got;
	size_t sent = fill_to_the_brim(&self->peer, self->fd, data, 32 << 20);
	char byte;

	ASSERT_GT(31 << 20, sent);
	ASSERT_EQ(0, peer_write(&self->peer, "no record", 9));
	EXPECT_EQ(-EPROTO, recv_soon(self->fd, &byte, 1));
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	EXPECT_TRUE(alerted(&self->peer, 10));
	free(data);
	free(got);
}

/* Nor does a failure that sends no alert keep it back. */
TEST_F(peer, a_truncation_under_back_pressure_loses_nothing_sealed)
{
	uint8_t *data = pattern(32 << 20, 37), *got;
	size_t sent = fill_to_the_brim(&self->peer, self->fd, data, 32 << 20);
	char byte;

	ASSERT_GT(31 << 20, sent);
	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	EXPECT_EQ(-ECONNRESET, recv_soon(self->fd, &byte, 1));
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	free(data);
	free(got);
}

TEST_F(peer, shutdown_under_back_pressure_still_sends_everything)
{
	uint8_t *data = pattern(32 << 20, 36), *got;
	size_t sent = 0;
	ssize_t n;

	while ((n = send(self->fd, data + sent, 65536, MSG_DONTWAIT)) > 0)
		sent += n;
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(0, memcmp(data, got, sent));
	EXPECT_TRUE(closed_once(&self->peer));
	free(data);
	free(got);
}

TEST_F(pair, close_at_one_end_is_the_end_at_the_other)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "bye", 3, 0));
	close(self->fd[0]);
	self->fd[0] = -1;
	EXPECT_EQ(3, recv_soon(self->fd[1], got, 8));
	EXPECT_EQ(0, recv_soon(self->fd[1], got, 8));
	EXPECT_EQ(0, info_error(self->fd[1]));
}

TEST_HARNESS_MAIN
