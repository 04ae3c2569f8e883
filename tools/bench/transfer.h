/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes from the server's end to the client's, as fast as they go. */
#ifndef BENCH_TRANSFER_H
#define BENCH_TRANSFER_H

#include <stdint.h>
#include "bench/stack.h"

#define SOURCE_SIZE (16u << 20)

/* A cached file, and the same bytes in memory. */
struct source {
	int fd;
	const uint8_t *bytes;
};

/* Made once for all; NULL: out of memory or descriptors. */
const struct source *source_get(void);

struct transfer {
	const struct stack *stack;
	const struct bench_case *c;
	struct pair pair;
	uint64_t sent, received;
	uint64_t waits;
	uint8_t *buffer;	/* CALL_SIZE bytes, whoever reads */
};

/* A new connection. Returns 0, or -errno and why. */
int transfer_open(struct transfer *t, const struct stack *s, const struct bench_case *c, char *why);
void transfer_close(struct transfer *t);

/*
 * One call of CALL_SIZE bytes, by sendfile for that workload, else send; more calls for what
 * one leaves over. *ticks grows by the time that sending takes. When nothing can be sent it
 * ends early. Returns 0 or -errno.
 */
int transfer_push(struct transfer *t, uint64_t *ticks);

/*
 * Reads until all that was sent is there, or no more can be had before more is sent. check:
 * compares it with the source (-EBADMSG). Returns 0 or -errno.
 */
int transfer_pull(struct transfer *t, uint64_t *ticks, bool check);

/* Waits until there is something to be done; after a round in which nothing was. */
void transfer_wait(struct transfer *t);

#endif
