/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before anything is timed: that the bytes arrive, and that the stack is the one it says. */
#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

#include "bench/stack.h"

/* What was seen. */
struct proof {
	double bytes;		/* sent, received and compared */
	double records;		/* of them, counted from what TCP sent; 0: not told */
	char counter[32];	/* the kernel's counter that moved, "" for none */
	double moved;		/* by so much */
};

/* Sends a few MiB. Returns 0, or -errno and why. */
int verify(const struct stack *s, const struct bench_case *c, struct proof *proof, char *why);

#endif
