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

/* What both directions are for. */
struct choice {
	const struct kseal_cipher *cipher;
	u16 version;
};

static int check_direction(struct nlattr **tb, const struct nlattr *nest,
			   const struct choice *choice, bool tx,
			   struct netlink_ext_ack *extack)
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
	if (nla_len(key) != choice->cipher->key_len) {
		REFUSE(extack, key, tx, "KEY has not the cipher's key length");
		return -EINVAL;
	}
	if (secret && choice->version != KSEAL_VERSION_1_3) {
		REFUSE(extack, secret, tx, "SECRET goes with TLS 1.3 only");
		return -EINVAL;
	}
	if (secret && nla_len(secret) != choice->cipher->secret_len) {
		REFUSE(extack, secret, tx,
		       "SECRET has not the length of the cipher suite's hash");
		return -EINVAL;
	}
	return 0;
}

static int parse_direction(const struct nlattr *nest,
			   const struct choice *choice, bool tx,
			   struct kseal_key_material *m,
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
	err = check_direction(tb, nest, choice, tx, extack);
	if (err)
		return err;
	m->version = choice->version;
	m->cipher = choice->cipher;
	memcpy(m->key, nla_data(tb[KSEAL_A_KEYS_KEY]), m->cipher->key_len);
	memcpy(m->iv, nla_data(tb[KSEAL_A_KEYS_IV]), sizeof(m->iv));
	m->seq = nla_get_u64(tb[KSEAL_A_KEYS_SEQ]);
	if (tb[KSEAL_A_KEYS_SECRET]) {
		m->secret_len = nla_len(tb[KSEAL_A_KEYS_SECRET]);
		memcpy(m->secret, nla_data(tb[KSEAL_A_KEYS_SECRET]),
		       m->secret_len);
	}
	return 0;
}

/* one: the next keys of one direction; else both have to be there */
static int check_choice(struct nlattr **tb, bool one, struct choice *choice,
			struct netlink_ext_ack *extack)
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
	unsigned int i, n = one ? 2 : ARRAY_SIZE(needed);

	for (i = 0; i < n; i++)
		if (!tb[needed[i].attr]) {
			extack->_msg = needed[i].missing;
			return -EINVAL;
		}
	choice->version = nla_get_u16(tb[KSEAL_A_VERSION]);
	if (choice->version != KSEAL_VERSION_1_2 &&
	    choice->version != KSEAL_VERSION_1_3) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_VERSION],
				    "VERSION is not supported: only 0x0303 (TLS 1.2) and 0x0304 (TLS 1.3)");
		return -EOPNOTSUPP;
	}
	choice->cipher = kseal_cipher_find(nla_get_u16(tb[KSEAL_A_CIPHER]),
					   choice->version);
	if (!choice->cipher) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_CIPHER],
				    "CIPHER is not supported, or not in this VERSION: see enum in linux/kseal.h");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Two directions under one key and IV would use every nonce twice; so would
 * the explicit nonces of TLS 1.2 under one key and salt.
 */
static bool same_key(const struct kseal_key_material *a,
		     const struct kseal_key_material *b)
{
	size_t iv_len = a->version == KSEAL_VERSION_1_2 &&
			a->cipher->explicit_nonce ? KSEAL_SALT_LEN :
						    sizeof(a->iv);

	return !crypto_memneq(a->key, b->key, a->cipher->key_len) &&
	       !crypto_memneq(a->iv, b->iv, iv_len);
}

static int create_direction(const struct kseal_key_material *m,
			    struct kseal_keys **keys,
			    struct netlink_ext_ack *extack)
{
	*keys = kseal_keys_create(m);
	if (IS_ERR(*keys)) {
		int err = PTR_ERR(*keys);

		*keys = NULL;
		if (err == -ENOENT)
			NL_SET_ERR_MSG(extack,
				       "CIPHER: this kernel has no such algorithm");
		else
			NL_SET_ERR_MSG(extack,
				       "the kernel's cipher refused the keys");
		return err;
	}
	if (kseal_keys_spent(*keys, false)) {
		NL_SET_ERR_MSG(extack, "SEQ is beyond the limit of RFC 8446 5.5");
		return -ERANGE;
	}
	return 0;
}

int kseal_install_parse(struct nlattr **tb, bool one, struct kseal_key_pair *pair,
			struct netlink_ext_ack *extack)
{
	struct kseal_key_material tx = {}, rx = {};
	struct choice choice;
	int err;

	memset(pair, 0, sizeof(*pair));
	err = check_choice(tb, one, &choice, extack);
	if (err)
		return err;
	pair->version = choice.version;
	pair->cipher = choice.cipher->id;
	if (tb[KSEAL_A_TX])
		err = parse_direction(tb[KSEAL_A_TX], &choice, true, &tx,
				      extack);
	if (!err && tb[KSEAL_A_RX])
		err = parse_direction(tb[KSEAL_A_RX], &choice, false, &rx,
				      extack);
	if (!err && tb[KSEAL_A_TX] && tb[KSEAL_A_RX] && same_key(&tx, &rx)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_RX],
				    "RX.KEY and RX.IV are those of TX");
		err = -EINVAL;
	}
	if (!err && tb[KSEAL_A_TX])
		err = create_direction(&tx, &pair->tx, extack);
	if (!err && tb[KSEAL_A_RX])
		err = create_direction(&rx, &pair->rx, extack);
	if (err)
		kseal_install_drop(pair);
	memzero_explicit(&tx, sizeof(tx));
	memzero_explicit(&rx, sizeof(rx));
	return err;
}

int kseal_install_one(struct nlattr **tb, const struct nlattr *nest,
		      struct kseal_keys **keys, struct netlink_ext_ack *extack)
{
	struct kseal_key_material m = {};
	struct choice choice;
	int err;

	*keys = NULL;
	err = check_choice(tb, true, &choice, extack);
	if (!err)
		err = parse_direction(nest, &choice, false, &m, extack);
	if (!err)
		err = create_direction(&m, keys, extack);
	if (err) {
		kseal_keys_destroy(*keys);
		*keys = NULL;
	}
	memzero_explicit(&m, sizeof(m));
	return err;
}

void kseal_install_drop(struct kseal_key_pair *pair)
{
	kseal_keys_destroy(pair->tx);
	kseal_keys_destroy(pair->rx);
	pair->tx = NULL;
	pair->rx = NULL;
}

int kseal_install_apply(struct kseal_sock *ks, struct kseal_key_pair *pair,
			gfp_t gfp)
{
	int err;

	if (ks->state == KSEAL_STATE_KEYED) {
		err = kseal_sock_rekey(ks, pair->tx ?: pair->rx, pair->tx);
		if (err)
			return err;
		pair->tx = NULL;
		pair->rx = NULL;
		return 0;
	}
	kseal_sock_keyed(ks, pair->tx, pair->rx, pair->version, pair->cipher,
			 gfp);
	pair->tx = NULL;
	pair->rx = NULL;
	return 0;
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

/* The next keys of one direction: TX after the application's own KeyUpdate, RX
 * after the peer's.
 */
static int check_rekey(const struct kseal_sock *ks, struct nlattr **tb,
		       struct netlink_ext_ack *extack)
{
	const struct kseal_keys *keys = tb[KSEAL_A_TX] ? ks->tx.keys :
							 ks->rx.keys;

	if (ks->mainline || !tb[KSEAL_A_TX] == !tb[KSEAL_A_RX]) {
		NL_SET_ERR_MSG(extack, "FD has keys");
		return -EEXIST;
	}
	if (tb[KSEAL_A_RX] && !ks->rx.update_pending) {
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_RX],
				    "RX: the peer has sent no KeyUpdate");
		return -EEXIST;
	}
	if (ks->version != KSEAL_VERSION_1_3 || kseal_keys_can_update(keys)) {
		NL_SET_ERR_MSG(extack,
			       "FD has keys that are not for others to replace");
		return -EEXIST;
	}
	if (!tb[KSEAL_A_VERSION] || !tb[KSEAL_A_CIPHER] ||
	    nla_get_u16(tb[KSEAL_A_VERSION]) != ks->version ||
	    nla_get_u16(tb[KSEAL_A_CIPHER]) != ks->cipher) {
		NL_SET_ERR_MSG(extack, "VERSION and CIPHER have to be those FD has");
		return -EINVAL;
	}
	return 0;
}

/* Under the socket lock. */
static int check_session(const struct sock *sk, struct nlattr **tb,
			 struct netlink_ext_ack *extack)
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
		return check_rekey(ks, tb, extack);
	case KSEAL_STATE_WAITING:
		NL_SET_ERR_MSG(extack, "FD has a handshake under way");
		return -EBUSY;
	default:
		NL_SET_ERR_MSG(extack, "FD has failed before");
		return -ENOTCONN;
	}
}

/* Of the keys themselves, once they are made. */
static int check_next(const struct kseal_sock *ks,
		      const struct kseal_key_pair *pair,
		      struct netlink_ext_ack *extack)
{
	const struct kseal_keys *next = pair->tx ?: pair->rx;
	u8 iv[KSEAL_EXPLICIT_LEN];

	if (kseal_keys_same(next, pair->tx ? ks->tx.keys : ks->rx.keys)) {
		NL_SET_ERR_MSG(extack, "KEY is the one FD has");
		return -EALREADY;
	}
	if (kseal_keys_public(next, iv)) {
		NL_SET_ERR_MSG(extack, "SEQ of the next keys is 0: RFC 8446 5.3");
		return -EINVAL;
	}
	return 0;
}

static int install(struct socket *sock, struct nlattr **tb,
		   struct genl_info *info)
{
	struct sock *sk = sock->sk;
	struct kseal_key_pair pair;
	bool rekey;
	int err;

	err = check_socket(sk, genl_info_net(info), info->extack);
	if (err)
		return err;
	/* before the keys, so that the socket's fault is named first, and
	 * after, as they take time
	 */
	lock_sock(sk);
	err = check_session(sk, tb, info->extack);
	rekey = !err && kseal_sock(sk)->state == KSEAL_STATE_KEYED;
	release_sock(sk);
	if (err)
		return err;
	err = kseal_install_parse(tb, rekey, &pair, info->extack);
	if (err)
		return err;
	lock_sock(sk);
	err = check_session(sk, tb, info->extack);
	if (!err && rekey != (kseal_sock(sk)->state == KSEAL_STATE_KEYED))
		err = -EEXIST;
	if (!err && rekey)
		err = check_next(kseal_sock(sk), &pair, info->extack);
	if (!err)
		err = kseal_install_apply(kseal_sock(sk), &pair,
					  GFP_KERNEL);
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
