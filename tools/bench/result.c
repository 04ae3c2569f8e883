// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench/result.h"

const char *series_name(int id)
{
	return id < STACKS ? stacks[id]->name : gcm_name(id - STACKS);
}

const char *series_title(int id)
{
	return id < STACKS ? stacks[id]->title : gcm_title(id - STACKS);
}

struct figure series_figure(const struct result *r, int id, metric *m)
{
	return figure_metric(r->series[id].at, r->series[id].count, m);
}

struct figure series_ratio(const struct result *r, int a, int b, metric *m)
{
	const struct series *x = &r->series[a], *y = &r->series[b];

	return figure_ratio(x->at, x->count, y->at, y->count, m);
}

/* The fastest, or -1. */
static int best_gcm(const struct result *r)
{
	struct figure f, least = { 0 };
	int id, best = -1;

	for (id = STACKS; id < SERIES; id++) {
		f = series_figure(r, id, sample_ns_per_byte);
		if (f.count && (best < 0 || f.median < least.median)) {
			best = id;
			least = f;
		}
	}
	return best;
}

/* The sample of that round, or NULL. */
static const struct sample *same_round(const struct series *s, double round)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->at[i].round == round)
			return &s->at[i];
	return NULL;
}

/* Bytes per second of the limit in one round; 0: not known. */
static double limit_of_round(const struct result *r, int gcm, double round)
{
	const struct sample *tcp = same_round(&r->series[STACK_TCP], round);
	const struct sample *aes = gcm < 0 ? NULL : same_round(&r->series[gcm], round);

	if (!tcp || !aes)
		return 0;
	return 1e9 / (sample_ns_per_byte(tcp) + sample_ns_per_byte(aes));
}

/* id < 0: the limit itself */
static struct figure limit(const struct result *r, int id, int *gcm)
{
	const struct series *s = &r->series[id < 0 ? STACK_TCP : id];
	double *values = calloc(s->count ? s->count : 1, sizeof(*values));
	struct figure f = { 0 };
	int best = best_gcm(r);
	size_t i, n = 0;
	double most;

	if (gcm)
		*gcm = best;
	for (i = 0; values && i < s->count; i++) {
		most = limit_of_round(r, best, s->at[i].round);
		if (most > 0)
			values[n++] = id < 0 ? most : sample_bytes_per_second(&s->at[i]) / most;
	}
	if (values)
		f = figure_of(values, n);
	free(values);
	return f;
}

struct figure limit_figure(const struct result *r, int *gcm)
{
	return limit(r, -1, gcm);
}

struct figure limit_share(const struct result *r, int id)
{
	return limit(r, id, NULL);
}

static bool same_work(const struct bench_case *a, const struct bench_case *b)
{
	return a->record == b->record && a->version == b->version && a->cipher == b->cipher;
}

/* The least time of a record in all cases that seal the same. */
static double least_time(const struct bench *b, const struct bench_case *c, int gcm)
{
	double least = INFINITY;
	struct figure f;
	size_t i;

	for (i = 0; i < b->count; i++) {
		if (!same_work(&b->at[i].c, c))
			continue;
		f = series_figure(&b->at[i], gcm, sample_ns_per_record);
		if (f.count && f.low < least)
			least = f.low;
	}
	return least;
}

double bench_disturbance(const struct bench *b)
{
	const int gcm = STACKS + GCM_OPENSSL;
	const struct series *s;
	double *ratios, least;
	size_t i, k, n = 0;
	struct figure f;

	for (i = 0; i < b->count; i++)
		n += b->at[i].series[gcm].count;
	ratios = calloc(n ? n : 1, sizeof(*ratios));
	if (!ratios)
		return -1;
	for (i = 0, n = 0; i < b->count; i++) {
		s = &b->at[i].series[gcm];
		least = least_time(b, &b->at[i].c, gcm);
		for (k = 0; k < s->count; k++)
			ratios[n++] = sample_ns_per_record(&s->at[k]) / least;
	}
	f = figure_of(ratios, n);
	free(ratios);
	return n ? f.median - 1 : -1;
}

bool bench_has(const struct bench *b, int id)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		if (b->at[i].series[id].count)
			return true;
	return false;
}

const struct result *bench_find(const struct bench *b, const struct bench_case *c)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		if (case_same(&b->at[i].c, c))
			return &b->at[i];
	return NULL;
}

void bench_free(struct bench *b)
{
	size_t i;
	int id;

	for (i = 0; i < b->count; i++)
		for (id = 0; id < SERIES; id++)
			free(b->at[i].series[id].at);
	free(b->at);
	memset(b, 0, sizeof(*b));
}
