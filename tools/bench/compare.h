/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two runs side by side. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "bench/result.h"

enum verdict { VERDICT_NONE, VERDICT_NOISE, VERDICT_BETTER, VERDICT_WORSE };

/*
 * Whether b is better or worse than a by more than chance: neither do the quartiles of the
 * two overlap, nor has plain TCP, which nobody changed, moved as far (control: its ratio;
 * count 0 if there is none).
 */
enum verdict compare_figures(const struct figure *a, const struct figure *b,
			     const struct figure *control, bool more_is_better);

/* Prints the ratios, with what is within noise marked. */
void compare_print(const struct bench *a, const struct bench *b);

#endif
