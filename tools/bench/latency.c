// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Request and response: two threads on one CPU that block in turn, as a client and a server
 * do. The wake-ups are part of what is measured.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "bench/transfer.h"
#include "bench/watch.h"
#include "bench/workload.h"

#define REQUEST 64u
#define TRIPS_MAX 1000000u

struct server {
	const struct stack *stack;
	struct end *end;
	size_t bytes;
};

static int receive_all(const struct stack *s, struct end *e, size_t len, uint8_t *buffer, size_t size)
{
	ssize_t n;

	for (; len; len -= (size_t)n) {
		n = s->recv(e, buffer, len < size ? len : size);
		if (n <= 0)
			return n ? (int)n : -EPIPE;
	}
	return 0;
}

static int send_all(const struct stack *s, struct end *e, const uint8_t *data, size_t len)
{
	ssize_t n;

	for (; len; len -= (size_t)n, data += n) {
		n = s->send(e, data, len);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

/* Until the client's end is shut down. */
static void *serve(void *data)
{
	struct server *server = data;
	uint8_t request[REQUEST];

	while (!receive_all(server->stack, server->end, REQUEST, request, sizeof(request)))
		if (send_all(server->stack, server->end, source_get()->bytes, server->bytes))
			break;
	return NULL;
}

static int run(struct trial *trial, struct end *client, double seconds, double *ns, size_t *trips)
{
	uint64_t end = watch_ticks() + watch_ticks_in(seconds), start;
	static uint8_t buffer[1 << 16];
	int err = 0;

	*trips = 0;
	while (!err && *trips < TRIPS_MAX && (int64_t)(end - watch_ticks()) > 0) {
		start = watch_ticks();
		err = send_all(trial->stack, client, source_get()->bytes, REQUEST);
		if (!err)
			err = receive_all(trial->stack, client, trial->c->bytes, buffer,
					  sizeof(buffer));
		ns[(*trips)++] = (double)(watch_ticks() - start) * watch_tick_ns();
	}
	return err;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int measure(struct trial *trial, struct pair *p, struct sample *s)
{
	struct server server = {
		.stack = trial->stack, .end = &p->server, .bytes = trial->c->bytes,
	};
	double *ns = calloc(TRIPS_MAX, sizeof(*ns));
	pthread_t thread;
	struct watch w;
	size_t trips;
	int err;

	if (!ns)
		return -ENOMEM;
	stack_block(p->client.fd, true);
	stack_block(p->server.fd, true);
	err = -pthread_create(&thread, NULL, serve, &server);
	if (err)
		goto out;
	err = run(trial, &p->client, trial->warm_up, ns, &trips);
	watch_start(&w, trial->cpu);
	if (!err)
		err = run(trial, &p->client, trial->seconds, ns, &trips);
	watch_stop(&w, s);
	shutdown(p->client.fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	if (err)
		goto out;
	qsort(ns, trips, sizeof(*ns), by_value);
	s->operations = (double)trips;
	s->bytes = (double)trips * trial->c->bytes;
	s->p50_ns = ns[trips / 2];
	s->p99_ns = ns[trips * 99 / 100];
out:
	free(ns);
	return err;
}

static int sample(struct trial *trial, struct sample *s, char *why)
{
	struct pair p;
	int err = trial->stack->open(trial->c, &p, why);

	if (err)
		return err;
	err = measure(trial, &p, s);
	trial->stack->close(&p);
	return err ? stack_refuse(why, err, "a round trip failed: %s", strerror(-err)) : 0;
}

const struct workload workload_latency = { .sample = sample };
