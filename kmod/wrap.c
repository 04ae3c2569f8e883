// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "family.h"
#include "listener.h"
#include "listeners.h"
#include "main.h"
#include "netlink.h"
#include "sock.h"
#include "wrap.h"

#define PATIENCE	(5 * HZ)	/* with programs that hold their listeners */
#define WORK_DELAY	(HZ / 10)

/* ---- which listeners ---- */

static bool has_address(const struct kseal_wrap *wrap, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (wrap->family == AF_INET6)
		return sk->sk_family == AF_INET6 &&
		       ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &wrap->v6);
	/* a socket of IPv6 that is bound to an address of IPv4 */
	if (sk->sk_family == AF_INET6 &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
		return false;
#endif
	return inet->inet_rcv_saddr == wrap->v4;
}

static bool matches(const struct sock *sk, const void *arg)
{
	const struct kseal_wrap *wrap = arg;

	return wrap->port == sk->sk_num && (wrap->any || has_address(wrap, sk));
}

const struct kseal_wrap *kseal_wrap_find(struct net *net, const struct sock *sk)
{
	struct kseal_net *kn = kseal_net(net);
	const struct kseal_wrap *wrap, *found = NULL;

	list_for_each_entry_rcu(wrap, &kn->wraps, node,
				lockdep_is_held(&kn->wrap_lock)) {
		if (!matches(sk, wrap))
			continue;
		/* the one that names the address */
		if (!wrap->any)
			return wrap;
		found = wrap;
	}
	return found;
}

bool kseal_wrap_has_port(struct net *net, u16 port)
{
	const struct kseal_wrap *wrap;

	list_for_each_entry_rcu(wrap, &kseal_net(net)->wraps, node)
		if (wrap->port == port)
			return true;
	return false;
}

static struct kseal_wrap *find_same(struct kseal_net *kn,
				    const struct kseal_wrap *like)
{
	struct kseal_wrap *wrap;

	list_for_each_entry(wrap, &kn->wraps, node)
		if (wrap->port == like->port && wrap->any == like->any &&
		    (wrap->any || (wrap->family == like->family &&
				   wrap->v4 == like->v4 &&
				   ipv6_addr_equal(&wrap->v6, &like->v6))))
			return wrap;
	return NULL;
}

/* ---- what becomes of them ---- */

/* In RCU: close() leaves the session to it. NULL: it has none of ours. */
static const struct kseal_sock *session_of(const struct sock *sk)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);

	/* pairs with kseal_sock_attach() */
	if (smp_load_acquire(&icsk->icsk_ulp_ops) != &kseal_ulp_ops)
		return NULL;
	return (__force struct kseal_sock *)READ_ONCE(icsk->icsk_ulp_data);
}

bool kseal_wrap_is_done(const struct sock *sk)
{
	const struct kseal_sock *ks;
	bool done;

	rcu_read_lock();
	ks = session_of(sk);
	done = ks && !READ_ONCE(ks->pass);
	rcu_read_unlock();
	return done;
}

/* What the work is for: a rule's that is not wrapped, or wrapped without a rule. */
static bool is_amiss(const struct sock *sk, const void *arg)
{
	const struct kseal_sock *ks;
	bool amiss;

	rcu_read_lock();
	ks = session_of(sk);
	if (kseal_wrap_find(sock_net(sk), sk))
		amiss = !ks || READ_ONCE(ks->pass);
	else
		amiss = ks && READ_ONCE(ks->wrapped) && !READ_ONCE(ks->pass);
	rcu_read_unlock();
	return amiss;
}

static int attach(struct sock *sk, const struct kseal_wrap *wrap)
{
	const struct kseal_attach as = {
		.profile = wrap->profile,
		.gfp = GFP_ATOMIC | __GFP_NOWARN,
	};
	int err;

	/* TCP puts it with the socket, as after setsockopt(TCP_ULP) */
	if (!try_module_get(THIS_MODULE))
		return -EBUSY;
	err = kseal_sock_attach(sk, &as);
	if (err)
		module_put(THIS_MODULE);
	else
		kseal_stat_add(sock_net(sk), KSEAL_STAT_LISTENERS_WRAPPED, 1);
	return err;
}

/* What a rule says of a listener. Returns -ENOTCONN if it does not listen any more. */
static int apply(struct sock *sk, const struct kseal_wrap *wrap)
{
	struct kseal_sock *ks;
	int err = 0;

	sock_owned_by_me(sk);
	if (sk->sk_state != TCP_LISTEN)
		return -ENOTCONN;
	if (sk_is_mptcp(sk))
		return -EOPNOTSUPP;
	if (!inet_csk(sk)->icsk_ulp_ops)
		return attach(sk, wrap);
	ks = kseal_sock(sk);
	if (inet_csk(sk)->icsk_ulp_ops != &kseal_ulp_ops || !ks)
		return -EBUSY;
	/* a program that made its own socket chose its profile, too */
	if (ks->wrapped)
		err = kseal_sock_set_text(ks, KSEAL_TEXT_PROFILE, wrap->profile,
					  strlen(wrap->profile),
					  GFP_ATOMIC | __GFP_ACCOUNT);
	if (!err)
		WRITE_ONCE(ks->pass, false);
	return err;
}

int kseal_wrap_settle(struct net *net, struct sock *sk)
{
	const struct kseal_wrap *wrap;
	int err = -EAGAIN;

	/* Not lock_sock(): a program can hold that for as long as it likes. And a
	 * packet that comes back from a queue of user space is no softirq's.
	 */
	local_bh_disable();
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk)) {
		err = 0;
		wrap = kseal_wrap_find(net, sk);
		if (wrap)
			err = apply(sk, wrap);
		else if (kseal_sock_is(sk) && kseal_sock(sk)->wrapped)
			WRITE_ONCE(kseal_sock(sk)->pass, true);
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	return err;
}

static int settle(struct net *net, struct sock *sk, unsigned long deadline)
{
	int err;

	lockdep_assert_held(&kseal_net(net)->wrap_lock);
	while ((err = kseal_wrap_settle(net, sk)) == -EAGAIN &&
	       time_before(jiffies, deadline)) {
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	/* it was closed meanwhile */
	return err == -ENOTCONN ? 0 : err;
}

/* All of them, whatever becomes of one. */
static int settle_all(struct net *net, const struct kseal_listeners *l,
		      unsigned long deadline)
{
	int err = 0, ret;
	unsigned int i;

	for (i = 0; i < l->n; i++) {
		ret = settle(net, l->sk[i], deadline);
		err = err ?: ret;
	}
	return err;
}

void kseal_wrap_later(struct net *net)
{
	queue_delayed_work(kseal_wq, &kseal_net(net)->wrap_work, WORK_DELAY);
}

void kseal_wrap_warn(const struct sock *sk, int err)
{
	net_warn_ratelimited("kseal: what listens on port %u cannot be wrapped, its connections are dropped: %s (%d)\n",
			     sk->sk_num,
			     err == -EOPNOTSUPP ? "it is MPTCP" :
			     err == -EBUSY ? "it carries something else" :
			     "there is no memory", err);
}

/* What nobody could do at once, because somebody owned the listener. */
static void wrap_work(struct work_struct *work)
{
	struct kseal_net *kn = container_of(to_delayed_work(work),
					    struct kseal_net, wrap_work);
	struct kseal_listeners l;
	unsigned int i;
	int err;

	mutex_lock(&kn->wrap_lock);
	err = kseal_listeners_find(kn->net, is_amiss, NULL, &l);
	if (err)
		kseal_wrap_later(kn->net);
	for (i = 0; i < l.n; i++) {
		err = settle(kn->net, l.sk[i], jiffies);
		if (err == -EAGAIN)
			kseal_wrap_later(kn->net);
		else if (err)
			kseal_wrap_warn(l.sk[i], err);
	}
	kseal_listeners_put(&l);
	mutex_unlock(&kn->wrap_lock);
}

/* ---- rules come and go ---- */

static int insert(struct net *net, struct kseal_wrap *wrap)
{
	struct kseal_net *kn = kseal_net(net);
	int err;

	if (kn->n_wraps == KSEAL_WRAPS_MAX)
		return -ENOSPC;
	err = kseal_family_prepare(net);
	if (!err && !kn->n_wraps)
		err = kseal_guard_on(net);
	if (err)
		return err;
	__module_get(THIS_MODULE);
	kn->n_wraps++;
	list_add_tail_rcu(&wrap->node, &kn->wraps);
	return 0;
}

static void take_out(struct net *net, struct kseal_wrap *wrap)
{
	struct kseal_net *kn = kseal_net(net);

	list_del_rcu(&wrap->node);
	kn->n_wraps--;
	if (!kn->n_wraps)
		kseal_guard_off(net);
	module_put(THIS_MODULE);
}

/* Of a rule that is gone or did not come about, so that nobody says no. */
static void settle_again(struct net *net, const struct kseal_wrap *wrap)
{
	struct kseal_listeners l;
	int err;

	/* no guard goes by it any more */
	synchronize_net();
	err = kseal_listeners_find(net, matches, wrap, &l);
	/* nobody waits here: the work goes on with those that are owned */
	if (!err)
		err = settle_all(net, &l, jiffies);
	kseal_listeners_put(&l);
	if (err)
		kseal_wrap_later(net);
}

/* What was in a queue before there was a rule is no connection of the rule's.
 * accept() of ours resets it; a thread that sleeps in TCP's does not know us.
 */
static void reset_queues(const struct kseal_listeners *l)
{
	unsigned int i;

	if (!l->n)
		return;
	/* children that were begun without the ULP are in their queues */
	synchronize_net();
	for (i = 0; i < l->n && !fatal_signal_pending(current); i++)
		if (kseal_wrap_is_done(l->sk[i]))
			kseal_listener_reset_queue(l->sk[i]);
}

/* The rule is in force; those who are there follow, or nobody does. */
static int wrap_present(struct net *net, struct kseal_wrap *wrap,
			struct kseal_wrap *old, bool ahead)
{
	struct kseal_listeners l;
	int err;

	/* no guard goes by the rule before, or by none */
	synchronize_net();
	err = kseal_listeners_find(net, matches, wrap, &l);
	if (!err && !l.n && !old && !ahead)
		err = -ENOENT;
	if (!err)
		err = settle_all(net, &l, jiffies + PATIENCE);
	if (!err)
		reset_queues(&l);
	kseal_listeners_put(&l);
	if (!err)
		return 0;
	if (old)
		list_replace_rcu(&wrap->node, &old->node);
	else
		take_out(net, wrap);
	settle_again(net, wrap);
	return err;
}

/* flags: of the request; NLM_F_EXCL: only if there is none. */
static int add(struct net *net, struct kseal_wrap *wrap, bool ahead, u16 flags)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_wrap *old, *gone;
	int err = 0;

	mutex_lock(&kn->wrap_lock);
	old = find_same(kn, wrap);
	if (old && flags & NLM_F_EXCL)
		err = -EEXIST;
	else if (old)
		list_replace_rcu(&old->node, &wrap->node);
	else
		err = insert(net, wrap);
	if (err) {
		kfree(wrap);
	} else {
		err = wrap_present(net, wrap, old, ahead);
		gone = err ? wrap : old;
		if (gone)
			kfree_rcu(gone, rcu);
	}
	mutex_unlock(&kn->wrap_lock);
	return err;
}

static int remove(struct net *net, const struct kseal_wrap *like)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_wrap *wrap;

	mutex_lock(&kn->wrap_lock);
	wrap = find_same(kn, like);
	if (wrap) {
		take_out(net, wrap);
		settle_again(net, wrap);
		kfree_rcu(wrap, rcu);
	}
	mutex_unlock(&kn->wrap_lock);
	return wrap ? 0 : -ENOENT;
}

/* ---- netlink ---- */

static int parse_local(const struct nlattr *attr, struct kseal_wrap *wrap)
{
	const struct sockaddr_in6 *in6 = nla_data(attr);
	const struct sockaddr_in *in = nla_data(attr);

	if (nla_len(attr) == sizeof(*in) && in->sin_family == AF_INET) {
		wrap->v4 = in->sin_addr.s_addr;
		wrap->port = ntohs(in->sin_port);
	} else if (nla_len(attr) == sizeof(*in6) &&
		   in6->sin6_family == AF_INET6) {
		wrap->port = ntohs(in6->sin6_port);
		if (ipv6_addr_v4mapped(&in6->sin6_addr)) {
			wrap->family = AF_INET;
			wrap->v4 = in6->sin6_addr.s6_addr32[3];
		} else {
			wrap->v6 = in6->sin6_addr;
		}
	} else {
		return -EINVAL;
	}
	wrap->family = wrap->family ?: in->sin_family;
	return wrap->port ? 0 : -EINVAL;
}

static int parse(struct genl_info *info, struct kseal_wrap *wrap)
{
	struct nlattr *local = info->attrs[KSEAL_A_LOCAL];

	if (!local || parse_local(local, wrap)) {
		NL_SET_ERR_MSG_ATTR(info->extack, local,
				    "LOCAL has to be an address with a port");
		return -EINVAL;
	}
	wrap->any = nla_get_flag(info->attrs[KSEAL_A_WRAP_ANY]);
	return 0;
}

static void explain(struct netlink_ext_ack *extack, int err)
{
	if (err == -ENOENT)
		NL_SET_ERR_MSG(extack, "nobody listens there");
	else if (err == -EBUSY)
		NL_SET_ERR_MSG(extack, "what listens there carries something else");
	else if (err == -EAGAIN)
		NL_SET_ERR_MSG(extack, "what listens there is being held by its program");
	else if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "there is a rule for it");
	else if (err == -ENOSPC)
		NL_SET_ERR_MSG(extack, "there are too many rules");
	else if (err == -EOPNOTSUPP && IS_ENABLED(CONFIG_NETFILTER))
		NL_SET_ERR_MSG(extack, "what listens there is MPTCP");
	else if (err == -EOPNOTSUPP)
		NL_SET_ERR_MSG(extack, "this kernel has no netfilter");
}

int kseal_wrap_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *profile = info->attrs[KSEAL_A_PROFILE];
	struct kseal_wrap *wrap;
	int err;

	if (!profile || kseal_sock_check_text(nla_data(profile),
					      nla_len(profile),
					      KSEAL_PROFILE_MAX) < 0) {
		NL_SET_ERR_MSG_ATTR(info->extack, profile,
				    "PROFILE has to be a name");
		return -EINVAL;
	}
	wrap = kzalloc(sizeof(*wrap), GFP_KERNEL_ACCOUNT);
	if (!wrap)
		return -ENOMEM;
	err = parse(info, wrap);
	if (err) {
		kfree(wrap);
		return err;
	}
	nla_strscpy(wrap->profile, profile, sizeof(wrap->profile));
	err = add(genl_info_net(info), wrap,
		  nla_get_flag(info->attrs[KSEAL_A_WRAP_AHEAD]),
		  info->nlhdr->nlmsg_flags);
	explain(info->extack, err);
	return err;
}

int kseal_unwrap_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kseal_wrap like = {};
	int err = parse(info, &like);

	if (!err)
		err = remove(genl_info_net(info), &like);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "there is no such rule");
	return err;
}

static int put_local(struct sk_buff *skb, const struct kseal_wrap *wrap)
{
	const struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(wrap->port),
		.sin6_addr = wrap->v6,
	};
	const struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_port = htons(wrap->port),
		.sin_addr.s_addr = wrap->v4,
	};

	return wrap->family == AF_INET6 ?
	       nla_put(skb, KSEAL_A_LOCAL, sizeof(in6), &in6) :
	       nla_put(skb, KSEAL_A_LOCAL, sizeof(in), &in);
}

/* Whether it has the ULP, or gets it with its first segment. */
static bool will_be_done(const struct sock *sk)
{
	return kseal_wrap_is_done(sk) ||
	       (!sk_is_mptcp(sk) && !READ_ONCE(inet_csk(sk)->icsk_ulp_ops));
}

/* How many follow this very rule. */
static int count(struct net *net, const struct kseal_wrap *wrap, u32 *n)
{
	struct kseal_listeners l;
	unsigned int i;
	int err = kseal_listeners_find(net, matches, wrap, &l);

	if (err)
		return err;
	*n = 0;
	for (i = 0; i < l.n; i++)
		*n += will_be_done(l.sk[i]) &&
		      kseal_wrap_find(net, l.sk[i]) == wrap;
	kseal_listeners_put(&l);
	return 0;
}

static int put_wrap(struct sk_buff *skb, struct netlink_callback *cb,
		    const struct kseal_wrap *wrap)
{
	void *header;
	u32 n;
	int err = count(sock_net(skb->sk), wrap, &n);

	if (err)
		return err;
	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
			     cb->nlh->nlmsg_seq, &kseal_genl_family,
			     NLM_F_MULTI, KSEAL_CMD_WRAP_GET);
	if (!header)
		return -EMSGSIZE;
	if (put_local(skb, wrap) ||
	    (wrap->any && nla_put_flag(skb, KSEAL_A_WRAP_ANY)) ||
	    nla_put_string(skb, KSEAL_A_PROFILE, wrap->profile) ||
	    nla_put_u32(skb, KSEAL_A_WRAP_LISTENERS, n)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

int kseal_wrap_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kseal_net *kn = kseal_net(sock_net(skb->sk));
	unsigned long at = 0;
	struct kseal_wrap *wrap;
	int err = 0;

	mutex_lock(&kn->wrap_lock);
	list_for_each_entry(wrap, &kn->wraps, node) {
		if (at++ < cb->args[0])
			continue;
		err = put_wrap(skb, cb, wrap);
		if (err)
			break;
		cb->args[0] = at;
	}
	mutex_unlock(&kn->wrap_lock);
	return err && err != -EMSGSIZE ? err : skb->len;
}

/* ---- life ---- */

void kseal_wrap_net_init(struct net *net)
{
	struct kseal_net *kn = kseal_net(net);

	kn->net = net;
	mutex_init(&kn->wrap_lock);
	INIT_LIST_HEAD(&kn->wraps);
	INIT_DELAYED_WORK(&kn->wrap_work, wrap_work);
}

/* No socket is left, and nobody who could send a message. */
void kseal_wrap_net_exit(struct net *net)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_wrap *wrap, *next;

	cancel_delayed_work_sync(&kn->wrap_work);
	list_for_each_entry_safe(wrap, next, &kn->wraps, node) {
		take_out(net, wrap);
		kfree_rcu(wrap, rcu);
	}
}
