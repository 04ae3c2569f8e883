// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kseal.h>
#include "bench/plan.h"
#include "names.h"

static const char *const workload_names[WORKLOADS] = {
	[WORKLOAD_SENDFILE] = "sendfile",
	[WORKLOAD_SEND] = "send",
	[WORKLOAD_LATENCY] = "latency",
	[WORKLOAD_SETUP] = "setup",
	[WORKLOAD_MEMORY] = "memory",
	[WORKLOAD_SESSIONS] = "sessions",
};

static const struct axis records = { 4, { 256, 1024, 4096, 16384 } };
static const struct axis responses = { 3, { 1 << 10, 16 << 10, 64 << 10 } };
static const struct axis crowds = { 4, { 10, 100, 1000, 10000 } };

const char *workload_name(enum workload_id id)
{
	return (unsigned int)id < WORKLOADS ? workload_names[id] : NULL;
}

int workload_find(const char *name)
{
	int i;

	for (i = 0; i < WORKLOADS; i++)
		if (!strcmp(workload_names[i], name))
			return i;
	return -1;
}

bool workload_bulk(enum workload_id id)
{
	return id == WORKLOAD_SENDFILE || id == WORKLOAD_SEND;
}

const char *case_name(const struct bench_case *c, char name[CASE_NAME_MAX])
{
	char what[48] = "";
	const char *version = name_version(c->version), *cipher = name_cipher(c->cipher);

	if (workload_bulk(c->workload) && c->connections > 1)
		snprintf(what, sizeof(what), ", %u connections", c->connections);
	else if (c->workload == WORKLOAD_SESSIONS)
		snprintf(what, sizeof(what), ", %u sessions", c->connections);
	else if (c->workload == WORKLOAD_LATENCY)
		snprintf(what, sizeof(what), ", response of %u KiB", c->bytes >> 10);
	snprintf(name, CASE_NAME_MAX, "%s, %u-byte records, %s, %s%s", workload_name(c->workload),
		 c->record, version ? version : "?", cipher ? cipher : "?", what);
	return name;
}

bool case_same(const struct bench_case *a, const struct bench_case *b)
{
	return a->workload == b->workload && a->record == b->record &&
	       a->version == b->version && a->cipher == b->cipher &&
	       a->connections == b->connections && a->bytes == b->bytes;
}

static int add(struct plan *p, struct bench_case c)
{
	struct bench_case *more;
	size_t i;

	for (i = 0; i < p->count; i++)
		if (case_same(&p->at[i], &c))
			return 0;
	more = reallocarray(p->at, p->count + 1, sizeof(*more));
	if (!more)
		return -1;
	p->at = more;
	p->at[p->count++] = c;
	return 0;
}

/* The case as it is unless something else is said. */
static struct bench_case base(enum workload_id id)
{
	struct bench_case c = {
		.workload = id, .record = RECORD_FULL, .version = KSEAL_VERSION_1_3,
		.cipher = KSEAL_CIPHER_AES_GCM_128, .connections = 1,
	};

	return c;
}

/* Copies of c, one for each value of the axis the workload has for itself. */
static int add_own_axis(struct plan *p, struct bench_case c, const struct wish *w)
{
	const struct axis *own = &crowds;
	int err = 0;
	size_t i;

	if (c.workload == WORKLOAD_LATENCY) {
		own = &responses;
	} else if (c.workload != WORKLOAD_SESSIONS) {
		return add(p, c);
	} else if (w->connections.count) {
		own = &w->connections;
	}
	for (i = 0; i < own->count && !err; i++) {
		/* ten thousand take seconds to connect */
		if (w->quick && i > 1)
			break;
		if (c.workload == WORKLOAD_LATENCY)
			c.bytes = own->at[i];
		else
			c.connections = own->at[i];
		err = add(p, c);
	}
	return err;
}

/* One case for each size of records; or for some: the first, the last. */
static int add_records(struct plan *p, struct bench_case c, size_t step)
{
	int err = 0;
	size_t i;

	for (i = 0; i < records.count && !err; i += step) {
		c.record = records.at[records.count - 1 - i];
		err = add(p, c);
	}
	return err;
}

/* The record sizes are the main axis; the others are looked at where they matter. */
static int add_default(struct plan *p, enum workload_id id, const struct wish *w)
{
	static const struct { uint16_t version, cipher; } others[] = {
		{ KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_256 },
		{ KSEAL_VERSION_1_2, KSEAL_CIPHER_AES_GCM_128 },
		{ KSEAL_VERSION_1_2, KSEAL_CIPHER_AES_GCM_256 },
	};
	bool sendfile = id == WORKLOAD_SENDFILE;
	struct bench_case c = base(id);
	size_t i;
	int err;

	if (!workload_bulk(id))
		return add_own_axis(p, c, w);
	err = add_records(p, c, w->quick ? 3 : 1);
	if (w->quick)
		return err;
	for (i = 0; i < sizeof(others) / sizeof(*others) && !err; i++) {
		c.version = others[i].version;
		c.cipher = others[i].cipher;
		/* send differs in nothing but the copy */
		err = sendfile && i < 2 ? add_records(p, c, 1) : add(p, c);
	}
	c = base(id);
	c.connections = 16;
	if (!err)
		err = add(p, c);
	c.record = 1024;
	return err || !sendfile ? err : add(p, c);
}

static size_t values(const struct axis *a)
{
	return a->count ? a->count : 1;
}

static int add_product(struct plan *p, enum workload_id id, const struct wish *w)
{
	size_t r, v, k, n, connections = workload_bulk(id) ? values(&w->connections) : 1;
	struct bench_case c = base(id);
	int err = 0;

	for (v = 0; v < values(&w->version); v++)
		for (k = 0; k < values(&w->cipher); k++)
			for (n = 0; n < connections; n++)
				for (r = 0; r < values(&w->record) && !err; r++) {
					if (w->version.count)
						c.version = w->version.at[v];
					if (w->cipher.count)
						c.cipher = w->cipher.at[k];
					if (w->record.count)
						c.record = w->record.at[r];
					if (workload_bulk(id) && w->connections.count)
						c.connections = w->connections.at[n];
					err = add_own_axis(p, c, w);
				}
	return err;
}

static bool wanted(const struct wish *w, enum workload_id id)
{
	size_t i;

	for (i = 0; i < w->workload.count; i++)
		if (w->workload.at[i] == (long)id)
			return true;
	return !w->workload.count;
}

int plan_make(const struct wish *w, struct plan *p)
{
	bool product = w->record.count || w->version.count || w->cipher.count ||
		       w->connections.count;
	int id, err = 0;

	memset(p, 0, sizeof(*p));
	for (id = 0; id < WORKLOADS && !err; id++)
		if (wanted(w, id))
			err = product ? add_product(p, id, w) : add_default(p, id, w);
	if (err)
		plan_free(p);
	return err;
}

void plan_free(struct plan *p)
{
	free(p->at);
	memset(p, 0, sizeof(*p));
}
