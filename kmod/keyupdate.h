/* SPDX-License-Identifier: GPL-2.0-only */
/* KeyUpdate (RFC 8446 4.6.3), both directions, from the traffic secrets. */
#ifndef KSEAL_KEYUPDATE_H
#define KSEAL_KEYUPDATE_H

#include <linux/types.h>

struct kseal_sock;

/**
 * kseal_keyupdate_send - tell the peer, and seal with the next keys
 * @ks: a session with keys, socket lock held
 * @request: ask the peer to do the same
 *
 * What was written before goes out under the old keys.
 *
 * Return: 0; -EOPNOTSUPP TLS 1.2; -ENOKEY the secret is not known here;
 * -EPIPE nothing may be sent any more; -ENOMEM nothing was sent, try again; or
 * the session has failed.
 */
int kseal_keyupdate_send(struct kseal_sock *ks, bool request);

/**
 * kseal_keyupdate_receive - the peer's records go on with the next keys
 * @ks: a session with keys, socket lock held
 * @request: the message's request_update, as received
 *
 * Answers when asked to. Peers that do nothing else are stopped: see
 * UPDATES_BURST.
 *
 * Return: 0, -EKEYEXPIRED the secret is not known here and reading pauses
 * until somebody installs the next keys, or the session's sticky error.
 */
int kseal_keyupdate_receive(struct kseal_sock *ks, u8 request);

/* Counts a KeyUpdate of the peer's. Reading pauses (rx.update_pending) if the
 * next keys cannot be made here.
 */
void kseal_keyupdate_note(struct kseal_sock *ks);

/* Asks the peer for new keys when its are getting old; once for each. */
void kseal_keyupdate_ask(struct kseal_sock *ks);

#endif
