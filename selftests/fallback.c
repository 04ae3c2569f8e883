// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kseal_install_mainline(): the keys of one's own handshake for the kernel's own
 * TLS. The other end is peer.c, or kseal. without.sh runs it with tls.ko unloaded,
 * which the kernel loads when the first socket of root asks for it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "fixture.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define LEN 100000

/* Both below the AEADs' limits, which kseal keeps; no two bytes alike. */
#define TX_SEQ 0x010203
#define RX_SEQ 0x040506

static void numbered_keys(struct kseal_session_keys *keys, uint16_t version, uint16_t cipher)
{
	make_keys(keys, version, cipher);
	keys->tx.seq = TX_SEQ;
	keys->rx.seq = RX_SEQ;
}

static int install_mainline(int fd, const struct kseal_session_keys *keys)
{
	return kseal_install_mainline(fd, keys, NULL, 0);
}

/* The name of the ULP, "" if there is none. */
static const char *ulp_of(int fd)
{
	static char name[17];
	socklen_t len = sizeof(name) - 1;

	memset(name, 0, sizeof(name));
	return getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &len) ? "an error" : name;
}

static bool is_plain(int from, int to)
{
	char got[8];

	return !*ulp_of(to) && send(from, "clear", 5, MSG_NOSIGNAL) == 5 &&
	       recv_soon(to, got, sizeof(got)) == 5 && !memcmp(got, "clear", 5);
}

/* ---- what there is, tried once, before the tests fork ---- */

struct without {
	int ret;
	char text[256];
	bool plain;
	int ksealed;			/* the return for a socket that has kseal */
};

static const char *why_not;		/* the reason to skip everything */
static struct without *without;		/* NULL: tls.ko was there from the start */
static bool absent[64];			/* ciphers */

/* Who may not have modules loaded, where this one is not. */
static void try_without_tls(void)
{
	pid_t pid;

	without = mmap(NULL, sizeof(*without), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid) {
		struct kseal_session_keys keys;
		int fd[2];

		if (setgid(65534) || setuid(65534) || tcp_pair(AF_INET, fd))
			_exit(1);
		make_keys(&keys, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_128);
		without->ret = kseal_install_mainline(fd[0], &keys, without->text, sizeof(without->text));
		without->plain = is_plain(fd[0], fd[1]) && is_plain(fd[1], fd[0]);
		if (!attach(fd[0]))
			without->ksealed = install_mainline(fd[0], &keys);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static int try_cipher(uint16_t cipher)
{
	struct kseal_session_keys keys;
	int fd[2], err = tcp_pair(AF_INET, fd);

	make_keys(&keys, KSEAL_VERSION_1_2, cipher);
	if (!err)
		err = install_mainline(fd[0], &keys);
	close(fd[0]);
	close(fd[1]);
	return err;
}

static bool dropin(void)
{
	FILE *f = fopen("/sys/module/kseal/parameters/dropin", "r");
	bool on = f && fgetc(f) == 'Y';

	if (f)
		fclose(f);
	return on;
}

__attribute__((constructor)) static void look(void)
{
	uint16_t cipher;

	if (dropin()) {
		why_not = "kseal is in mainline's place";
		return;
	}
	if (access("/proc/net/tls_stat", F_OK))
		try_without_tls();
	if (try_cipher(KSEAL_CIPHER_AES_GCM_128) == -ENOPKG) {
		why_not = "the kernel has no TLS of its own";
		return;
	}
	for (cipher = KSEAL_CIPHER_AES_GCM_128; cipher <= KSEAL_CIPHER_ARIA_GCM_256; cipher++)
		absent[cipher] = try_cipher(cipher) == -ENOENT;
}

/* Linux 6.14: "tls: implement rekey for TLS1.3" */
static bool changes_keys(void)
{
	int major = 0, minor = 0;
	struct utsname name;

	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 14));
}

/* ---- each cipher in each version ---- */

FIXTURE(fallback) { int fd, other; struct kseal_session_keys keys; struct peer peer; };
FIXTURE_VARIANT(fallback) { int family; uint16_t version, cipher; };

#define VARIANT(name, f, v, c)						\
FIXTURE_VARIANT_ADD(fallback, name) {					\
	.family = f, .version = KSEAL_VERSION_##v, .cipher = KSEAL_CIPHER_##c }

VARIANT(tls12_aes128gcm, AF_INET, 1_2, AES_GCM_128);
VARIANT(tls13_aes128gcm, AF_INET6, 1_3, AES_GCM_128);
VARIANT(tls12_aes256gcm, AF_INET6, 1_2, AES_GCM_256);
VARIANT(tls13_aes256gcm, AF_INET, 1_3, AES_GCM_256);
VARIANT(tls12_aes128ccm, AF_INET, 1_2, AES_CCM_128);
VARIANT(tls13_aes128ccm, AF_INET, 1_3, AES_CCM_128);
VARIANT(tls12_chacha20, AF_INET, 1_2, CHACHA20_POLY1305);
VARIANT(tls13_chacha20, AF_INET, 1_3, CHACHA20_POLY1305);
VARIANT(tls12_aria128gcm, AF_INET, 1_2, ARIA_GCM_128);
VARIANT(tls12_aria256gcm, AF_INET, 1_2, ARIA_GCM_256);
VARIANT(tls12_sm4gcm, AF_INET, 1_2, SM4_GCM);
VARIANT(tls13_sm4gcm, AF_INET, 1_3, SM4_GCM);
VARIANT(tls12_sm4ccm, AF_INET, 1_2, SM4_CCM);
VARIANT(tls13_sm4ccm, AF_INET, 1_3, SM4_CCM);

FIXTURE_SETUP(fallback)
{
	int fd[2];

	if (why_not)
		SKIP(return, "%s", why_not);
	if (absent[variant->cipher])
		SKIP(return, "the kernel has not this cipher");
	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	numbered_keys(&self->keys, variant->version, variant->cipher);
	self->other = fd[0];
	self->fd = fd[1];
	peer_init(&self->peer, fd[0], &self->keys);
	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
}

FIXTURE_TEARDOWN(fallback)
{
	close(self->fd);
	close(self->other);
}

TEST_F(fallback, what_is_sent_and_received_is_what_the_rfcs_say)
{
	uint8_t *sent = pattern(LEN, 1), *got = malloc(LEN);

	if (!peer_has_cipher(variant->cipher))
		SKIP(return, "OpenSSL has not this cipher");
	EXPECT_STREQ("tls", ulp_of(self->fd));
	ASSERT_EQ(0, send_all(self->fd, sent, LEN));
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, LEN));
	EXPECT_EQ(0, memcmp(sent, got, LEN));
	ASSERT_EQ(0, peer_send_all(&self->peer, sent, LEN));
	ASSERT_EQ(0, recv_all(self->fd, got, LEN));
	EXPECT_EQ(0, memcmp(sent, got, LEN));
	free(sent);
	free(got);
}

TEST_F(fallback, kseal_at_the_other_end)
{
	uint8_t *sent = pattern(LEN, 2), *got = malloc(LEN);
	struct kseal_session_keys swapped;

	swap_keys(&swapped, &self->keys);
	ASSERT_EQ(0, install(self->other, &swapped));
	ASSERT_EQ(0, send_all(self->fd, sent, LEN));
	ASSERT_EQ(0, recv_all(self->other, got, LEN));
	EXPECT_EQ(0, memcmp(sent, got, LEN));
	ASSERT_EQ(0, send_all(self->other, sent, LEN));
	ASSERT_EQ(0, recv_all(self->fd, got, LEN));
	EXPECT_EQ(0, memcmp(sent, got, LEN));
	free(sent);
	free(got);
}

TEST_F(fallback, the_first_record_has_the_explicit_nonce_that_was_given)
{
	uint8_t record[PEER_RECORD_MAX];

	ASSERT_EQ(3, send(self->fd, "out", 3, 0));
	ASSERT_LT(PEER_HEADER + PEER_EXPLICIT, peer_read(&self->peer, record));
	/* RFC 5288 3; there is none in TLS 1.3, nor in RFC 7905 2 */
	EXPECT_EQ(variant->version == KSEAL_VERSION_1_2 && variant->cipher != KSEAL_CIPHER_CHACHA20_POLY1305,
		  !memcmp(record + PEER_HEADER, self->keys.tx.iv + 4, PEER_EXPLICIT));
}

/* ---- one cipher, TLS 1.3: a socket that has nothing yet ---- */

FIXTURE(plain) { int fd, other; struct kseal_session_keys keys; struct peer peer; char text[256]; };
FIXTURE_VARIANT(plain) { int family; };
FIXTURE_VARIANT_ADD(plain, ipv4) { .family = AF_INET };
FIXTURE_VARIANT_ADD(plain, ipv6) { .family = AF_INET6 };

FIXTURE_SETUP(plain)
{
	int fd[2];

	if (why_not)
		SKIP(return, "%s", why_not);
	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	numbered_keys(&self->keys, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_128);
	self->other = fd[0];
	self->fd = fd[1];
	peer_init(&self->peer, fd[0], &self->keys);
}

FIXTURE_TEARDOWN(plain)
{
	close(self->fd);
	close(self->other);
}

/* Data goes both ways. */
static bool flows(int fd, struct peer *p)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	return send(fd, "out", 3, MSG_NOSIGNAL) == 3 && peer_open(p, &type, got) == 3 &&
	       type == PEER_DATA && !memcmp(got, "out", 3) && !peer_send(p, PEER_DATA, "in", 2, 0) &&
	       recv_soon(fd, got, 8) == 2 && !memcmp(got, "in", 2);
}

#define REFUSED_ON(err, fd, words, keys)				\
	do {								\
		EXPECT_EQ(err, kseal_install_mainline(fd, keys, self->text, sizeof(self->text)));	\
		EXPECT_NE(NULL, strstr(self->text, words)) TH_LOG("it says: %s", self->text);	\
	} while (0)
#define REFUSED(err, words, keys) REFUSED_ON(err, self->fd, words, keys)

/* With something wrong in a copy of the keys; the socket is as it was. */
#define WRONG(err, words, assignment)					\
	do {								\
		struct kseal_session_keys k = self->keys;		\
		assignment;						\
		REFUSED(err, words, &k);				\
		EXPECT_TRUE(is_plain(self->other, self->fd)) TH_LOG("%s", #assignment);	\
	} while (0)

TEST_F(plain, lengths_of_keys)
{
	WRONG(-EINVAL, "length", k.tx.key_len = 15);
	WRONG(-EINVAL, "length", k.tx.key_len = 32);
	WRONG(-EINVAL, "length", k.rx.key_len = 17);
	WRONG(-EINVAL, "length", k.rx.key_len = SIZE_MAX);
	WRONG(-EINVAL, "length", k.cipher = KSEAL_CIPHER_AES_GCM_256);
	WRONG(-EINVAL, "no key", k.tx.key_len = k.rx.key_len = 0);
	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	EXPECT_TRUE(flows(self->fd, &self->peer));
}

TEST_F(plain, versions_and_ciphers_not_known)
{
	WRONG(-EOPNOTSUPP, "version", k.version = 0x0302);
	WRONG(-EOPNOTSUPP, "version", k.version = 0x0305);
	WRONG(-EOPNOTSUPP, "cipher", k.cipher = 50);
	WRONG(-EOPNOTSUPP, "cipher", k.cipher = 59);
	WRONG(-EOPNOTSUPP, "cipher", k.cipher = 0xffff);
	/* RFC 6209 is for TLS 1.2 alone */
	WRONG(-EOPNOTSUPP, "cipher", k.cipher = KSEAL_CIPHER_ARIA_GCM_128);
	WRONG(-EOPNOTSUPP, "cipher", k.cipher = KSEAL_CIPHER_ARIA_GCM_256);
}

TEST_F(plain, both_directions_with_one_key)
{
	WRONG(-EINVAL, "same key", k.rx = k.tx);
	self->keys.rx = self->keys.tx;
	self->keys.rx.iv[0] ^= 1;
	EXPECT_EQ(0, install_mainline(self->fd, &self->keys));
}

TEST_F(plain, one_direction_without_keys_in_both)
{
	struct kseal_session_keys k = self->keys;

	k.rx.key_len = 0;
	REFUSED(-EINVAL, "direction is missing", &k);
	k = self->keys;
	k.tx.key_len = 0;
	REFUSED(-EINVAL, "direction is missing", &k);
}

TEST_F(plain, descriptors_that_are_not_a_connected_tcp_socket)
{
	int null = open("/dev/null", O_RDWR), udp = socket(variant->family, SOCK_DGRAM, 0);
	int fresh = socket(variant->family, SOCK_STREAM, 0), listener = tcp_listen(variant->family);
	int mptcp = socket(variant->family, SOCK_STREAM, IPPROTO_MPTCP), local[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, local));
	REFUSED_ON(-EBADF, 999, "descriptor", &self->keys);
	REFUSED_ON(-EBADF, -1, "descriptor", &self->keys);
	REFUSED_ON(-ENOTSOCK, null, "socket", &self->keys);
	REFUSED_ON(-ENOPROTOOPT, udp, "", &self->keys);
	REFUSED_ON(-EOPNOTSUPP, local[0], "", &self->keys);
	if (mptcp >= 0)
		REFUSED_ON(-ENOPROTOOPT, mptcp, "", &self->keys);
	REFUSED_ON(-ENOTCONN, fresh, "connected", &self->keys);
	REFUSED_ON(-ENOTCONN, listener, "connected", &self->keys);
	close(self->other);
	sleep_ms(20);
	REFUSED(-ENOTCONN, "connected", &self->keys);
	close(mptcp);
	close(listener);
	close(fresh);
	close(local[1]);
	close(local[0]);
	close(udp);
	close(null);
}

TEST_F(plain, sockets_that_have_another_ulp)
{
	struct kseal_session_keys swapped;

	ASSERT_EQ(0, attach(self->fd));
	REFUSED(-EEXIST, "upper layer", &self->keys);
	ASSERT_EQ(0, install(self->fd, &self->keys));
	REFUSED(-EEXIST, "upper layer", &self->keys);
	EXPECT_TRUE(flows(self->fd, &self->peer));
	/* and the other way round */
	swap_keys(&swapped, &self->keys);
	ASSERT_EQ(0, install_mainline(self->other, &swapped));
	EXPECT_EQ(-EEXIST, install(self->other, &swapped));
}

TEST_F(plain, a_socket_that_has_the_ulp_and_no_keys)
{
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	EXPECT_TRUE(flows(self->fd, &self->peer));
}

TEST_F(plain, works_once)
{
	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	REFUSED(-EEXIST, "keys already", &self->keys);
	EXPECT_TRUE(flows(self->fd, &self->peer));
}

TEST_F(plain, the_text_is_cut_to_its_room)
{
	memset(self->text, 'x', sizeof(self->text));
	EXPECT_EQ(-EBADF, kseal_install_mainline(-1, &self->keys, self->text, 4));
	EXPECT_EQ('\0', self->text[3]);
	EXPECT_EQ('x', self->text[4]);
	EXPECT_EQ(-EBADF, kseal_install_mainline(-1, &self->keys, self->text, 0));
	EXPECT_EQ('B', self->text[0]);
	EXPECT_EQ(0, kseal_install_mainline(self->fd, &self->keys, self->text, sizeof(self->text)));
	EXPECT_STREQ("", self->text);
}

/* ---- what is different on such a socket ---- */

TEST_F(plain, control_records_are_the_programs)
{
	static const uint8_t close_notify[] = { 1, 0 };
	struct kseal_info info;
	uint8_t got[16];
	int type;

	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	EXPECT_EQ(-EIO, recv_soon(self->fd, got, sizeof(got)));
	EXPECT_EQ(2, recv_type(self->fd, &type, got, sizeof(got), 0));
	EXPECT_EQ(PEER_ALERT, type);
	EXPECT_EQ(2, send_type(self->fd, PEER_ALERT, close_notify, 2, 0));
	EXPECT_TRUE(peer_alerted(&self->peer, 1, 0));
	EXPECT_EQ(-ENOPROTOOPT, kseal_info(self->fd, &info));
	EXPECT_EQ(-ENOPROTOOPT, kseal_reason(self->fd, self->text, sizeof(self->text)));
}

TEST_F(plain, the_end_has_no_close_notify)
{
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(-ENODATA, peer_open(&self->peer, &type, got));
	ASSERT_EQ(0, shutdown(self->other, SHUT_WR));
	EXPECT_EQ(0, recv_soon(self->fd, got, 1));
}

/* ---- the next keys ---- */

static void next_of(struct kseal_keys *keys, const struct peer_dir *d)
{
	memcpy(keys->key, d->key, sizeof(keys->key));
	memcpy(keys->iv, d->iv, sizeof(keys->iv));
	keys->seq = 0;
}

TEST_F(plain, the_next_keys_for_sending)
{
	static const uint8_t key_update[] = { 24, 0, 0, 1, 0 };
	struct kseal_session_keys k = self->keys;
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	ASSERT_EQ(5, send_type(self->fd, PEER_HANDSHAKE, key_update, 5, 0));
	ASSERT_EQ(5, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_HANDSHAKE, type);
	k.rx.key_len = 0;
	if (!changes_keys()) {
		next_of(&k.tx, &self->peer.rx);
		REFUSED(-EBUSY, "6.14", &k);
		EXPECT_TRUE(flows(self->fd, &self->peer));
		return;
	}
	peer_next_keys(&self->peer.rx);
	next_of(&k.tx, &self->peer.rx);
	ASSERT_EQ(0, install_mainline(self->fd, &k));
	EXPECT_TRUE(flows(self->fd, &self->peer));
}

TEST_F(plain, the_next_keys_for_receiving)
{
	struct kseal_session_keys k = self->keys;
	uint8_t got[16];
	int type;

	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	ASSERT_EQ(0, peer_key_update(&self->peer, false));
	EXPECT_EQ(5, recv_type(self->fd, &type, got, sizeof(got), 0));
	EXPECT_EQ(PEER_HANDSHAKE, type);
	k.tx.key_len = 0;
	next_of(&k.rx, &self->peer.tx);
	if (!changes_keys()) {
		REFUSED(-EBUSY, "6.14", &k);
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "in", 2, 0));
		EXPECT_EQ(-EBADMSG, recv_soon(self->fd, got, sizeof(got)));
		return;
	}
	EXPECT_EQ(-EKEYEXPIRED, recv_soon(self->fd, got, sizeof(got)));
	ASSERT_EQ(0, install_mainline(self->fd, &k));
	EXPECT_TRUE(flows(self->fd, &self->peer));
}

TEST_F(plain, keys_that_are_not_the_next)
{
	struct kseal_session_keys k = self->keys;

	ASSERT_EQ(0, install_mainline(self->fd, &self->keys));
	k.rx.key_len = 0;
	k.tx.key[0] ^= 1;
	REFUSED(-EINVAL, "number 0", &k);
	k.tx.seq = 0;
	k.version = KSEAL_VERSION_1_2;
	REFUSED(-EINVAL, "version", &k);
	k.version = KSEAL_VERSION_1_3;
	k.cipher = KSEAL_CIPHER_AES_CCM_128;
	REFUSED(-EINVAL, "cipher", &k);
	EXPECT_TRUE(flows(self->fd, &self->peer));
}

TEST_F(plain, tls12_has_one_key)
{
	struct kseal_session_keys k;

	make_keys(&k, KSEAL_VERSION_1_2, KSEAL_CIPHER_AES_GCM_128);
	peer_init(&self->peer, self->other, &k);
	ASSERT_EQ(0, install_mainline(self->fd, &k));
	k.tx.key_len = 0;
	REFUSED(-EEXIST, "TLS 1.2", &k);
	EXPECT_TRUE(flows(self->fd, &self->peer));
}

/* ---- without one module or the other ---- */

TEST(without_tls_ko_the_socket_stays_plain)
{
	if (!without)
		SKIP(return, "%s", why_not ?: "the kernel's TLS was loaded already");
	EXPECT_EQ(-ENOPKG, without->ret);
	EXPECT_NE(NULL, strstr(without->text, "tls.ko")) TH_LOG("it says: %s", without->text);
	EXPECT_TRUE(without->plain);
	/* -ENOPKG would say that it is plain TCP */
	EXPECT_EQ(-EEXIST, without->ksealed);
}

static int unload(void)
{
	int64_t end = now_ms() + 5000;

	while (syscall(SYS_delete_module, "kseal", O_NONBLOCK)) {
		if (now_ms() > end)
			return -errno;
		sleep_ms(10);
	}
	return 0;
}

static int load(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return err;
}

TEST(without_kseal_ko_the_program_decides)
{
	const char *file = getenv("KSEAL_MODULE");
	struct kseal_session_keys keys;
	bool plain, good = false;
	int fd[2], first, ret;
	struct peer peer;

	if (why_not)
		SKIP(return, "%s", why_not);
	if (!file)
		SKIP(return, "KSEAL_MODULE does not name the module's file to load it again");
	numbered_keys(&keys, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_256);
	ASSERT_EQ(0, tcp_pair(AF_INET, fd));
	peer_init(&peer, fd[0], &keys);
	ASSERT_EQ(0, unload());
	first = ret = install(fd[1], &keys);
	plain = is_plain(fd[0], fd[1]);
	if (ret == -ENOPKG)
		ret = install_mainline(fd[1], &keys);
	if (!ret)
		good = flows(fd[1], &peer);
	/* before anything can end this test */
	ASSERT_EQ(0, load(file));
	EXPECT_EQ(-ENOPKG, first);
	EXPECT_TRUE(plain);
	EXPECT_EQ(0, ret);
	EXPECT_TRUE(good);
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
