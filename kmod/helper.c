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

/* By its socket's port: among those registered, then those that have left. */
static struct kseal_helper *find(struct kseal_net *kn, u32 portid)
{
	struct kseal_helper *helper;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(helper, &kn->helpers, node)
		if (helper->portid == portid)
			return helper;
	list_for_each_entry(helper, &kn->left, node)
		if (helper->portid == portid)
			return helper;
	return NULL;
}

static void enlist(struct kseal_net *kn, struct kseal_helper *helper)
{
	helper->registered = true;
	list_add_tail(&helper->node, &kn->helpers);
	WRITE_ONCE(kn->n_helpers, kn->n_helpers + 1);
}

static void delist(struct kseal_net *kn, struct kseal_helper *helper)
{
	list_del(&helper->node);
	if (!helper->registered)
		return;
	helper->registered = false;
	orphan_requests(helper);
	WRITE_ONCE(kn->n_helpers, kn->n_helpers - 1);
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
	spin_lock_bh(&kn->lock);
	helper = find(kn, portid);
	if (helper && helper->registered && helper->owner == owner) {
		err = -EALREADY;
		goto unlock;
	}
	if (helper) {
		delist(kn, helper);
		/* its socket is closed, the announcement still to come */
		if (helper->owner != owner)
			helper->stale++;
	} else {
		swap(helper, new);
	}
	helper->owner = owner;
	helper->generation = atomic64_inc_return(&last_generation);
	enlist(kn, helper);
unlock:
	spin_unlock_bh(&kn->lock);
	kfree(new);
	return err;
}

int kseal_helper_leave(struct net *net, u32 portid, const void *owner)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_helper *helper;
	int err = -ESRCH;

	spin_lock_bh(&kn->lock);
	helper = find(kn, portid);
	if (helper && helper->registered && helper->owner == owner) {
		delist(kn, helper);
		/* until its release: who gets its port next is not to be taken for it */
		list_add(&helper->node, &kn->left);
		err = 0;
	}
	spin_unlock_bh(&kn->lock);
	return err;
}

void kseal_helper_gone(struct net *net, u32 portid)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_helper *helper;

	spin_lock_bh(&kn->lock);
	helper = find(kn, portid);
	if (helper && helper->stale) {
		helper->stale--;
	} else if (helper) {
		delist(kn, helper);
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

	list_splice(&kn->left, &kn->helpers);
	list_for_each_entry_safe(helper, next, &kn->helpers, node) {
		list_del(&helper->node);
		kfree(helper);
	}
}
