// SPDX-License-Identifier: GPL-2.0-or-later
/* KeyUpdate where the application keeps the secrets and brings the next keys. */
#include <poll.h>
#include <pthread.h>

#include "harness.h"
#include "session.h"

FIXTURE(rekey) {
	int fd;
	struct peer peer;
	struct kseal_session_keys keys;	/* those fd has */
	struct kseal_session_keys next;	/* for a second installation */
};

FIXTURE_VARIANT(rekey) { int family; uint16_t cipher; };
FIXTURE_VARIANT_ADD(rekey, ipv4_aes128) {
	.family = AF_INET, .cipher = KSEAL_CIPHER_AES_GCM_128 };
FIXTURE_VARIANT_ADD(rekey, ipv6_aes256) {
	.family = AF_INET6, .cipher = KSEAL_CIPHER_AES_GCM_256 };
FIXTURE_VARIANT_ADD(rekey, ipv4_chacha20) {
	.family = AF_INET, .cipher = KSEAL_CIPHER_CHACHA20_POLY1305 };

FIXTURE_SETUP(rekey)
{
	int fd[2];

	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	/* the peer has the secrets, kseal has not */
	peer_init(&self->peer, fd[0], &self->keys);
	self->keys.tx.secret_len = 0;
	self->keys.rx.secret_len = 0;
	self->fd = fd[1];
	ASSERT_EQ(0, install(self->fd, &self->keys));
	memset(&self->next, 0, sizeof(self->next));
	self->next.version = KSEAL_VERSION_1_3;
	self->next.cipher = variant->cipher;
}

FIXTURE_TEARDOWN(rekey)
{
	close(self->fd);
	close(self->peer.fd);
}

/* What the other end has, for ours. */
static void take_keys(struct kseal_keys *keys, const struct peer_dir *d)
{
	memset(keys, 0, sizeof(*keys));
	keys->key_len = peer_key_len(d->cipher);
	memcpy(keys->key, d->key, keys->key_len);
	memcpy(keys->iv, d->iv, sizeof(keys->iv));
	keys->seq = d->seq;
}

static bool told(struct peer *p, int type, const char *text, size_t len)
{
	uint8_t content[PEER_PLAIN_MAX];
	int got, n = peer_open(p, &got, content);

	if (n == len && got == type && !memcmp(content, text, n))
		return true;
	printf("# not \"%s\": type %d, length %d\n", text, got, n);
	return false;
}

static const char update[] = { 24, 0, 0, 1, 0 };

/* The peer's update, and what only the next keys open; the next keys. */
#define PEER_UPDATES()							\
	do {								\
		ASSERT_EQ(0, peer_key_update(&self->peer, false));	\
		take_keys(&self->next.rx, &self->peer.tx);		\
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "new", 3, 0)); \
	} while (0)

TEST_F(rekey, reading_pauses_until_the_next_keys_come)
{
	struct kseal_info info;
	char got[8];
	int i;

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "old", 3, 0));
	PEER_UPDATES();
	ASSERT_EQ(3, recv_soon(self->fd, got, 8));
	EXPECT_EQ(0, memcmp(got, "old", 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
		/* or a program that polls would never learn of it */
		EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 50));
	}
	/* a pause, and of one direction */
	EXPECT_EQ(KSEAL_STATE_KEYED, info_state(self->fd));
	EXPECT_EQ(0, info_error(self->fd));
	ASSERT_EQ(4, send(self->fd, "back", 4, MSG_NOSIGNAL));
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "back", 4));

	ASSERT_EQ(0, install(self->fd, &self->next));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 1000));
	ASSERT_EQ(3, recv_soon(self->fd, got, 8));
	EXPECT_EQ(0, memcmp(got, "new", 3));
	EXPECT_EQ(-EAGAIN, recv_soon(self->fd, got, 8));
	ASSERT_EQ(0, kseal_info(self->fd, &info));
	EXPECT_EQ(1, info.rx_updates);
	EXPECT_EQ(0, info.tx_updates);
}

TEST_F(rekey, many_generations_follow_each_other)
{
	char got[8];
	int i;

	for (i = 0; i < 5; i++) {
		PEER_UPDATES();
		EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
		ASSERT_EQ(0, install(self->fd, &self->next));
		ASSERT_EQ(3, recv_soon(self->fd, got, 8));
	}
}

static void *poll_blocked(void *arg)
{
	return (void *)(intptr_t)poll_for(*(int *)arg, POLLIN, 5000);
}

TEST_F(rekey, the_next_keys_wake_who_polls)
{
	pthread_t thread;
	void *events;

	PEER_UPDATES();
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_blocked, &self->fd));
	sleep_ms(100);
	ASSERT_EQ(0, install(self->fd, &self->next));
	pthread_join(thread, &events);
	EXPECT_EQ(POLLIN, (intptr_t)events);
}

static void *read_blocked(void *arg)
{
	char got[8];
	ssize_t n = recv(*(int *)arg, got, 8, 0);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

TEST_F(rekey, a_blocked_reader_is_told_that_keys_are_missing)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocked, &self->fd));
	sleep_ms(50);
	ASSERT_EQ(0, peer_key_update(&self->peer, false));
	pthread_join(thread, &ret);
	EXPECT_EQ(-EKEYEXPIRED, (intptr_t)ret);
}

TEST_F(rekey, an_application_that_takes_control_records_sees_the_update)
{
	char got[8];
	int type;

	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_key_update(&self->peer, true));
	take_keys(&self->next.rx, &self->peer.tx);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "new", 3, 0));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 1000));
	ASSERT_EQ(5, recv_type(self->fd, &type, got, 8, 0));
	EXPECT_EQ(PEER_HANDSHAKE, type);
	EXPECT_EQ(0, memcmp(got, "\30\0\0\1\1", 5));
	EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 50));
	/* it asked for ours */
	ASSERT_EQ(5, send_type(self->fd, PEER_HANDSHAKE, update, 5, 0));
	ASSERT_EQ(0, install(self->fd, &self->next));
	EXPECT_EQ(3, recv_type(self->fd, &type, got, 8, 0));
	EXPECT_EQ(PEER_DATA, type);
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, update, 5));
}

TEST_F(rekey, ones_own_update_is_sent_by_cmsg_and_followed_by_the_next_keys)
{
	struct kseal_info info;
	char got[8];

	ASSERT_EQ(4, send(self->fd, "more", 4, MSG_MORE));
	ASSERT_EQ(5, send_type(self->fd, PEER_HANDSHAKE, update, 5, 0));
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "more", 4));
	EXPECT_TRUE(told(&self->peer, PEER_HANDSHAKE, update, 5));
	peer_next_keys(&self->peer.rx);
	take_keys(&self->next.tx, &self->peer.rx);
	ASSERT_EQ(0, install(self->fd, &self->next));
	ASSERT_EQ(4, send(self->fd, "next", 4, 0));
	EXPECT_TRUE(told(&self->peer, PEER_DATA, "next", 4));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "other", 5, 0));
	EXPECT_EQ(5, recv_soon(self->fd, got, 8));
	ASSERT_EQ(0, kseal_info(self->fd, &info));
	EXPECT_EQ(1, info.tx_updates);
	EXPECT_EQ(0, info.rx_updates);
	EXPECT_EQ(-EALREADY, install(self->fd, &self->next));
}

TEST_F(rekey, with_the_next_keys_secret_the_kernel_goes_on_by_itself)
{
	char got[8];

	PEER_UPDATES();
	EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
	self->next.rx.secret_len = self->peer.tx.secret_len;
	memcpy(self->next.rx.secret, self->peer.tx.secret, 48);
	ASSERT_EQ(0, install(self->fd, &self->next));
	ASSERT_EQ(3, recv_soon(self->fd, got, 8));
	ASSERT_EQ(0, peer_key_update(&self->peer, false));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "by itself", 8, 0));
	EXPECT_EQ(8, recv_soon(self->fd, got, 8));
	/* from here on nobody else may */
	EXPECT_EQ(-EEXIST, install(self->fd, &self->next));
}

/* ---- what is refused ---- */

TEST_F(rekey, keys_without_an_update_are_refused)
{
	struct kseal_session_keys both;

	make_keys(&both, KSEAL_VERSION_1_3, variant->cipher);
	self->next.rx = both.rx;
	EXPECT_EQ(-EEXIST, install(self->fd, &both));
	EXPECT_EQ(-EEXIST, install(self->fd, &self->next));
	self->next.rx.key_len = 0;
	EXPECT_EQ(-EEXIST, install(self->fd, &self->next));
}

TEST_F(rekey, keys_that_do_not_fit_are_refused_and_the_right_ones_taken)
{
	struct kseal_session_keys next, both;
	char got[8];

	PEER_UPDATES();
	EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
	next = self->next;
	make_keys(&both, KSEAL_VERSION_1_3, variant->cipher);
	both.rx = next.rx;
	EXPECT_EQ(-EEXIST, install(self->fd, &both));
	self->next.version = KSEAL_VERSION_1_2;
	EXPECT_EQ(-EINVAL, install(self->fd, &self->next));
	self->next = next;
	self->next.cipher = variant->cipher == KSEAL_CIPHER_AES_CCM_128 ?
			    KSEAL_CIPHER_AES_GCM_128 : KSEAL_CIPHER_AES_CCM_128;
	EXPECT_EQ(-EINVAL, install(self->fd, &self->next));
	self->next = next;
	self->next.rx.seq = 1;
	EXPECT_EQ(-EINVAL, install(self->fd, &self->next));
	self->next = next;
	self->next.rx.key_len = 48 - self->next.rx.key_len;
	EXPECT_EQ(-EINVAL, install(self->fd, &self->next));
	self->next = next;
	self->next.rx = self->keys.rx;
	EXPECT_EQ(-EALREADY, install(self->fd, &self->next));
	EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
	EXPECT_EQ(0, install(self->fd, &next));
	EXPECT_EQ(3, recv_soon(self->fd, got, 8));
}

TEST_F(rekey, wrong_next_keys_end_the_session)
{
	PEER_UPDATES();
	EXPECT_EQ(EKEYEXPIRED, read_error(self->fd));
	self->next.rx.key[3] ^= 1;
	ASSERT_EQ(0, install(self->fd, &self->next));
	EXPECT_EQ(EBADMSG, read_error(self->fd));
	EXPECT_TRUE(peer_alerted(&self->peer, 2, 20));
}

TEST_F(rekey, a_malformed_update_is_refused_without_a_secret_too)
{
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, "\30\0\0\1\2", 5, 0));
	EXPECT_EQ(EPROTO, read_error(self->fd));
	EXPECT_TRUE(peer_alerted(&self->peer, 2, 47));
}

TEST_F(rekey, keys_with_a_secret_and_those_of_tls12_are_not_replaced)
{
	static const uint16_t versions[] = { KSEAL_VERSION_1_3, KSEAL_VERSION_1_2 };
	struct kseal_session_keys keys;
	int fd[2], i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, tcp_pair(variant->family, fd));
		make_keys(&keys, versions[i], variant->cipher);
		ASSERT_EQ(0, install(fd[0], &keys));
		make_keys(&keys, versions[i], variant->cipher);
		keys.rx.key_len = 0;
		EXPECT_EQ(-EEXIST, install(fd[0], &keys));
		make_keys(&keys, versions[i], variant->cipher);
		keys.tx.key_len = 0;
		EXPECT_EQ(-EEXIST, install(fd[0], &keys));
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_F(rekey, the_next_keys_alone_are_no_first_ones)
{
	int fd[2];

	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	take_keys(&self->next.rx, &self->peer.tx);
	EXPECT_EQ(-EINVAL, install(fd[0], &self->next));
	close(fd[0]);
	close(fd[1]);
}

/* ---- the limit ---- */

TEST_F(rekey, at_the_limit_sending_waits_for_the_next_keys)
{
	long limit = param_get("record_limit");
	struct kseal_session_keys keys;
	struct peer p;
	int fd[2], n, i;
	ssize_t ret;

	ASSERT_EQ(0, param_set("record_limit", 32));
	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	make_keys(&keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&p, fd[0], &keys);
	keys.tx.secret_len = 0;
	ret = install(fd[1], &keys);
	param_set("record_limit", limit);
	ASSERT_EQ(0, ret);
	for (n = 0; send(fd[1], "x", 1, MSG_NOSIGNAL) == 1; n++)
		ASSERT_GT(32, n);
	EXPECT_EQ(EKEYEXPIRED, errno);
	/* the way out is the application's own update */
	EXPECT_EQ(5, send_type(fd[1], PEER_HANDSHAKE, update, 5, 0));
	for (i = 0; i < n; i++)
		ASSERT_TRUE(told(&p, PEER_DATA, "x", 1));
	EXPECT_TRUE(told(&p, PEER_HANDSHAKE, update, 5));
	peer_next_keys(&p.rx);
	take_keys(&self->next.tx, &p.rx);
	ASSERT_EQ(0, install(fd[1], &self->next));
	EXPECT_EQ(1, send(fd[1], "y", 1, MSG_NOSIGNAL));
	EXPECT_TRUE(told(&p, PEER_DATA, "y", 1));
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
