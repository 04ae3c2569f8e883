// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/run.h"
#include "bench/measure.h"
#include "bench/workload.h"
#include "command.h"

#define GCM_PART 0.5		/* a sample of AES-GCM alone needs no more of a stack's time */

/* One stack of the case that is under way. */
struct runner {
	struct series *series;
	struct trial trial;
	bool started;
};

static void give_up(struct series *s, bool wrong)
{
	if (!s->why[0])
		snprintf(s->why, WHY_MAX, "it failed");
	s->wrong = wrong;
}

/* Finds out whether the stack can do this, and that it does it rightly. */
static void begin(struct result *r, int id, struct runner *run, const struct bench *b)
{
	const struct workload *w = workload_get(r->c.workload);
	struct series *s = &r->series[id];

	run->series = s;
	run->trial = (struct trial){
		.stack = id < STACKS ? stacks[id] : NULL, .c = &r->c, .seconds = b->seconds,
		.warm_up = b->warm_up, .cpu = (int)b->machine.pinned, .rounds = (int)b->rounds,
		.quick = b->quick,
	};
	if (!s->asked)
		return;
	if (id >= STACKS) {
		if (gcm_ready(id - STACKS, &r->c, s->why))
			give_up(s, false);
		return;
	}
	if (stacks[id]->ready(&r->c, s->why)) {
		give_up(s, false);
	} else if (verify(stacks[id], &r->c, &s->proof, s->why)) {
		give_up(s, true);
	} else if (w->start) {
		run->started = true;
		if (w->start(&run->trial, s->why))
			give_up(s, true);
	}
}

/* Returns 0 or -ENOMEM; a sample that fails ends the series. */
static int take_sample(struct result *r, int id, struct runner *run, int round)
{
	struct series *s = run->series;
	struct sample *more;
	int err;

	if (!s->asked || s->why[0])
		return 0;
	more = reallocarray(s->at, s->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->at = more;
	memset(&s->at[s->count], 0, sizeof(*more));
	s->at[s->count].round = round;
	if (id < STACKS)
		err = workload_get(r->c.workload)->sample(&run->trial, &s->at[s->count], s->why);
	else
		err = gcm_sample(id - STACKS, &r->c, GCM_PART * run->trial.seconds,
				 &s->at[s->count], s->why);
	if (err)
		give_up(s, true);
	else
		s->count++;
	return 0;
}

/* On a terminal the line is written over, else it stands only when it is complete. */
static void say(const char *line, bool complete)
{
	const char *term = getenv("TERM");
	bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");

	if (terminal)
		fprintf(stderr, "\r\033[K%s", line);
	else if (complete)
		fputs(line, stderr);
	if (complete)
		fputc('\n', stderr);
	fflush(stderr);
}

static void progress(const struct result *r, size_t number, size_t count, int round)
{
	char name[CASE_NAME_MAX], line[512], figures[256];

	snprintf(line, sizeof(line), "[%2zu/%zu] %s: round %d", number, count,
		 case_name(&r->c, name), round);
	if (!round)
		snprintf(line, sizeof(line), "[%2zu/%zu] %s: %s", number, count, name,
			 measure_line(r, figures, sizeof(figures)));
	say(line, !round);
}

static int run_case(struct bench *b, struct result *r, size_t number, size_t count)
{
	const struct workload *w = workload_get(r->c.workload);
	struct runner runners[SERIES] = { 0 };
	int round, i, id, err = 0;

	progress(r, number, count, 1);
	for (id = 0; id < SERIES; id++)
		begin(r, id, &runners[id], b);
	for (round = 1; round <= (int)b->rounds && !err; round++) {
		progress(r, number, count, round);
		for (i = 0; i < SERIES && !err; i++) {
			id = (i + round - 1) % SERIES;
			err = take_sample(r, id, &runners[id], round);
		}
	}
	for (id = 0; id < STACKS; id++)
		if (runners[id].started && w->end)
			w->end(&runners[id].trial);
	progress(r, number, count, 0);
	return err;
}

int bench_run(struct bench *b, const struct plan *plan, const bool asked[STACKS])
{
	struct result *r;
	size_t i;
	int id, err = 0;

	b->at = calloc(plan->count, sizeof(*b->at));
	if (!b->at)
		return -ENOMEM;
	for (i = 0; i < plan->count && !err; i++) {
		r = &b->at[b->count++];
		r->c = plan->at[i];
		for (id = 0; id < SERIES; id++)
			r->series[id].asked = id < STACKS ? asked[id] :
							     workload_bulk(r->c.workload);
		err = run_case(b, r, i + 1, plan->count);
	}
	machine_read_gcm(&b->machine);
	return err;
}

double bench_estimate(const struct bench *b, const struct plan *plan, const bool asked[STACKS])
{
	double stack_seconds = b->seconds + b->warm_up, sum = 0;
	const struct bench_case *c;
	int id, n = 0;
	size_t i;

	for (id = 0; id < STACKS; id++)
		n += asked[id];
	for (i = 0; i < plan->count; i++) {
		c = &plan->at[i];
		if (c->workload != WORKLOAD_MEMORY)
			sum += b->rounds * n * stack_seconds;
		if (workload_bulk(c->workload))
			sum += b->rounds * GCMS * GCM_PART * b->seconds;
		/* connecting, at some tenths of a millisecond */
		if (c->workload == WORKLOAD_SESSIONS)
			sum += n * 3e-4 * c->connections;
	}
	return sum;
}

unsigned int bench_failures(const struct bench *b)
{
	char name[CASE_NAME_MAX];
	unsigned int failures = 0;
	size_t i;
	int id;

	for (i = 0; i < b->count; i++)
		for (id = 0; id < SERIES; id++) {
			if (!b->at[i].series[id].wrong)
				continue;
			failures++;
			fail("%s, %s: %s", case_name(&b->at[i].c, name), series_name(id),
			     b->at[i].series[id].why);
		}
	return failures;
}
