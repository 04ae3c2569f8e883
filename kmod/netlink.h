/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family: parse, check, hand on. */
#ifndef KSEAL_NETLINK_H
#define KSEAL_NETLINK_H

#include <linux/types.h>
#include <net/genetlink.h>
#include <uapi/linux/kseal.h>

struct kseal_refusal;
struct kseal_request;
struct kseal_sock;

extern struct genl_family kseal_genl_family;
extern const struct nla_policy kseal_policy[];

/**
 * kseal_netlink_handshake - give a worker received bytes
 * @req: the request, its socket locked
 * @bytes: whole records, or NULL
 * @len: at most KSEAL_BYTES_MAX
 * @gfp: for the message
 *
 * Return: 0; -EAGAIN its receive buffer is full; -ECONNREFUSED it is gone;
 * -ENOMEM, -ENOBUFS.
 */
int kseal_netlink_handshake(struct kseal_request *req, const void *bytes,
			    unsigned int len, gfp_t gfp);

/**
 * kseal_netlink_cancel - tell a worker that a request has ended
 * @net: its namespace
 * @portid: its port id
 * @cookie: the request
 * @why: errno; beside it an alert that was sent or received, a sentence or NULL
 *
 * Best effort.
 */
void kseal_netlink_cancel(struct net *net, u32 portid, u64 cookie,
			  const struct kseal_refusal *why);

/**
 * kseal_netlink_message - give a worker a handshake message of a session
 * @net: its namespace
 * @portid: its port id
 * @cookie: the request that the session came from
 * @bytes: the message
 * @len: at most KSEAL_BYTES_MAX
 *
 * Best effort.
 */
void kseal_netlink_message(struct net *net, u32 portid, u64 cookie,
			   const void *bytes, unsigned int len);

/**
 * kseal_netlink_text - take a string attribute into a session
 * @ks: the session
 * @which: enum kseal_text
 * @attr: NULL: nothing happens
 */
void kseal_netlink_text(struct kseal_sock *ks, int which,
			const struct nlattr *attr);

/* PEER and LOCAL attributes of a socket. Return: 0 or -EMSGSIZE. */
int kseal_netlink_put_addresses(struct sk_buff *skb, const struct sock *sk);

/* session.c */
int kseal_session_dump(struct sk_buff *skb, struct netlink_callback *cb);
int kseal_stats_doit(struct sk_buff *skb, struct genl_info *info);

int kseal_netlink_init(void);
void kseal_netlink_exit(void);

/* session.c: tells those who look on, if there are any. Socket lock held. */
void kseal_session_tell(struct kseal_sock *ks, enum kseal_event event,
			gfp_t gfp);

#endif
