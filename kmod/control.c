// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

#include "control.h"
#include "sock.h"
#include "stats.h"

#define LEVEL_WARNING	1	/* RFC 8446 6, AlertLevel */
#define LEVEL_FATAL	2

/* RFC 8446 4, HandshakeType */
#define NEW_SESSION_TICKET	4
#define KEY_UPDATE		24

static void send_alert(struct kseal_sock *ks, u8 level, u8 description)
{
	u8 record[KSEAL_HEADER_LEN + 2];
	int err;

	record[KSEAL_HEADER_LEN] = level;
	record[KSEAL_HEADER_LEN + 1] = description;
	if (ks->tx.keys) {
		err = kseal_send_control(ks, KSEAL_TYPE_ALERT,
					 record + KSEAL_HEADER_LEN, 2);
	} else {
		kseal_record_header(record, KSEAL_TYPE_ALERT, 2);
		err = kseal_send_plain(ks, record, sizeof(record));
	}
	if (!err)
		kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_ALERTS_SENT, 1);
}

void kseal_alert_fatal(struct kseal_sock *ks, const struct kseal_refusal *why)
{
	kseal_sock_owned(ks);
	if (ks->state == KSEAL_STATE_DEAD)
		return;
	if (why->alert != KSEAL_ALERT_NONE) {
		send_alert(ks, LEVEL_FATAL, why->alert);
		WRITE_ONCE(ks->alert, why->alert);
	}
	ks->tx.closed = true;
	kseal_sock_fail(ks, why->err, why->reason);
}

void kseal_close_notify(struct kseal_sock *ks)
{
	kseal_sock_owned(ks);
	if (ks->tx.closed || ks->state != KSEAL_STATE_KEYED)
		return;
	send_alert(ks, LEVEL_WARNING, KSEAL_ALERT_CLOSE_NOTIFY);
	ks->tx.closed = true;
}

static int refuse(struct kseal_sock *ks, int err, u8 alert, const char *reason)
{
	const struct kseal_refusal why = { err, alert, reason };

	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_MALFORMED, 1);
	kseal_alert_fatal(ks, &why);
	return err;
}

static int receive_alert(struct kseal_sock *ks, const u8 *content, size_t len)
{
	char reason[64];

	if (len != 2)
		return refuse(ks, -EPROTO, KSEAL_ALERT_DECODE_ERROR,
			      "the peer sent an alert of a wrong length");
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_ALERTS_RECEIVED, 1);
	switch (content[1]) {
	case KSEAL_ALERT_CLOSE_NOTIFY:
		ks->rx.closed = true;
		return 0;
	case KSEAL_ALERT_USER_CANCELED:
		/* RFC 8446 6.1: a close_notify follows. Those who send nothing
		 * else meet the bound on records without content.
		 */
		return 0;
	default:
		/* RFC 8446 6: every other alert is fatal, whatever its level */
		WRITE_ONCE(ks->alert, content[1]);
		snprintf(reason, sizeof(reason),
			 "the peer ended the session with alert %u", content[1]);
		kseal_sock_fail(ks, -ECONNRESET, reason);
		return -ECONNRESET;
	}
}

static int receive_handshake(struct kseal_sock *ks, const u8 *content)
{
	switch (content[0]) {
	case NEW_SESSION_TICKET:
		/* RFC 8446 4.6.1: from servers only */
		if (ks->role == KSEAL_ROLE_SERVER)
			break;
		kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_TICKETS, 1);
		return 0;
	case KEY_UPDATE:
		return refuse(ks, -EKEYEXPIRED, KSEAL_ALERT_INTERNAL_ERROR,
			      "the peer asked for a KeyUpdate, which is not supported yet");
	}
	return refuse(ks, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
		      "the peer sent a handshake message out of place");
}

int kseal_control_receive(struct kseal_sock *ks, u8 type, const u8 *content,
			  size_t len)
{
	kseal_sock_owned(ks);
	if (type == KSEAL_TYPE_ALERT)
		return receive_alert(ks, content, len);
	return receive_handshake(ks, content);
}
