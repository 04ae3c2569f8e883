/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests: each is one handshake that the kernel asked for, from its first
 * KSEAL_CMD_HANDSHAKE to the one KSEAL_CMD_DONE. A table holds the requests of
 * one worker; it knows no socket and no clock: messages and the time are
 * handed in, answers go to a sink. Not for several threads at once.
 */
#ifndef KSEALD_REQUEST_H
#define KSEALD_REQUEST_H

#include <stdint.h>
#include "netlink.h"
#include "profiles.h"

#define REQUEST_TIMEOUT_MS	30000	/* when the kernel names none */
#define REQUEST_BYTES_MAX	(512 * 1024)	/* of the peer, in one handshake */

/*
 * Where answers go, in order. The structs and what they point to are gone
 * after the call; a sink that keeps keys wipes them. Return 0 or -errno; then
 * the request is dropped.
 */
struct request_sink {
	int (*answer)(struct request_sink *sink, const struct helper_answer *answer);
	int (*done)(struct request_sink *sink, const struct helper_done *done);
};

struct request_table;

/* At most limit requests. NULL: no memory. profiles and sink must outlive the table. */
struct request_table *request_table_new(struct profiles *profiles, unsigned int limit,
					struct request_sink *sink);

/* Drops all requests without a word to the kernel, which knows when a worker goes. Those
 * that wait for the signer can only go in the thread they wait in.
 */
void request_table_clear(struct request_table *table);

/* Likewise, and frees the table. */
void request_table_free(struct request_table *table);

/* A HANDSHAKE of the kernel, at now (ms, monotonic): goes on with it and answers. */
void request_handshake(struct request_table *table, const struct helper_handshake *handshake,
		       uint64_t now);

/*
 * A handshake message that came behind a handshake that is done: a server's ticket, which
 * the profile keeps if it comes soon. Not an error if nobody waits for it.
 */
void request_message(struct request_table *table, const struct helper_late *late);

/*
 * The signer has answered what the handshake of this cookie waits for (channel.h): goes
 * on with it, and answers.
 */
void request_continue(struct request_table *table, uint64_t cookie, uint64_t now);

/* A message of the kernel for this cookie could not be read: the request fails with EPROTO. */
void request_garbled(struct request_table *table, uint64_t cookie);

/* The kernel forgot a request: so do we. Not an error if it is not known. */
void request_cancel(struct request_table *table, const struct helper_cancel *cancel);

/*
 * The kernel refused what was sent for cookie with error (-errno), text says
 * why. The request is dropped; final: what was refused was itself the report
 * of a failure, else the socket is told that its handshake failed.
 */
void request_refused(struct request_table *table, uint64_t cookie, int error, const char *text,
		     bool final);

/* Fails what is past its time with ETIMEDOUT. */
void request_expire(struct request_table *table, uint64_t now);

/* When request_expire() has something to do next (ms, monotonic); 0: never. */
uint64_t request_next_deadline(const struct request_table *table);

/* How many handshakes are under way. */
size_t request_count(const struct request_table *table);

#endif
