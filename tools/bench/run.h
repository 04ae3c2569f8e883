/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The measuring itself. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench/result.h"

/*
 * Goes through the plan: in each case every stack is verified, then sampled in turns, a
 * round at a time, each round beginning with another one. b->machine, rounds, seconds, warm_up
 * and quick are set; the results are added. asked: by enum stack_id. Says on stderr how it
 * goes on. Returns 0, or -ENOMEM.
 */
int bench_run(struct bench *b, const struct plan *plan, const bool asked[STACKS]);

/* About how many seconds that takes. */
double bench_estimate(const struct bench *b, const struct plan *plan, const bool asked[STACKS]);

/* Results that failed where they should not, each said on stderr. Returns how many. */
unsigned int bench_failures(const struct bench *b);

#endif
