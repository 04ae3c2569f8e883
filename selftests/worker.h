/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A helper worker whose every step the test takes by itself. */
#ifndef KSEAL_TEST_WORKER_H
#define KSEAL_TEST_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "genl.h"
#include "session.h"

#define WORKER_KEPT 1024	/* more than any test has under way */

struct worker {
	struct kseal_genl g;	/* g.error: the last refusal's text */
	void *kept[WORKER_KEPT];	/* came while an acknowledgement was awaited */
	int first, end;
	bool no_ack;		/* do not ask for any: a full socket loses them */
	const void *explain;	/* goes with each answer: EXPLAIN, or NULL */
	size_t explain_len;
};

struct worker_msg {
	int cmd;		/* KSEAL_CMD_HANDSHAKE or KSEAL_CMD_CANCEL */
	uint64_t cookie;
	bool begins;		/* has what a request's first message has: */
	int role;
	char profile[64], name[256];
	struct sockaddr_storage peer, local;
	uint32_t timeout;
	bool explain;		/* EXPLAIN_WANTED */
	uint32_t error;		/* of CANCEL */
	int alert;		/* likewise, -1: none */
	char reason[256];
	size_t len;
	uint8_t bytes[KSEAL_BYTES_MAX];
};

/* Opens the netlink socket; 0 or -errno. worker_start() registers it too. */
int worker_open(struct worker *w);
int worker_register(struct worker *w);
int worker_unregister(struct worker *w);
int worker_start(struct worker *w);
void worker_close(struct worker *w);

/* The next message; 0, -EAGAIN when none came in time, or -errno. */
int worker_next(struct worker *w, struct worker_msg *msg, int timeout_ms);

/* Waits for this request's CANCEL, past other messages about it: its errno, or -errno. */
int worker_cancelled(struct worker *w, uint64_t cookie);

/* Each: the acknowledgement, 0 or -errno. */
int worker_answer(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		  size_t len, bool more);
int worker_done(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		size_t len, const struct kseal_session_keys *keys);
/* What DONE says of a Finished that is still to come. */
struct worker_finished {
	uint8_t message[KSEAL_FINISHED_MAX + 8];
	size_t len;
	const struct kseal_keys *rx;	/* NULL: none */
	const void *behind;
	size_t behind_len;
};
int worker_done_but(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		    size_t len, const struct kseal_session_keys *keys,
		    const struct worker_finished *finished);
int worker_fail(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		size_t len, int error, uint8_t alert, const char *reason);

/* A request made by the caller with kseal_genl_start(&w->g, ...). */
int worker_talk(struct worker *w, struct nlmsghdr *nlh);

#endif
