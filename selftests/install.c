// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * KSEAL_CMD_INSTALL: every way of asking wrongly is refused with the right
 * error and a text that names what is wrong, and leaves the socket as it was.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fixture.h"
#include "install.h"
#include "worker.h"

/* A request with one thing wrong. */
struct request {
	int fd;
	bool no_fd, no_version, no_cipher, no_tx, no_rx;
	uint16_t version, cipher;
	/* of TX, or of RX when in_rx: */
	bool in_rx, no_key, no_iv, no_seq;
	int key_len, iv_len, secret_len;	/* 0: as it should be */
	uint64_t seq;
	int unknown, unknown_nested;		/* attribute types to add */
};

FIXTURE(install) {
	int fd, other;			/* fd has the ULP, other is plain */
	struct peer peer;
	struct kseal_session_keys keys;
	struct kseal_genl g;
};

SESSION_VARIANTS(install);

FIXTURE_SETUP(install)
{
	int fds[2];

	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	self->other = fds[0];
	self->fd = fds[1];
	ASSERT_EQ(0, attach(self->fd));
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&self->peer, self->other, &self->keys);
	ASSERT_EQ(0, kseal_genl_open(&self->g));
}

FIXTURE_TEARDOWN(install)
{
	kseal_genl_close(&self->g);
	close(self->fd);
	close(self->other);
}

static void put_nest(struct nlmsghdr *nlh, const struct request *r, int type,
		     const struct kseal_keys *keys)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);
	bool wrong = r->in_rx == (type == KSEAL_A_RX);
	uint8_t zeros[256] = { 0 };

	if (!(wrong && r->no_key)) {
		if (wrong && r->key_len)
			mnl_attr_put(nlh, KSEAL_A_KEYS_KEY, r->key_len, zeros);
		else
			mnl_attr_put(nlh, KSEAL_A_KEYS_KEY, keys->key_len, keys->key);
	}
	if (!(wrong && r->no_iv))
		mnl_attr_put(nlh, KSEAL_A_KEYS_IV,
			     wrong && r->iv_len ? r->iv_len : KSEAL_IV_LEN,
			     wrong && r->iv_len ? zeros : keys->iv);
	if (!(wrong && r->no_seq))
		mnl_attr_put_u64(nlh, KSEAL_A_KEYS_SEQ, wrong ? r->seq : 0);
	if (wrong && r->secret_len)
		mnl_attr_put(nlh, KSEAL_A_KEYS_SECRET, r->secret_len, zeros);
	if (wrong && r->unknown_nested)
		mnl_attr_put_u32(nlh, r->unknown_nested, 1);
	mnl_attr_nest_end(nlh, nest);
}

static int ask(struct kseal_genl *g, const struct request *r,
	       const struct kseal_session_keys *keys)
{
	uint8_t buf[2048] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = kseal_genl_start(g, buf, KSEAL_CMD_INSTALL, NLM_F_ACK);

	if (!r->no_fd)
		mnl_attr_put_u32(nlh, KSEAL_A_FD, r->fd);
	if (!r->no_version)
		mnl_attr_put_u16(nlh, KSEAL_A_VERSION, r->version ? r->version : keys->version);
	if (!r->no_cipher)
		mnl_attr_put_u16(nlh, KSEAL_A_CIPHER, r->cipher ? r->cipher : keys->cipher);
	if (!r->no_tx)
		put_nest(nlh, r, KSEAL_A_TX, &keys->tx);
	if (!r->no_rx)
		put_nest(nlh, r, KSEAL_A_RX, &keys->rx);
	if (r->unknown)
		mnl_attr_put_u32(nlh, r->unknown, 1);
	return kseal_genl_talk(g, nlh, NULL, NULL);
}

/* A correct INSTALL works and data flows both ways. */
static bool works(int fd, struct kseal_genl *g, const struct kseal_session_keys *keys,
		  struct peer *p)
{
	struct request r = { .fd = fd };
	uint8_t got[PEER_PLAIN_MAX];
	int type, err = ask(g, &r, keys);

	if (err) {
		printf("# a correct INSTALL gives %d, %s\n", err, g->error);
		return false;
	}
	return send(fd, "out", 3, MSG_NOSIGNAL) == 3 && peer_open(p, &type, got) == 3 &&
	       !peer_send(p, PEER_DATA, "in", 2, 0) && recv_soon(fd, got, 8) == 2;
}

/* Refused so, and the session is still NEW. */
#define REFUSED(err, text, ...)						\
	do {								\
		struct request request = { .fd = self->fd, __VA_ARGS__ }; \
		EXPECT_EQ(err, ask(&self->g, &request, &self->keys))	\
			TH_LOG("%s: %s", #__VA_ARGS__, self->g.error);	\
		EXPECT_NE(NULL, strstr(self->g.error, text))		\
			TH_LOG("%s says: %s", #__VA_ARGS__, self->g.error); \
		EXPECT_EQ(KSEAL_STATE_NEW, info_state(self->fd));	\
	} while (0)

#define WORKS() EXPECT_TRUE(works(self->fd, &self->g, &self->keys, &self->peer))

TEST_F(install, works_and_works_once)
{
	struct request r = { .fd = self->fd };

	WORKS();
	EXPECT_EQ(-EEXIST, ask(&self->g, &r, &self->keys));
	EXPECT_NE(NULL, strstr(self->g.error, "FD"));
	/* and the first keys go on */
	EXPECT_EQ(2, send(self->fd, "on", 2, 0));
	{
		uint8_t got[PEER_PLAIN_MAX];
		int type;

		EXPECT_EQ(2, peer_open(&self->peer, &type, got));
	}
}

TEST_F(install, missing_attributes)
{
	REFUSED(-EINVAL, "FD", .no_fd = true);
	REFUSED(-EINVAL, "VERSION", .no_version = true);
	REFUSED(-EINVAL, "CIPHER", .no_cipher = true);
	REFUSED(-EINVAL, "TX", .no_tx = true);
	REFUSED(-EINVAL, "RX", .no_rx = true);
	REFUSED(-EINVAL, "TX.KEY", .no_key = true);
	REFUSED(-EINVAL, "RX.KEY", .no_key = true, .in_rx = true);
	REFUSED(-EINVAL, "TX.IV", .no_iv = true);
	REFUSED(-EINVAL, "RX.IV", .no_iv = true, .in_rx = true);
	REFUSED(-EINVAL, "TX.SEQ", .no_seq = true);
	REFUSED(-EINVAL, "RX.SEQ", .no_seq = true, .in_rx = true);
	WORKS();
}

TEST_F(install, versions_and_ciphers_not_known)
{
	REFUSED(-EOPNOTSUPP, "VERSION", .version = 0x0302);
	REFUSED(-EOPNOTSUPP, "VERSION", .version = 0x0305);
	REFUSED(-EOPNOTSUPP, "CIPHER", .cipher = 50);
	REFUSED(-EOPNOTSUPP, "CIPHER", .cipher = 59);
	/* RFC 6209 is for TLS 1.2 alone */
	REFUSED(-EOPNOTSUPP, "CIPHER", .cipher = KSEAL_CIPHER_ARIA_GCM_128);
	REFUSED(-EOPNOTSUPP, "CIPHER", .cipher = 0xffff);
	WORKS();
}

TEST_F(install, lengths_of_keys)
{
	int good = self->keys.tx.key_len;

	REFUSED(-EINVAL, "TX.KEY", .key_len = good - 1);
	REFUSED(-EINVAL, "TX.KEY", .key_len = good + 1);
	REFUSED(-EINVAL, "TX.KEY", .key_len = good == 16 ? 32 : 16);
	REFUSED(-EINVAL, "TX.", .key_len = 64);
	REFUSED(-EINVAL, "RX.KEY", .key_len = 24, .in_rx = true);
	WORKS();
}

TEST_F(install, lengths_of_ivs)
{
	REFUSED(-EINVAL, "IV", .iv_len = 4);
	REFUSED(-EINVAL, "IV", .iv_len = 11);
	REFUSED(-EINVAL, "IV", .iv_len = 13);
	REFUSED(-EINVAL, "RX.", .iv_len = 16, .in_rx = true);
	WORKS();
}

TEST_F(install, lengths_of_secrets)
{
	int wrong = variant->cipher == KSEAL_CIPHER_AES_GCM_128 ? 48 : 32;

	REFUSED(-EINVAL, "TX.SECRET", .secret_len = wrong);
	REFUSED(-EINVAL, "TX.SECRET", .secret_len = 31);
	REFUSED(-EINVAL, "SECRET", .secret_len = 64);
	REFUSED(-EINVAL, "RX.SECRET", .secret_len = 1, .in_rx = true);
	{
		struct request r = { .fd = self->fd, .secret_len = wrong ^ 48 ^ 32 };

		EXPECT_EQ(0, ask(&self->g, &r, &self->keys)) TH_LOG("%s", self->g.error);
	}
}

TEST_F(install, both_directions_with_one_key)
{
	struct kseal_session_keys keys = self->keys;
	struct request r = { .fd = self->fd };

	keys.rx = keys.tx;
	EXPECT_EQ(-EINVAL, ask(&self->g, &r, &keys));
	EXPECT_NE(NULL, strstr(self->g.error, "RX"));
	EXPECT_EQ(KSEAL_STATE_NEW, info_state(self->fd));
	WORKS();
}

TEST_F(install, sequence_numbers_beyond_the_limit)
{
	REFUSED(-ERANGE, "SEQ", .seq = UINT64_MAX);
	REFUSED(-ERANGE, "SEQ", .seq = 1ULL << 32);
	REFUSED(-ERANGE, "SEQ", .seq = 1ULL << 32, .in_rx = true);
	WORKS();
}

TEST_F(install, sequence_numbers_within_the_limit_are_taken)
{
	struct request r = { .fd = self->fd, .seq = 77 };
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	self->peer.rx.seq = 77;
	ASSERT_EQ(0, ask(&self->g, &r, &self->keys));
	ASSERT_EQ(3, send(self->fd, "out", 3, 0));
	EXPECT_EQ(3, peer_open(&self->peer, &type, got));
}

TEST_F(install, the_last_records_of_a_key_then_ekeyexpired)
{
	/* RFC 8446 5.5: 2^24.5 full records, rounded down however the module does */
	struct request r = { .fd = self->fd };
	uint64_t low = 0, high = 1ULL << 32;
	uint8_t got[PEER_PLAIN_MAX];
	int i, type;

	/* by halves: the first number that is refused, on sockets of their own */
	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;
		int fds[2];

		ASSERT_EQ(0, tcp_pair(variant->family, fds));
		ASSERT_EQ(0, attach(fds[0]));
		r.fd = fds[0];
		r.seq = mid;
		if (ask(&self->g, &r, &self->keys) == 0)
			low = mid;
		else
			high = mid;
		close(fds[0]);
		close(fds[1]);
	}
	EXPECT_LT(1 << 20, low);
	EXPECT_GE(23726566, low);
	r.fd = self->fd;
	r.seq = high - 3;
	self->peer.rx.seq = r.seq;
	ASSERT_EQ(0, ask(&self->g, &r, &self->keys));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send(self->fd, "x", 1, 0));
		ASSERT_EQ(1, peer_open(&self->peer, &type, got));
	}
	EXPECT_EQ(-1, send(self->fd, "x", 1, 0));
	EXPECT_EQ(EKEYEXPIRED, errno);
	/* the other direction has its own count */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "in", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
}

TEST_F(install, unknown_attributes)
{
	struct request r = { .fd = self->fd, .unknown = KSEAL_A_MAX + 1 };

	EXPECT_EQ(-EINVAL, ask(&self->g, &r, &self->keys));
	EXPECT_EQ(KSEAL_STATE_NEW, info_state(self->fd));
	/* one that is known and does not belong here */
	r.unknown = KSEAL_A_SESSION_UID;
	EXPECT_EQ(-EINVAL, ask(&self->g, &r, &self->keys));
	REFUSED(-EINVAL, "TX", .unknown_nested = KSEAL_A_KEYS_MAX + 1);
	REFUSED(-EINVAL, "RX", .unknown_nested = KSEAL_A_KEYS_MAX + 1, .in_rx = true);
	WORKS();
}

TEST_F(install, descriptors_that_are_not_a_tcp_socket)
{
	int null = open("/dev/null", O_RDWR), udp = socket(variant->family, SOCK_DGRAM, 0);
	int local[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, local));
	REFUSED(-EBADF, "FD", .fd = 999);
	REFUSED(-EBADF, "FD", .fd = -1);
	REFUSED(-ENOTSOCK, "FD", .fd = null);
	REFUSED(-EOPNOTSUPP, "FD", .fd = udp);
	REFUSED(-EOPNOTSUPP, "FD", .fd = local[0]);
	close(null);
	close(udp);
	close(local[0]);
	close(local[1]);
	WORKS();
}

TEST_F(install, sockets_that_are_not_connected)
{
	int fresh = socket(variant->family, SOCK_STREAM, 0), listener = tcp_listen(variant->family);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fds[2];

	REFUSED(-ENOTCONN, "FD", .fd = fresh);
	REFUSED(-ENOTCONN, "FD", .fd = listener);
	ASSERT_EQ(0, attach(listener));
	REFUSED(-ENOTCONN, "FD", .fd = listener);
	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, attach(fds[0]));
	connect(fds[0], &none, sizeof(none));
	REFUSED(-ENOTCONN, "FD", .fd = fds[0]);
	close(fresh);
	close(listener);
	close(fds[0]);
	close(fds[1]);
	WORKS();
}

TEST_F(install, a_socket_without_the_ulp)
{
	REFUSED(-EPROTOTYPE, "FD", .fd = self->other);
	/* and it is still plain TCP */
	WORKS();
}

TEST_F(install, a_socket_with_a_handshake_under_way)
{
	struct worker w;

	ASSERT_EQ(0, worker_start(&w));
	ASSERT_EQ(0, set_role(self->fd, KSEAL_ROLE_SERVER));
	{
		struct request r = { .fd = self->fd };

		EXPECT_EQ(-EBUSY, ask(&self->g, &r, &self->keys));
		EXPECT_NE(NULL, strstr(self->g.error, "FD"));
	}
	EXPECT_EQ(KSEAL_STATE_WAITING, info_state(self->fd));
	worker_close(&w);
}

TEST_F(install, a_socket_of_another_namespace)
{
	struct kseal_genl there;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, kseal_genl_open(&there));
	{
		struct request r = { .fd = self->fd };

		EXPECT_EQ(-EXDEV, ask(&there, &r, &self->keys));
		EXPECT_NE(NULL, strstr(there.error, "FD"));
	}
	kseal_genl_close(&there);
	WORKS();
}

/* Runs fn in a child that is nobody; its return. */
static int as_nobody(int (*fn)(void *), void *data)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(100);
		_exit(fn(data) & 0xff);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct inherited {
	struct kseal_genl *g;
	struct request r;
	struct kseal_session_keys *keys;
};

static int ask_inherited(void *data)
{
	struct inherited *i = data;

	return -ask(i->g, &i->r, i->keys);
}

static int install_as_oneself(void *data)
{
	struct inherited *i = data;

	return -install(i->r.fd, i->keys);
}

static int register_as_oneself(void *data)
{
	struct worker w;

	return worker_open(&w) ? 99 : -worker_register(&w);
}

TEST_F(install, over_a_netlink_socket_that_somebody_else_opened)
{
	struct inherited i = { &self->g, { .fd = self->fd }, &self->keys };

	EXPECT_EQ(EPERM, as_nobody(ask_inherited, &i));
	EXPECT_EQ(KSEAL_STATE_NEW, info_state(self->fd));
	WORKS();
}

TEST_F(install, needs_no_privilege)
{
	struct inherited i = { &self->g, { .fd = self->fd }, &self->keys };
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	EXPECT_EQ(0, as_nobody(install_as_oneself, &i));
	ASSERT_EQ(3, send(self->fd, "out", 3, 0));
	EXPECT_EQ(3, peer_open(&self->peer, &type, got));
}

TEST_F(install, registering_needs_cap_net_admin)
{
	EXPECT_EQ(EPERM, as_nobody(register_as_oneself, NULL));
}

/* ---- what is shown ---- */

struct watch {
	const struct kseal_session_keys *keys;
	uint64_t inode;
	bool seen, leaked;
};

static bool contains(const void *data, size_t len, const void *what, size_t what_len)
{
	return memmem(data, len, what, what_len);
}

static bool has_key(const void *data, size_t len, const struct kseal_session_keys *k)
{
	return contains(data, len, k->tx.key, 8) || contains(data, len, k->rx.key, 8) ||
	       contains(data, len, k->tx.iv, 8) || contains(data, len, k->rx.iv, 8);
}

static int on_session(const struct nlmsghdr *nlh, void *data)
{
	struct watch *w = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == KSEAL_A_SESSION_INODE &&
		    mnl_attr_get_u64(attr) == w->inode)
			w->seen = true;
	if (has_key(nlh, nlh->nlmsg_len, w->keys))
		w->leaked = true;
	return MNL_CB_OK;
}

static int dump(struct watch *w)
{
	uint8_t buf[64] __attribute__((aligned(4)));
	struct kseal_genl g;
	int err = kseal_genl_open(&g);

	if (err)
		return err;
	err = kseal_genl_talk(&g, kseal_genl_start(&g, buf, KSEAL_CMD_SESSION_GET, NLM_F_DUMP),
			      on_session, w);
	kseal_genl_close(&g);
	return err;
}

static int sees(void *data)
{
	struct watch *w = data;

	return dump(w) ? 99 : w->seen;
}

static int own_session(void *data)
{
	struct watch *w = data;
	struct stat st;
	int fds[2];

	if (session_pair(AF_INET, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_128, fds) || fstat(fds[0], &st))
		return 98;
	w->inode = st.st_ino;
	return sees(w);
}

TEST_F(install, sessions_are_shown_to_their_owner_and_to_root)
{
	struct watch w = { .keys = &self->keys };
	struct stat st;

	WORKS();
	ASSERT_EQ(0, fstat(self->fd, &st));
	w.inode = st.st_ino;
	ASSERT_EQ(0, dump(&w));
	EXPECT_TRUE(w.seen);
	EXPECT_FALSE(w.leaked);
	w.seen = false;
	EXPECT_EQ(0, as_nobody(sees, &w));
	EXPECT_EQ(1, as_nobody(own_session, &w));
}

TEST_F(install, keys_are_not_in_what_can_be_read)
{
	uint8_t data[4096];
	int option;

	WORKS();
	for (option = 0; option < 32; option++) {
		socklen_t len = sizeof(data);

		if (getsockopt(self->fd, SOL_KSEAL, option, data, &len))
			continue;
		EXPECT_FALSE(has_key(data, len, &self->keys));
	}
	{
		socklen_t len = sizeof(data);
		struct kseal_info *info = (void *)data;

		ASSERT_EQ(0, getsockopt(self->fd, SOL_KSEAL, KSEAL_SO_INFO, data, &len));
		EXPECT_EQ(sizeof(*info), len);
		EXPECT_EQ(KSEAL_STATE_KEYED, info->state);
		/* less room gets what fits */
		memset(data, 0xee, sizeof(data));
		len = 4;
		ASSERT_EQ(0, getsockopt(self->fd, SOL_KSEAL, KSEAL_SO_INFO, data, &len));
		EXPECT_EQ(4, len);
		EXPECT_EQ(0xee, data[4]);
	}
}

/* Sends a message that has keys; the kernel's refusal, which repeats the message,
 * is checked for them.
 */
static bool comes_back_wiped(struct kseal_genl *g, struct nlmsghdr *nlh, int error,
			     const struct kseal_session_keys *keys)
{
	uint8_t buf[4096] __attribute__((aligned(4)));
	struct nlmsghdr *answer = (void *)buf;
	struct nlmsgerr *refusal = mnl_nlmsg_get_payload(answer);
	ssize_t n;

	if (mnl_socket_sendto(g->sock, nlh, nlh->nlmsg_len) < 0)
		return false;
	n = mnl_socket_recvfrom(g->sock, buf, sizeof(buf));
	if (n < (ssize_t)nlh->nlmsg_len || answer->nlmsg_type != NLMSG_ERROR ||
	    refusal->error != error || refusal->msg.nlmsg_len != nlh->nlmsg_len) {
		printf("# an answer of %zd bytes, error %d\n", n, refusal->error);
		return false;
	}
	return has_key(nlh, nlh->nlmsg_len, keys) && !has_key(buf, n, keys);
}

TEST_F(install, keys_are_wiped_from_messages_that_were_refused)
{
	static const int cmds[] = { KSEAL_CMD_INSTALL, KSEAL_CMD_DONE };
	/* INSTALL for a socket without the ULP; DONE by who is no helper */
	static const int errors[] = { -EPROTOTYPE, -ESRCH };
	uint8_t buf[2048] __attribute__((aligned(4)));
	int off = 0, i;

	ASSERT_EQ(0, mnl_socket_setsockopt(self->g.sock, NETLINK_CAP_ACK, &off, sizeof(off)));
	for (i = 0; i < 4; i++) {
		struct nlmsghdr *nlh = kseal_genl_start(&self->g, buf, cmds[i / 2], NLM_F_ACK);
		bool unknown = i % 2;

		mnl_attr_put_u32(nlh, KSEAL_A_FD, self->other);
		mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, 1);
		kseal_put_keys(nlh, &self->keys);
		/* each once more for the parser to refuse */
		if (unknown)
			mnl_attr_put_u32(nlh, KSEAL_A_MAX + 1, 1);
		EXPECT_TRUE(comes_back_wiped(&self->g, nlh, unknown ? -EINVAL : errors[i / 2],
					     &self->keys)) TH_LOG("command %d", cmds[i / 2]);
	}
	WORKS();
}

TEST_HARNESS_MAIN
