// SPDX-License-Identifier: GPL-2.0-only
#include <linux/gfp.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "stash.h"

/* On a CPU few calls are under way at once, each with three at most. */
#define KEPT 8

/* Taken and filled without a lock, each for itself: whoever comes in between, on
 * this CPU or after it was left, finds another one or none.
 */
static DEFINE_PER_CPU(void *[KEPT], kept);

void *kseal_stash_get(void)
{
	void *buf;
	int i;

	for (i = 0; i < KEPT; i++) {
		if (!raw_cpu_read(kept[i]))
			continue;
		buf = this_cpu_xchg(kept[i], NULL);
		if (buf)
			return buf;
	}
	return alloc_pages_exact(KSEAL_STASH_SIZE, GFP_KERNEL_ACCOUNT);
}

void kseal_stash_put(void *buf)
{
	int i;

	if (!buf)
		return;
	for (i = 0; i < KEPT; i++)
		if (!raw_cpu_read(kept[i]) &&
		    !this_cpu_cmpxchg(kept[i], NULL, buf))
			return;
	memzero_explicit(buf, KSEAL_STASH_SIZE);
	free_pages_exact(buf, KSEAL_STASH_SIZE);
}

void kseal_stash_wipe(void *buf)
{
	if (buf)
		memzero_explicit(buf, KSEAL_STASH_SIZE);
	kseal_stash_put(buf);
}

void kseal_stash_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < KEPT; i++) {
			void *buf = per_cpu(kept[i], cpu);

			if (!buf)
				continue;
			memzero_explicit(buf, KSEAL_STASH_SIZE);
			free_pages_exact(buf, KSEAL_STASH_SIZE);
		}
	}
}
