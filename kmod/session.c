// SPDX-License-Identifier: GPL-2.0-only
/* KSEAL_CMD_SESSION_GET and KSEAL_CMD_STATS_GET: for those who look on. */
#include <linux/jiffies.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "handshake.h"
#include "main.h"
#include "netlink.h"
#include "sock.h"
#include "stats.h"

/* more than all strings of a session, and its numbers */
#define EVENT_MAX	4096

static const int text_attr[KSEAL_TEXT_COUNT] = {
	[KSEAL_TEXT_PROFILE] = KSEAL_A_PROFILE,
	[KSEAL_TEXT_SERVER_NAME] = KSEAL_A_SERVER_NAME,
	[KSEAL_TEXT_SUITE] = KSEAL_A_SUITE,
	[KSEAL_TEXT_GROUP] = KSEAL_A_GROUP,
	[KSEAL_TEXT_ALPN] = KSEAL_A_ALPN,
	[KSEAL_TEXT_PEER_IDENTITY] = KSEAL_A_PEER_IDENTITY,
	[KSEAL_TEXT_REASON] = KSEAL_A_REASON,
};

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, KSEAL_A_PAD);
}

static int put_texts(struct sk_buff *skb, struct kseal_sock *ks)
{
	int i, err = 0;

	spin_lock_bh(&ks->text_lock);
	for (i = 0; i < KSEAL_TEXT_COUNT && !err; i++)
		if (ks->text[i] && text_attr[i])
			err = nla_put_string(skb, text_attr[i], ks->text[i]);
	spin_unlock_bh(&ks->text_lock);
	return err;
}

/* users: whose numbers the receiver understands */
static int put_state(struct sk_buff *skb, struct kseal_sock *ks, kuid_t uid,
		     struct user_namespace *users)
{
	int err = READ_ONCE(ks->err);
	u8 alert = READ_ONCE(ks->alert);

	return put_u64(skb, KSEAL_A_SESSION_ID, ks->id) ?:
	       nla_put_u8(skb, KSEAL_A_SESSION_STATE, READ_ONCE(ks->state)) ?:
	       nla_put_u8(skb, KSEAL_A_ROLE, READ_ONCE(ks->role)) ?:
	       nla_put_u32(skb, KSEAL_A_SESSION_UID,
			   from_kuid_munged(users, uid)) ?:
	       (err ? nla_put_u32(skb, KSEAL_A_ERROR, -err) : 0) ?:
	       (alert != KSEAL_ALERT_NONE ?
		nla_put_u8(skb, KSEAL_A_ALERT, alert) : 0) ?:
	       (READ_ONCE(ks->wrapped) ?
		nla_put_flag(skb, KSEAL_A_SESSION_WRAPPED) : 0) ?:
	       (READ_ONCE(ks->pass) ?
		nla_put_flag(skb, KSEAL_A_SESSION_PASS) : 0);
}

static int put_counts(struct sk_buff *skb, struct kseal_sock *ks)
{
	u16 version = READ_ONCE(ks->version);

	return (version ?
		nla_put_u16(skb, KSEAL_A_VERSION, version) ?:
		nla_put_u16(skb, KSEAL_A_CIPHER, READ_ONCE(ks->cipher)) : 0) ?:
	       put_u64(skb, KSEAL_A_SESSION_INODE, sock_i_ino(ks->sk)) ?:
	       put_u64(skb, KSEAL_A_SESSION_AGE,
		       jiffies_to_msecs(jiffies - ks->attached)) ?:
	       put_u64(skb, KSEAL_A_SESSION_TX_RECORDS,
		       READ_ONCE(ks->tx.records)) ?:
	       put_u64(skb, KSEAL_A_SESSION_TX_BYTES, READ_ONCE(ks->tx.bytes)) ?:
	       put_u64(skb, KSEAL_A_SESSION_RX_RECORDS,
		       READ_ONCE(ks->rx.records)) ?:
	       put_u64(skb, KSEAL_A_SESSION_RX_BYTES, READ_ONCE(ks->rx.bytes)) ?:
	       put_u64(skb, KSEAL_A_SESSION_TX_UPDATES,
		       READ_ONCE(ks->tx.updates)) ?:
	       put_u64(skb, KSEAL_A_SESSION_RX_UPDATES,
		       READ_ONCE(ks->rx.updates));
}

static int put_all(struct sk_buff *skb, struct kseal_sock *ks, kuid_t uid,
		   struct user_namespace *users)
{
	return put_state(skb, ks, uid, users) ?: put_counts(skb, ks) ?:
	       kseal_netlink_put_addresses(skb, ks->sk) ?: put_texts(skb, ks);
}

static int put_session(struct sk_buff *skb, struct netlink_callback *cb,
		       struct kseal_sock *ks, kuid_t uid)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, &kseal_genl_family,
				   NLM_F_MULTI, KSEAL_CMD_SESSION_GET);

	if (!header)
		return -EMSGSIZE;
	if (put_all(skb, ks, uid, sk_user_ns(skb->sk))) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* owner: whose sessions are shown; NULL: everybody's */
static int put_if_seen(struct sk_buff *skb, struct netlink_callback *cb,
		       struct kseal_sock *ks, const kuid_t *owner)
{
	kuid_t uid = sk_uid(ks->sk);

	if (owner && !uid_eq(uid, *owner))
		return 0;
	return put_session(skb, cb, ks, uid);
}

int kseal_session_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(skb->sk);
	bool all = netlink_net_capable(cb->skb, CAP_NET_ADMIN);
	struct kseal_net *kn = kseal_net(net);
	/* who opened the socket, not who was made to write to it */
	kuid_t self = sk_uid(NETLINK_CB(cb->skb).sk);
	unsigned long id = cb->args[0];
	struct kseal_sock *ks;
	int err = 0;

	/* one at a time under the lock; the last one sent says where to go on */
	do {
		xa_lock_bh(&kn->sessions);
		id++;
		ks = xa_find(&kn->sessions, &id, ULONG_MAX, XA_PRESENT);
		if (ks)
			err = put_if_seen(skb, cb, ks, all ? NULL : &self);
		xa_unlock_bh(&kn->sessions);
		if (ks && !err)
			cb->args[0] = id;
		cond_resched();
	} while (ks && !err);
	return skb->len;
}

/* ---- events ---- */

void kseal_session_tell(struct kseal_sock *ks, enum kseal_event event,
			gfp_t gfp)
{
	struct net *net = sock_net(ks->sk);
	struct sk_buff *skb;
	void *header;

	kseal_sock_owned(ks);
	if (!genl_has_listeners(&kseal_genl_family, net, 0))
		return;
	skb = genlmsg_new(EVENT_MAX, gfp | __GFP_NOWARN);
	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, &kseal_genl_family, 0,
			     KSEAL_CMD_SESSION_EVENT);
	if (!header || nla_put_u8(skb, KSEAL_A_EVENT, event) ||
	    put_all(skb, ks, sk_uid(ks->sk), net->user_ns)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast_netns(&kseal_genl_family, net, skb, 0, 0, gfp);
}

/* ---- counters ---- */

static int put_stat(struct sk_buff *skb, const char *name, u64 value)
{
	struct nlattr *nest = nla_nest_start(skb, KSEAL_A_STAT);

	if (!nest || nla_put_string(skb, KSEAL_A_STAT_NAME, name) ||
	    put_u64(skb, KSEAL_A_STAT_VALUE, value))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_stats(struct sk_buff *skb, struct net *net)
{
	int i, err = 0;

	for (i = 0; i < KSEAL_STAT_COUNT && !err; i++)
		err = put_stat(skb, kseal_stat_name(i), kseal_stat_read(net, i));
	return err ?: put_stat(skb, KSEAL_GAUGE_HELPERS, kseal_helper_count(net));
}

int kseal_stats_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply = genlmsg_new((KSEAL_STAT_COUNT + 1) * 64,
					    GFP_KERNEL);
	void *header;

	if (!reply)
		return -ENOMEM;
	header = genlmsg_put_reply(reply, info, &kseal_genl_family, 0,
				   KSEAL_CMD_STATS_GET);
	if (!header || put_stats(reply, genl_info_net(info))) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, header);
	return genlmsg_reply(reply, info);
}
