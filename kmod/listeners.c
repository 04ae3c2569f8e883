// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "listeners.h"

static void put_from(struct kseal_listeners *l, unsigned int from)
{
	while (l->n > from)
		sock_put(l->sk[--l->n]);
}

void kseal_listeners_put(struct kseal_listeners *l)
{
	put_from(l, 0);
	kvfree(l->sk);
	memset(l, 0, sizeof(*l));
}

/* Not krealloc(): there may be more than fit into physically contiguous pages. */
static int grow(struct kseal_listeners *l)
{
	unsigned int room = l->room * 2 + 16;
	struct sock **sk = kvmalloc_array(room, sizeof(*sk), GFP_KERNEL_ACCOUNT);

	if (!sk)
		return -ENOMEM;
	if (l->n)
		memcpy(sk, l->sk, l->n * sizeof(*sk));
	kvfree(l->sk);
	l->sk = sk;
	l->room = room;
	return 0;
}

/* Returns false when there is no room for all. */
static bool look_into(struct inet_listen_hashbucket *bucket, struct net *net,
		      bool (*wanted)(const struct sock *sk, const void *arg),
		      const void *arg, struct kseal_listeners *l)
{
	struct hlist_nulls_node *node;
	bool all = true;
	struct sock *sk;

	spin_lock(&bucket->lock);
	sk_nulls_for_each(sk, node, &bucket->nulls_head) {
		if (!net_eq(sock_net(sk), net) || !wanted(sk, arg))
			continue;
		all = l->n < l->room;
		if (!all)
			break;
		if (refcount_inc_not_zero(&sk->sk_refcnt))
			l->sk[l->n++] = sk;
	}
	spin_unlock(&bucket->lock);
	return all;
}

int kseal_listeners_find(struct net *net,
			 bool (*wanted)(const struct sock *sk, const void *arg),
			 const void *arg, struct kseal_listeners *l)
{
	struct inet_hashinfo *hash = net->ipv4.tcp_death_row.hashinfo;
	unsigned int i, before;

	memset(l, 0, sizeof(*l));
	for (i = 0; i <= hash->lhash2_mask; i++) {
		before = l->n;
		while (!look_into(&hash->lhash2[i], net, wanted, arg, l)) {
			put_from(l, before);
			if (grow(l)) {
				kseal_listeners_put(l);
				return -ENOMEM;
			}
		}
		cond_resched();
	}
	return 0;
}
