// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * New connections: connect, keys at both ends, a byte each way, close. There is no handshake
 * in it: the keys are handed over as a TLS library would after its own.
 */
#include <string.h>
#include "bench/watch.h"
#include "bench/workload.h"

static int once(struct trial *trial, char *why)
{
	const struct stack *s = trial->stack;
	struct pair p;
	int err = s->open(trial->c, &p, why);

	if (err)
		return err;
	err = workload_message(s, &p.client, &p.server, 1);
	if (!err)
		err = workload_message(s, &p.server, &p.client, 1);
	s->close(&p);
	return err ? stack_refuse(why, err, "a byte did not arrive: %s", strerror(-err)) : 0;
}

static int run(struct trial *trial, double seconds, double *count, char *why)
{
	uint64_t end = watch_ticks() + watch_ticks_in(seconds);
	int err = 0;

	*count = 0;
	while (!err && (int64_t)(end - watch_ticks()) > 0) {
		err = once(trial, why);
		*count += 1;
	}
	return err;
}

static int sample(struct trial *trial, struct sample *s, char *why)
{
	struct watch w;
	double count;
	int err;

	stack_renew_port(trial->stack);
	err = run(trial, trial->warm_up, &count, why);
	if (err)
		return err;
	watch_start(&w, trial->cpu);
	err = run(trial, trial->seconds, &s->operations, why);
	watch_stop(&w, s);
	return err;
}

const struct workload workload_setup = { .sample = sample };
