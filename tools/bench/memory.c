// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of an idle session: how much less is free with so many more of them. Those of
 * earlier rounds stay open, so that no sample lives on what another one gave back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/crowd.h"
#include "bench/workload.h"

#define PAIRS 250
#define PAIRS_QUICK 50

static double free_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	double kib = 0, value;
	char line[128];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %lf", &value) == 1 ||
		    sscanf(line, "Cached: %lf", &value) == 1 ||
		    sscanf(line, "Buffers: %lf", &value) == 1)
			kib += value;
	fclose(f);
	return kib * 1024;
}

/* A full record each way on those that are new. */
static int use(struct trial *trial, struct crowd *crowd, size_t from)
{
	int err = 0;
	size_t i;

	for (i = from; i < crowd->count && !err; i++) {
		err = workload_message(trial->stack, &crowd->at[i].server, &crowd->at[i].client,
				       RECORD_FULL);
		if (!err)
			err = workload_message(trial->stack, &crowd->at[i].client,
					       &crowd->at[i].server, RECORD_FULL);
	}
	return err;
}

static int start(struct trial *trial, char *why)
{
	trial->data = calloc(1, sizeof(struct crowd));
	if (!trial->data)
		return stack_refuse(why, -ENOMEM, "out of memory");
	/* three stacks or more share the descriptors */
	return workload_descriptors(2 * STACKS * (size_t)trial->rounds * PAIRS, why);
}

static int sample(struct trial *trial, struct sample *s, char *why)
{
	struct crowd *crowd = trial->data;
	size_t more = trial->quick ? PAIRS_QUICK : PAIRS, before = crowd->count;
	double ends = 2.0 * (double)more, was = free_bytes();
	int err = crowd_grow(crowd, trial->stack, trial->c, more, why);

	if (err)
		return err;
	s->fresh_bytes = (was - free_bytes()) / ends;
	err = use(trial, crowd, before);
	if (err)
		return stack_refuse(why, err, "a record did not arrive: %s", strerror(-err));
	s->used_bytes = (was - free_bytes()) / ends;
	s->operations = ends;
	return 0;
}

static void end(struct trial *trial)
{
	if (trial->data)
		crowd_free(trial->data, trial->stack);
	free(trial->data);
	trial->data = NULL;
}

const struct workload workload_memory = { .start = start, .sample = sample, .end = end };
