/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What time it is. To ask the kernel is a system call where its vDSO has no clock
 * (some virtual machines, User Mode Linux, a clock source that is not the TSC), and
 * callbacks in a handshake have no way to be told: so each thread keeps what it
 * was told last.
 */
#ifndef KSEALD_CLOCK_H
#define KSEALD_CLOCK_H

#include <stdint.h>

/* ms, monotonic. Asks, and keeps it. */
uint64_t clock_now(void);

/*
 * The last clock_now() of this thread: for one with a loop, when what it does was
 * begun. Asks, where there was none.
 */
uint64_t clock_kept(void);

/* Seconds since 1970, up to a second ago as of clock_kept(). */
int64_t clock_wall(void);

#endif
