// SPDX-License-Identifier: GPL-2.0-or-later
/* How records are cut and padded: KSEAL_SO_RECORD_MAX, _PADDING, _DYNAMIC. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "fixture.h"
#include "install.h"
#include "worker.h"

PEER_FIXTURE;

#define SMALL 1369	/* content of a record at the beginning: linux/kseal.h */
#define BULK (256 << 10)

/* The content's length of the next record, the record's on the wire in *wire. */
static int open_sized(struct peer *p, int *type, uint8_t *content, int *wire)
{
	uint8_t header[PEER_HEADER];

	*wire = 0;
	if (recv(p->fd, header, PEER_HEADER, MSG_PEEK | MSG_WAITALL) != PEER_HEADER)
		return -EIO;
	*wire = PEER_HEADER + (header[3] << 8 | header[4]);
	return peer_open(p, type, content);
}

struct sender {
	int fd, err;
	const uint8_t *data;
	size_t len;
};

static void *send_thread(void *arg)
{
	struct sender *s = arg;

	s->err = send_all(s->fd, s->data, s->len);
	return NULL;
}

/* In a thread, as the peer has to read meanwhile. */
#define SENDING(bytes, size)						\
	struct sender s = { .fd = self->fd, .data = bytes, .len = size }; \
	pthread_t thread;						\
									\
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_thread, &s))

#define SENT()								\
	do {								\
		pthread_join(thread, NULL);				\
		EXPECT_EQ(0, s.err);					\
	} while (0)

/* ---- the options ---- */

TEST_F(peer, each_has_its_default_and_its_bounds)
{
	static const struct { int name, least, most, normal; } options[] = {
		{ KSEAL_SO_RECORD_MAX, 63, 16384, 16384 },
		{ KSEAL_SO_PADDING, 0, 16385, 0 },
		{ KSEAL_SO_DYNAMIC, 0, 1, 0 },
	};
	size_t i;

	for (i = 0; i < 3; i++) {
		int name = options[i].name, number;

		EXPECT_EQ(options[i].normal, get_option(self->fd, name)) TH_LOG("%d", name);
		EXPECT_EQ(-EINVAL, set_option(self->fd, name, options[i].least - 1));
		EXPECT_EQ(-EINVAL, set_option(self->fd, name, options[i].most + 1));
		EXPECT_EQ(-EINVAL, set_option(self->fd, name, 65536 + options[i].most));
		EXPECT_EQ(-EINVAL, set_option(self->fd, name, UINT32_MAX));
		EXPECT_EQ(options[i].normal, get_option(self->fd, name));
		EXPECT_EQ(0, set_option(self->fd, name, options[i].most));
		EXPECT_EQ(options[i].most, get_option(self->fd, name));
		EXPECT_EQ(0, set_option(self->fd, name, options[i].least));
		EXPECT_EQ(options[i].least, get_option(self->fd, name));
		EXPECT_EQ(-1, setsockopt(self->fd, SOL_KSEAL, name, &number, 2));
		EXPECT_EQ(EINVAL, errno);
	}
}

TEST_F(peer, each_may_be_set_before_there_are_keys)
{
	struct kseal_session_keys keys;
	uint8_t got[PEER_PLAIN_MAX];
	struct peer p;
	int fd[2], type, wire;

	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	ASSERT_EQ(0, attach(fd[1]));
	ASSERT_EQ(0, set_option(fd[1], KSEAL_SO_RECORD_MAX, 100));
	ASSERT_EQ(0, set_option(fd[1], KSEAL_SO_PADDING, 64));
	make_keys(&keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&p, fd[0], &keys);
	ASSERT_EQ(0, install(fd[1], &keys));
	ASSERT_EQ(10, send(fd[1], "0123456789", 10, 0));
	EXPECT_EQ(10, open_sized(&p, &type, got, &wire));
	EXPECT_EQ(PEER_HEADER + 64 + PEER_TAG, wire);
	close(fd[0]);
	close(fd[1]);
}

/* ---- RECORD_MAX ---- */

TEST_F(peer, no_record_is_longer_than_record_max)
{
	static const int most[] = { 63, 64, 1000, 1400, 16383, 16384 };
	uint8_t *data = pattern(BULK, 91), got[PEER_PLAIN_MAX];
	int i, type, wire;

	for (i = 0; i < 6; i++) {
		size_t len = most[i] * 12 + 5, done = 0;

		ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_RECORD_MAX, most[i]));
		SENDING(data, len);

		while (done < len) {
			size_t want = len - done < most[i] ? len - done : most[i];

			ASSERT_EQ(want, open_sized(&self->peer, &type, got, &wire));
			EXPECT_EQ(PEER_HEADER + want + 1 + PEER_TAG, wire);
			ASSERT_EQ(0, memcmp(data + done, got, want));
			done += want;
		}
		SENT();
	}
	free(data);
}

TEST_F(peer, record_max_holds_for_other_types_and_for_what_waits)
{
	uint8_t *data = pattern(300, 92), got[PEER_PLAIN_MAX];
	int i, type;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_RECORD_MAX, 100));
	ASSERT_EQ(250, send_type(self->fd, PEER_HANDSHAKE, data, 250, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i < 2 ? 100 : 50, peer_open(&self->peer, &type, got));
		EXPECT_EQ(PEER_HANDSHAKE, type);
		EXPECT_EQ(0, memcmp(data + 100 * i, got, i < 2 ? 100 : 50));
	}
	for (i = 0; i < 5; i++)
		ASSERT_EQ(60, send(self->fd, data + 60 * i, 60, MSG_MORE));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(100, peer_open(&self->peer, &type, got));
		EXPECT_EQ(0, memcmp(data + 100 * i, got, 100));
	}
	free(data);
}

TEST_F(peer, record_max_is_busy_with_more_in_the_open_record)
{
	uint8_t *data = pattern(200, 93), got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(100, send(self->fd, data, 100, MSG_MORE));
	EXPECT_EQ(-EBUSY, set_option(self->fd, KSEAL_SO_RECORD_MAX, 99));
	EXPECT_EQ(16384, get_option(self->fd, KSEAL_SO_RECORD_MAX));
	EXPECT_EQ(0, set_option(self->fd, KSEAL_SO_RECORD_MAX, 100));
	ASSERT_EQ(100, send(self->fd, data + 100, 100, 0));
	EXPECT_EQ(100, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(data, got, 100));
	EXPECT_EQ(100, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(data + 100, got, 100));
	EXPECT_EQ(0, set_option(self->fd, KSEAL_SO_RECORD_MAX, 63));
	free(data);
}

TEST_F(peer, updates_and_alerts_fit_the_shortest_record)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_RECORD_MAX, 63));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 0));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(5, peer_open(&self->peer, &type, got));
	peer_next_keys(&self->peer.rx);
	EXPECT_TRUE(peer_alerted(&self->peer, 1, 0));
}

/* ---- PADDING ---- */

TEST_F(peer, what_is_sealed_is_a_multiple_of_the_padding)
{
	static const int blocks[] = { 1, 2, 16, 64, 100, 512, 4096, 16384, 16385 };
	static const int lens[] = { 1, 15, 63, 64, 99, 100, 511, 1000, 16383, 16384 };
	uint8_t *data = pattern(16384, 94), got[PEER_PLAIN_MAX];
	int i, k, type, wire;

	for (i = 0; i < 9; i++) {
		ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_PADDING, blocks[i]));
		for (k = 0; k < 10; k++) {
			/* RFC 8446 5.2: content, type and zeros, up to 2^14 + 1 */
			int inner = (lens[k] + 1 + blocks[i] - 1) / blocks[i] * blocks[i];

			ASSERT_EQ(lens[k], send(self->fd, data, lens[k], 0));
			ASSERT_EQ(lens[k], open_sized(&self->peer, &type, got, &wire));
			ASSERT_EQ(0, memcmp(data, got, lens[k]));
			if (inner > 16385)
				inner = 16385;
			EXPECT_EQ(PEER_HEADER + inner + PEER_TAG, wire)
				TH_LOG("%d bytes, padding %d", lens[k], blocks[i]);
		}
	}
	free(data);
}

TEST_F(peer, padding_stays_within_record_max)
{
	static const int lens[] = { 1, 299, 300, 899, 900, 999, 1000 };
	static const int inner[] = { 300, 300, 600, 900, 1001, 1001, 1001 };
	uint8_t *data = pattern(1000, 95), got[PEER_PLAIN_MAX];
	int i, type, wire;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_RECORD_MAX, 1000));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_PADDING, 300));
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(lens[i], send(self->fd, data, lens[i], 0));
		EXPECT_EQ(lens[i], open_sized(&self->peer, &type, got, &wire));
		EXPECT_EQ(0, memcmp(data, got, lens[i]));
		EXPECT_EQ(PEER_HEADER + inner[i] + PEER_TAG, wire) TH_LOG("%d bytes", lens[i]);
	}
	free(data);
}

TEST_F(peer, with_the_most_padding_all_records_are_equal)
{
	uint8_t *data = pattern(20000, 96), got[PEER_PLAIN_MAX];
	const int equal = PEER_HEADER + 16385 + PEER_TAG;
	int i, type, wire;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_PADDING, 16385));
	ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	ASSERT_EQ(2, send_type(self->fd, PEER_ALERT, "\1\132", 2, 0));
	ASSERT_EQ(20000, send(self->fd, data, 20000, 0));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_KEY_UPDATE, 0));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	for (i = 0; i < 6; i++) {
		ASSERT_LT(0, open_sized(&self->peer, &type, got, &wire));
		EXPECT_EQ(equal, wire) TH_LOG("record %d", i);
		if (i == 4)
			peer_next_keys(&self->peer.rx);
	}
	EXPECT_EQ(PEER_ALERT, type);
	free(data);
}

TEST_F(peer, in_tls12_nothing_is_padded)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type, wire;

	close(self->fd);
	close(self->peer.fd);
	ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_2, variant->cipher,
				       &self->fd, &self->peer));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_PADDING, 512));
	ASSERT_EQ(3, send(self->fd, "bar", 3, 0));
	EXPECT_EQ(3, open_sized(&self->peer, &type, got, &wire));
	EXPECT_EQ(PEER_HEADER + PEER_EXPLICIT + 3 + PEER_TAG, wire);
}

/* ---- DYNAMIC ---- */

/* Opens len bytes: returns how many of the first records are short. */
static int count_small(struct peer *p, const uint8_t *data, size_t len, int small, int full)
{
	uint8_t got[PEER_PLAIN_MAX];
	size_t done = 0;
	int type, n, count = 0;
	bool flows = false;

	while (done < len) {
		n = peer_open(p, &type, got);
		if (n < 0 || memcmp(data + done, got, n))
			return -1;
		done += n;
		if (n == small && !flows)
			count++;
		else if (n == full)
			flows = true;
		else if (done < len)
			return -2;
	}
	return count;
}

TEST_F(peer, dynamic_records_are_small_at_first_and_after_a_pause)
{
	uint8_t *data = pattern(BULK, 97);
	int round;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_DYNAMIC, 1));
	for (round = 0; round < 3; round++) {
		SENDING(data, BULK);

		/* it was the second round's end less than a second ago */
		EXPECT_EQ(round < 2 ? 40 : 0,
			  count_small(&self->peer, data, BULK, SMALL, PEER_PLAIN_MAX));
		SENT();
		if (!round)
			sleep_ms(1200);
	}
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_DYNAMIC, 0));
	sleep_ms(1200);
	{
		SENDING(data, BULK);

		EXPECT_EQ(0, count_small(&self->peer, data, BULK, SMALL, PEER_PLAIN_MAX));
		SENT();
	}
	free(data);
}

TEST_F(peer, dynamic_counts_over_calls_and_keeps_record_max)
{
	uint8_t *data = pattern(BULK, 98), got[PEER_PLAIN_MAX];
	int i, type;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_DYNAMIC, 1));
	/* small writes stay as they are */
	for (i = 0; i < 30; i++) {
		ASSERT_EQ(100, send(self->fd, data, 100, 0));
		ASSERT_EQ(100, peer_open(&self->peer, &type, got));
	}
	ASSERT_EQ(20000, send(self->fd, data, 20000, 0));
	EXPECT_EQ(10, count_small(&self->peer, data, 20000, SMALL, PEER_PLAIN_MAX));

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_RECORD_MAX, 1000));
	sleep_ms(1200);
	ASSERT_EQ(50000, send(self->fd, data, 50000, 0));
	EXPECT_EQ(50, count_small(&self->peer, data, 50000, 1000, PEER_PLAIN_MAX));
	free(data);
}

TEST_F(peer, dynamic_lets_out_what_waits_beyond_it)
{
	uint8_t *data = pattern(6000, 99), got[6000];

	ASSERT_EQ(3000, send(self->fd, data, 3000, MSG_MORE));
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_DYNAMIC, 1));
	ASSERT_EQ(3000, send(self->fd, data + 3000, 3000, 0));
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, 6000));
	EXPECT_EQ(0, memcmp(data, got, 6000));
	free(data);
}

/* ---- from listener and helper ---- */

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

FIXTURE(shape) {
	struct worker helper;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	int listener, client, server;
};

SESSION_VARIANTS(shape);

FIXTURE_SETUP(shape)
{
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	self->listener = listen_as_server(variant->family);
	ASSERT_LE(0, self->listener);
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	self->client = self->server = -1;
}

FIXTURE_TEARDOWN(shape)
{
	close(self->client);
	close(self->server);
	close(self->listener);
	worker_close(&self->helper);
}

/* A connection whose handshake the helper has. */
#define ACCEPT()							\
	do {								\
		self->client = tcp_connect(self->listener);		\
		self->server = accept(self->listener, NULL, NULL);	\
		ASSERT_LE(0, self->server);				\
		ASSERT_EQ(15, send(self->client, hello, 15, 0));	\
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000)); \
	} while (0)

/* peer_max: what the peer takes; 0 is not said */
static int done_with_limit(struct worker *w, uint64_t cookie, const struct kseal_session_keys *keys,
			   uint32_t record_max, uint32_t padding, uint32_t dynamic,
			   uint32_t peer_max)
{
	uint8_t buf[1024] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = kseal_genl_start(&w->g, buf, KSEAL_CMD_DONE, NLM_F_ACK);

	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, cookie);
	mnl_attr_put_u32(nlh, KSEAL_A_CONSUMED, sizeof(hello));
	mnl_attr_put_u32(nlh, KSEAL_A_RECORD_MAX, record_max);
	mnl_attr_put_u32(nlh, KSEAL_A_PADDING, padding);
	mnl_attr_put_u32(nlh, KSEAL_A_DYNAMIC, dynamic);
	if (peer_max)
		mnl_attr_put_u32(nlh, KSEAL_A_PEER_RECORD_MAX, peer_max);
	kseal_put_keys(nlh, keys);
	return worker_talk(w, nlh);
}

static int done_with_shape(struct worker *w, uint64_t cookie, const struct kseal_session_keys *keys,
			   uint32_t record_max, uint32_t padding, uint32_t dynamic)
{
	return done_with_limit(w, cookie, keys, record_max, padding, dynamic, 0);
}

#define HAS(fd, record_max, padding, dynamic)				\
	do {								\
		EXPECT_EQ(record_max, get_option(fd, KSEAL_SO_RECORD_MAX)); \
		EXPECT_EQ(padding, get_option(fd, KSEAL_SO_PADDING));	\
		EXPECT_EQ(dynamic, get_option(fd, KSEAL_SO_DYNAMIC));	\
	} while (0)

TEST_F(shape, connections_inherit_the_listeners)
{
	uint8_t got[PEER_PLAIN_MAX];
	struct peer p;
	int type, wire;

	ASSERT_EQ(0, set_option(self->listener, KSEAL_SO_RECORD_MAX, 500));
	ASSERT_EQ(0, set_option(self->listener, KSEAL_SO_PADDING, 64));
	ASSERT_EQ(0, set_option(self->listener, KSEAL_SO_DYNAMIC, 1));
	ASSERT_EQ(0, set_option(self->listener, KSEAL_SO_CONTROL, 1));
	HAS(self->listener, 500, 64, 1);
	ACCEPT();
	HAS(self->server, 500, 64, 1);
	EXPECT_EQ(1, get_option(self->server, KSEAL_SO_CONTROL));
	/* and keep it against the profile */
	ASSERT_EQ(0, done_with_shape(&self->helper, self->msg.cookie, &self->keys, 1000, 100, 0));
	HAS(self->server, 500, 64, 1);
	peer_init(&p, self->client, &self->keys);
	ASSERT_EQ(600, send(self->server, memset(got, 1, 600), 600, 0));
	EXPECT_EQ(500, open_sized(&p, &type, got, &wire));
	EXPECT_EQ(PEER_HEADER + 501 + PEER_TAG, wire);
	EXPECT_EQ(100, open_sized(&p, &type, got, &wire));
	EXPECT_EQ(PEER_HEADER + 128 + PEER_TAG, wire);
}

TEST_F(shape, the_helpers_is_taken_where_nobody_set_one)
{
	ACCEPT();
	HAS(self->server, 16384, 0, 0);
	/* the default, but chosen */
	ASSERT_EQ(0, set_option(self->server, KSEAL_SO_RECORD_MAX, 16384));
	ASSERT_EQ(0, done_with_shape(&self->helper, self->msg.cookie, &self->keys, 1000, 100, 1));
	HAS(self->server, 16384, 100, 1);
	ASSERT_EQ(0, set_option(self->server, KSEAL_SO_PADDING, 0));
	HAS(self->server, 16384, 0, 1);
}

/* RFC 6066 4: neither the application nor the profile may send more */
TEST_F(shape, what_the_peer_takes_holds_whoever_wants_more)
{
	uint8_t got[PEER_PLAIN_MAX];
	struct peer p;
	int type, wire;

	ASSERT_EQ(0, set_option(self->listener, KSEAL_SO_RECORD_MAX, 1000));
	ACCEPT();
	ASSERT_EQ(0, done_with_limit(&self->helper, self->msg.cookie, &self->keys, 16384, 600, 0,
				     512));
	HAS(self->server, 512, 600, 0);
	peer_init(&p, self->client, &self->keys);
	ASSERT_EQ(0, set_option(self->server, KSEAL_SO_RECORD_MAX, 16384));
	HAS(self->server, 512, 600, 0);
	ASSERT_EQ(600, send(self->server, memset(got, 1, 600), 600, 0));
	EXPECT_EQ(512, open_sized(&p, &type, got, &wire));
	EXPECT_EQ(88, open_sized(&p, &type, got, &wire));
	/* padding, too */
	EXPECT_EQ(PEER_HEADER + 513 + PEER_TAG, wire);
	ASSERT_EQ(0, set_option(self->server, KSEAL_SO_RECORD_MAX, 100));
	HAS(self->server, 100, 600, 0);
}

TEST_F(shape, what_the_helper_may_not_ask_for_is_refused_and_it_may_go_on)
{
	static const uint32_t bad[][4] = { { 62, 0, 0, 0 }, { 16385, 0, 0, 0 }, { 100, 16386, 0, 0 },
					   { 100, 0, 2, 0 }, { 100, 0, 0, 62 }, { 100, 0, 0, 16385 } };
	int i, err;

	ACCEPT();
	for (i = 0; i < 6; i++) {
		err = done_with_limit(&self->helper, self->msg.cookie, &self->keys, bad[i][0],
				      bad[i][1], bad[i][2], bad[i][3]);
		EXPECT_TRUE(err == -EINVAL || err == -ERANGE) TH_LOG("%d: %d", i, err);
		EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->server));
	}
	HAS(self->server, 16384, 0, 0);
	ASSERT_EQ(0, done_with_shape(&self->helper, self->msg.cookie, &self->keys, 63, 16385, 1));
	HAS(self->server, 63, 16385, 1);
}

TEST_HARNESS_MAIN
