/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker's way to the signer (signer.h): what its handshakes ask, and the answers. A
 * handshake that asks is paused (ASYNC_pause_job(3ssl)) and goes on when it is run again
 * after that; nobody waits for it. All of it is one thread's.
 */
#ifndef KSEALD_CHANNEL_H
#define KSEALD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>
#include "loop.h"
#include "sign.h"

#define CHANNEL_MAX	4096	/* asked and not answered; each keeps a stack of 32 KiB */

struct channel;

/* Called with the name of a handshake whose answer is there. */
typedef void channel_ready(void *arg, uint64_t name);

/* Makes one, ready to be asked. NULL: no memory. */
struct channel *channel_new(channel_ready *ready, void *arg);

/* After all that asked were cancelled. NULL is fine. */
void channel_free(struct channel *channel);

/* This thread's handshakes ask here from now on. NULL: nowhere. */
void channel_use(struct channel *channel);

/* Sends and receives on the loop's LOOP_SIGNER from now on. */
void channel_run(struct channel *channel, struct loop *loop);

/*
 * Without a loop: the next message to send, in order, which is valid until
 * channel_sent(); 0: none. What was received, of any length and contents; 0 bytes: the
 * other end is closed.
 */
size_t channel_output(struct channel *channel, const void **bytes);
void channel_sent(struct channel *channel);
void channel_input(struct channel *channel, const void *bytes, size_t len);

/* What a handshake waits for, and how that failed: a part of it, all zero first. */
struct channel_wait {
	struct asked *asked;	/* NULL: it does not wait */
	uint64_t name;		/* of the handshake */
	int error;		/* positive errno; 0: nothing failed */
	char reason[KSEAL_REASON_MAX + 1];
};

/* Before and after a handshake is run: what is asked meanwhile is for this one. */
void channel_enter(struct channel_wait *wait);
void channel_leave(void);

/* What it waits for fails, as soon as it is run again. */
void channel_cancel(struct channel_wait *wait);

/*
 * From within a handshake that runs as an ASYNC job: asks, pauses until there is an answer,
 * and takes it. *result_len: the room in result. Returns 0; or -1, the handshake's
 * channel_wait says why.
 */
int channel_ask(const struct sign_head *head, const void *data, size_t len, void *result,
		size_t *result_len);

#endif
