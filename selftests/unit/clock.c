// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The time that threads keep, with a clock that is told what to say.
 */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

static int asked, asked_wall;
static uint64_t told_ms;
static time_t told_wall;

static int told_gettime(clockid_t which, struct timespec *now)
{
	(void)which;
	asked++;
	now->tv_sec = (time_t)(told_ms / 1000);
	now->tv_nsec = (long)(told_ms % 1000) * 1000000;
	return 0;
}

static time_t told_time(time_t *now)
{
	(void)now;
	asked_wall++;
	return told_wall;
}

#define clock_gettime told_gettime
#define time told_time
#include "../../helper/clock.c"
#undef clock_gettime
#undef time
#include "tap.h"

static void *of_another(void *arg)
{
	uint64_t *seen = arg;

	seen[0] = clock_kept();
	told_ms += 5;
	seen[1] = clock_kept();
	clock_now();
	told_ms += 5;
	seen[2] = clock_kept();
	return NULL;
}

static void elsewhere(void)
{
	uint64_t seen[3] = { 0 }, before = clock_kept(), from = told_ms;
	pthread_t thread;

	if (pthread_create(&thread, NULL, of_another, seen) || pthread_join(thread, NULL)) {
		ok(false, "a thread");
		return;
	}
	ok(seen[0] == from && seen[1] == from + 5, "a thread that never asked for the time is told it each time");
	ok(seen[2] == from + 5, "one that asked keeps it");
	ok(clock_kept() == before, "and what this one keeps is its own");
}

int main(void)
{
	told_ms = 7001234;
	told_wall = 1000;
	ok(clock_now() == 7001234, "milliseconds");
	told_ms += 10;
	asked = 0;
	ok(clock_kept() == 7001234 && !asked, "the time is kept, and nobody asked");
	ok(clock_now() == 7001244 && clock_kept() == 7001244, "until it is asked for again");
	elsewhere();

	told_ms = 8000000;
	(void)clock_now();
	ok(clock_wall() == 1000 && asked_wall == 1, "seconds since 1970");
	told_wall = 5000;
	told_ms += 999;
	(void)clock_now();
	ok(clock_wall() == 1000 && asked_wall == 1, "are kept for a second");
	told_ms += 1;
	ok(clock_wall() == 1000 && asked_wall == 1, "of the time that is kept");
	(void)clock_now();
	ok(clock_wall() == 5000 && asked_wall == 2, "then follow a clock that was set");
	told_wall = 200;
	told_ms += 1000;
	(void)clock_now();
	ok(clock_wall() == 200, "and one that was set back");
	return done_testing();
}
