// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "bench/compare.h"
#include "bench/grid.h"
#include "bench/measure.h"

static const char *const verdicts[] = {
	[VERDICT_NONE] = "-", [VERDICT_NOISE] = "within noise", [VERDICT_BETTER] = "better",
	[VERDICT_WORSE] = "worse",
};

enum verdict compare_figures(const struct figure *a, const struct figure *b,
			     const struct figure *control, bool more_is_better)
{
	double ratio;

	if (!a->count || !b->count)
		return VERDICT_NONE;
	if (a->q1 <= b->q3 && b->q1 <= a->q3)
		return VERDICT_NOISE;
	ratio = fabs(log(b->median / a->median));
	if (control->count && ratio <= fabs(log(control->median)))
		return VERDICT_NOISE;
	return (b->median > a->median) == more_is_better ? VERDICT_BETTER : VERDICT_WORSE;
}

static void compare_series(struct grid *g, const struct result *x, const struct result *y, int id,
			   const struct figure *control, unsigned int *n)
{
	const struct measure *m = measure_of(x->c.workload);
	struct figure a = series_figure(x, id, m->value), b = series_figure(y, id, m->value);
	struct figure ratio = figure_quotient(&a, &b);
	char text[FIGURE_MAX], name[CASE_NAME_MAX];
	enum verdict verdict;
	long row;

	if (!a.count && !b.count)
		return;
	verdict = compare_figures(&a, &b, control, m->more_is_better);
	/* what the others are judged by has no verdict of its own */
	if (id != STACK_TCP)
		n[verdict]++;
	row = grid_row(g);
	grid_cell(g, row, 0, case_name(&x->c, name));
	grid_cell(g, row, 1, series_name(id));
	grid_cell(g, row, 2, measure_text(&a, m->scale, text));
	grid_cell(g, row, 3, measure_text(&b, m->scale, text));
	grid_cell(g, row, 4, m->unit);
	grid_cell(g, row, 5, measure_ratio(&ratio, text));
	grid_cell(g, row, 6, id == STACK_TCP ? "(control)" : verdicts[verdict]);
}

static void compare_case(struct grid *g, const struct result *x, const struct result *y,
			 unsigned int *n)
{
	const struct measure *m = measure_of(x->c.workload);
	struct figure a = series_figure(x, STACK_TCP, m->value);
	struct figure b = series_figure(y, STACK_TCP, m->value);
	struct figure control = figure_quotient(&a, &b);
	int id;

	for (id = 0; id < STACKS; id++)
		compare_series(g, x, y, id, &control, n);
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
	say_difference("gcm(aes)", a->gcm, b->gcm);
	say_difference("OpenSSL", a->openssl, b->openssl);
}

void compare_print(const struct bench *a, const struct bench *b)
{
	static const char *const titles[] = { "case", "stack", "A", "B", "unit", "B / A", "" };
	struct grids all = { NULL, 0 };
	const struct result *other;
	unsigned int n[VERDICT_WORSE + 1] = { 0 };
	struct grid *g;
	size_t i;

	compare_machines(&a->machine, &b->machine);
	g = grid_add(&all, "Median (least-greatest); the ratio of the medians, and of the quartiles at "
		     "their least and most", NULL);
	if (!g)
		return;
	for (i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		grid_column(g, titles[i], i > 1 && i < 6 && i != 4, 0);
	for (i = 0; i < a->count; i++) {
		other = bench_find(b, &a->at[i].c);
		if (other)
			compare_case(g, &a->at[i], other, n);
	}
	if (g->rows)
		grid_print(g);
	else
		puts("The two have no case in common.");
	printf("\n%u better, %u worse, %u within noise, %u in one of them only\n", n[VERDICT_BETTER],
	       n[VERDICT_WORSE], n[VERDICT_NOISE], n[VERDICT_NONE]);
	puts("Within noise: the quartiles overlap, or plain TCP, which nobody changed, moved as far.");
	grids_free(&all);
}
