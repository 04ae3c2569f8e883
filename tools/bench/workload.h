/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How each workload takes a sample of one stack. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "bench/sample.h"
#include "bench/stack.h"

struct trial {
	const struct stack *stack;
	const struct bench_case *c;
	int cpu;			/* that this process is bound to */
	double seconds, warm_up;	/* of a sample */
	int rounds;
	bool quick;
	void *data;			/* the workload's own */
};

/* Each returns 0, or -errno and why (WHY_MAX bytes). */
struct workload {
	int (*start)(struct trial *t, char *why);	/* NULL: nothing to be done */
	int (*sample)(struct trial *t, struct sample *s, char *why);
	void (*end)(struct trial *t);			/* NULL, or called after start, whatever it said */
};

extern const struct workload workload_bulk_moves;	/* sendfile, send */
extern const struct workload workload_latency;
extern const struct workload workload_setup;
extern const struct workload workload_memory;
extern const struct workload workload_sessions;

const struct workload *workload_get(enum workload_id id);

/* All of len bytes from one end to the other, both in this thread. Returns 0 or -errno. */
int workload_message(const struct stack *s, struct end *from, struct end *to, size_t len);

/* Lets this process have so many descriptors. Returns 0, or -errno and why. */
int workload_descriptors(size_t wanted, char *why);

#endif
