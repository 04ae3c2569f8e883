// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The time, as last asked for; see clock.h.
 */
#include <time.h>
#include "clock.h"

#define WALL_MS	1000

static _Thread_local uint64_t kept;		/* ms; 0: never asked */
static _Thread_local uint64_t wall_when;	/* clock_kept() when wall was asked for */
static _Thread_local int64_t wall;

static uint64_t ask(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_now(void)
{
	kept = ask();
	return kept;
}

uint64_t clock_kept(void)
{
	return kept ? kept : ask();
}

int64_t clock_wall(void)
{
	uint64_t now = clock_kept();

	if (!wall || now - wall_when >= WALL_MS) {
		wall = time(NULL);
		wall_when = now;
	}
	return wall;
}
