// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "bench/compare.h"
#include "bench/grid.h"
#include "bench/measure.h"

#define BOOTS 0.05		/* what two boots differ by, though nothing was changed */

static const char *const verdicts[] = {
	[VERDICT_NONE] = "-", [VERDICT_NOISE] = "within noise", [VERDICT_BETTER] = "better",
	[VERDICT_WORSE] = "worse",
};

/* 1: b is greater by more than chance, -1: less, 0: neither. */
static int direction(const struct figure *a, const struct figure *b)
{
	if (a->q1 <= b->q3 && b->q1 <= a->q3)
		return 0;
	if (fabs(log(b->median / a->median)) < log(1 + BOOTS))
		return 0;
	return b->median > a->median ? 1 : -1;
}

enum verdict compare_standings(const struct standing *a, const struct standing *b,
			       bool more_is_better)
{
	int moved;

	if (!a->own.count || !b->own.count)
		return VERDICT_NONE;
	moved = direction(&a->own, &b->own);
	if (!moved)
		return VERDICT_NOISE;
	if (a->to_tcp.count && b->to_tcp.count && direction(&a->to_tcp, &b->to_tcp) != moved)
		return VERDICT_NOISE;
	return (moved > 0) == more_is_better ? VERDICT_BETTER : VERDICT_WORSE;
}

static struct standing standing_of(const struct result *r, int id)
{
	const struct measure *m = measure_of(r->c.workload);
	struct standing s = {
		.own = series_figure(r, id, m->value),
		.to_tcp = series_ratio(r, id, STACK_TCP, m->value),
	};

	return s;
}

static void compare_series(struct grid *g, const struct result *x, const struct result *y, int id,
			   unsigned int *n)
{
	const struct measure *m = measure_of(x->c.workload);
	struct standing a = standing_of(x, id), b = standing_of(y, id);
	struct figure ratio = figure_quotient(&a.own, &b.own);
	struct figure to_tcp = figure_quotient(&a.to_tcp, &b.to_tcp);
	char text[FIGURE_MAX], name[CASE_NAME_MAX];
	enum verdict verdict;
	long row;

	if (!a.own.count && !b.own.count)
		return;
	verdict = compare_standings(&a, &b, m->more_is_better);
	/* what the others are judged by has no verdict of its own */
	if (id != STACK_TCP)
		n[verdict]++;
	row = grid_row(g);
	grid_cell(g, row, 0, case_name(&x->c, name));
	grid_cell(g, row, 1, series_name(id));
	grid_cell(g, row, 2, measure_text(&a.own, m->scale, text));
	grid_cell(g, row, 3, measure_text(&b.own, m->scale, text));
	grid_cell(g, row, 4, m->unit);
	grid_cell(g, row, 5, measure_ratio(&ratio, text));
	if (id != STACK_TCP)
		grid_cell(g, row, 6, measure_ratio(&to_tcp, text));
	grid_cell(g, row, 7, id == STACK_TCP ? "(control)" : verdicts[verdict]);
}

static void say_difference(const char *what, const char *a, const char *b)
{
	if (strcmp(a, b))
		printf("%s differs: %s; %s\n", what, a[0] ? a : "unknown", b[0] ? b : "unknown");
}

static void compare_machines(const struct machine *a, const struct machine *b)
{
	char x[2 * FACT_MAX], y[2 * FACT_MAX];

	printf("A: kseal %s, %s\nB: kseal %s, %s\n", a->kseal, a->date, b->kseal, b->date);
	say_difference("The CPU", a->cpu, b->cpu);
	say_difference("The machine", machine_where(a, x), machine_where(b, y));
	say_difference("The kernel", a->kernel, b->kernel);
	say_difference("The kernel's gcm(aes)", a->gcm, b->gcm);
	say_difference("kseal's AES-GCM", a->kseal_gcm, b->kseal_gcm);
	say_difference("OpenSSL", a->openssl, b->openssl);
}

void compare_print(const struct bench *a, const struct bench *b)
{
	static const char *const titles[] = {
		"case", "stack", "A", "B", "unit", "B / A",
		"B / A, to tcp", "",
	};
	struct grids all = { NULL, 0 };
	const struct result *other;
	unsigned int n[VERDICT_WORSE + 1] = { 0 };
	struct grid *g;
	size_t i;
	int id;

	compare_machines(&a->machine, &b->machine);
	if (bench_disturbance(a) > QUIET || bench_disturbance(b) > QUIET)
		printf("The machine had other things to do: work that is always the same took %.0f%% (A) and "
		       "%.0f%% (B) longer in the median than at its best\n", 100 * bench_disturbance(a),
		       100 * bench_disturbance(b));
	g = grid_add(&all, "Median (quartiles); the ratio of the medians, and of the quartiles at their least "
		     "and most", NULL);
	if (!g)
		return;
	for (i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		grid_column(g, titles[i], i > 1 && i < 7 && i != 4, 0);
	for (i = 0; i < a->count; i++) {
		other = bench_find(b, &a->at[i].c);
		for (id = 0; id < STACKS && other; id++)
			compare_series(g, &a->at[i], other, id, n);
	}
	if (g->rows)
		grid_print(g);
	else
		puts("The two have no case in common.");
	printf("\n%u better, %u worse, %u within noise, %u in one of them only\n", n[VERDICT_BETTER],
	       n[VERDICT_WORSE], n[VERDICT_NOISE], n[VERDICT_NONE]);
	printf("Better or worse: the quartiles do not overlap, neither of the figures nor of their ratio to "
	       "plain TCP in\nthe same rounds, and the medians are more than %.0f%% apart, which two boots "
	       "alone can be.\n", 100 * BOOTS);
	grids_free(&all);
}
