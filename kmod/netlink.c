// SPDX-License-Identifier: GPL-2.0-only
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "explain.h"
#include "finished.h"
#include "handshake.h"
#include "install.h"
#include "keys.h"
#include "main.h"
#include "netlink.h"
#include "outcome.h"
#include "sock.h"
#include "wrap.h"

const struct nla_policy kseal_policy[KSEAL_A_MAX + 1] = {
	[KSEAL_A_COOKIE] = { .type = NLA_U64 },
	[KSEAL_A_PROFILE] = { .type = NLA_STRING, .len = KSEAL_PROFILE_MAX },
	[KSEAL_A_LOCAL] = { .type = NLA_BINARY,
			    .len = sizeof(struct sockaddr_in6) },
	[KSEAL_A_WRAP_ANY] = { .type = NLA_FLAG },
	[KSEAL_A_WRAP_AHEAD] = { .type = NLA_FLAG },
	[KSEAL_A_SERVER_NAME] = { .type = NLA_STRING, .len = KSEAL_NAME_MAX },
	[KSEAL_A_BYTES] = { .type = NLA_BINARY, .len = KSEAL_BYTES_MAX },
	[KSEAL_A_CONSUMED] = { .type = NLA_U32 },
	[KSEAL_A_MORE] = { .type = NLA_FLAG },
	[KSEAL_A_VERSION] = { .type = NLA_U16 },
	[KSEAL_A_CIPHER] = { .type = NLA_U16 },
	[KSEAL_A_TX] = { .type = NLA_NESTED },
	[KSEAL_A_RX] = { .type = NLA_NESTED },
	[KSEAL_A_SUITE] = { .type = NLA_STRING, .len = 63 },
	[KSEAL_A_GROUP] = { .type = NLA_STRING, .len = 63 },
	[KSEAL_A_ALPN] = { .type = NLA_STRING, .len = KSEAL_ALPN_MAX },
	[KSEAL_A_PEER_IDENTITY] = { .type = NLA_STRING,
				    .len = KSEAL_IDENTITY_MAX },
	[KSEAL_A_FINISHED] = { .type = NLA_BINARY, .len = KSEAL_FINISHED_MAX },
	[KSEAL_A_FINISHED_RX] = { .type = NLA_NESTED },
	[KSEAL_A_BEHIND] = { .type = NLA_BINARY, .len = KSEAL_BEHIND_MAX },
	[KSEAL_A_CHAIN] = { .type = NLA_BINARY, .len = KSEAL_CHAIN_MAX },
	[KSEAL_A_ERROR] = NLA_POLICY_RANGE(NLA_U32, 1, EHWPOISON),
	[KSEAL_A_ALERT] = { .type = NLA_U8 },
	[KSEAL_A_REASON] = { .type = NLA_STRING, .len = KSEAL_REASON_MAX },
	[KSEAL_A_FD] = { .type = NLA_S32 },
	[KSEAL_A_RECORD_MAX] = NLA_POLICY_RANGE(NLA_U32, KSEAL_RECORD_MIN,
						KSEAL_PLAIN_MAX),
	[KSEAL_A_PEER_RECORD_MAX] = NLA_POLICY_RANGE(NLA_U32, KSEAL_RECORD_MIN,
						     KSEAL_PLAIN_MAX),
	[KSEAL_A_PADDING] = NLA_POLICY_RANGE(NLA_U32, 0, KSEAL_INNER_MAX),
	[KSEAL_A_DYNAMIC] = NLA_POLICY_RANGE(NLA_U32, 0, 1),
	[KSEAL_A_EXPLAIN] = NLA_POLICY_VALIDATE_FN(NLA_STRING,
						   kseal_explain_check,
						   KSEAL_EXPLAIN_MAX),
};

/* ---- to the worker ---- */

static int put_address(struct sk_buff *skb, int attr, const struct sock *sk,
		       bool peer)
{
	const struct inet_sock *inet = inet_sk(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		struct sockaddr_in6 in6 = {
			.sin6_family = AF_INET6,
			.sin6_port = peer ? inet->inet_dport : inet->inet_sport,
			.sin6_addr = peer ? sk->sk_v6_daddr : sk->sk_v6_rcv_saddr,
		};

		return nla_put(skb, attr, sizeof(in6), &in6);
	}
#endif
	{
		struct sockaddr_in in = {
			.sin_family = AF_INET,
			.sin_port = peer ? inet->inet_dport : inet->inet_sport,
			.sin_addr.s_addr = peer ? inet->inet_daddr :
						  inet->inet_rcv_saddr,
		};

		return nla_put(skb, attr, sizeof(in), &in);
	}
}

int kseal_netlink_put_addresses(struct sk_buff *skb, const struct sock *sk)
{
	return put_address(skb, KSEAL_A_PEER, sk, true) ?:
	       put_address(skb, KSEAL_A_LOCAL, sk, false);
}

void kseal_netlink_text(struct kseal_sock *ks, int which,
			const struct nlattr *attr)
{
	if (attr)
		kseal_sock_set_text(ks, which, nla_data(attr),
				    strnlen(nla_data(attr), nla_len(attr)),
				    GFP_KERNEL_ACCOUNT);
}

/* What the worker learns once: whose handshake, under which name. */
static int put_beginning(struct sk_buff *skb, struct kseal_request *req)
{
	struct kseal_sock *ks = req->ks;
	/* set before the role, never after: no lock */
	const char *profile = ks->text[KSEAL_TEXT_PROFILE];
	const char *name = ks->text[KSEAL_TEXT_SERVER_NAME];
	const char *alpn = ks->text[KSEAL_TEXT_PROTOCOLS];

	return nla_put_u8(skb, KSEAL_A_ROLE, ks->role) ?:
	       nla_put_string(skb, KSEAL_A_PROFILE, profile ?: "default") ?:
	       (name ? nla_put_string(skb, KSEAL_A_SERVER_NAME, name) : 0) ?:
	       kseal_netlink_put_addresses(skb, req->sk) ?:
	       nla_put_u32(skb, KSEAL_A_TIMEOUT,
			   READ_ONCE(kseal_handshake_timeout_ms)) ?:
	       (alpn ? nla_put_string(skb, KSEAL_A_ALPN, alpn) : 0) ?:
	       (ks->chain.asked ?
		nla_put_flag(skb, KSEAL_A_CHAIN_WANTED) : 0) ?:
	       (kseal_explain_wanted(ks) ?
		nla_put_flag(skb, KSEAL_A_EXPLAIN_WANTED) : 0);
}

int kseal_netlink_handshake(struct kseal_request *req, const void *bytes,
			    unsigned int len, gfp_t gfp)
{
	/* room for the beginning: names, two addresses */
	struct sk_buff *skb = genlmsg_new(len + 1024, gfp);
	void *header;
	int err;

	if (!skb)
		return -ENOMEM;
	header = genlmsg_put(skb, 0, 0, &kseal_genl_family, 0,
			     KSEAL_CMD_HANDSHAKE);
	err = header ? nla_put_u64_64bit(skb, KSEAL_A_COOKIE, req->cookie,
					 KSEAL_A_PAD) : -EMSGSIZE;
	if (!err && !req->begun)
		err = put_beginning(skb, req);
	if (!err && len)
		err = nla_put(skb, KSEAL_A_BYTES, len, bytes);
	if (WARN_ON_ONCE(err)) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, header);
	return genlmsg_unicast(sock_net(req->sk), skb, req->portid);
}

void kseal_netlink_cancel(struct net *net, u32 portid, u64 cookie,
			  const struct kseal_refusal *why)
{
	struct sk_buff *skb = genlmsg_new(64 + nla_total_size(KSEAL_REASON_MAX),
					  GFP_KERNEL);
	void *header;

	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, &kseal_genl_family, 0,
			     KSEAL_CMD_CANCEL);
	if (!header ||
	    nla_put_u64_64bit(skb, KSEAL_A_COOKIE, cookie, KSEAL_A_PAD) ||
	    nla_put_u32(skb, KSEAL_A_ERROR, -why->err) ||
	    (why->alert != KSEAL_ALERT_NONE &&
	     nla_put_u8(skb, KSEAL_A_ALERT, why->alert)) ||
	    (why->reason && nla_put_string(skb, KSEAL_A_REASON, why->reason))) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_unicast(net, skb, portid);
}

void kseal_netlink_message(struct net *net, u32 portid, u64 cookie,
			   const void *bytes, unsigned int len)
{
	struct sk_buff *skb = genlmsg_new(len + 64, GFP_KERNEL);
	void *header;

	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, &kseal_genl_family, 0,
			     KSEAL_CMD_MESSAGE);
	if (!header ||
	    nla_put_u64_64bit(skb, KSEAL_A_COOKIE, cookie, KSEAL_A_PAD) ||
	    nla_put(skb, KSEAL_A_BYTES, len, bytes)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_unicast(net, skb, portid);
}

/* ---- from the worker ---- */

static int register_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = kseal_helper_add(genl_info_net(info), info->snd_portid,
				   NETLINK_CB(skb).sk);

	if (err == -EALREADY)
		NL_SET_ERR_MSG(info->extack, "this socket is registered");
	return err;
}

static int unregister_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = kseal_helper_leave(genl_info_net(info), info->snd_portid,
				     NETLINK_CB(skb).sk);

	if (err)
		NL_SET_ERR_MSG(info->extack, "this socket is not registered");
	return err;
}

static struct kseal_request *find_request(struct sk_buff *skb,
					  struct genl_info *info,
					  struct nlattr **tb)
{
	struct kseal_request *req;

	if (!tb[KSEAL_A_COOKIE]) {
		NL_SET_ERR_MSG(info->extack, "COOKIE is missing");
		return ERR_PTR(-EINVAL);
	}
	req = kseal_handshake_find(genl_info_net(info), info->snd_portid,
				   NETLINK_CB(skb).sk,
				   nla_get_u64(tb[KSEAL_A_COOKIE]));
	if (req == ERR_PTR(-ESRCH))
		NL_SET_ERR_MSG(info->extack, "this socket is not registered as a helper");
	else if (req == ERR_PTR(-ESTALE))
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KSEAL_A_COOKIE],
				    "COOKIE: no such request: it has ended");
	else if (req == ERR_PTR(-EPERM))
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KSEAL_A_COOKIE],
				    "COOKIE: another worker has this request");
	return req;
}

static int answer(struct kseal_request *req, struct nlattr **tb,
		  struct netlink_ext_ack *extack)
{
	struct nlattr *bytes = tb[KSEAL_A_BYTES];
	u32 consumed = tb[KSEAL_A_CONSUMED] ?
		nla_get_u32(tb[KSEAL_A_CONSUMED]) : 0;
	int err;

	err = kseal_handshake_answer(req, consumed,
				     bytes ? nla_data(bytes) : NULL,
				     bytes ? nla_len(bytes) : 0,
				     nla_get_flag(tb[KSEAL_A_MORE]));
	if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(extack, tb[KSEAL_A_CONSUMED],
				    "CONSUMED is more than was given, or stands beside MORE");
	/* after the other errors the worker may say it all again */
	if (!err || err == -EPIPE)
		kseal_explain_append(req->ks, tb[KSEAL_A_EXPLAIN]);
	return err;
}

static int handshake_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kseal_request *req = find_request(skb, info, info->attrs);
	int err;

	if (IS_ERR(req))
		return PTR_ERR(req);
	lock_sock(req->sk);
	err = answer(req, info->attrs, info->extack);
	/* what came meanwhile, without another thread for it */
	if (!err)
		kseal_handshake_go_on(req);
	release_sock(req->sk);
	kseal_request_put(req);
	return err;
}

static void take_facts(struct kseal_sock *ks, struct nlattr **tb)
{
	kseal_netlink_text(ks, KSEAL_TEXT_SUITE, tb[KSEAL_A_SUITE]);
	kseal_netlink_text(ks, KSEAL_TEXT_GROUP, tb[KSEAL_A_GROUP]);
	kseal_netlink_text(ks, KSEAL_TEXT_ALPN, tb[KSEAL_A_ALPN]);
	kseal_netlink_text(ks, KSEAL_TEXT_SERVER_NAME, tb[KSEAL_A_SERVER_NAME]);
	kseal_netlink_text(ks, KSEAL_TEXT_PEER_IDENTITY,
			   tb[KSEAL_A_PEER_IDENTITY]);
}

/* For the owner alone; without memory there is none, as if the peer had none. */
static void take_chain(struct kseal_sock *ks, const struct nlattr *attr)
{
	kseal_sock_owned(ks);
	if (!attr || !ks->chain.asked || ks->chain.bytes)
		return;
	ks->chain.bytes = kmemdup(nla_data(attr), nla_len(attr),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (ks->chain.bytes)
		ks->chain.len = nla_len(attr);
}

/* The profile's, and the peer's; the policy has checked the values. */
static void take_shape(struct kseal_sock *ks, struct nlattr **tb)
{
	static const struct {
		int attr, optname;
	} of[] = {
		{ KSEAL_A_RECORD_MAX, KSEAL_SO_RECORD_MAX },
		{ KSEAL_A_PADDING, KSEAL_SO_PADDING },
		{ KSEAL_A_DYNAMIC, KSEAL_SO_DYNAMIC },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(of); i++)
		if (tb[of[i].attr] && !(ks->shaped & BIT(of[i].optname)))
			kseal_shape_set(&ks->tx.shape, of[i].optname,
					nla_get_u32(tb[of[i].attr]));
	if (tb[KSEAL_A_PEER_RECORD_MAX])
		WRITE_ONCE(ks->tx.peer_max,
			   nla_get_u32(tb[KSEAL_A_PEER_RECORD_MAX]));
}

static int check_awaited(const struct kseal_request *req,
			 const struct kseal_finished *finished,
			 struct netlink_ext_ack *extack)
{
	if (!finished || req->ks->role == KSEAL_ROLE_SERVER)
		return 0;
	NL_SET_ERR_MSG(extack, "FINISHED is for servers, whose clients send it last");
	return -EINVAL;
}

static int done_keyed(struct kseal_request *req, struct nlattr **tb,
		      struct netlink_ext_ack *extack)
{
	struct kseal_finished *finished = NULL;
	struct kseal_sock *ks = req->ks;
	struct kseal_key_pair pair;
	int err;

	err = kseal_install_parse(tb, false, &pair, extack);
	if (!err)
		err = kseal_finished_parse(tb, &pair, &finished, extack);
	if (err)
		goto drop;
	lock_sock(req->sk);
	err = check_awaited(req, finished, extack) ?: answer(req, tb, extack);
	if (!err) {
		take_facts(ks, tb);
		take_chain(ks, tb[KSEAL_A_CHAIN]);
		take_shape(ks, tb);
		if (finished)
			kseal_handshake_await(req, finished);
		else
			kseal_handshake_finish(req, &pair, GFP_KERNEL);
		finished = NULL;
	} else if (err == -EPIPE) {
		kseal_handshake_lost(req);
	}
	release_sock(req->sk);
	kseal_finished_free(finished);
drop:
	kseal_install_drop(&pair);
	return err;
}

static int done_failed(struct kseal_request *req, struct nlattr **tb,
		       struct netlink_ext_ack *extack)
{
	struct kseal_sock *ks = req->ks;
	int err;

	lock_sock(req->sk);
	err = answer(req, tb, extack);
	/* that the alert cannot be sent does not make it a success */
	if (!err || err == -EPIPE || err == -ENOBUFS || err == -ENOMEM) {
		if (err == -ENOBUFS || err == -ENOMEM)
			kseal_explain_append(ks, tb[KSEAL_A_EXPLAIN]);
		err = 0;
		if (tb[KSEAL_A_ALERT])
			WRITE_ONCE(ks->alert, nla_get_u8(tb[KSEAL_A_ALERT]));
		kseal_handshake_end(req);
		/* before the failure, which wakes those who ask for it */
		kseal_netlink_text(ks, KSEAL_TEXT_REASON, tb[KSEAL_A_REASON]);
		kseal_sock_fail(ks, -(int)nla_get_u32(tb[KSEAL_A_ERROR]), NULL);
		kseal_stat_add(sock_net(req->sk), KSEAL_STAT_HANDSHAKES_FAILED, 1);
	}
	release_sock(req->sk);
	return err;
}

static int done(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[KSEAL_A_MAX + 1];
	struct kseal_request *req;
	int err;

	err = kseal_install_message(info, tb);
	if (err)
		return err;
	req = find_request(skb, info, tb);
	if (IS_ERR(req))
		return PTR_ERR(req);
	if (tb[KSEAL_A_MORE]) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[KSEAL_A_MORE],
				    "MORE does not go with the end of a handshake");
		err = -EINVAL;
	} else if (tb[KSEAL_A_ERROR]) {
		err = done_failed(req, tb, info->extack);
	} else {
		err = done_keyed(req, tb, info->extack);
	}
	kseal_request_put(req);
	return err;
}

static int done_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = done(skb, info);

	kseal_install_wipe(info);
	return err;
}

/* ---- the family ---- */

/* DONE and INSTALL have no policy here: install.c parses and wipes them. */
static const struct genl_ops ops[] = {
	{
		.cmd = KSEAL_CMD_REGISTER,
		.doit = register_doit,
		.flags = GENL_UNS_ADMIN_PERM,
	}, {
		.cmd = KSEAL_CMD_UNREGISTER,
		.doit = unregister_doit,
	}, {
		.cmd = KSEAL_CMD_HANDSHAKE,
		.doit = handshake_doit,
		.policy = kseal_policy,
		.maxattr = KSEAL_A_MAX,
	}, {
		.cmd = KSEAL_CMD_DONE,
		.doit = done_doit,
	}, {
		.cmd = KSEAL_CMD_INSTALL,
		.doit = kseal_install_doit,
	}, {
		.cmd = KSEAL_CMD_SESSION_GET,
		.dumpit = kseal_session_dump,
	}, {
		.cmd = KSEAL_CMD_STATS_GET,
		.doit = kseal_stats_doit,
	}, {
		.cmd = KSEAL_CMD_WRAP,
		.doit = kseal_wrap_doit,
		.policy = kseal_policy,
		.maxattr = KSEAL_A_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	}, {
		.cmd = KSEAL_CMD_UNWRAP,
		.doit = kseal_unwrap_doit,
		.policy = kseal_policy,
		.maxattr = KSEAL_A_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	}, {
		.cmd = KSEAL_CMD_WRAP_GET,
		.dumpit = kseal_wrap_dump,
		.flags = GENL_UNS_ADMIN_PERM,
	},
};

static const struct genl_multicast_group groups[] = {
	{ .name = KSEAL_GENL_GROUP_SESSIONS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family kseal_genl_family __ro_after_init = {
	.name = KSEAL_GENL_NAME,
	.version = KSEAL_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
	.resv_start_op = KSEAL_CMD_MAX + 1,
};

/* A worker's socket was closed, by itself or with its process. */
static int released(struct notifier_block *block, unsigned long event,
		    void *data)
{
	const struct netlink_notify *notify = data;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		kseal_helper_gone(notify->net, notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block release_notifier = { .notifier_call = released };

int kseal_netlink_init(void)
{
	int err = netlink_register_notifier(&release_notifier);

	if (err)
		return err;
	err = genl_register_family(&kseal_genl_family);
	if (err)
		netlink_unregister_notifier(&release_notifier);
	return err;
}

void kseal_netlink_exit(void)
{
	genl_unregister_family(&kseal_genl_family);
	netlink_unregister_notifier(&release_notifier);
}
