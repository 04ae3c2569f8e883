// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing for a listener of a rule passes before it is wrapped: see wrap.h.
 *
 * TCP takes a socket from what a segment says, and so does this, just before it.
 * What early demultiplexing has found stands in skb->sk; what this finds is put
 * there in the same way, so that TCP serves what was judged and no other of a
 * group. Established connections pay for one look at a pointer, or for the
 * lookup that TCP does not make any more.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock_reuseport.h>
#include <net/tcp.h>

#include "main.h"
#include "stats.h"
#include "wrap.h"

#if IS_ENABLED(CONFIG_NETFILTER)

/* TCP's segment: its header is in the linear part, and not looked at by anybody. */
struct segment {
	struct net *net;
	struct sk_buff *skb;
	unsigned int thoff;	/* bytes from skb->data */
};

static const struct tcphdr *header_of(const struct segment *s)
{
	return (const struct tcphdr *)(s->skb->data + s->thoff);
}

/* ---- whose it is ---- */

/* As __inet_lookup() and __inet6_lookup() have them, in two steps. The listener's
 * is not held.
 */
static struct sock *established4(const struct segment *s)
{
	const struct iphdr *iph = ip_hdr(s->skb);
	const struct tcphdr *th = header_of(s);

	return kseal_compat_established4(s->net, iph->saddr, th->source,
					 iph->daddr, ntohs(th->dest),
					 inet_iif(s->skb), inet_sdif(s->skb));
}

static struct sock *listener4(const struct segment *s, const struct tcphdr *th)
{
	const struct iphdr *iph = ip_hdr(s->skb);

	return kseal_compat_lookup4(s->net, s->skb, __tcp_hdrlen(th),
				    iph->saddr, th->source, iph->daddr,
				    ntohs(th->dest), inet_iif(s->skb),
				    inet_sdif(s->skb));
}

#if IS_ENABLED(CONFIG_IPV6)
static struct sock *established6(const struct segment *s)
{
	const struct ipv6hdr *iph = ipv6_hdr(s->skb);
	const struct tcphdr *th = header_of(s);

	return kseal_compat_established6(s->net, &iph->saddr, th->source,
					 &iph->daddr, ntohs(th->dest),
					 inet6_iif(s->skb), inet6_sdif(s->skb));
}

static struct sock *listener6(const struct segment *s, const struct tcphdr *th)
{
	const struct ipv6hdr *iph = ipv6_hdr(s->skb);

	return kseal_compat_lookup6(s->net, s->skb, __tcp_hdrlen(th),
				    &iph->saddr, th->source, &iph->daddr,
				    ntohs(th->dest), inet6_iif(s->skb),
				    inet6_sdif(s->skb));
}
#else
static struct sock *established6(const struct segment *s)
{
	return NULL;
}

static struct sock *listener6(const struct segment *s, const struct tcphdr *th)
{
	return NULL;
}
#endif

static struct sock *find_established(const struct segment *s)
{
	return s->skb->protocol == htons(ETH_P_IP) ? established4(s) :
						     established6(s);
}

static struct sock *find_listener(const struct segment *s)
{
	const struct tcphdr *th = header_of(s);
	struct sock *sk;

	/* a program of a group (SO_ATTACH_REUSEPORT_EBPF) sees what it would there */
	__skb_pull(s->skb, s->thoff);
	sk = s->skb->protocol == htons(ETH_P_IP) ? listener4(s, th) :
						   listener6(s, th);
	__skb_push(s->skb, s->thoff);
	return sk;
}

/* The reference is the segment's now. */
static void pin(struct sk_buff *skb, struct sock *sk)
{
	skb->sk = sk;
	skb->destructor = sock_edemux;
}

/* ---- the verdict ---- */

static unsigned int drop(struct net *net)
{
	kseal_stat_add(net, KSEAL_STAT_WRAP_DROPPED, 1);
	return NF_DROP;
}

static unsigned int judge(struct net *net, struct sock *listener)
{
	int err;

	if (!kseal_wrap_find(net, listener) || kseal_wrap_is_done(listener))
		return NF_ACCEPT;
	/* where it stands */
	err = kseal_wrap_settle(net, listener);
	if (!err)
		return NF_ACCEPT;
	if (err == -EAGAIN || err == -ENOMEM)
		kseal_wrap_later(net);
	else if (err != -ENOTCONN)
		kseal_wrap_warn(listener, err);
	return drop(net);
}

/* Where TCP chooses once more among those of a port: each of them. */
static unsigned int judge_group(struct net *net, struct sock *listener)
{
	struct sock_reuseport *group =
		rcu_dereference(listener->sk_reuseport_cb);
	unsigned int verdict = judge(net, listener), n, i;

	n = group ? READ_ONCE(group->num_socks) : 0;
	/* pairs with the write of the number, behind that of the socket */
	smp_rmb();
	for (i = 0; i < n && verdict == NF_ACCEPT; i++)
		if (inet_sk_state_load(group->socks[i]) == TCP_LISTEN)
			verdict = judge(net, group->socks[i]);
	return verdict;
}

/* A listener that has closed may hand what is half open to another of its group
 * (net.ipv4.tcp_migrate_req), or TCP begins anew with whoever listens now; which
 * that is only TCP knows. And who has closed has no port to find a rule by.
 */
static unsigned int judge_half_open(struct net *net, struct sock *sk)
{
	struct sock *listener = inet_reqsk(sk)->rsk_listener;

	/* it may close before TCP looks */
	if (listener && inet_sk_state_load(listener) == TCP_LISTEN)
		return judge_group(net, listener);
	return kseal_wrap_has_port(net, sk->sk_num) ? drop(net) : NF_ACCEPT;
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
		*verdict = judge_half_open(net, sk);
		return true;
	case TCP_LISTEN:
		/* a BPF program's choice is one of a group's to TCP */
		*verdict = judge_group(net, sk);
		return true;
	default:
		*verdict = NF_ACCEPT;
		return true;
	}
}

/* RFC 7413: it may bring a connection about by itself, also without a cookie. */
static bool opens_fast(const struct segment *s)
{
	const struct tcphdr *th = header_of(s);
	const u8 *at = (const u8 *)(th + 1), *end = (const u8 *)th + __tcp_hdrlen(th);

	if (!th->syn || th->ack)
		return false;
	if (s->skb->len > s->thoff + __tcp_hdrlen(th))
		return true;
	while (end - at >= 2 && *at != TCPOPT_EOL) {
		if (*at == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (*at == TCPOPT_FASTOPEN || *at == TCPOPT_EXP)
			return true;
		if (at[1] < 2)
			return false;
		at += at[1];
	}
	return false;
}

static unsigned int judge_segment(const struct segment *s)
{
	const struct tcphdr *th;
	unsigned int verdict;
	struct sock *sk;

	if (!pskb_may_pull(s->skb, s->thoff + sizeof(*th)) ||
	    !pskb_may_pull(s->skb, s->thoff + __tcp_hdrlen(header_of(s))))
		return NF_DROP;
	th = header_of(s);
	if (__tcp_hdrlen(th) < sizeof(*th))
		return NF_DROP;
	if (!s->skb->sk) {
		sk = find_established(s);
		if (sk)
			pin(s->skb, sk);
		if (is_known(s->net, s->skb, &verdict))
			return verdict;
	}
	sk = find_listener(s);
	/* TCP will look for itself, later, and what it finds gets no whole
	 * connection yet, but for these
	 */
	if ((!sk || s->skb->sk) && opens_fast(s) &&
	    kseal_wrap_has_port(s->net, ntohs(th->dest)))
		return drop(s->net);
	if (!sk || !kseal_wrap_find(s->net, sk))
		return NF_ACCEPT;
	if (!s->skb->sk) {
		if (!refcount_inc_not_zero(&sk->sk_refcnt))
			return drop(s->net);
		pin(s->skb, sk);
	}
	return judge(s->net, sk);
}

static unsigned int guard4(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	const struct segment s = { state->net, skb, ip_hdrlen(skb) };
	unsigned int verdict;

	if (ip_hdr(skb)->protocol != IPPROTO_TCP)
		return NF_ACCEPT;
	if (is_known(state->net, skb, &verdict))
		return verdict;
	return judge_segment(&s);
}

/* What TCP gets of it may not be what is seen here: the rest of a fragment comes
 * behind us, and a routing header that has somewhere to go changes the address.
 * TCP needs neither.
 */
static bool is_unclear(struct net *net, struct sk_buff *skb, unsigned int thoff,
		       int flags)
{
	int routing = IP6_FH_F_SKIP_RH;
	unsigned int at = 0;
	struct tcphdr buf;
	const struct tcphdr *th;

	if (thoff == sizeof(struct ipv6hdr) ||
	    (!(flags & IP6_FH_F_FRAG) &&
	     ipv6_find_hdr(skb, &at, NEXTHDR_ROUTING, NULL, &routing) < 0))
		return false;
	th = skb_header_pointer(skb, thoff, sizeof(buf), &buf);
	return !th || kseal_wrap_has_port(net, ntohs(th->dest));
}

static unsigned int guard6(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	struct segment s = { state->net, skb, 0 };
	unsigned short fragment = 0;
	unsigned int verdict;
	int found, flags = 0;

	found = ipv6_find_hdr(skb, &s.thoff, IPPROTO_TCP, &fragment, &flags);
	/* without the first of them the other fragments come to nothing */
	if (found == -ENOENT || fragment)
		return NF_ACCEPT;
	if (found < 0)
		return NF_DROP;
	if (is_unclear(state->net, skb, s.thoff, flags))
		return drop(state->net);
	if (is_known(state->net, skb, &verdict))
		return verdict;
	return judge_segment(&s);
}

/* ---- on and off ---- */

/* Late: what others drop or turn elsewhere is not for us. */
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
