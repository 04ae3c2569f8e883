// SPDX-License-Identifier: GPL-2.0-or-later
/* What kseal bench makes of its samples. */
#include <math.h>
#include <stdio.h>
#include "tap.h"
#include "../../tools/bench/sample.c"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9 * (1 + fabs(b));
}

static void check(const char *name, struct figure f, double low, double q1, double median,
		  double q3, double high)
{
	if (!ok(near(f.low, low) && near(f.q1, q1) && near(f.median, median) &&
		near(f.q3, q3) && near(f.high, high), "%s", name))
		note("%g %g %g %g %g", f.low, f.q1, f.median, f.q3, f.high);
}

static void figures(void)
{
	double one[] = { 7 }, two[] = { 4, 2 }, odd[] = { 5, 1, 4, 2, 3 };
	double even[] = { 4, 1, 3, 2 }, same[] = { 2, 2, 2 }, wild[] = { 1, 1000, 2, 3, 4, 5, 6 };
	struct figure none = figure_of(NULL, 0);

	ok(!none.count, "no values, no figure");
	check("one value", figure_of(one, COUNT(one)), 7, 7, 7, 7, 7);
	check("two values", figure_of(two, COUNT(two)), 2, 2.5, 3, 3.5, 4);
	check("five values, not in order", figure_of(odd, COUNT(odd)), 1, 2, 3, 4, 5);
	check("four values", figure_of(even, COUNT(even)), 1, 1.75, 2.5, 3.25, 4);
	check("equal values", figure_of(same, COUNT(same)), 2, 2, 2, 2, 2);
	check("an outlier is kept, and moves no median", figure_of(wild, COUNT(wild)), 1, 2.5, 4, 5.5,
	      1000);
}

/* so many bytes in one second, in this round */
static struct sample moved(double round, double bytes)
{
	struct sample s = { .round = round, .seconds = 1, .bytes = bytes };

	return s;
}

static void ratios(void)
{
	struct sample a[] = { moved(1, 10), moved(2, 40), moved(3, 90) };
	struct sample b[] = { moved(3, 30), moved(1, 10), moved(2, 20) };
	struct figure f = figure_ratio(a, 3, b, 3, sample_bytes_per_second);

	check("a ratio is of the same round", f, 1, 1.5, 2, 2.5, 3);
	f = figure_ratio(a, 3, b, 1, sample_bytes_per_second);
	ok(f.count == 1 && near(f.median, 3), "rounds that only one has do not count");
	f = figure_ratio(a, 3, b, 0, sample_bytes_per_second);
	ok(!f.count, "no rounds, no ratio");
}

static void quotients(void)
{
	struct figure a = { 5, 10, 9, 11, 9.5, 10.5 }, b = { 5, 20, 18, 22, 19, 21 };
	struct figure none = { 0 }, f = figure_quotient(&a, &b);

	ok(near(f.median, 2) && near(f.low, 19 / 10.5) && near(f.high, 21 / 9.5),
	   "a quotient, at the least and most of the quartiles");
	ok(!figure_quotient(&a, &none).count && !figure_quotient(&none, &b).count,
	   "no quotient of nothing");
}

static void metrics(void)
{
	struct sample s = {
		.seconds = 2, .idle_seconds = 1, .own_seconds = 0.5, .bytes = 4e9, .records = 1e6,
		.operations = 500, .send_seconds = 0.75, .receive_seconds = 0.25, .p50_ns = 1500,
	};
	struct sample none = { .seconds = 1 };

	ok(near(sample_bytes_per_second(&s), 4e9), "idle time is not CPU time");
	ok(near(sample_ns_per_byte(&s), 0.25) && near(sample_ns_per_record(&s), 1000), "ns a byte, a record");
	ok(near(sample_send_ns_per_record(&s), 750) && near(sample_receive_ns_per_record(&s), 250),
	   "sending and receiving apart");
	ok(near(sample_round_trip_us(&s), 1.5) && near(sample_operations_per_second(&s), 500) &&
	   near(sample_own_share(&s), 0.25), "the others");
	ok(!figure_metric(&none, 1, sample_ns_per_record).count &&
	   !figure_metric(&s, 1, sample_cycles_per_byte).count, "what was not measured is no figure");
}

int main(void)
{
	figures();
	ratios();
	quotients();
	metrics();
	return done_testing();
}
