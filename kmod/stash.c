// SPDX-License-Identifier: GPL-2.0-only
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "stash.h"

/* On a CPU few calls are under way at once, each with three at most. */
#define KEPT 8

/* Taken and filled without a lock, each for itself: whoever comes in between, on
 * this CPU or after it was left, finds another one or none.
 */
static DEFINE_PER_CPU(void *[KEPT], kept);

/* Behind what is used of a buffer: whose memory it is charged to, so that nobody
 * holds another one's. Never followed; while the charge is there, no other has
 * this address.
 */
static const void **owner_of(void *buf)
{
	return buf + KSEAL_STASH_SIZE - sizeof(void *);
}

static const void *current_owner(void)
{
#ifdef CONFIG_MEMCG
	const void *owner;

	rcu_read_lock();
	owner = mem_cgroup_from_task(current);
	rcu_read_unlock();
	return owner;
#else
	return NULL;
#endif
}

static void release(void *buf)
{
	memzero_explicit(buf, KSEAL_STASH_SIZE);
	free_pages_exact(buf, KSEAL_STASH_SIZE);
}

void *kseal_stash_get(void)
{
	const void *owner = current_owner();
	void *buf;
	int i;

	for (i = 0; i < KEPT; i++) {
		if (!raw_cpu_read(kept[i]))
			continue;
		buf = this_cpu_xchg(kept[i], NULL);
		if (!buf)
			continue;
		if (*owner_of(buf) == owner)
			return buf;
		/* the place may be taken by now */
		if (this_cpu_cmpxchg(kept[i], NULL, buf))
			release(buf);
	}
	buf = alloc_pages_exact(KSEAL_STASH_SIZE, GFP_KERNEL_ACCOUNT);
	if (buf)
		*owner_of(buf) = owner;
	return buf;
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
	/* the first goes, which may be of somebody who does not come back */
	buf = this_cpu_xchg(kept[0], buf);
	if (buf)
		release(buf);
}

void kseal_stash_wipe(void *buf)
{
	if (!buf)
		return;
	memzero_explicit(buf, KSEAL_STASH_SIZE - sizeof(void *));
	kseal_stash_put(buf);
}

void kseal_stash_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		for (i = 0; i < KEPT; i++) {
			void *buf = per_cpu(kept[i], cpu);

			if (buf)
				release(buf);
		}
	}
}
