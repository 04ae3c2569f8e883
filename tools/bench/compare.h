/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two runs side by side. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "bench/result.h"

enum verdict { VERDICT_NONE, VERDICT_NOISE, VERDICT_BETTER, VERDICT_WORSE };

/* One stack in one case of a run: its figure, and its ratio to plain TCP, round by round. */
struct standing {
	struct figure own, to_tcp;
};

/*
 * Whether b is better or worse than a by more than chance. Both of the standing have to say
 * so, each with quartiles that do not overlap (where there was plain TCP), for it is plain
 * TCP, which nobody changed, that tells what the machine did; and by a few per cent, for two
 * boots alone differ.
 */
enum verdict compare_standings(const struct standing *a, const struct standing *b,
			       bool more_is_better);

/* Prints the ratios, with what is within noise marked. */
void compare_print(const struct bench *a, const struct bench *b);

#endif
