/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module keeps for each network namespace. */
#ifndef KSEAL_MAIN_H
#define KSEAL_MAIN_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>

#include "stats.h"

#define KSEAL_REQUEST_BITS 10

struct kseal_net {
	/* kseal_sock by id. Its lock is taken in BH: unaccepted children come
	 * and go there. Who holds it may look at a session found; inside it
	 * only kseal_sock.text_lock is taken.
	 */
	struct xarray sessions;

	spinlock_t lock;		/* protects the next five; BH */
	struct list_head helpers;	/* kseal_helper.node, next in turn first */
	struct list_head left;		/* those no longer registered, not closed */
	unsigned int n_helpers;
	unsigned int n_requests;
	DECLARE_HASHTABLE(requests, KSEAL_REQUEST_BITS);	/* by cookie */

	/* wrap.h: rules; written under the mutex, read in RCU by the guard */
	struct net *net;
	struct mutex wrap_lock;
	struct list_head wraps;
	unsigned int n_wraps;
	struct delayed_work wrap_work;	/* for what was owned by somebody */

	struct kseal_stats __percpu *stats;
};

extern unsigned int kseal_net_id;
extern struct workqueue_struct *kseal_wq;

/* module parameters */
extern unsigned int kseal_handshake_timeout_ms;
extern unsigned int kseal_max_handshakes;

static inline struct kseal_net *kseal_net(struct net *net)
{
	return net_generic(net, kseal_net_id);
}

#endif
