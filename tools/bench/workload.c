// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "bench/transfer.h"
#include "bench/workload.h"

#define SPARE 64		/* descriptors for everything else */
#define WAIT_MS 100
#define STALLS 50

const struct workload *workload_get(enum workload_id id)
{
	switch (id) {
	case WORKLOAD_LATENCY:
		return &workload_latency;
	case WORKLOAD_SETUP:
		return &workload_setup;
	case WORKLOAD_MEMORY:
		return &workload_memory;
	case WORKLOAD_SESSIONS:
		return &workload_sessions;
	default:
		return &workload_bulk_moves;
	}
}

int workload_message(const struct stack *s, struct end *from, struct end *to, size_t len)
{
	static uint8_t buffer[CALL_SIZE];
	struct pollfd wait = { .fd = to->fd, .events = POLLIN };
	size_t sent = 0, received = 0;
	int stalls = 0;
	ssize_t n, m;

	while (received < len) {
		n = sent < len ? s->send(from, source_get()->bytes + sent, len - sent) : 0;
		if (n < 0 && n != -EAGAIN)
			return (int)n;
		m = s->recv(to, buffer, len - received < CALL_SIZE ? len - received : CALL_SIZE);
		if (m <= 0 && m != -EAGAIN)
			return m ? (int)m : -EPIPE;
		sent += n > 0 ? (size_t)n : 0;
		received += m > 0 ? (size_t)m : 0;
		stalls = n > 0 || m > 0 ? 0 : stalls + 1;
		if (stalls > STALLS)
			return -ETIMEDOUT;
		if (stalls)
			poll(&wait, 1, WAIT_MS);
	}
	return 0;
}

int workload_descriptors(size_t wanted, char *why)
{
	struct rlimit limit;

	wanted += SPARE;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return 0;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	return stack_refuse(why, -EMFILE, "this needs %zu descriptors: ulimit -n, or be root", wanted);
}
