/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of <linux/kseal.h> that a helper gets and sends, as typed
 * structs. No policy and no socket: bytes to struct, struct to bytes.
 */
#ifndef KSEALD_NETLINK_H
#define KSEALD_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/kseal.h>
#include "settings.h"
#include "tls.h"

/* No message a helper sends is longer: BYTES, EXPLAIN, CHAIN, and less than 4 KiB of everything else. */
#define NETLINK_MESSAGE_MAX	(KSEAL_BYTES_MAX + KSEAL_EXPLAIN_MAX + KSEAL_CHAIN_MAX + 4096)

/* KSEAL_CMD_HANDSHAKE from the kernel. */
struct helper_handshake {
	uint64_t cookie;
	bool first;		/* the fields up to chain are there */
	enum kseal_role role;
	char profile[KSEAL_PROFILE_MAX + 1];
	char server_name[KSEAL_NAME_MAX + 1];	/* empty: none */
	uint32_t timeout_ms;	/* 0: not said */
	char alpn[KSEAL_ALPN_MAX + 1];	/* empty: the profile's */
	bool explain;		/* the socket's owner wants to know what happens */
	bool chain;		/* and to have the peer's certificates */
	const uint8_t *bytes;	/* in the message */
	size_t len;
};

/* KSEAL_CMD_MESSAGE from the kernel: a handshake message after the handshake. */
struct helper_late {
	uint64_t cookie;
	const uint8_t *bytes;	/* in the message */
	size_t len;		/* RFC 8446 4: header included */
};

/* KSEAL_CMD_CANCEL from the kernel. */
struct helper_cancel {
	uint64_t cookie;
	uint32_t error;		/* positive errno */
	bool has_alert;
	uint8_t alert;
	char reason[KSEAL_REASON_MAX + 1];	/* empty: none is told */
};

struct helper_message {
	uint8_t cmd;		/* KSEAL_CMD_HANDSHAKE, _MESSAGE or _CANCEL */
	union {
		struct helper_handshake handshake;
		struct helper_late late;
		struct helper_cancel cancel;
	};
};

/* KSEAL_CMD_HANDSHAKE to the kernel. */
struct helper_answer {
	uint64_t cookie;
	uint32_t consumed;
	bool more;
	const uint8_t *bytes;
	size_t len;		/* <= KSEAL_BYTES_MAX */
	const char *explain;	/* <= KSEAL_EXPLAIN_MAX bytes; NULL: nothing new */
};

/* KSEAL_CMD_DONE to the kernel: a success if session is there, else a failure. */
struct helper_done {
	uint64_t cookie;
	uint32_t consumed;
	const uint8_t *bytes;
	size_t len;		/* <= KSEAL_BYTES_MAX */
	const uint8_t *behind;	/* with session->foreseen, whose turn is before them */
	size_t behind_len;	/* <= KSEAL_BEHIND_MAX, and no explain */
	const struct tls_session *session;
	const struct tls_failure *failure;
	const struct record_shape *shape;	/* with session */
	const char *explain;	/* as above */
};

/*
 * Reads a message of the family into message, whose bytes point into nlh.
 * Returns 0; -EBADMSG an attribute is missing, has a wrong type or length, or
 * occurs twice; -EOPNOTSUPP a command that is not for a helper. Unknown
 * attributes are passed over. After an error message->handshake.cookie is the
 * message's cookie, if it has one, else 0.
 */
int netlink_decode(const struct nlmsghdr *nlh, struct helper_message *message);

/*
 * Write one message at buf, which has NETLINK_MESSAGE_MAX bytes. Return its
 * length. family and seq as in the netlink header; buf holds keys after
 * netlink_put_done(): wipe it once sent.
 */
size_t netlink_put_answer(void *buf, uint16_t family, uint32_t seq,
			  const struct helper_answer *answer);
size_t netlink_put_done(void *buf, uint16_t family, uint32_t seq,
			const struct helper_done *done);

#endif
