// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ULP "tls" and SOL_TLS, which kseal.ko has when it is loaded with dropin=1.
 * Mainline's own test (mainline.sh) has kseal at both ends; here the other end
 * is peer.c, and errors are compared with net/tls/tls_main.c one by one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "fixture.h"
#include "sol_tls.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

static bool all_zero(const uint8_t *data, size_t len)
{
	while (len--)
		if (data[len])
			return false;
	return true;
}

static void add(uint8_t number[8], unsigned int n)
{
	int i;

	for (i = 7; i >= 0; i--, n >>= 8) {
		n += number[i];
		number[i] = n;
	}
}

/* ---- a socket with the ULP and no keys yet, peer.c at the other end ---- */

FIXTURE(tls) {
	int fd;
	struct peer peer;
	struct kseal_session_keys keys;
};

FIXTURE_VARIANT(tls) { int family; uint16_t version, cipher; };

FIXTURE_VARIANT_ADD(tls, ipv4_12_aes128) {
	.family = AF_INET, .version = TLS_1_2_VERSION, .cipher = TLS_CIPHER_AES_GCM_128 };
FIXTURE_VARIANT_ADD(tls, ipv4_13_aes256) {
	.family = AF_INET, .version = TLS_1_3_VERSION, .cipher = TLS_CIPHER_AES_GCM_256 };
FIXTURE_VARIANT_ADD(tls, ipv6_12_aes256) {
	.family = AF_INET6, .version = TLS_1_2_VERSION, .cipher = TLS_CIPHER_AES_GCM_256 };
FIXTURE_VARIANT_ADD(tls, ipv6_13_aes128) {
	.family = AF_INET6, .version = TLS_1_3_VERSION, .cipher = TLS_CIPHER_AES_GCM_128 };

FIXTURE_SETUP(tls)
{
	int fds[2];

	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	make_keys(&self->keys, variant->version, variant->cipher);
	peer_init(&self->peer, fds[0], &self->keys);
	self->fd = fds[1];
	ASSERT_EQ(0, set_ulp(self->fd));
}

FIXTURE_TEARDOWN(tls)
{
	close(self->fd);
	close(self->peer.fd);
}

/* ---- data ---- */

TEST_F(tls, what_is_sent_and_received_is_what_the_rfcs_say)
{
	const size_t len = 100000;
	uint8_t *sent = pattern(len, 1), *got = malloc(len);

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(0, send_all(self->fd, sent, len));
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, len));
	EXPECT_EQ(0, memcmp(sent, got, len));
	ASSERT_EQ(0, peer_send_all(&self->peer, sent, len));
	ASSERT_EQ(0, recv_all(self->fd, got, len));
	EXPECT_EQ(0, memcmp(sent, got, len));
	free(sent);
	free(got);
}

/* Clear text one way, and nothing of the kind the other way. */
TEST_F(tls, without_receiving_keys_that_direction_is_clear)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(0, set_keys(self->fd, &self->keys, true));
	ASSERT_EQ(6, send(self->fd, "sealed", 6, 0));
	ASSERT_EQ(6, peer_open(&self->peer, &type, got));
	EXPECT_EQ(0, memcmp(got, "sealed", 6));
	ASSERT_EQ(0, peer_write(&self->peer, "clear", 5));
	ASSERT_EQ(0, recv_all(self->fd, got, 5));
	EXPECT_EQ(0, memcmp(got, "clear", 5));
}

TEST_F(tls, without_sending_keys_that_direction_is_clear)
{
	uint8_t got[PEER_PLAIN_MAX];

	ASSERT_EQ(0, set_keys(self->fd, &self->keys, false));
	ASSERT_EQ(5, send(self->fd, "clear", 5, 0));
	ASSERT_EQ(5, recv(self->peer.fd, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, "clear", 5));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "sealed", 6, 0));
	ASSERT_EQ(0, recv_all(self->fd, got, 6));
	EXPECT_EQ(0, memcmp(got, "sealed", 6));
}

TEST_F(tls, without_any_keys_both_are_clear)
{
	uint8_t got[8];

	ASSERT_EQ(5, send(self->fd, "clear", 5, 0));
	ASSERT_EQ(5, recv(self->peer.fd, got, sizeof(got), 0));
	ASSERT_EQ(0, peer_write(&self->peer, "clear", 5));
	ASSERT_EQ(5, recv(self->fd, got, sizeof(got), 0));
}

static int send_record(int fd, uint8_t type, const void *data, size_t len)
{
	char control[CMSG_SPACE(1)] = {};
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = type;
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

/* Bytes, or -errno; *type is the record's, -1 when nobody said. */
static int recv_record(int fd, int *type, void *data, size_t len)
{
	char control[CMSG_SPACE(1)];
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &msg, 0);
	struct cmsghdr *cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);

	*type = cmsg && cmsg->cmsg_level == SOL_TLS && cmsg->cmsg_type == TLS_GET_RECORD_TYPE ?
		*CMSG_DATA(cmsg) : -1;
	return n < 0 ? -errno : n;
}

TEST_F(tls, alerts_are_the_application_s)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(0, send_record(self->fd, PEER_ALERT, "\1\0", 2));
	ASSERT_EQ(2, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_ALERT, type);
	/* nothing stops by itself */
	EXPECT_EQ(1, send(self->fd, "x", 1, 0));
	EXPECT_EQ(1, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_DATA, type);

	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0 /* close_notify */));
	EXPECT_EQ(-1, recv(self->fd, got, sizeof(got), 0));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(2, recv_record(self->fd, &type, got, sizeof(got)));
	EXPECT_EQ(PEER_ALERT, type);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "x", 1, 0));
	EXPECT_EQ(1, recv_record(self->fd, &type, got, sizeof(got)));
	EXPECT_EQ(PEER_DATA, type);
}

TEST_F(tls, an_end_without_close_notify_is_an_end)
{
	char byte;

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "x", 1, 0));
	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	EXPECT_EQ(1, recv(self->fd, &byte, 1, 0));
	EXPECT_EQ(0, recv(self->fd, &byte, 1, 0));
	EXPECT_EQ(0, recv(self->fd, &byte, 1, 0));
}

TEST_F(tls, shutdown_and_close_send_nothing_of_their_own)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(1, peer_open(&self->peer, &type, got));
	EXPECT_EQ(-ENODATA, peer_open(&self->peer, &type, got));
	EXPECT_EQ(-1, type);
}

/* ---- keys are not given back ---- */

TEST_F(tls, what_is_read_back_is_public)
{
	struct crypto set, got;
	socklen_t len;
	int i;

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	for (i = 0; i < 2; i++) {
		fill(&set, &self->keys, !i);
		lay_out(&got, variant->cipher);
		memset(got.bytes, 0xee, sizeof(got.bytes));
		len = set.len;
		ASSERT_EQ(0, get_tls(self->fd, i ? TLS_RX : TLS_TX, got.bytes, &len));
		EXPECT_EQ(set.len, len);
		EXPECT_EQ(variant->version, got.info.version);
		EXPECT_EQ(variant->cipher, got.info.cipher_type);
		EXPECT_TRUE(all_zero(got.key, got.key_len));
		EXPECT_TRUE(all_zero(got.salt, 4));
		/* the number of the next record */
		EXPECT_TRUE(all_zero(got.seq, 7));
		EXPECT_EQ(i ? 0 : 3, got.seq[7]);
		/* TLS 1.2 shows its nonces in the records; 1.3's IV is a secret */
		if (variant->version == TLS_1_3_VERSION)
			memset(set.iv, 0, 8);
		else if (!i)
			add(set.iv, 3);
		EXPECT_EQ(0, memcmp(set.iv, got.iv, 8));
		EXPECT_EQ(0xee, got.bytes[set.len]);
	}
}

TEST_F(tls, reading_back_has_mainline_s_errors)
{
	struct crypto c;
	socklen_t len;
	int i;

	lay_out(&c, variant->cipher);
	len = c.len;
	EXPECT_EQ(-EBUSY, get_tls(self->fd, TLS_TX, c.bytes, &len));
	ASSERT_EQ(0, set_keys(self->fd, &self->keys, true));
	for (i = -1; i <= 1; i += 2) {
		len = c.len + i;
		EXPECT_EQ(-EINVAL, get_tls(self->fd, TLS_TX, c.bytes, &len));
	}
	len = sizeof(c.info) - 1;
	EXPECT_EQ(-EINVAL, get_tls(self->fd, TLS_TX, c.bytes, &len));
	len = sizeof(c.info);
	EXPECT_EQ(0, get_tls(self->fd, TLS_TX, c.bytes, &len));
	EXPECT_EQ(variant->cipher, c.info.cipher_type);
	len = c.len;
	EXPECT_EQ(-EBUSY, get_tls(self->fd, TLS_RX, c.bytes, &len));
	EXPECT_EQ(-ENOPROTOOPT, get_tls(self->fd, 99, c.bytes, &len));
}

/* ---- what may be set ---- */

TEST_F(tls, wrong_keys_are_refused_and_change_nothing)
{
	struct crypto c;
	uint8_t got[PEER_PLAIN_MAX];
	int type, i;

	for (i = 0; i < 2; i++) {
		int name = i ? TLS_RX : TLS_TX;

		fill(&c, &self->keys, !i);
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, c.bytes, c.len - 1));
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, c.bytes, c.len + 1));
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, c.bytes, sizeof(c.info) - 1));
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, c.bytes, 0));
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, NULL, c.len));
		EXPECT_EQ(-EFAULT, set_tls(self->fd, name, (void *)16, c.len));
		c.info.version = 0x0301;
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, c.bytes, c.len));
		c.info.version = variant->version;
		c.info.cipher_type = 50;
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, c.bytes, c.len));
		c.info.cipher_type = 0;
		EXPECT_EQ(-EINVAL, set_tls(self->fd, name, c.bytes, c.len));
	}
	EXPECT_EQ(-ENOPROTOOPT, set_tls(self->fd, 99, c.bytes, c.len));
	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	EXPECT_EQ(1, peer_open(&self->peer, &type, got));
}

TEST_F(tls, both_directions_have_one_version_and_cipher)
{
	struct crypto c, other;

	ASSERT_EQ(0, set_keys(self->fd, &self->keys, true));
	fill(&c, &self->keys, false);
	c.info.version = variant->version ^ TLS_1_2_VERSION ^ TLS_1_3_VERSION;
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_RX, c.bytes, c.len));
	lay_out(&other, variant->cipher == TLS_CIPHER_AES_GCM_128 ? TLS_CIPHER_AES_GCM_256 :
								   TLS_CIPHER_AES_GCM_128);
	other.info.version = variant->version;
	other.info.cipher_type = variant->cipher == TLS_CIPHER_AES_GCM_128 ?
				 TLS_CIPHER_AES_GCM_256 : TLS_CIPHER_AES_GCM_128;
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_RX, other.bytes, other.len));
	EXPECT_EQ(0, set_keys(self->fd, &self->keys, false));
}

TEST_F(tls, keys_are_set_again_in_tls_1_3_alone)
{
	int again = variant->version == TLS_1_3_VERSION ? 0 : -EBUSY;
	struct kseal_session_keys next;
	uint8_t got[PEER_PLAIN_MAX];
	struct crypto c;
	int type;

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	make_keys(&next, variant->version, variant->cipher);
	if (again) {
		EXPECT_EQ(again, set_keys(self->fd, &self->keys, true));
		EXPECT_EQ(again, set_keys(self->fd, &self->keys, false));
		/* before anything else is looked at */
		fill(&c, &self->keys, true);
		c.info.cipher_type = 50;
		EXPECT_EQ(again, set_tls(self->fd, TLS_TX, c.bytes, c.len));
		c.info.version = 0;
		EXPECT_EQ(again, set_tls(self->fd, TLS_TX, c.bytes, sizeof(c.info)));
		return;
	}
	EXPECT_EQ(0, set_keys(self->fd, &next, true));
	EXPECT_EQ(0, set_keys(self->fd, &next, false));
	peer_init(&self->peer, self->peer.fd, &next);
	ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	EXPECT_EQ(1, peer_open(&self->peer, &type, got));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "y", 1, 0));
	EXPECT_EQ(1, recv(self->fd, got, sizeof(got), 0));
}

/* ---- the other options ---- */

TEST_F(tls, zerocopy_ro_is_kept)
{
	unsigned int value = 2;
	socklen_t len = sizeof(value);

	EXPECT_EQ(0, get_tls(self->fd, TLS_TX_ZEROCOPY_RO, &value, &len));
	EXPECT_EQ(0, value);
	value = 1;
	EXPECT_EQ(0, set_tls(self->fd, TLS_TX_ZEROCOPY_RO, &value, sizeof(value)));
	value = 2;
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_TX_ZEROCOPY_RO, &value, sizeof(value)));
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_TX_ZEROCOPY_RO, &value, 1));
	EXPECT_EQ(0, get_tls(self->fd, TLS_TX_ZEROCOPY_RO, &value, &len));
	EXPECT_EQ(1, value);
	len = 8;
	EXPECT_EQ(-EINVAL, get_tls(self->fd, TLS_TX_ZEROCOPY_RO, &value, &len));
}

TEST_F(tls, expect_no_pad_is_a_matter_of_tls_1_3_with_receiving_keys)
{
	int refused = variant->version == TLS_1_3_VERSION ? 0 : -EINVAL;
	uint32_t value[2] = { 1, 0 }, got = 7;
	socklen_t len = sizeof(got);
	char text[4];

	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_RX_EXPECT_NO_PAD, value, 4));
	EXPECT_EQ(-EINVAL, get_tls(self->fd, TLS_RX_EXPECT_NO_PAD, &got, &len));
	ASSERT_EQ(0, set_keys(self->fd, &self->keys, true));
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_RX_EXPECT_NO_PAD, value, 4));
	ASSERT_EQ(0, set_keys(self->fd, &self->keys, false));
	EXPECT_EQ(refused, set_tls(self->fd, TLS_RX_EXPECT_NO_PAD, value, 4));
	EXPECT_EQ(refused, set_tls(self->fd, TLS_RX_EXPECT_NO_PAD, value, 8));
	EXPECT_EQ(refused, get_tls(self->fd, TLS_RX_EXPECT_NO_PAD, &got, &len));
	EXPECT_EQ(refused ? 7 : 1, got);
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_RX_EXPECT_NO_PAD, value, 2));
	value[1] = 1;
	EXPECT_NE(0, set_tls(self->fd, TLS_RX_EXPECT_NO_PAD, value, 8));
	value[0] = 2;
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_RX_EXPECT_NO_PAD, value, 4));
	if (refused)
		return;
	/* a broken promise is no harm */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "pad", 3, 100));
	EXPECT_EQ(3, recv(self->fd, text, sizeof(text), 0));
}

TEST_F(tls, max_payload_len_limits_records)
{
	uint8_t record[PEER_RECORD_MAX];
	uint16_t value = 512, got = 0;
	socklen_t len = sizeof(got);
	int overhead = variant->version == TLS_1_3_VERSION ? 5 + 1 + 16 : 5 + 8 + 16;

	EXPECT_EQ(0, get_tls(self->fd, TLS_TX_MAX_PAYLOAD_LEN, &got, &len));
	EXPECT_EQ(16384, got);
	ASSERT_EQ(0, set_keys(self->fd, &self->keys, true));
	EXPECT_EQ(0, set_tls(self->fd, TLS_TX_MAX_PAYLOAD_LEN, &value, sizeof(value)));
	EXPECT_EQ(0, get_tls(self->fd, TLS_TX_MAX_PAYLOAD_LEN, &got, &len));
	EXPECT_EQ(512, got);
	value = 16385;
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_TX_MAX_PAYLOAD_LEN, &value, sizeof(value)));
	value = 62;
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_TX_MAX_PAYLOAD_LEN, &value, sizeof(value)));
	EXPECT_EQ(-EINVAL, set_tls(self->fd, TLS_TX_MAX_PAYLOAD_LEN, &value, 4));
	ASSERT_EQ(1000, send(self->fd, record, 1000, 0));
	EXPECT_EQ(512 + overhead, peer_read(&self->peer, record));
	EXPECT_EQ(488 + overhead, peer_read(&self->peer, record));
}

TEST_F(tls, msg_zerocopy_is_refused)
{
	int one = 1;

	ASSERT_EQ(0, set_keys(self->fd, &self->keys, true));
	/* mainline lets it be set */
	EXPECT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	EXPECT_EQ(-1, send(self->fd, "x", 1, MSG_ZEROCOPY));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(1, send(self->fd, "x", 1, 0));
}

TEST_F(tls, disconnect_is_refused)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	EXPECT_EQ(-1, connect(self->fd, &nowhere, sizeof(nowhere)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	EXPECT_EQ(-1, connect(self->fd, &nowhere, sizeof(nowhere)));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

/* ---- ss ---- */

/* What ss says of the socket's ULP; empty when it says nothing. */
static void say(int fd, char *line, size_t size)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char command[100], all[8192] = "", *at;
	FILE *f;

	getsockname(fd, (struct sockaddr *)&addr, &len);
	snprintf(command, sizeof(command), "ss -tniH state connected 'sport = :%d'",
		 ntohs(((struct sockaddr_in *)&addr)->sin_port));
	f = popen(command, "r");
	len = f ? fread(all, 1, sizeof(all) - 1, f) : 0;
	if (f)
		pclose(f);
	at = strstr(all, "tcp-ulp-");
	snprintf(line, size, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
}

TEST_F(tls, ss_shows_it)
{
	const char *cipher = variant->cipher == TLS_CIPHER_AES_GCM_128 ? "cipher: aes-gcm-128" :
								       "cipher: aes-gcm-256";
	const char *version = variant->version == TLS_1_3_VERSION ? "version: 1.3" : "version: 1.2";
	char line[1000];

	say(self->fd, line, sizeof(line));
	ASSERT_TRUE(strstr(line, "tcp-ulp-tls") && strstr(line, "rxconf: none") &&
		    strstr(line, "txconf: none")) TH_LOG("ss: %s", line);
	ASSERT_EQ(0, set_keys(self->fd, &self->keys, true));
	say(self->fd, line, sizeof(line));
	EXPECT_TRUE(strstr(line, version) && strstr(line, cipher)) TH_LOG("ss: %s", line);
	EXPECT_TRUE(strstr(line, "rxconf: none") && strstr(line, "txconf: sw")) TH_LOG("ss: %s", line);
	ASSERT_EQ(0, set_keys(self->fd, &self->keys, false));
	say(self->fd, line, sizeof(line));
	EXPECT_TRUE(strstr(line, "rxconf: sw") && strstr(line, "txconf: sw")) TH_LOG("ss: %s", line);
}

/* ---- how it ends ---- */

/* close() with SO_LINGER 0 goes by way of disconnect, which is refused else. */
TEST_F(tls, closing_with_linger_0_resets_and_leaves_nothing)
{
	struct linger linger = { .l_onoff = 1 };
	long long closed = counter("sessions_closed");
	int64_t end = now_ms() + 5000;
	char byte;

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(-ECONNRESET, recv_soon(self->peer.fd, &byte, 1));
	while (counter("sessions_closed") == closed && now_ms() < end)
		sleep_ms(10);
	EXPECT_EQ(closed + 1, counter("sessions_closed"));
}

TEST_F(tls, a_reset_behind_data_is_told_after_it)
{
	struct linger linger = { .l_onoff = 1 };
	char got[8];

	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000) & POLLIN);
	/* a peek opens it: a reset takes away what TCP still has */
	ASSERT_EQ(4, recv(self->fd, got, sizeof(got), MSG_PEEK));
	ASSERT_EQ(0, setsockopt(self->peer.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->peer.fd);
	self->peer.fd = -1;
	ASSERT_LT(0, poll_for(self->fd, POLLHUP, 2000) & POLLHUP);
	EXPECT_EQ(4, recv(self->fd, got, sizeof(got), 0));
	/* not the end of the stream */
	EXPECT_EQ(-1, recv(self->fd, got, sizeof(got), 0));
	EXPECT_EQ(ECONNRESET, errno);
	/* told once */
	EXPECT_EQ(0, recv(self->fd, got, sizeof(got), 0));
}

TEST_F(tls, splice_passes_over_empty_records)
{
	int pipes[2];
	char got[8];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "", 0, 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(4, splice(self->fd, NULL, pipes[1], NULL, 100, 0));
	EXPECT_EQ(4, read(pipes[0], got, sizeof(got)));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(tls, a_key_is_not_set_again_with_numbers_that_were_used)
{
	if (variant->version != TLS_1_3_VERSION)
		SKIP(return, "keys of TLS 1.2 are set once");
	ASSERT_EQ(0, set_both(self->fd, &self->keys));
	ASSERT_EQ(1, send(self->fd, "x", 1, 0));
	EXPECT_EQ(-EALREADY, set_keys(self->fd, &self->keys, true));
	ASSERT_EQ(1, send(self->fd, "y", 1, 0));
}

/* ---- the ULP ---- */

TEST(the_ulp_wants_a_connected_socket)
{
	int fresh = socket(AF_INET, SOCK_STREAM, 0), listener = tcp_listen(AF_INET);

	EXPECT_EQ(-ENOTCONN, set_ulp(fresh));
	EXPECT_EQ(-ENOTCONN, set_ulp(listener));
	close(fresh);
	close(listener);
}

TEST(the_ulp_is_set_once_and_named_tls)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	int fds[2];

	ASSERT_EQ(0, tcp_pair(AF_INET, fds));
	/* with its terminator, as many do */
	EXPECT_EQ(0, setsockopt(fds[0], IPPROTO_TCP, TCP_ULP, "tls", 4));
	EXPECT_EQ(-EEXIST, set_ulp(fds[0]));
	EXPECT_EQ(-EEXIST, attach(fds[0]));
	EXPECT_EQ(0, getsockopt(fds[0], IPPROTO_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ("tls", name);
	EXPECT_EQ(0, attach(fds[1]));
	EXPECT_EQ(-EEXIST, set_ulp(fds[1]));
	close(fds[0]);
	close(fds[1]);
}

TEST(both_ulps_live_side_by_side)
{
	struct kseal_session_keys keys, other;
	char got[8];
	int fds[2];

	/* "tls" at one end, "kseal" at the other */
	ASSERT_EQ(0, tcp_pair(AF_INET, fds));
	make_keys(&keys, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_256);
	swap_keys(&other, &keys);
	ASSERT_EQ(0, set_ulp(fds[0]));
	ASSERT_EQ(0, set_both(fds[0], &keys));
	ASSERT_EQ(0, install(fds[1], &other));
	ASSERT_EQ(3, send(fds[0], "one", 3, 0));
	EXPECT_EQ(3, recv(fds[1], got, sizeof(got), 0));
	ASSERT_EQ(3, send(fds[1], "two", 3, 0));
	EXPECT_EQ(3, recv(fds[0], got, sizeof(got), 0));
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
