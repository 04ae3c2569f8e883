/* SPDX-License-Identifier: GPL-2.0-only */
/* Records that are not application data: alerts, close_notify, handshake. */
#ifndef KSEAL_CONTROL_H
#define KSEAL_CONTROL_H

#include <linux/types.h>

#include "record.h"

struct kseal_sock;

/**
 * kseal_alert_fatal - end a session for something the peer did
 * @ks: a session, socket lock held
 * @why: errno, alert and sentence
 *
 * Sends the alert, sealed if there are keys and in clear if there never were,
 * then fails the session.
 */
void kseal_alert_fatal(struct kseal_sock *ks, const struct kseal_refusal *why);

/**
 * kseal_close_notify - tell the peer that nothing more will be sent
 * @ks: a session with keys, socket lock held
 *
 * RFC 8446 6.1. Once only. Flushes first.
 */
void kseal_close_notify(struct kseal_sock *ks);

/**
 * kseal_control_receive - act on a record that is not application data
 * @ks: a session with keys, socket lock held
 * @type: KSEAL_TYPE_ALERT or KSEAL_TYPE_HANDSHAKE
 * @content: its bytes
 * @len: at least 1
 *
 * Return: 0 to go on reading (close_notify sets kseal_receive.closed), or the
 * session's errno, now sticky.
 */
int kseal_control_receive(struct kseal_sock *ks, u8 type, const u8 *content,
			  size_t len);

#endif
