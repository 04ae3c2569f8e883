// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing for a listener of a rule passes before it is wrapped: see wrap.h.
 *
 * TCP takes listener and connection from what a segment says, and so does this,
 * just before it. A segment of a connection that has a socket is none of ours;
 * early demultiplexing has found that already, so that established connections
 * pay for one look at a pointer. What is left begins connections: for those
 * the listener is looked up once more.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "main.h"
#include "stats.h"
#include "wrap.h"

#if IS_ENABLED(CONFIG_NETFILTER)

/* ---- the listener ---- */

static struct sock *lookup4(struct net *net, struct sk_buff *skb, int doff,
			    const struct tcphdr *th)
{
	const struct iphdr *iph = ip_hdr(skb);

	return kseal_compat_lookup4(net, skb, doff, iph->saddr, th->source,
				    iph->daddr, ntohs(th->dest), skb->dev->ifindex,
				    inet_sdif(skb));
}

static struct sock *lookup6(struct net *net, struct sk_buff *skb, int doff,
			    const struct tcphdr *th)
{
#if IS_ENABLED(CONFIG_IPV6)
	const struct ipv6hdr *iph = ipv6_hdr(skb);

	return kseal_compat_lookup6(net, skb, doff, &iph->saddr, th->source,
				    &iph->daddr, ntohs(th->dest),
				    skb->dev->ifindex, inet6_sdif(skb));
#else
	return NULL;
#endif
}

/* ---- the verdict ---- */

/* Wraps it where it stands, if nobody owns it. */
static bool wrap_in_bh(struct sock *sk, const struct kseal_wrap *wrap)
{
	bool done = false;

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		done = !kseal_wrap_apply(sk, wrap, GFP_ATOMIC | __GFP_NOWARN);
	bh_unlock_sock(sk);
	return done;
}

static unsigned int judge(struct net *net, struct sock *listener)
{
	struct kseal_net *kn = kseal_net(net);
	const struct kseal_wrap *wrap = kseal_wrap_find(net, listener);

	if (!wrap || kseal_wrap_is_done(listener) || wrap_in_bh(listener, wrap))
		return NF_ACCEPT;
	queue_work(kseal_wq, &kn->wrap_work);
	kseal_stat_add(net, KSEAL_STAT_WRAP_DROPPED, 1);
	return NF_DROP;
}

/* A listener that has closed may hand what is half open to another of its group
 * (net.ipv4.tcp_migrate_req), and which that is only TCP knows.
 */
static unsigned int judge_half_open(struct net *net, struct sk_buff *skb)
{
	struct sock *listener = inet_reqsk(skb->sk)->rsk_listener;

	if (!listener)
		return NF_ACCEPT;
	if (inet_sk_state_load(listener) == TCP_LISTEN)
		return judge(net, listener);
	if (!kseal_wrap_find(net, listener))
		return NF_ACCEPT;
	kseal_stat_add(net, KSEAL_STAT_WRAP_DROPPED, 1);
	return NF_DROP;
}

/* Returns whether skb->sk says enough, with the verdict. */
static bool is_known(struct net *net, struct sk_buff *skb, unsigned int *verdict)
{
	struct sock *sk = skb->sk;

	if (!sk)
		return false;
	switch (inet_sk_state_load(sk)) {
	case TCP_TIME_WAIT:
		return false;	/* perhaps a connection begins */
	case TCP_NEW_SYN_RECV:
		*verdict = judge_half_open(net, skb);
		return true;
	case TCP_LISTEN:
		*verdict = judge(net, sk);
		return true;
	default:
		*verdict = NF_ACCEPT;
		return true;
	}
}

static unsigned int guard4(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	const struct iphdr *iph = ip_hdr(skb);
	unsigned int verdict;
	struct tcphdr buf;
	const struct tcphdr *th;
	struct sock *sk;

	if (iph->protocol != IPPROTO_TCP || is_known(state->net, skb, &verdict))
		return iph->protocol != IPPROTO_TCP ? NF_ACCEPT : verdict;
	th = skb_header_pointer(skb, ip_hdrlen(skb), sizeof(buf), &buf);
	if (!th)
		return NF_DROP;
	sk = lookup4(state->net, skb, ip_hdrlen(skb) + __tcp_hdrlen(th), th);
	return sk ? judge(state->net, sk) : NF_ACCEPT;
}

static unsigned int guard6(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	unsigned int verdict, thoff = 0;
	unsigned short fragment = 0;
	const struct tcphdr *th;
	struct tcphdr buf;
	struct sock *sk;
	int found;

	/* Fragments are put together behind us. The first has TCP's header, or
	 * goes; the others change nothing in it (RFC 5722).
	 */
	found = ipv6_find_hdr(skb, &thoff, IPPROTO_TCP, &fragment, NULL);
	if (found == -ENOENT || fragment)
		return NF_ACCEPT;
	if (found < 0)
		return NF_DROP;
	if (is_known(state->net, skb, &verdict))
		return verdict;
	th = skb_header_pointer(skb, thoff, sizeof(buf), &buf);
	if (!th)
		return NF_DROP;
	sk = lookup6(state->net, skb, thoff + __tcp_hdrlen(th), th);
	return sk ? judge(state->net, sk) : NF_ACCEPT;
}

/* ---- on and off ---- */

/* Last: what others drop or turn elsewhere is not for us. */
static const struct nf_hook_ops hooks[] = {
	{
		.hook = guard4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP_PRI_LAST,
	}, {
		.hook = guard6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP6_PRI_LAST,
	},
};

int kseal_guard_on(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

void kseal_guard_off(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

#else

int kseal_guard_on(struct net *net)
{
	return -EOPNOTSUPP;
}

void kseal_guard_off(struct net *net)
{
}

#endif
