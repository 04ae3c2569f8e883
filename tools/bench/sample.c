// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench/sample.h"

#define NS 1e9

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value at a part of the way from the first to the last, between two if need be. */
static double at_part(const double *sorted, size_t count, double part)
{
	double place = part * (double)(count - 1);
	size_t below = (size_t)place;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

struct figure figure_of(double *values, size_t count)
{
	struct figure f = { .count = count };

	if (!count)
		return f;
	qsort(values, count, sizeof(*values), by_value);
	f.low = values[0];
	f.high = values[count - 1];
	f.median = at_part(values, count, 0.5);
	f.q1 = at_part(values, count, 0.25);
	f.q3 = at_part(values, count, 0.75);
	return f;
}

struct figure figure_metric(const struct sample *s, size_t count, metric *m)
{
	struct figure f = { 0 };
	double *values = calloc(count ? count : 1, sizeof(*values));
	size_t i, n = 0;

	if (!values)
		return f;
	for (i = 0; i < count; i++) {
		values[n] = m(&s[i]);
		if (isfinite(values[n]))
			n++;
	}
	f = figure_of(values, n);
	free(values);
	return f;
}

struct figure figure_ratio(const struct sample *a, size_t as, const struct sample *b, size_t bs,
			   metric *m)
{
	struct figure f = { 0 };
	double *values = calloc(as ? as : 1, sizeof(*values));
	size_t i, j, n = 0;

	if (!values)
		return f;
	for (i = 0; i < as; i++) {
		for (j = 0; j < bs && b[j].round != a[i].round; j++)
			;
		if (j == bs)
			continue;
		values[n] = m(&a[i]) / m(&b[j]);
		if (isfinite(values[n]))
			n++;
	}
	f = figure_of(values, n);
	free(values);
	return f;
}

struct figure figure_quotient(const struct figure *a, const struct figure *b)
{
	struct figure f = { 0 };

	if (!a->count || !b->count || !(a->q1 > 0) || !(b->q1 > 0))
		return f;
	f.count = a->count < b->count ? a->count : b->count;
	f.median = b->median / a->median;
	f.low = f.q1 = b->q1 / a->q3;
	f.high = f.q3 = b->q3 / a->q1;
	return f;
}

static double busy(const struct sample *s)
{
	return s->seconds - s->idle_seconds;
}

double sample_bytes_per_second(const struct sample *s)
{
	return s->bytes / busy(s);
}

double sample_ns_per_byte(const struct sample *s)
{
	return NS * busy(s) / s->bytes;
}

double sample_ns_per_record(const struct sample *s)
{
	return NS * busy(s) / s->records;
}

double sample_send_ns_per_record(const struct sample *s)
{
	return NS * s->send_seconds / s->records;
}

double sample_receive_ns_per_record(const struct sample *s)
{
	return NS * s->receive_seconds / s->records;
}

double sample_cycles_per_byte(const struct sample *s)
{
	return s->cycles > 0 ? s->cycles / s->bytes : NAN;
}

double sample_round_trip_us(const struct sample *s)
{
	return s->p50_ns / 1e3;
}

double sample_p99_us(const struct sample *s)
{
	return s->p99_ns / 1e3;
}

double sample_operations_per_second(const struct sample *s)
{
	return s->operations / busy(s);
}

double sample_ns_per_operation(const struct sample *s)
{
	return NS * busy(s) / s->operations;
}

double sample_fresh_bytes(const struct sample *s)
{
	return s->fresh_bytes;
}

double sample_used_bytes(const struct sample *s)
{
	return s->used_bytes;
}

double sample_own_share(const struct sample *s)
{
	return s->own_seconds / s->seconds;
}
