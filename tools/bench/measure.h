/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In which unit each workload's figures are shown, and how. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench/result.h"

#define FIGURE_MAX 64

struct measure {
	metric *value;
	double scale;		/* a value of the unit is so many of the metric's */
	const char *unit;
	bool more_is_better;
};

/* The one figure by which a workload's stacks are compared. */
const struct measure *measure_of(enum workload_id id);

/* A number with three digits that count: "1.84", "18.4", "1840". Returns text. */
const char *measure_number(double value, char text[FIGURE_MAX]);

/* "1.84 (1.80-1.87)": the median and the quartiles; "-" if there is none. */
const char *measure_text(const struct figure *f, double scale, char text[FIGURE_MAX]);

/* The same of a ratio: "1.12x (1.10-1.13)". */
const char *measure_ratio(const struct figure *f, char text[FIGURE_MAX]);

/* Medians of all stacks in a line: "kseal 1.84, tls 1.75 GB/s". Returns line. */
const char *measure_line(const struct result *r, char *line, size_t size);

#endif
