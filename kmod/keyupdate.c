// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/jiffies.h>

#include "control.h"
#include "keys.h"
#include "keyupdate.h"
#include "kseal_trace.h"
#include "main.h"
#include "sock.h"
#include "stats.h"

#define NOT_REQUESTED	0	/* RFC 8446 4.6.3, KeyUpdateRequest */
#define REQUESTED	1

/* What we take from a peer: one each 100 ms in the long run, so many at once. */
#define UPDATES_EVERY	(HZ / 10)
#define UPDATES_BURST	32

int kseal_keyupdate_send(struct kseal_sock *ks, bool request)
{
	const u8 message[] = { KSEAL_KEY_UPDATE, 0, 0, 1,
			       request ? REQUESTED : NOT_REQUESTED };
	struct kseal_send *tx = &ks->tx;
	int err;

	kseal_sock_owned(ks);
	if (kseal_keys_form(tx->keys)->version != KSEAL_TLS_1_3)
		return -EOPNOTSUPP;
	if (!kseal_keys_can_update(tx->keys))
		return -ENOKEY;
	err = kseal_send_control(ks, KSEAL_TYPE_HANDSHAKE, message,
				 sizeof(message));
	/* TCP takes it later: it is sealed, and what follows is not */
	if (err && err != -EAGAIN)
		return err;
	err = kseal_keys_update(tx->keys);
	if (err) {
		kseal_sock_fail(ks, err, "the next keys for sending could not be made");
		return err;
	}
	tx->update_owed = false;
	WRITE_ONCE(tx->updates, tx->updates + 1);
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_TX_KEY_UPDATES, 1);
	trace_kseal_keys(ks->id, true, ks->version, ks->cipher, tx->updates);
	return 0;
}

/* A leaky bucket: at is when it would be empty. */
static bool too_many(struct kseal_receive *rx)
{
	if (!rx->updates || time_after(jiffies, rx->updates_at))
		rx->updates_at = jiffies;
	rx->updates_at += UPDATES_EVERY;
	return time_after(rx->updates_at,
			  jiffies + UPDATES_BURST * UPDATES_EVERY);
}

void kseal_keyupdate_note(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;

	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_KEY_UPDATES, 1);
	WRITE_ONCE(rx->updates, rx->updates + 1);
	rx->update_pending = !kseal_keys_can_update(rx->keys);
}

int kseal_keyupdate_receive(struct kseal_sock *ks, u8 request)
{
	struct kseal_receive *rx = &ks->rx;
	int err;

	kseal_sock_owned(ks);
	if (request > REQUESTED)
		return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, -EPROTO,
				    KSEAL_ALERT_ILLEGAL_PARAMETER,
				    "the peer sent a KeyUpdate that is not one");
	if (too_many(rx))
		return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, -EPROTO,
				    KSEAL_ALERT_UNEXPECTED_MESSAGE,
				    "the peer sends too many KeyUpdates");
	kseal_keyupdate_note(ks);
	rx->asked = false;
	if (rx->update_pending)
		return -EKEYEXPIRED;
	err = kseal_keys_update(rx->keys);
	if (err)
		return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, err,
				    KSEAL_ALERT_INTERNAL_ERROR,
				    "the next keys for receiving could not be made");
	trace_kseal_keys(ks->id, false, ks->version, ks->cipher, rx->updates);
	if (request == REQUESTED && !ks->tx.closed &&
	    kseal_keys_can_update(ks->tx.keys)) {
		/* answered once, however often it asks before that */
		ks->tx.update_owed = true;
		err = kseal_keyupdate_send(ks, false);
		if (err == -ENOMEM)
			queue_delayed_work(kseal_wq, &ks->tx_work, HZ / 50);
	}
	return 0;
}

void kseal_keyupdate_ask(struct kseal_sock *ks)
{
	struct kseal_receive *rx = &ks->rx;

	if (likely(!kseal_keys_old(rx->keys)) || rx->asked || ks->tx.closed ||
	    ks->state != KSEAL_STATE_KEYED || !kseal_keys_can_update(rx->keys))
		return;
	rx->asked = !kseal_keyupdate_send(ks, true);
}
