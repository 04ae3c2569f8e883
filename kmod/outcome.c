// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a handshake ends; see outcome.h. Whoever takes the request off its session has
 * decided it.
 */
#include <net/tcp.h>

#include "control.h"
#include "finished.h"
#include "handshake.h"
#include "install.h"
#include "main.h"
#include "netlink.h"
#include "outcome.h"
#include "sock.h"
#include "stats.h"

/* Off the session, the table and the helper's list: the outcome is decided. */
static void detach(struct kseal_request *req)
{
	struct kseal_net *kn = kseal_net(sock_net(req->sk));
	struct kseal_sock *ks = req->ks;

	kseal_sock_owned(ks);
	/* data_ready runs with the spinlock alone; it may look right now */
	spin_lock_bh(&kn->lock);
	WRITE_ONCE(ks->req, NULL);
	hash_del(&req->node);
	if (req->helper)
		list_del(&req->helper_node);
	list_del_init(&req->blocked_node);
	req->helper = NULL;
	kn->n_requests--;
	spin_unlock_bh(&kn->lock);

	kseal_finished_free(req->finished);
	req->finished = NULL;
	if (cancel_delayed_work(&req->timeout))
		kseal_request_put(req);
	if (cancel_delayed_work(&req->retry))
		kseal_request_put(req);
	kseal_request_put(req);		/* the session's */
}

/* Of the worker that did a session's handshake, or 0: it is gone. */
static u32 former_helper(struct kseal_sock *ks)
{
	struct kseal_net *kn = kseal_net(sock_net(ks->sk));
	struct kseal_helper *helper;
	u32 portid = 0;

	kseal_sock_owned(ks);
	spin_lock_bh(&kn->lock);
	list_for_each_entry(helper, &kn->helpers, node)
		if (helper->generation == ks->helper.generation)
			portid = helper->portid;
	spin_unlock_bh(&kn->lock);
	return portid;
}

/* Its worker hears of it, also after its own part. */
static void cancel(struct kseal_request *req, const struct kseal_refusal *why)
{
	struct kseal_sock *ks = req->ks;
	struct kseal_refusal told = { why->err, KSEAL_ALERT_NONE, NULL };
	u32 portid = req->portid;

	if (req->finished) {
		/* which it has counted as done; the alert may be one of the peer's */
		told.alert = why->alert == KSEAL_ALERT_NONE ? ks->alert : why->alert;
		told.reason = why->reason;
		portid = former_helper(ks);
	} else if (!req->begun) {
		return;
	}
	if (portid)
		kseal_netlink_cancel(sock_net(ks->sk), portid, req->cookie, &told);
}

void kseal_request_fail(struct kseal_request *req, int err,
			enum kseal_stat stat, const char *reason)
{
	const struct kseal_refusal why = { err, KSEAL_ALERT_NONE, reason };
	struct kseal_sock *ks = req->ks;

	cancel(req, &why);
	kseal_stat_add(sock_net(req->sk), stat, 1);
	detach(req);
	kseal_sock_fail(ks, err, reason);
}

void kseal_handshake_lost(struct kseal_request *req)
{
	kseal_request_fail(req, -ECONNRESET, KSEAL_STAT_HANDSHAKES_FAILED,
			   "the peer closed the connection during the handshake");
}

void kseal_request_refuse(struct kseal_request *req,
			  const struct kseal_refusal *why)
{
	struct kseal_finished *f = req->finished;
	struct kseal_sock *ks = req->ks;
	struct net *net = sock_net(req->sk);

	refcount_inc(&req->ref);
	cancel(req, why);
	kseal_stat_add(net, KSEAL_STAT_HANDSHAKES_FAILED, 1);
	req->finished = NULL;
	detach(req);
	/* our own Finished is behind us: what follows is sealed */
	if (f)
		swap(ks->tx.keys, f->pair.tx);
	kseal_alert_fatal(ks, why);
	kseal_finished_free(f);
	kseal_request_put(req);
}

void kseal_request_remember(const struct kseal_request *req)
{
	struct kseal_net *kn = kseal_net(sock_net(req->sk));
	struct kseal_sock *ks = req->ks;

	spin_lock_bh(&kn->lock);
	if (req->helper) {
		ks->helper.cookie = req->cookie;
		ks->helper.generation = req->helper->generation;
	}
	spin_unlock_bh(&kn->lock);
}

void kseal_handshake_end(struct kseal_request *req)
{
	struct kseal_receive *rx = &req->ks->rx;

	kseal_sock_owned(req->ks);
	if (req->in_len) {
		rx->early = req->in;
		rx->early_off = 0;
		rx->early_len = req->in_len;
		req->in = NULL;
		req->in_len = 0;
		req->in_size = 0;
	}
	kseal_request_remember(req);
	detach(req);
}

void kseal_handshake_finish(struct kseal_request *req,
			    struct kseal_key_pair *pair, gfp_t gfp)
{
	struct kseal_sock *ks = req->ks;

	kseal_handshake_end(req);
	kseal_install_apply(ks, pair, gfp);
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_HANDSHAKES_DONE, 1);
}

void kseal_handshake_message(struct kseal_sock *ks, const void *bytes,
			     unsigned int len)
{
	u32 portid = former_helper(ks);

	if (portid)
		kseal_netlink_message(sock_net(ks->sk), portid,
				      ks->helper.cookie, bytes, len);
	else
		ks->helper.generation = 0;
}
