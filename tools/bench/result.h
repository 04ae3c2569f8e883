/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that a run found out: each case, each stack, each sample. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include "bench/gcm.h"
#include "bench/machine.h"
#include "bench/plan.h"
#include "bench/sample.h"
#include "bench/stack.h"
#include "bench/verify.h"

/* The stacks, then AES-GCM by itself. */
#define SERIES (STACKS + GCMS)

/* One stack in one case. */
struct series {
	bool asked;			/* somebody wanted it */
	char why[WHY_MAX];		/* "", or why it cannot be had, or no further */
	bool wrong;			/* it failed where it should not */
	struct proof proof;
	struct sample *at;
	size_t count;
};

struct result {
	struct bench_case c;
	struct series series[SERIES];
};

struct bench {
	struct machine machine;
	double rounds, seconds, warm_up;
	bool quick;
	struct result *at;
	size_t count;
};

/* The name in JSON and what tables call it. */
const char *series_name(int id);
const char *series_title(int id);

/* A figure of one series. */
struct figure series_figure(const struct result *r, int id, metric *m);

/* Its ratio to another one, round by round. */
struct figure series_ratio(const struct result *r, int a, int b, metric *m);

/*
 * The limit of a bulk workload, in bytes per CPU second: plain TCP's time and that of the
 * fastest AES-GCM, round by round. gcm, unless NULL, gets whose that was (-1: nobody's).
 */
struct figure limit_figure(const struct result *r, int *gcm);

/* How much of the limit a stack reaches, round by round. */
struct figure limit_share(const struct result *r, int id);

/*
 * How much longer work that is always the same, AES-GCM in user space, took in the median
 * than at its best: 0.3 is 30 % longer. What is not 0 is the machine's doing. -1: not known.
 */
#define QUIET 0.1		/* a machine with less had nothing else to do */
double bench_disturbance(const struct bench *b);

/* Whether there is any sample of the stack in any of the results. */
bool bench_has(const struct bench *b, int id);

/* The result of the same case, or NULL. */
const struct result *bench_find(const struct bench *b, const struct bench_case *c);

void bench_free(struct bench *b);

#endif
