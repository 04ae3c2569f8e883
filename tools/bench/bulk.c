// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sendfile and send: calls of 256 KiB, each of which is read at the other end before the
 * next one, on one connection or on several in turn. One thread does both, so that nothing
 * is measured but the stack, and the time of sending and receiving can be told apart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bench/transfer.h"
#include "bench/watch.h"
#include "bench/workload.h"

struct flows {
	struct transfer *at;
	size_t count;
	uint64_t send_ticks, receive_ticks;
};

static int one_round(struct flows *f)
{
	struct transfer *t;
	uint64_t before;
	int err = 0;
	size_t i;

	for (i = 0; i < f->count && !err; i++) {
		t = &f->at[i];
		before = t->sent + t->received;
		err = transfer_push(t, &f->send_ticks);
		if (!err)
			err = transfer_pull(t, &f->receive_ticks, false);
		if (!err && t->sent + t->received == before)
			transfer_wait(t);
	}
	return err;
}

static int run(struct flows *f, double seconds)
{
	uint64_t end = watch_ticks() + watch_ticks_in(seconds);
	int err = 0;

	while (!err && (int64_t)(end - watch_ticks()) > 0)
		err = one_round(f);
	return err;
}

static void sum(const struct flows *f, double *received, double *waits)
{
	size_t i;

	*received = *waits = 0;
	for (i = 0; i < f->count; i++) {
		*received += (double)f->at[i].received;
		*waits += (double)f->at[i].waits;
	}
}

static int measure(struct trial *trial, struct flows *f, struct sample *s)
{
	double before, waits;
	struct watch w;
	int err = run(f, trial->warm_up);

	if (err)
		return err;
	sum(f, &before, &waits);
	f->send_ticks = f->receive_ticks = 0;
	watch_start(&w, trial->cpu);
	err = run(f, trial->seconds);
	watch_stop(&w, s);
	sum(f, &s->bytes, &s->waits);
	s->bytes -= before;
	s->waits -= waits;
	s->operations = s->bytes / CALL_SIZE;
	s->records = s->operations * ((CALL_SIZE + trial->c->record - 1) / trial->c->record);
	s->send_seconds = (double)f->send_ticks * watch_tick_ns() / 1e9;
	s->receive_seconds = (double)f->receive_ticks * watch_tick_ns() / 1e9;
	return err;
}

static int sample(struct trial *trial, struct sample *s, char *why)
{
	struct flows f = { .count = 0 };
	int err = workload_descriptors(2 * (size_t)trial->c->connections, why);

	f.at = calloc(trial->c->connections, sizeof(*f.at));
	if (!f.at)
		return stack_refuse(why, -ENOMEM, "out of memory");
	while (!err && f.count < trial->c->connections) {
		err = transfer_open(&f.at[f.count], trial->stack, trial->c, why);
		if (!err)
			f.count++;
	}
	if (!err) {
		err = measure(trial, &f, s);
		if (err)
			stack_refuse(why, err, "the transfer failed: %s", strerror(-err));
	}
	while (f.count)
		transfer_close(&f.at[--f.count]);
	free(f.at);
	return err;
}

const struct workload workload_bulk_moves = { .sample = sample };
