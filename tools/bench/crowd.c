// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bench/crowd.h"
#include "bench/workload.h"

int crowd_grow(struct crowd *crowd, const struct stack *s, const struct bench_case *c, size_t more,
	       char *why)
{
	size_t room = crowd->count + more;
	struct pair *at;
	int err = 0;

	if (room > crowd->room) {
		at = reallocarray(crowd->at, room, sizeof(*at));
		if (!at)
			return stack_refuse(why, -ENOMEM, "out of memory");
		crowd->at = at;
		crowd->room = room;
	}
	while (!err && more--) {
		err = s->open(c, &crowd->at[crowd->count], why);
		if (!err)
			crowd->count++;
	}
	return err;
}

void crowd_free(struct crowd *crowd, const struct stack *s)
{
	while (crowd->count)
		s->close(&crowd->at[--crowd->count]);
	free(crowd->at);
	memset(crowd, 0, sizeof(*crowd));
}
