// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "explain.h"
#include "finished.h"
#include "handshake.h"
#include "intake.h"
#include "keys.h"
#include "kseal_trace.h"
#include "main.h"
#include "netlink.h"
#include "outcome.h"
#include "sock.h"
#include "stats.h"

#define RETRY_DELAY	max(1UL, HZ / 250)	/* doubled up to 16 times that */
#define RETRY_DOUBLED	4
#define RESET_PATIENCE	HZ

/* ---- the request ---- */

void kseal_request_put(struct kseal_request *req)
{
	if (!refcount_dec_and_test(&req->ref))
		return;
	sock_put(req->sk);
	kvfree(req->in);
	kfree(req);
}

/* The session outlives its request only: once the request is off it, the
 * session may be gone, while works and workers still hold the request. Under
 * the socket lock the ULP's release cannot run, so the socket says who lives.
 */
static struct kseal_sock *session(const struct kseal_request *req)
{
	struct kseal_sock *ks;

	sock_owned_by_me(req->sk);
	ks = kseal_sock(req->sk);
	return ks && ks->req == req ? ks : NULL;
}

void kseal_handshake_queue(struct kseal_request *req)
{
	refcount_inc(&req->ref);
	if (!queue_work(kseal_wq, &req->relay))
		refcount_dec(&req->ref);	/* not the last: the caller's */
}

static void queue_retry(struct kseal_request *req)
{
	unsigned long delay = RETRY_DELAY << req->retries;

	if (req->retries < RETRY_DOUBLED)
		req->retries++;
	refcount_inc(&req->ref);
	if (!queue_delayed_work(kseal_wq, &req->retry, delay))
		refcount_dec(&req->ref);
}

void kseal_handshake_wake(struct kseal_sock *ks)
{
	struct kseal_net *kn = kseal_net(sock_net(ks->sk));

	spin_lock_bh(&kn->lock);
	if (ks->req)
		kseal_handshake_queue(ks->req);
	spin_unlock_bh(&kn->lock);
}

void kseal_handshake_cancel(struct kseal_sock *ks, int err)
{
	struct kseal_request *req = ks->req;

	kseal_sock_owned(ks);
	if (!req)
		return;
	refcount_inc(&req->ref);
	kseal_request_fail(req, err, KSEAL_STAT_HANDSHAKES_FAILED,
			   "the socket was closed during the handshake");
	kseal_request_put(req);
}

static bool peer_has_closed(struct sock *sk)
{
	return sk->sk_err || sk->sk_state == TCP_CLOSE ||
	       sock_flag(sk, SOCK_DONE);
}

/* ---- give: from req->in to the helper ---- */

/* The helper's socket was full. Its next answers make room, and wake those who
 * wait, in turn; the timer is for a helper that answers nothing.
 */
static void set_blocked(struct kseal_request *req, bool blocked)
{
	struct kseal_net *kn = kseal_net(sock_net(req->sk));

	spin_lock_bh(&kn->lock);
	list_del_init(&req->blocked_node);
	if (blocked && req->helper)
		list_add_tail(&req->blocked_node, &req->helper->blocked);
	spin_unlock_bh(&kn->lock);
}

/* One message was read: one or two find room. */
static void wake_blocked(struct kseal_helper *helper)
{
	struct kseal_request *req;
	int n;

	for (n = 0; n < 2; n++) {
		req = list_first_entry_or_null(&helper->blocked,
					       struct kseal_request,
					       blocked_node);
		if (!req)
			return;
		list_del_init(&req->blocked_node);
		kseal_handshake_queue(req);
	}
}

/* The alert that says why may have come before it: the helper looks, but soon. */
static void hurry_after_reset(struct kseal_request *req)
{
	if (req->sk->sk_state != TCP_CLOSE || req->reset)
		return;
	req->reset = true;
	refcount_inc(&req->ref);
	if (mod_delayed_work(kseal_wq, &req->timeout, RESET_PATIENCE))
		refcount_dec(&req->ref);
}

static int offer(struct kseal_request *req, unsigned int len, gfp_t gfp)
{
	int err = kseal_netlink_handshake(req, req->in, len, gfp);

	if (err)
		return err;
	req->begun = true;
	req->asked = true;
	req->given = len;
	trace_kseal_relay(req->ks->id, true, len);
	return 0;
}

static void give(struct kseal_request *req, unsigned int len)
{
	int err = offer(req, len, GFP_KERNEL);

	if (err == -EAGAIN || err == -ENOBUFS || err == -ENOMEM) {
		/* The helper's socket is full, or we are short of memory: the
		 * bytes stay here, the time limit runs.
		 */
		kseal_stat_add(sock_net(req->sk),
			       KSEAL_STAT_HANDSHAKES_RETRIED, 1);
		set_blocked(req, true);
		queue_retry(req);
		return;
	}
	if (err) {
		kseal_request_fail(req, -EOWNERDEAD,
				   KSEAL_STAT_HANDSHAKES_HELPER_LOST,
				   "the helper that had the handshake is gone");
		return;
	}
	if (req->retries)
		set_blocked(req, false);
	req->retries = 0;
	hurry_after_reset(req);
}

/* ---- the driver ---- */

/* Whether there is a connection; if TCP has made none, the request has failed. */
static bool has_connected(struct kseal_request *req)
{
	struct sock *sk = req->sk;

	if (!req->connecting)
		return true;
	if (sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV)
		return false;
	if (sk->sk_state == TCP_CLOSE) {
		kseal_request_fail(req, -(sk->sk_err ?: ECONNREFUSED),
				   KSEAL_STAT_HANDSHAKES_FAILED,
				   "there was no connection");
		return false;
	}
	req->connecting = false;
	return true;
}

static void use_up(struct kseal_request *req, unsigned int n)
{
	memmove(req->in, req->in + n, req->in_len - n);
	req->in_len -= n;
}

static void finish_awaited(struct kseal_request *req, gfp_t gfp)
{
	struct kseal_finished *f = req->finished;

	req->finished = NULL;
	kseal_keys_skip(f->pair.tx, f->behind_records);
	kseal_handshake_finish(req, &f->pair, gfp);
	kseal_finished_free(f);
}

/* The worker is done. Its tickets go out when Finished is there, then the keys are
 * the session's.
 */
static void step_to_finished(struct kseal_request *req, unsigned int len)
{
	struct kseal_finished *f = req->finished;
	unsigned int used;
	int ret;

	ret = kseal_finished_take(req->ks, f, req->in, len, &used, GFP_KERNEL);
	use_up(req, used);
	if (ret < 0 && ret != -ENOMEM) {
		kseal_request_refuse(req, &f->why);
		return;
	}
	if (ret == 1 && f->behind_len)
		ret = kseal_send_plain(req->ks, f->behind, f->behind_len) ?: 1;
	if (ret == 1)
		finish_awaited(req, GFP_KERNEL);
	else if (ret == -ENOMEM || ret == -ENOBUFS)
		queue_retry(req);
	else if (ret || peer_has_closed(req->sk))
		kseal_handshake_lost(req);
	else if (used && req->in_len)
		/* is that no record? */
		kseal_handshake_queue(req);
}

static void step(struct kseal_request *req)
{
	struct kseal_sock *ks = req->ks;
	struct sock *sk = req->sk;
	struct kseal_refusal why;
	int len;

	if (!req->finished && !READ_ONCE(req->helper)) {
		kseal_request_fail(req, -EOWNERDEAD,
				   KSEAL_STAT_HANDSHAKES_HELPER_LOST,
				   "the helper died during the handshake");
		return;
	}
	if (!has_connected(req))
		return;
	kseal_send_flush(ks, false);
	/* what comes while the helper thinks waits in TCP, under its limits */
	if (req->asked) {
		hurry_after_reset(req);
		return;
	}
	if (kseal_intake(req, GFP_KERNEL_ACCOUNT))
		queue_retry(req);

	len = kseal_intake_records(req, &why);
	if (len < 0) {
		kseal_stat_add(sock_net(sk), KSEAL_STAT_RX_MALFORMED, 1);
		kseal_request_refuse(req, &why);
		return;
	}
	if (req->finished) {
		step_to_finished(req, len);
		return;
	}
	/* what the helper left over is not given again by itself */
	if (len > req->given || (!req->begun && ks->role == KSEAL_ROLE_CLIENT))
		give(req, len);
	else if (peer_has_closed(sk))
		kseal_handshake_lost(req);
}

/* What may sleep is for the work: tickets to be sent, keys to be freed, our end's
 * close_notify that waits for the handshake's end, the crypto API.
 */
static bool may_step_in_bh(const struct kseal_request *req)
{
	const struct kseal_finished *f = req->finished;

	return f ? !f->rx && !f->behind_len && !req->ks->shutdown_late &&
		   kseal_keys_in_bh(f->pair.rx) :
		   READ_ONCE(req->helper) != NULL;
}

/* Returns false: what came is refused, or looks odd, which is for the work as well. */
static bool finish_in_bh(struct kseal_request *req, unsigned int len)
{
	unsigned int used;
	int ret = kseal_finished_take(req->ks, req->finished, req->in, len,
				      &used, GFP_ATOMIC | __GFP_NOWARN);

	use_up(req, used);
	if (ret == 1)
		finish_awaited(req, GFP_ATOMIC);
	return ret >= 0 && !(ret == 0 && req->in_len);
}

/* The usual step, from a worker that waits for bytes to one that has them, with
 * nothing in its way. Returns whether no other is to be taken now; it has lost
 * nothing when there is.
 */
static bool step_in_bh(struct kseal_request *req)
{
	struct sock *sk = req->sk;
	struct kseal_refusal why;
	int len;

	if (peer_has_closed(sk) || req->ks->tx.out.bytes || req->retries ||
	    req->connecting || !may_step_in_bh(req))
		return false;
	if (req->asked)
		return true;
	if (req->in_len + tcp_inq(sk) > KSEAL_INTAKE_BH_MAX ||
	    kseal_intake(req, GFP_ATOMIC | __GFP_NOWARN))
		return false;
	len = kseal_intake_records(req, &why);
	if (len < 0)
		return false;
	if (req->finished)
		return finish_in_bh(req, len);
	return len <= req->given || !offer(req, len, GFP_ATOMIC | __GFP_NOWARN);
}

void kseal_handshake_bytes(struct kseal_sock *ks)
{
	struct sock *sk = ks->sk;

	/* Whoever owns the socket finishes what he is at first. Nobody does:
	 * under the spinlock nobody takes the request off its session.
	 */
	if (!sock_owned_by_user_nocheck(sk) && ks->req &&
	    step_in_bh(ks->req))
		return;
	kseal_handshake_wake(ks);
}

void kseal_handshake_go_on(struct kseal_request *req)
{
	struct kseal_sock *ks = session(req);

	if (ks && ks->state == KSEAL_STATE_WAITING)
		step(req);
	else if (ks)	/* disconnect() */
		kseal_request_fail(req, -ENOTCONN,
				   KSEAL_STAT_HANDSHAKES_FAILED, NULL);
}

static void run(struct kseal_request *req)
{
	struct sock *sk = req->sk;

	lock_sock(sk);
	kseal_handshake_go_on(req);
	release_sock(sk);
	kseal_request_put(req);
}

static void relay_work(struct work_struct *work)
{
	run(container_of(work, struct kseal_request, relay));
}

static void retry_work(struct work_struct *work)
{
	run(container_of(to_delayed_work(work), struct kseal_request, retry));
}

static void timeout_work(struct work_struct *work)
{
	struct kseal_request *req = container_of(to_delayed_work(work),
						 struct kseal_request, timeout);
	struct sock *sk = req->sk;

	lock_sock(sk);
	if (session(req) && req->reset)
		kseal_handshake_lost(req);
	else if (session(req))
		kseal_request_fail(req, -ETIMEDOUT,
				   KSEAL_STAT_HANDSHAKES_TIMEOUT,
				   "the handshake took too long");
	release_sock(sk);
	kseal_request_put(req);
}

/* ---- start, answer, finish ---- */

/* Binds the request to the worker whose turn it is, under a random name. */
static int submit(struct kseal_request *req)
{
	struct kseal_net *kn = kseal_net(sock_net(req->sk));
	struct kseal_helper *helper;
	int err = 0;

	spin_lock_bh(&kn->lock);
	helper = list_first_entry_or_null(&kn->helpers, struct kseal_helper,
					  node);
	if (!helper) {
		err = -EUNATCH;
	} else if (kn->n_requests >= READ_ONCE(kseal_max_handshakes)) {
		err = -ENOBUFS;
	} else {
		list_move_tail(&helper->node, &kn->helpers);
		req->helper = helper;
		req->portid = helper->portid;
		list_add_tail(&req->helper_node, &helper->requests);
		req->cookie = get_random_u64();
		hash_add(kn->requests, &req->node, req->cookie);
		kn->n_requests++;
		WRITE_ONCE(req->ks->req, req);
	}
	spin_unlock_bh(&kn->lock);
	return err;
}

static struct kseal_request *create(struct kseal_sock *ks)
{
	struct kseal_request *req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);

	if (!req)
		return NULL;
	refcount_set(&req->ref, 1);
	sock_hold(ks->sk);
	req->sk = ks->sk;
	req->ks = ks;
	req->connecting = ks->sk->sk_state == TCP_SYN_SENT;
	INIT_LIST_HEAD(&req->blocked_node);
	INIT_WORK(&req->relay, relay_work);
	INIT_DELAYED_WORK(&req->retry, retry_work);
	INIT_DELAYED_WORK(&req->timeout, timeout_work);
	return req;
}

int kseal_handshake_start(struct kseal_sock *ks)
{
	struct net *net = sock_net(ks->sk);
	struct kseal_request *req;
	int err;

	kseal_sock_owned(ks);
	req = create(ks);
	err = req ? submit(req) : -ENOMEM;
	if (err) {
		kseal_stat_add(net, err == -EUNATCH ?
			       KSEAL_STAT_HANDSHAKES_NO_HELPER :
			       KSEAL_STAT_HANDSHAKES_REFUSED, 1);
		if (req)
			kseal_request_put(req);
		kseal_sock_fail(ks, err, err == -EUNATCH ?
				"no helper is registered: start kseald" :
				err == -ENOBUFS ?
				"too many handshakes are under way" :
				"there is no memory for a handshake");
		return err;
	}
	kseal_explain_begin(ks);
	kseal_sock_set_state(ks, KSEAL_STATE_WAITING);
	kseal_stat_add(net, KSEAL_STAT_HANDSHAKES_STARTED, 1);
	refcount_inc(&req->ref);
	queue_delayed_work(kseal_wq, &req->timeout,
			   msecs_to_jiffies(READ_ONCE(kseal_handshake_timeout_ms)));
	/* here, and not in a work: each costs two switches to another thread */
	refcount_inc(&req->ref);
	kseal_handshake_go_on(req);
	kseal_request_put(req);
	return 0;
}

static bool is_registered(struct kseal_net *kn, u32 portid, const void *owner)
{
	struct kseal_helper *helper;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(helper, &kn->helpers, node)
		if (helper->portid == portid && helper->owner == owner)
			return true;
	return false;
}

struct kseal_request *kseal_handshake_find(struct net *net, u32 portid,
					   const void *owner, u64 cookie)
{
	struct kseal_net *kn = kseal_net(net);
	struct kseal_request *req, *found = ERR_PTR(-ESTALE);

	spin_lock_bh(&kn->lock);
	if (!is_registered(kn, portid, owner))
		found = ERR_PTR(-ESRCH);
	else
		hash_for_each_possible(kn->requests, req, node, cookie) {
			if (req->cookie != cookie)
				continue;
			if (!req->helper || req->helper->owner != owner ||
			    req->helper->portid != portid) {
				found = ERR_PTR(-EPERM);
				break;
			}
			refcount_inc(&req->ref);
			found = req;
			wake_blocked(req->helper);
			break;
		}
	spin_unlock_bh(&kn->lock);
	return found;
}

int kseal_handshake_answer(struct kseal_request *req, u32 consumed,
			   const void *bytes, size_t len, bool more)
{
	struct kseal_sock *ks = session(req);
	int err;

	/* two answers at once: both were found before the first was taken */
	if (!ks || ks->state != KSEAL_STATE_WAITING || req->finished)
		return -ESTALE;
	if (consumed > req->given || (more && consumed))
		return -EINVAL;
	if (len) {
		err = kseal_send_plain(ks, bytes, len);
		if (err)
			return err;
	}
	trace_kseal_relay(ks->id, false, len);
	if (more)
		return 0;
	use_up(req, consumed);
	req->given -= consumed;
	req->asked = false;
	return 0;
}

void kseal_handshake_await(struct kseal_request *req,
			   struct kseal_finished *finished)
{
	struct kseal_net *kn = kseal_net(sock_net(req->sk));

	kseal_sock_owned(req->ks);
	kseal_request_remember(req);
	/* no more the worker's: it may go, and the handshake goes on */
	spin_lock_bh(&kn->lock);
	hash_del(&req->node);
	if (req->helper)
		list_del(&req->helper_node);
	list_del_init(&req->blocked_node);
	req->helper = NULL;
	spin_unlock_bh(&kn->lock);
	req->begun = false;
	req->finished = finished;
	kseal_handshake_go_on(req);
}
