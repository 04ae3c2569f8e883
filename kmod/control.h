/* SPDX-License-Identifier: GPL-2.0-only */
/* Records that are not application data: alerts, close_notify, handshake. */
#ifndef KSEAL_CONTROL_H
#define KSEAL_CONTROL_H

#include <linux/types.h>

#include "record.h"
#include "stats.h"

struct kseal_sock;

/* A handshake message of which part has come. */
struct kseal_message {
	u8 header[KSEAL_MESSAGE_HEADER];
	u8 last;		/* of its bytes, the last one seen */
	unsigned int got;	/* bytes of it that have come, header included */
	unsigned int left;	/* bytes of its body to come */
	u8 *bytes;		/* the whole, if it is for the helper */
};

/* Forgets it. */
void kseal_message_reset(struct kseal_message *m);

/**
 * kseal_alert_fatal - end a session for something the peer did
 * @ks: a session, socket lock held
 * @why: errno, alert and sentence
 *
 * Sends the alert, sealed if there are keys and in clear if there never were,
 * then fails the session. In mainline's convention no alert is sent.
 */
void kseal_alert_fatal(struct kseal_sock *ks, const struct kseal_refusal *why);

/**
 * kseal_refuse - likewise, and count it
 * @ks: a session, socket lock held
 * @stat: as what
 * @err: -errno for the application
 * @alert: for the peer, RFC 8446 6
 * @reason: for a person
 *
 * Return: the session's errno, an earlier one if it had failed before.
 */
int kseal_refuse(struct kseal_sock *ks, enum kseal_stat stat, int err,
		 u8 alert, const char *reason);

/**
 * kseal_close_notify - tell the peer that nothing more will be sent
 * @ks: a session with keys, socket lock held
 *
 * RFC 8446 6.1. Once only. Flushes first. Nothing in mainline's convention.
 */
void kseal_close_notify(struct kseal_sock *ks);

/**
 * kseal_control_receive - act on a record that is not application data
 * @ks: a session with keys, socket lock held
 * @type: KSEAL_TYPE_ALERT or KSEAL_TYPE_HANDSHAKE
 * @content: its bytes
 * @len: at least 1
 *
 * Return: 0 to go on reading (close_notify sets kseal_receive.closed), the
 * session's errno, now sticky, or what kseal_keyupdate_receive() returns.
 */
int kseal_control_receive(struct kseal_sock *ks, u8 type, const u8 *content,
			  size_t len);

#endif
