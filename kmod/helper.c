// SPDX-License-Identifier: GPL-2.0-only
/* The workers that have registered; see handshake.h. */
#include <linux/slab.h>

#include "handshake.h"
#include "main.h"

static atomic64_t last_generation;

/* Their requests fail one by one, each under its own socket's lock. */
static void orphan_requests(struct kseal_helper *helper)
{
	struct kseal_request *req, *next;

	list_for_each_entry_safe(req, next, &helper->requests, helper_node) {
		list_del(&req->helper_node);
		list_del_init(&req->blocked_node);
		WRITE_ONCE(req->helper, NULL);
		kseal_handshake_queue(req);
	}
}

int kseal_helper_add(struct net *net, u32 portid, const void *owner)
{
	struct kseal_helper *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	struct kseal_net *kn = kseal_net(net);
	struct kseal_helper *helper;
	int err = 0;

	if (!new)
		return -ENOMEM;
	INIT_LIST_HEAD(&new->requests);
	INIT_LIST_HEAD(&new->blocked);
	new->portid = portid;
	new->owner = owner;
	new->generation = atomic64_inc_return(&last_generation);
	spin_lock_bh(&kn->lock);
	list_for_each_entry(helper, &kn->helpers, node) {
		if (helper->portid != portid)
			continue;
		if (helper->owner == owner) {
			err = -EALREADY;
			break;
		}
		/* its socket is closed, the announcement still to come */
		orphan_requests(helper);
		helper->owner = owner;
		helper->generation = new->generation;
		helper->stale++;
		goto unlock;
	}
	if (!err) {
		list_add_tail(&new->node, &kn->helpers);
		WRITE_ONCE(kn->n_helpers, kn->n_helpers + 1);
		new = NULL;
	}
unlock:
	spin_unlock_bh(&kn->lock);
	kfree(new);
	return err;
}

void kseal_helper_gone(struct net *net, u32 portid)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_helper *helper, *next;

	spin_lock_bh(&kn->lock);
	list_for_each_entry_safe(helper, next, &kn->helpers, node) {
		if (helper->portid != portid)
			continue;
		if (helper->stale) {
			helper->stale--;
			continue;
		}
		orphan_requests(helper);
		list_del(&helper->node);
		WRITE_ONCE(kn->n_helpers, kn->n_helpers - 1);
		kfree(helper);
	}
	spin_unlock_bh(&kn->lock);
}

unsigned int kseal_helper_count(struct net *net)
{
	return READ_ONCE(kseal_net(net)->n_helpers);
}

void kseal_helper_exit(struct net *net)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_helper *helper, *next;

	list_for_each_entry_safe(helper, next, &kn->helpers, node) {
		list_del(&helper->node);
		kfree(helper);
	}
}
