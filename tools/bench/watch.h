/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time, and what the CPU did in it. */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif
#include "bench/sample.h"

static inline uint64_t watch_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * A clock that can be read around every call: where reading the time is a system call
 * (User Mode Linux), that call would be most of what is measured.
 */
static inline uint64_t watch_ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return watch_ns();
#endif
}

/* How long a tick is, in ns; found out at the first call, which takes some time. */
double watch_tick_ns(void);

/* Ticks in so many seconds. */
uint64_t watch_ticks_in(double seconds);

/*
 * Binds this process to one CPU; cpu < 0: to the last one that it may use. Returns the
 * CPU, or -errno.
 */
int watch_pin(int cpu);

struct watch {
	int cpu;
	uint64_t ns, own_ns, idle, cycles;
};

/* What happens on this CPU between the two is written into s. */
void watch_start(struct watch *w, int cpu);
void watch_stop(const struct watch *w, struct sample *s);

#endif
