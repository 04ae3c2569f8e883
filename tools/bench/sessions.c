// SPDX-License-Identifier: GPL-2.0-or-later
/* More and more sessions, of which each gets one record in its turn: what growth costs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bench/crowd.h"
#include "bench/watch.h"
#include "bench/workload.h"

struct ring {
	struct crowd crowd;
	size_t next;
};

static int start(struct trial *trial, char *why)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	int err;

	trial->data = ring;
	if (!ring)
		return stack_refuse(why, -ENOMEM, "out of memory");
	err = workload_descriptors(2 * STACKS * (size_t)trial->c->connections, why);
	return err ? err : crowd_grow(&ring->crowd, trial->stack, trial->c, trial->c->connections, why);
}

static int run(struct trial *trial, size_t least, double seconds, double *count)
{
	uint64_t end = watch_ticks() + watch_ticks_in(seconds);
	struct ring *ring = trial->data;
	struct pair *p;
	int err = 0;

	*count = 0;
	while (!err && (*count < (double)least || (int64_t)(end - watch_ticks()) > 0)) {
		p = &ring->crowd.at[ring->next];
		ring->next = (ring->next + 1) % ring->crowd.count;
		err = workload_message(trial->stack, &p->server, &p->client, RECORD_FULL);
		*count += 1;
	}
	return err;
}

/* Before the first sample every session was used once, and in each sample at least once. */
static int sample(struct trial *trial, struct sample *s, char *why)
{
	struct ring *ring = trial->data;
	bool first = !ring->next && s->round <= 1;
	struct watch w;
	double count;
	int err = run(trial, first ? ring->crowd.count : 0, trial->warm_up, &count);

	watch_start(&w, trial->cpu);
	if (!err)
		err = run(trial, ring->crowd.count, trial->seconds, &s->operations);
	watch_stop(&w, s);
	s->bytes = s->operations * RECORD_FULL;
	s->records = s->operations * ((RECORD_FULL + trial->c->record - 1) / trial->c->record);
	return err ? stack_refuse(why, err, "a record did not arrive: %s", strerror(-err)) : 0;
}

static void end(struct trial *trial)
{
	struct ring *ring = trial->data;

	if (ring)
		crowd_free(&ring->crowd, trial->stack);
	free(ring);
	trial->data = NULL;
}

const struct workload workload_sessions = { .start = start, .sample = sample, .end = end };
