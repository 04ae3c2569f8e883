/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many connections at once. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "bench/stack.h"

struct crowd {
	struct pair *at;
	size_t count, room;
};

/* Opens so many more. Returns 0, or -errno and why. */
int crowd_grow(struct crowd *crowd, const struct stack *s, const struct bench_case *c, size_t more,
	       char *why);

void crowd_free(struct crowd *crowd, const struct stack *s);

#endif
