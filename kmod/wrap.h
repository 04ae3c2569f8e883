/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules that wrap listeners of programs which know nothing of it: see
 * KSEAL_CMD_WRAP in the uapi header.
 *
 * Whoever listens on a rule's address when the rule comes is wrapped at once.
 * Later listeners are by the guard (guard.c), which looks at what TCP is about
 * to give to a listener: it wraps that on the spot, or drops the segment and has
 * a work do it. So there is no moment in which a connection could begin in clear.
 * A rule holds the module: with it the guard would go.
 */
#ifndef KSEAL_WRAP_H
#define KSEAL_WRAP_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include <uapi/linux/kseal.h>


struct kseal_wrap {
	struct list_head node;		/* kseal_net.wraps, RCU */
	struct rcu_head rcu;
	bool any;			/* the port of every address */
	u16 family;
	u16 port;
	struct in6_addr v6;		/* for AF_INET6 */
	__be32 v4;			/* for AF_INET */
	char profile[KSEAL_PROFILE_MAX + 1];
};

/**
 * kseal_wrap_find - the rule for a listener
 * @net: its namespace
 * @sk: the listener
 *
 * In RCU, or with kseal_net.wrap_lock held. Return: the rule, or NULL.
 */
const struct kseal_wrap *kseal_wrap_find(struct net *net,
					 const struct sock *sk);

/**
 * kseal_wrap_settle - make a listener what the rules want it to be now
 * @net: its namespace
 * @sk: the listener, not locked
 *
 * In RCU, or with kseal_net.wrap_lock held; does not sleep. Return: 0; -EAGAIN
 * somebody owns it; -EBUSY it carries something else; -EOPNOTSUPP it is MPTCP;
 * -ENOTCONN it does not listen any more; -ENOMEM.
 */
int kseal_wrap_settle(struct net *net, struct sock *sk);

/* Whether a listener is as its rule wants it. Any context. */
bool kseal_wrap_is_done(const struct sock *sk);

/* Whether some rule is for this port, of whatever address. In RCU. */
bool kseal_wrap_has_port(struct net *net, u16 port);

/* A work looks for listeners that are not as the rules want them. Any context. */
void kseal_wrap_later(struct net *net);

/* Tells the log, now and then, why nobody reaches a listener. */
void kseal_wrap_warn(const struct sock *sk, int err);

int kseal_wrap_doit(struct sk_buff *skb, struct genl_info *info);
int kseal_unwrap_doit(struct sk_buff *skb, struct genl_info *info);
int kseal_wrap_dump(struct sk_buff *skb, struct netlink_callback *cb);

void kseal_wrap_net_init(struct net *net);
void kseal_wrap_net_exit(struct net *net);

/* guard.c: with the first rule of a namespace, and without the last. Process
 * context. Return: 0, -EOPNOTSUPP no netfilter, -ENOMEM.
 */
int kseal_guard_on(struct net *net);
void kseal_guard_off(struct net *net);

#endif
