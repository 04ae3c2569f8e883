/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test results in TAP 13, the least of it: a line a check, the plan at the end.
 */
#ifndef KSEAL_TAP_H
#define KSEAL_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_count, tap_failed;

/* One check with its name. Returns cond. */
static inline bool __attribute__((format(printf, 2, 3))) ok(bool cond, const char *fmt, ...)
{
	va_list args;

	tap_failed += !cond;
	printf("%sok %u - ", cond ? "" : "not ", ++tap_count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return cond;
}

/* A line of explanation. */
static inline void __attribute__((format(printf, 1, 2))) note(const char *fmt, ...)
{
	va_list args;

	printf("# ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* What main() returns: 0 only if there were checks and all were ok. */
static inline int done_testing(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed || !tap_count;
}

#endif
