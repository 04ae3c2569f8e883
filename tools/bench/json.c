// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <linux/kseal.h>
#include "bench/json.h"
#include "bench/measure.h"
#include "command.h"
#include "names.h"
#include "text.h"

#define FORMAT 1
#define WHOLE_MAX 9e15		/* what a double counts up to */

#define FIELD(name) { #name, offsetof(struct sample, name) }

static const struct field {
	const char *key;
	size_t offset;
} fields[] = {
	FIELD(round), FIELD(seconds), FIELD(idle_seconds), FIELD(own_seconds), FIELD(cycles),
	FIELD(operations), FIELD(bytes), FIELD(records), FIELD(send_seconds),
	FIELD(receive_seconds), FIELD(waits), FIELD(p50_ns), FIELD(p99_ns), FIELD(fresh_bytes),
	FIELD(used_bytes),
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

static json_t *number(double value)
{
	if (value == floor(value) && fabs(value) < WHOLE_MAX)
		return json_integer((json_int_t)value);
	return json_real(value);
}

/* ---- writing ---- */

/* What is 0 was not measured. */
static json_t *save_sample(const struct sample *s)
{
	json_t *object = json_object();
	double value;
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		value = *(const double *)((const char *)s + fields[i].offset);
		if (value != 0 && isfinite(value))
			json_object_set_new(object, fields[i].key, number(value));
	}
	return object;
}

static json_t *save_figure(const struct figure *f, double scale, const char *unit)
{
	if (!f->count)
		return json_null();
	return json_pack("{s:f s:f s:f s:f s:f s:s}", "median", f->median / scale, "least",
			 f->low / scale, "greatest", f->high / scale, "q1", f->q1 / scale, "q3",
			 f->q3 / scale, "unit", unit);
}

static json_t *save_series(const struct result *r, int id)
{
	const struct measure *m = measure_of(r->c.workload);
	const struct series *s = &r->series[id];
	json_t *object = json_object(), *samples = json_array();
	struct figure f;
	size_t i;

	json_object_set_new(object, "available", json_boolean(!s->why[0]));
	if (s->why[0])
		json_object_set_new(object, "why", json_string(s->why));
	if (s->wrong)
		json_object_set_new(object, "wrong", json_true());
	if (s->proof.bytes > 0)
		json_object_set_new(object, "verified",
				    json_pack("{s:o s:o s:s s:o}", "bytes", number(s->proof.bytes),
					      "records", number(s->proof.records), "counter",
					      s->proof.counter, "moved", number(s->proof.moved)));
	for (i = 0; i < s->count; i++)
		json_array_append_new(samples, save_sample(&s->at[i]));
	json_object_set_new(object, "samples", samples);
	f = series_figure(r, id, id < STACKS ? m->value : sample_bytes_per_second);
	json_object_set_new(object, "figure", save_figure(&f, m->scale, m->unit));
	return object;
}

/* For readers; loading works with the samples alone. */
static json_t *save_ratios(const struct result *r)
{
	const struct measure *m = measure_of(r->c.workload);
	json_t *object = json_object();
	char key[64];
	struct figure f;
	int id;

	for (id = STACK_TLS; id < STACKS; id++) {
		f = series_ratio(r, STACK_KSEAL, id, m->value);
		snprintf(key, sizeof(key), "kseal/%s", series_name(id));
		if (f.count)
			json_object_set_new(object, key, save_figure(&f, 1, "ratio"));
	}
	for (id = 0; id < STACKS && workload_bulk(r->c.workload); id++) {
		f = limit_share(r, id);
		snprintf(key, sizeof(key), "%s/limit", series_name(id));
		if (f.count)
			json_object_set_new(object, key, save_figure(&f, 1, "ratio"));
	}
	return object;
}

static json_t *save_result(const struct result *r)
{
	json_t *object, *series = json_object();
	const char *version = name_version(r->c.version), *cipher = name_cipher(r->c.cipher);
	int id;

	object = json_pack("{s:s s:i s:s s:s s:i s:i}", "workload", workload_name(r->c.workload),
			   "record", (int)r->c.record, "version", version ? version : "?",
			   "cipher", cipher ? cipher : "?", "connections", (int)r->c.connections,
			   "response", (int)r->c.bytes);
	for (id = 0; id < SERIES; id++)
		if (r->series[id].asked)
			json_object_set_new(series, series_name(id), save_series(r, id));
	json_object_set_new(object, "stacks", series);
	json_object_set_new(object, "ratios", save_ratios(r));
	return object;
}

int bench_save(const struct bench *b, const char *path)
{
	json_t *results = json_array(), *root;
	size_t i;
	int err;

	for (i = 0; i < b->count; i++)
		json_array_append_new(results, save_result(&b->at[i]));
	root = json_pack("{s:s s:i s:o s:{s:f s:f s:f s:b s:i} s:o}", "what", "kseal bench",
			 "format", FORMAT, "machine", machine_save(&b->machine), "settings",
			 "rounds", b->rounds, "seconds", b->seconds, "warm_up", b->warm_up,
			 "quick", b->quick, "call_bytes", (int)CALL_SIZE, "results", results);
	err = !root || json_dump_file(root, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(root);
	return err ? fail("%s could not be written", path) : STATUS_OK;
}

/* ---- reading ---- */

static double load_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *load_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The number that name() calls so, or 0. */
static unsigned int load_named(const json_t *object, const char *key, const char *(*name)(unsigned int),
			       unsigned int first, unsigned int last)
{
	const char *text = load_text(object, key);

	for (; first <= last; first++)
		if (name(first) && !strcmp(name(first), text))
			return first;
	return 0;
}

static int load_series(struct series *s, const json_t *object)
{
	const json_t *samples = json_object_get(object, "samples"), *value;
	char *safe = text_escape(load_text(object, "why"));
	size_t i, k;

	s->asked = true;
	s->wrong = json_is_true(json_object_get(object, "wrong"));
	snprintf(s->why, sizeof(s->why), "%s", safe ? safe : "");
	free(safe);
	s->at = calloc(json_array_size(samples) + 1, sizeof(*s->at));
	if (!s->at)
		return -1;
	json_array_foreach(samples, i, value)
		for (k = 0; k < FIELDS; k++)
			*(double *)((char *)&s->at[i] + fields[k].offset) =
				load_number(value, fields[k].key);
	s->count = json_array_size(samples);
	return 0;
}

/* Returns 0 or -1: not a result that is known here. */
static int load_result(struct result *r, const json_t *object)
{
	const json_t *series = json_object_get(object, "stacks"), *value;
	int id, err = 0, workload = workload_find(load_text(object, "workload"));

	if (workload < 0)
		return -1;
	r->c.workload = workload;
	r->c.record = (unsigned int)load_number(object, "record");
	r->c.version = load_named(object, "version", name_version, KSEAL_VERSION_1_2,
				  KSEAL_VERSION_1_3);
	r->c.cipher = load_named(object, "cipher", name_cipher, KSEAL_CIPHER_AES_GCM_128,
				 KSEAL_CIPHER_ARIA_GCM_256);
	r->c.connections = (unsigned int)load_number(object, "connections");
	r->c.bytes = (unsigned int)load_number(object, "response");
	for (id = 0; id < SERIES && !err; id++) {
		value = json_object_get(series, series_name(id));
		if (value)
			err = load_series(&r->series[id], value);
	}
	return r->c.record && r->c.version && r->c.cipher ? err : -1;
}

static int load_root(struct bench *b, const json_t *root)
{
	const json_t *settings = json_object_get(root, "settings");
	const json_t *results = json_object_get(root, "results"), *value;
	size_t i;

	if (strcmp(load_text(root, "what"), "kseal bench") || load_number(root, "format") != FORMAT)
		return -1;
	machine_load(&b->machine, json_object_get(root, "machine"));
	b->rounds = load_number(settings, "rounds");
	b->seconds = load_number(settings, "seconds");
	b->warm_up = load_number(settings, "warm_up");
	b->quick = json_is_true(json_object_get(settings, "quick"));
	b->at = calloc(json_array_size(results) + 1, sizeof(*b->at));
	if (!b->at)
		return -1;
	json_array_foreach(results, i, value)
		if (load_result(&b->at[b->count++], value))
			return -1;
	return 0;
}

int bench_load(struct bench *b, const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);
	int err;

	memset(b, 0, sizeof(*b));
	if (!root)
		return fail("%s: %s (line %d)", path, error.text, error.line);
	err = load_root(b, root);
	json_decref(root);
	if (!err)
		return STATUS_OK;
	bench_free(b);
	return fail("%s is not what kseal bench --json of this version writes", path);
}
