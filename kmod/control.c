// SPDX-License-Identifier: GPL-2.0-only
/* Alerts, both ways, and the handshake messages that come after a handshake. */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "assemble.h"
#include "control.h"
#include "handshake.h"
#include "keys.h"
#include "keyupdate.h"
#include "kseal_trace.h"
#include "outcome.h"
#include "sock.h"
#include "stats.h"

/* ---- sent ---- */

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
	if (err)
		return;
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_ALERTS_SENT, 1);
	trace_kseal_alert(ks->id, true, level, description);
}

void kseal_alert_fatal(struct kseal_sock *ks, const struct kseal_refusal *why)
{
	kseal_sock_owned(ks);
	if (ks->state == KSEAL_STATE_DEAD)
		return;
	/* to send lets in what came meanwhile */
	kseal_assemble_settle(ks);
	/* in mainline's convention alerts are the application's */
	if (why->alert != KSEAL_ALERT_NONE && !ks->mainline) {
		send_alert(ks, KSEAL_LEVEL_FATAL, why->alert);
		WRITE_ONCE(ks->alert, why->alert);
	}
	ks->tx.closed = true;
	kseal_sock_fail(ks, why->err, why->reason);
}

int kseal_refuse(struct kseal_sock *ks, enum kseal_stat stat, int err,
		 u8 alert, const char *reason)
{
	const struct kseal_refusal why = { err, alert, reason };

	kseal_stat_add(sock_net(ks->sk), stat, 1);
	kseal_alert_fatal(ks, &why);
	return ks->err;
}

void kseal_close_notify(struct kseal_sock *ks)
{
	kseal_sock_owned(ks);
	if (ks->tx.closed || ks->state != KSEAL_STATE_KEYED || ks->mainline)
		return;
	send_alert(ks, KSEAL_LEVEL_WARNING, KSEAL_ALERT_CLOSE_NOTIFY);
	ks->tx.closed = true;
}

/* ---- alerts received ---- */

/* most of what a peer can do wrong */
static int malformed(struct kseal_sock *ks, u8 alert, const char *reason)
{
	return kseal_refuse(ks, KSEAL_STAT_RX_MALFORMED, -EPROTO, alert, reason);
}

static bool is_tls13(const struct kseal_sock *ks)
{
	return kseal_keys_form(ks->rx.keys)->version == KSEAL_TLS_1_3;
}

static int receive_alert(struct kseal_sock *ks, const u8 *content, size_t len)
{
	char reason[64];

	if (len != 2)
		return malformed(ks, KSEAL_ALERT_DECODE_ERROR,
			      "the peer sent an alert of a wrong length");
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_ALERTS_RECEIVED, 1);
	trace_kseal_alert(ks->id, false, content[0], content[1]);
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
		/* RFC 5246 7.2: a warning need not end anything. RFC 8446 6:
		 * every alert is fatal, whatever its level.
		 */
		if (!is_tls13(ks) && content[0] == KSEAL_LEVEL_WARNING)
			return 0;
		WRITE_ONCE(ks->alert, content[1]);
		snprintf(reason, sizeof(reason),
			 "the peer ended the session with alert %u", content[1]);
		kseal_sock_fail(ks, -ECONNRESET, reason);
		return -ECONNRESET;
	}
}

/* ---- handshake messages received ---- */

/* of a session, to the helper: more are of no use to it */
#define TICKETS_MAX	64
/* in one record: a server's first tickets, say */
#define MESSAGES_MAX	32

static unsigned int body_len(const u8 *header)
{
	return header[1] << 16 | header[2] << 8 | header[3];
}

/* The header is whole: what is this, and may it be? */
static int begin_message(struct kseal_sock *ks, struct kseal_message *m)
{
	m->left = body_len(m->header);
	switch (m->header[0]) {
	case KSEAL_NEW_SESSION_TICKET:
		/* RFC 8446 4.6.1: from servers only; in TLS 1.2 not after the
		 * handshake
		 */
		if (!is_tls13(ks) || ks->role == KSEAL_ROLE_SERVER)
			break;
		kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_RX_TICKETS, 1);
		/* One that does not fit a message to the helper, or for which
		 * there is no memory, is passed over: it costs a resumption.
		 */
		if (ks->helper.generation && ks->rx.tickets < TICKETS_MAX &&
		    m->left <= KSEAL_BYTES_MAX - KSEAL_MESSAGE_HEADER)
			m->bytes = kvmalloc(KSEAL_MESSAGE_HEADER + m->left,
					    GFP_KERNEL_ACCOUNT);
		if (m->bytes) {
			memcpy(m->bytes, m->header, KSEAL_MESSAGE_HEADER);
			ks->rx.tickets++;
		}
		return 0;
	case KSEAL_KEY_UPDATE:
		if (!is_tls13(ks))
			break;
		if (m->left != 1)
			return malformed(ks, KSEAL_ALERT_DECODE_ERROR,
				      "the peer sent a KeyUpdate of a wrong length");
		return 0;
	case KSEAL_HELLO_REQUEST:
	case KSEAL_CLIENT_HELLO:
		/* RFC 5246 7.4.1: renegotiation, declined once, then passed over */
		if (is_tls13(ks))
			break;
		if (!ks->rx.declined)
			send_alert(ks, KSEAL_LEVEL_WARNING,
				   KSEAL_ALERT_NO_RENEGOTIATION);
		ks->rx.declined = true;
		return 0;
	}
	return malformed(ks, KSEAL_ALERT_UNEXPECTED_MESSAGE,
		      "the peer sent a handshake message out of place");
}

/* The body is whole. rest: bytes of the record that follow it. */
static int end_message(struct kseal_sock *ks, struct kseal_message *m,
		       size_t rest)
{
	u8 type = m->header[0], last = m->last;
	unsigned int len = m->got;

	if (m->bytes)
		kseal_handshake_message(ks, m->bytes, len);
	kseal_message_reset(m);
	if (type != KSEAL_KEY_UPDATE)
		return 0;
	/* RFC 8446 5.1: keys change at the end of a record */
	if (rest)
		return malformed(ks, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent something behind a KeyUpdate in its record");
	return kseal_keyupdate_receive(ks, last);
}

/* Messages may be split over records, and several may share one (RFC 8446 5.1). */
static int receive_handshake(struct kseal_sock *ks, const u8 *content,
			     size_t len)
{
	struct kseal_message *m = &ks->rx.message;
	unsigned int n_messages = 0;
	int err = 0;

	while (len && !err) {
		if (m->got < KSEAL_MESSAGE_HEADER) {
			m->header[m->got++] = *content++;
			len--;
			if (m->got == KSEAL_MESSAGE_HEADER)
				err = begin_message(ks, m);
		} else {
			size_t n = min_t(size_t, len, m->left);

			if (m->bytes)
				memcpy(m->bytes + m->got, content, n);
			content += n;
			len -= n;
			m->got += n;
			m->left -= n;
			m->last = content[-1];
		}
		if (err || m->got < KSEAL_MESSAGE_HEADER || m->left)
			continue;
		err = end_message(ks, m, len);
		if (!err && ++n_messages > MESSAGES_MAX)
			err = malformed(ks, KSEAL_ALERT_UNEXPECTED_MESSAGE,
				     "the peer sent too many messages in one record");
	}
	return err;
}

void kseal_message_reset(struct kseal_message *m)
{
	kvfree(m->bytes);
	memset(m, 0, sizeof(*m));
}

int kseal_control_receive(struct kseal_sock *ks, u8 type, const u8 *content,
			  size_t len)
{
	kseal_sock_owned(ks);
	if (type == KSEAL_TYPE_HANDSHAKE)
		return receive_handshake(ks, content, len);
	if (ks->rx.message.got)
		return malformed(ks, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer broke off a handshake message");
	return receive_alert(ks, content, len);
}
