// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where keys enter. A message that carries them is not parsed by generic
 * netlink but here, so that it can be wiped whatever comes of it, a refusal by
 * the parser included.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/net.h>
#include <net/tcp.h>

#include "install.h"
#include "keys.h"
#include "netlink.h"
#include "sock.h"

int kseal_install_message(struct genl_info *info, struct nlattr **tb)
{
	return nlmsg_parse(info->nlhdr, GENL_HDRLEN, tb, KSEAL_A_MAX,
			   kseal_policy, info->extack);
}

void kseal_install_wipe(struct genl_info *info)
{
	void *attrs = nlmsg_data(info->nlhdr) + GENL_HDRLEN;

	memzero_explicit(attrs, nlmsg_len(info->nlhdr) - GENL_HDRLEN);
}

/* ---- parse ---- */

static const struct nla_policy keys_policy[KSEAL_A_KEYS_MAX + 1] = {
	[KSEAL_A_KEYS_KEY] = { .type = NLA_BINARY, .len = KSEAL_KEY_MAX },
	[KSEAL_A_KEYS_IV] = NLA_POLICY_EXACT_LEN(KSEAL_IV_LEN),
	[KSEAL_A_KEYS_SEQ] = { .type = NLA_U64 },
	[KSEAL_A_KEYS_SECRET] = { .type = NLA_BINARY, .len = KSEAL_SECRET_MAX },
};

/* "TX" or "RX" and an attribute's name in one extack text */
#define REFUSE(extack, attr, dir_tx, text) do {				\
	if (dir_tx)							\
		NL_SET_ERR_MSG_ATTR(extack, attr, "TX." text);		\
	else								\
		NL_SET_ERR_MSG_ATTR(extack, attr, "RX." text);		\
} while (0)

static int check_direction(struct nlattr **tb, const struct nlattr *nest,
			   u16 cipher, bool tx, struct netlink_ext_ack *extack)
{
	struct nlattr *key = tb[KSEAL_A_KEYS_KEY];
	struct nlattr *secret = tb[KSEAL_A_KEYS_SECRET];

	if (!key) {
		REFUSE(extack, nest, tx, "KEY is missing");
		return -EINVAL;
	}
	if (!tb[KSEAL_A_KEYS_IV]) {
		REFUSE(extack, nest, tx, "IV is missing");
		return -EINVAL;
	}
	if (!tb[KSEAL_A_KEYS_SEQ]) {
		REFUSE(extack, nest, tx, "SEQ is missing");
		return -EINVAL;
	}
	if (nla_len(key) != kseal_cipher_key_len(cipher)) {
		REFUSE(extack, key, tx, "KEY has not the cipher's key length");
		return -EINVAL;
	}
	if (secret && nla_len(secret) != kseal_cipher_secret_len(cipher)) {
		REFUSE(extack, secret, tx,
		       "SECRET has not the length of the cipher suite's hash");
		return -EINVAL;
	}
	return 0;
}

static int parse_direction(const struct nlattr *nest, u16 version, u16 cipher,
			   bool tx, struct kseal_key_material *m,
			   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[KSEAL_A_KEYS_MAX + 1];
	int err;

	err = nla_parse_nested(tb, KSEAL_A_KEYS_MAX, nest, keys_policy, extack);
	if (err) {
		REFUSE(extack, nest, tx,
		       "KEY, IV, SEQ or SECRET has a wrong length, or an attribute is unknown");
		return err == -ERANGE ? -EINVAL : err;
	}
	err = check_direction(tb, nest, cipher, tx, extack);
	if (err)
		return err;
	m->version = version;
	m->cipher = cipher;
	m->key_len = nla_len(tb[KSEAL_A_KEYS_KEY]);
	memcpy(m->key, nla_data(tb[KSEAL_A_KEYS_KEY]), m->key_len);
	memcpy(m->iv, nla_data(tb[KSEAL_A_KEYS_IV]), sizeof(m->iv));
	m->seq = nla_get_u64(tb[KSEAL_A_KEYS_SEQ]);
	if (tb[KSEAL_A_KEYS_SECRET]) {
		m->secret_len = nla_len(tb[KSEAL_A_KEYS_SECRET]);
		memcpy(m->secret, nla_data(tb[KSEAL_A_KEYS_SECRET]),
		       m->secret_len);
	}
	return 0;
}

static int check_choice(struct nlattr **tb, struct netlink_ext_ack *extack)
{
	static const struct {
		int attr;
		const char *missing;
	} needed[] = {
		{ KSEAL_A_VERSION, "VERSION is missing" },
		{ KSEAL_A_CIPHER, "CIPHER is missing" },
		{ KSEAL_A_TX, "TX is missing" },
		{ KSEAL_A_RX, "RX is missing" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!tb[needed[i].attr]) {
			extack->_msg = needed[i].missing;
			return -EINVAL;
		}
	if (nla_get_u16(tb[KSEAL_A_VERSION]) != KSEAL_VERSION_1_3) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_VERSION],
				    "VERSION is not supported: only 0x0304 (TLS 1.3)");
		return -EOPNOTSUPP;
	}
	if (!kseal_cipher_key_len(nla_get_u16(tb[KSEAL_A_CIPHER]))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_CIPHER],
				    "CIPHER is not supported: only AES-128-GCM (51) and AES-256-GCM (52)");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Two directions under one key and IV would use every nonce twice. */
static bool same_key(const struct kseal_key_material *a,
		     const struct kseal_key_material *b)
{
	return !crypto_memneq(a->key, b->key, a->key_len) &&
	       !crypto_memneq(a->iv, b->iv, sizeof(a->iv));
}

static int create_pair(const struct kseal_key_material *tx,
		       const struct kseal_key_material *rx,
		       struct kseal_key_pair *pair,
		       struct netlink_ext_ack *extack)
{
	struct kseal_keys *keys = kseal_keys_create(tx);

	if (!IS_ERR(keys)) {
		pair->tx = keys;
		keys = kseal_keys_create(rx);
	}
	if (IS_ERR(keys)) {
		NL_SET_ERR_MSG(extack, "the kernel's cipher refused the keys");
		kseal_install_drop(pair);
		return PTR_ERR(keys);
	}
	pair->rx = keys;
	if (kseal_keys_spent(pair->tx) || kseal_keys_spent(pair->rx)) {
		NL_SET_ERR_MSG(extack, "SEQ is beyond the limit of RFC 8446 5.5");
		kseal_install_drop(pair);
		return -ERANGE;
	}
	return 0;
}

int kseal_install_parse(struct nlattr **tb, struct kseal_key_pair *pair,
			struct netlink_ext_ack *extack)
{
	struct kseal_key_material tx = {}, rx = {};
	int err;

	memset(pair, 0, sizeof(*pair));
	err = check_choice(tb, extack);
	if (err)
		return err;
	pair->version = nla_get_u16(tb[KSEAL_A_VERSION]);
	pair->cipher = nla_get_u16(tb[KSEAL_A_CIPHER]);
	err = parse_direction(tb[KSEAL_A_TX], pair->version, pair->cipher, true,
			      &tx, extack);
	if (!err)
		err = parse_direction(tb[KSEAL_A_RX], pair->version,
				      pair->cipher, false, &rx, extack);
	if (!err && same_key(&tx, &rx)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_RX],
				    "RX.KEY and RX.IV are those of TX");
		err = -EINVAL;
	}
	if (!err)
		err = create_pair(&tx, &rx, pair, extack);
	memzero_explicit(&tx, sizeof(tx));
	memzero_explicit(&rx, sizeof(rx));
	return err;
}

void kseal_install_drop(struct kseal_key_pair *pair)
{
	kseal_keys_destroy(pair->tx);
	kseal_keys_destroy(pair->rx);
	pair->tx = NULL;
	pair->rx = NULL;
}

void kseal_install_apply(struct kseal_sock *ks, struct kseal_key_pair *pair)
{
	kseal_sock_keyed(ks, pair->tx, pair->rx, pair->version, pair->cipher);
	pair->tx = NULL;
	pair->rx = NULL;
}

/* ---- KSEAL_CMD_INSTALL ---- */

/* The descriptor is looked up in the table of whoever calls sendmsg() on a
 * netlink socket. If somebody else opened that socket, the caller may not know
 * what it is doing.
 */
static bool sender_is_opener(const struct sk_buff *skb)
{
	const struct socket *netlink = NETLINK_CB(skb).sk->sk_socket;
	const struct cred *opener, *caller = current_cred();

	if (!netlink || !netlink->file)
		return false;
	opener = netlink->file->f_cred;
	return opener == caller ||
	       (uid_eq(opener->euid, caller->euid) &&
		gid_eq(opener->egid, caller->egid) &&
		opener->user_ns == caller->user_ns &&
		cap_issubset(caller->cap_effective, opener->cap_effective));
}

static int check_socket(const struct sock *sk, struct net *net,
			struct netlink_ext_ack *extack)
{
	if (!sk_is_tcp(sk)) {
		NL_SET_ERR_MSG(extack, "FD is not a TCP socket");
		return -EOPNOTSUPP;
	}
	if (sock_net(sk) != net) {
		NL_SET_ERR_MSG(extack, "FD is a socket of another network namespace");
		return -EXDEV;
	}
	return 0;
}

/* Under the socket lock. */
static int check_session(const struct sock *sk, struct netlink_ext_ack *extack)
{
	const struct kseal_sock *ks;

	if (sk->sk_state != TCP_ESTABLISHED && sk->sk_state != TCP_CLOSE_WAIT) {
		NL_SET_ERR_MSG(extack, "FD is not a connected socket");
		return -ENOTCONN;
	}
	ks = kseal_sock_is(sk) ? kseal_sock(sk) : NULL;
	if (!ks) {
		NL_SET_ERR_MSG(extack, "FD has not the ULP kseal: set TCP_ULP first");
		return -EPROTOTYPE;
	}
	switch (ks->state) {
	case KSEAL_STATE_NEW:
		return 0;
	case KSEAL_STATE_KEYED:
		NL_SET_ERR_MSG(extack, "FD has keys");
		return -EEXIST;
	case KSEAL_STATE_WAITING:
		NL_SET_ERR_MSG(extack, "FD has a handshake under way");
		return -EBUSY;
	default:
		NL_SET_ERR_MSG(extack, "FD has failed before");
		return -ENOTCONN;
	}
}

static int install(struct socket *sock, struct nlattr **tb,
		   struct genl_info *info)
{
	struct sock *sk = sock->sk;
	struct kseal_key_pair pair;
	int err;

	err = check_socket(sk, genl_info_net(info), info->extack);
	if (err)
		return err;
	/* before the keys, so that the socket's fault is named first, and
	 * after, as they take time
	 */
	lock_sock(sk);
	err = check_session(sk, info->extack);
	release_sock(sk);
	if (err)
		return err;
	err = kseal_install_parse(tb, &pair, info->extack);
	if (err)
		return err;
	lock_sock(sk);
	err = check_session(sk, info->extack);
	if (!err)
		kseal_install_apply(kseal_sock(sk), &pair);
	release_sock(sk);
	kseal_install_drop(&pair);
	return err;
}

static int install_by_fd(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[KSEAL_A_MAX + 1];
	struct socket *sock;
	int err;

	err = kseal_install_message(info, tb);
	if (err)
		return err;
	if (!tb[KSEAL_A_FD]) {
		NL_SET_ERR_MSG(info->extack, "FD is missing");
		return -EINVAL;
	}
	if (!sender_is_opener(skb)) {
		NL_SET_ERR_MSG(info->extack,
			       "FD: the netlink socket was opened by somebody else");
		return -EPERM;
	}
	sock = sockfd_lookup(nla_get_s32(tb[KSEAL_A_FD]), &err);
	if (!sock) {
		if (err == -ENOTSOCK)
			NL_SET_ERR_MSG_ATTR(info->extack, tb[KSEAL_A_FD],
					    "FD is not a socket");
		else
			NL_SET_ERR_MSG_ATTR(info->extack, tb[KSEAL_A_FD],
					    "FD is not open");
		return err;
	}
	err = install(sock, tb, info);
	sockfd_put(sock);
	return err;
}

int kseal_install_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = install_by_fd(skb, info);

	kseal_install_wipe(info);
	return err;
}
