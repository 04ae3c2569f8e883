/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers share: chance, bytes changed by it, how long and from where.
 * FUZZ_SECONDS says how long (20). FUZZ_SEED is where each target begins, the same unless
 * it is given: what fails says with which one it is the first thing that is tried.
 */
#ifndef KSEAL_FUZZ_H
#define KSEAL_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tap.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

static uint64_t state, fuzz_seed;
static uint64_t fuzz_round;	/* state at the beginning of this one */
static time_t fuzz_end;

/* xorshift64: the same on every machine */
static inline uint32_t chance(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % n;
}

/* A few bytes, a length, a part doubled, cut or exchanged. Returns the new length. */
static inline size_t change(uint8_t *bytes, size_t len, size_t room)
{
	size_t at = len ? chance((uint32_t)len) : 0, n;

	switch (chance(6)) {
	case 0:
		for (n = 1 + chance(4); n-- && len;)
			bytes[chance((uint32_t)len)] = (uint8_t)chance(256);
		break;
	case 1:
		if (len)
			bytes[at] ^= (uint8_t)(1 << chance(8));
		break;
	case 2:
		len = at;
		break;
	case 3:
		n = 1 + chance(64);
		if (len + n <= room) {
			memmove(bytes + at + n, bytes + at, len - at);
			len += n;
		}
		break;
	case 4:
		n = len - at < 64 ? len - at : 64;
		memmove(bytes + at, bytes + at + n, len - at - n);
		len -= n;
		break;
	case 5:
		if (len > 5) {
			bytes[3] = (uint8_t)chance(256);
			bytes[4] = (uint8_t)chance(256);
		}
		break;
	}
	return len;
}

/* How to have the round that failed again, as the first. */
static inline void fuzz_again(void)
{
	dprintf(STDOUT_FILENO, "# FUZZ_SEED=%llu\n", (unsigned long long)fuzz_round);
}

/* Returns how many seconds there are for all. */
static inline time_t fuzz_begin(void)
{
	const char *given = getenv("FUZZ_SECONDS"), *seed = getenv("FUZZ_SEED");

	/* from 0 there is no other */
	fuzz_seed = (seed ? strtoull(seed, NULL, 10) : 88172645463325252ULL) ?: 1;
	fuzz_round = state = fuzz_seed;
	fuzz_again();
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_set_death_callback(fuzz_again);
#endif
	return given ? atol(given) : 20;
}

/* A target begins, for that long. */
static inline void fuzz_target(time_t seconds)
{
	state = fuzz_seed;
	fuzz_end = time(NULL) + seconds;
}

/* Whether there is time for another round. */
static inline bool fuzz_next(void)
{
	fuzz_round = state;
	return time(NULL) < fuzz_end;
}

#endif
