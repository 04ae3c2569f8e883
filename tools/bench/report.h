/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run found out, for people. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/grid.h"
#include "bench/result.h"

/* The tables. */
void report_grids(const struct bench *b, struct grids *all);

/* The line i of what stands above them: where, how, what to know; NULL: past the last. */
const char *report_head(const struct bench *b, size_t i, char text[NOTE_MAX]);

/* All of it on stdout. */
void report_print(const struct bench *b);

#endif
