/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plots of a run, drawn by gnuplot as SVG. */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include <stdio.h>
#include "bench/result.h"

/* Whether gnuplot is there: 0, or STATUS_FAILED after a message that says what to do. */
int plot_ready(void);

/*
 * Draws all for which there are figures, writes each into f as an element of HTML. Returns
 * 0, or STATUS_FAILED after a message.
 */
int plot_html(const struct bench *b, FILE *f);

#endif
