// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/measure.h"
#include "bench/report.h"
#include "names.h"

#define BUSY 0.85		/* a CPU that does little else */

/* ---- what was not measured ---- */

/* Reasons, each once, as the note under a table. */
static void add_reason(char *note, size_t size, const char *name, const char *why)
{
	char line[WHY_MAX + 32];
	size_t used = strlen(note);

	snprintf(line, sizeof(line), "- %s: %s.", name, why);
	if (!strstr(note, line) && used + strlen(line) + 2 < size)
		snprintf(note + used, size - used, "%s%s", used ? "\n" : "", line);
}

static void collect_reasons(const struct bench *b, enum workload_id id, char *note, size_t size)
{
	const struct series *s;
	size_t i;
	int k;

	for (i = 0; i < b->count; i++)
		for (k = 0; k < SERIES && b->at[i].c.workload == id; k++) {
			s = &b->at[i].series[k];
			if (s->asked && s->why[0])
				add_reason(note, size, series_name(k), s->why);
		}
}

/* ---- tables ---- */

static bool present(const struct bench *b, enum workload_id id)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		if (b->at[i].c.workload == id)
			return true;
	return false;
}

static bool asked(const struct bench *b, int id)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		if (b->at[i].series[id].asked)
			return true;
	return false;
}

/* One column for each stack. */
static void add_stacks(const struct bench *b, struct grid *g, const char *suffix, int drop)
{
	char title[64];
	int id;

	for (id = 0; id < STACKS; id++) {
		if (!asked(b, id))
			continue;
		snprintf(title, sizeof(title), "%s%s", series_title(id), suffix);
		grid_column(g, title, true, drop);
	}
}

static size_t fill_stacks(const struct bench *b, struct grid *g, long row, size_t column,
			  const struct result *r, metric *m, double scale)
{
	char text[FIGURE_MAX];
	struct figure f;
	int id;

	for (id = 0; id < STACKS; id++) {
		if (!asked(b, id))
			continue;
		f = series_figure(r, id, m);
		grid_cell(g, row, column++, measure_text(&f, scale, text));
	}
	return column;
}

/* kseal's ratio to each of the others */
static void add_ratios(const struct bench *b, struct grid *g)
{
	char title[64];
	int id;

	for (id = STACK_TLS; id < STACKS; id++) {
		if (!asked(b, id) || !asked(b, STACK_KSEAL))
			continue;
		snprintf(title, sizeof(title), "kseal / %s", series_name(id));
		grid_column(g, title, true, id == STACK_TLS ? 0 : 1);
	}
}

static size_t fill_ratios(const struct bench *b, struct grid *g, long row, size_t column,
			  const struct result *r, metric *m)
{
	char text[FIGURE_MAX];
	struct figure f;
	int id;

	for (id = STACK_TLS; id < STACKS; id++) {
		if (!asked(b, id) || !asked(b, STACK_KSEAL))
			continue;
		f = series_ratio(r, STACK_KSEAL, id, m);
		grid_cell(g, row, column++, measure_ratio(&f, text));
	}
	return column;
}

/* The case in the first column: what tells it from the table's others. */
static void fill_case(struct grid *g, long row, const struct bench_case *c)
{
	const char *version = name_version(c->version), *cipher = name_cipher(c->cipher);
	char own[32] = "", text[96];

	if (c->workload == WORKLOAD_LATENCY)
		snprintf(own, sizeof(own), "%u KiB, ", c->bytes >> 10);
	else if (c->workload == WORKLOAD_SESSIONS)
		snprintf(own, sizeof(own), "%u sessions, ", c->connections);
	if (workload_bulk(c->workload) || c->record != RECORD_FULL)
		snprintf(own + strlen(own), sizeof(own) - strlen(own), "%u B, ", c->record);
	snprintf(text, sizeof(text), "%s%s, %s", own, version ? version : "?", cipher ? cipher : "?");
	if (workload_bulk(c->workload) && c->connections > 1)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", %u conn.",
			 c->connections);
	grid_cell(g, row, 0, text);
}

static void share_cell(struct grid *g, long row, size_t column, const struct figure *f)
{
	char text[FIGURE_MAX] = "-";

	if (f->count)
		snprintf(text, sizeof(text), "%.0f%% (%.0f-%.0f)", 100 * f->median, 100 * f->q1,
			 100 * f->q3);
	grid_cell(g, row, column, text);
}

static void bulk_grid(const struct bench *b, struct grids *all, enum workload_id id)
{
	const struct measure *m = measure_of(id);
	char title[128], note[2048] = "", text[FIGURE_MAX];
	const struct result *r;
	struct figure f;
	struct grid *g;
	size_t i, column;
	long row;
	int k;

	snprintf(title, sizeof(title), "%s of a cached file in calls of 256 KiB: GB per CPU second, more is better",
		 workload_name(id));
	collect_reasons(b, id, note, sizeof(note));
	g = grid_add(all, title, note[0] ? note : NULL);
	if (!g)
		return;
	grid_column(g, "records, version, cipher", false, 0);
	add_stacks(b, g, "", 0);
	add_ratios(b, g);
	grid_column(g, "limit", true, 2);
	for (k = STACK_KSEAL; k <= STACK_TLS; k++) {
		snprintf(title, sizeof(title), "%s of limit", series_name(k));
		if (asked(b, k))
			grid_column(g, title, true, k == STACK_KSEAL ? 4 : 3);
	}
	for (i = 0; i < b->count; i++) {
		r = &b->at[i];
		if (r->c.workload != id)
			continue;
		row = grid_row(g);
		fill_case(g, row, &r->c);
		column = fill_stacks(b, g, row, 1, r, m->value, m->scale);
		column = fill_ratios(b, g, row, column, r, m->value);
		f = limit_figure(r, NULL);
		grid_cell(g, row, column++, measure_text(&f, m->scale, text));
		for (k = STACK_KSEAL; k <= STACK_TLS; k++) {
			f = limit_share(r, k);
			if (asked(b, k))
				share_cell(g, row, column++, &f);
		}
	}
}

/* "1210 + 850": medians of sending and receiving */
static const char *two(const struct result *r, int id, char text[FIGURE_MAX])
{
	struct figure send = series_figure(r, id, sample_send_ns_per_record);
	struct figure receive = series_figure(r, id, sample_receive_ns_per_record);

	if (!send.count)
		snprintf(text, FIGURE_MAX, "-");
	else
		snprintf(text, FIGURE_MAX, "%.0f + %.0f", send.median, receive.median);
	return text;
}

static void cost_row(const struct bench *b, struct grid *g, const struct result *r)
{
	long row = grid_row(g);
	char text[FIGURE_MAX];
	struct figure f;
	size_t column = 2;
	int id;

	fill_case(g, row, &r->c);
	grid_cell(g, row, 1, workload_name(r->c.workload));
	for (id = 0; id < SERIES; id++)
		if (asked(b, id))
			grid_cell(g, row, column++, two(r, id, text));
	for (id = 0; id < STACKS; id++) {
		if (!asked(b, id))
			continue;
		f = series_figure(r, id, sample_ns_per_byte);
		grid_cell(g, row, column++, f.count ? measure_number(f.median, text) : "-");
	}
	f = series_figure(r, STACK_KSEAL, sample_cycles_per_byte);
	if (f.count)
		grid_cell(g, row, column, measure_number(f.median, text));
}

/* What a record costs, sending and receiving apart. */
static void cost_grid(const struct bench *b, struct grids *all)
{
	struct grid *g;
	bool cycles = false;
	char title[64];
	size_t i;
	int id;

	g = grid_add(all, "Cost of a record in ns, sending + receiving (medians); then of a byte", NULL);
	if (!g)
		return;
	grid_column(g, "records, version, cipher", false, 0);
	grid_column(g, "by", false, 0);
	for (id = 0; id < SERIES; id++)
		if (asked(b, id))
			grid_column(g, series_title(id), true, id < STACKS ? 0 : id == SERIES - 1 ? 2 : 3);
	for (id = 0; id < STACKS; id++) {
		snprintf(title, sizeof(title), "%s ns/B", series_name(id));
		if (asked(b, id))
			grid_column(g, title, true, 1);
	}
	for (i = 0; i < b->count; i++)
		cycles = cycles || series_figure(&b->at[i], STACK_KSEAL, sample_cycles_per_byte).count;
	if (cycles)
		grid_column(g, "kseal cycles/B", true, 3);
	for (i = 0; i < b->count; i++)
		if (workload_bulk(b->at[i].c.workload))
			cost_row(b, g, &b->at[i]);
	g->note = strdup("What TCP does for a segment, up to the receiver's queue, is part of sending: "
			 "over loopback it happens there.");
}

/* A workload that does not move bytes as fast as it can. */
static void plain_grid(const struct bench *b, struct grids *all, enum workload_id id,
		       const char *title, metric *second, const char *suffix)
{
	const struct measure *m = measure_of(id);
	char note[2048] = "";
	const struct result *r;
	struct grid *g;
	size_t i, column;
	long row;

	if (id == WORKLOAD_MEMORY)
		snprintf(note, sizeof(note), "By how much less of the machine's memory is free: other "
			 "programs that start or end meanwhile are in it.");
	collect_reasons(b, id, note, sizeof(note));
	g = grid_add(all, title, note[0] ? note : NULL);
	if (!g)
		return;
	grid_column(g, "", false, 0);
	add_stacks(b, g, "", 0);
	add_ratios(b, g);
	if (second)
		add_stacks(b, g, suffix, 2);
	for (i = 0; i < b->count; i++) {
		r = &b->at[i];
		if (r->c.workload != id)
			continue;
		row = grid_row(g);
		fill_case(g, row, &r->c);
		column = fill_stacks(b, g, row, 1, r, m->value, m->scale);
		column = fill_ratios(b, g, row, column, r, m->value);
		if (second)
			fill_stacks(b, g, row, column, r, second, m->scale);
	}
}

void report_grids(const struct bench *b, struct grids *all)
{
	static const struct {
		enum workload_id id;
		const char *title;
		metric *second;
		const char *suffix;
	} plain[] = {
		{ WORKLOAD_LATENCY, "Request of 64 bytes and response, two threads on one CPU: µs for "
		  "one (median of each sample), less is better", sample_p99_us, " 99th" },
		{ WORKLOAD_SETUP, "New connections per CPU second: connect, keys at both ends (no "
		  "handshake), a byte each way, close; more is better", NULL, NULL },
		{ WORKLOAD_MEMORY, "Memory of an idle session, one end, its socket included: KiB after a "
		  "record each way, less is better", sample_fresh_bytes, " unused" },
		{ WORKLOAD_SESSIONS, "Many sessions, in turn: µs for 16 KiB sent and received, less is "
		  "better", NULL, NULL },
	};
	bool bulk = false;
	size_t i;
	int id;

	memset(all, 0, sizeof(*all));
	for (id = 0; id < WORKLOADS; id++)
		if (workload_bulk(id) && present(b, id)) {
			bulk_grid(b, all, id);
			bulk = true;
		}
	if (bulk)
		cost_grid(b, all);
	for (i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (present(b, plain[i].id))
			plain_grid(b, all, plain[i].id, plain[i].title, plain[i].second,
				   plain[i].suffix);
}

/* ---- the head ---- */

/* The smallest part of the CPU that this process had in any sample, and the greatest that nobody had. */
static void shares(const struct bench *b, double *own, double *idle)
{
	const struct series *s;
	size_t i, k;
	int id;

	*own = 1;
	*idle = 0;
	for (i = 0; i < b->count; i++)
		/* the other stacks wait for processes; and memory is no matter of time */
		for (id = 0; id < STACK_OPENSSL && b->at[i].c.workload != WORKLOAD_MEMORY; id++) {
			s = &b->at[i].series[id];
			for (k = 0; k < s->count; k++) {
				*own = fmin(*own, sample_own_share(&s->at[k]));
				*idle = fmax(*idle, s->at[k].idle_seconds / s->at[k].seconds);
			}
		}
}

static const char *busy_note(const struct bench *b, char text[NOTE_MAX])
{
	double own, idle;

	shares(b, &own, &idle);
	snprintf(text, NOTE_MAX, "Both ends are on one CPU. It was idle for %.0f%% of a sample at most, and "
		 "this process had %.0f%% of it or more; the rest were the kernel's own threads, or "
		 "others.%s", 100 * idle, 100 * own, own < BUSY ? " THAT IS NOT ENOUGH: the figures of "
		 "such samples are low by as much. Stop what else runs, or choose another CPU (--cpu)." :
		 "");
	return text;
}

/* What runs beside a guest, nothing in the guest can see. */
static const char *quiet_note(double disturbance, char text[NOTE_MAX])
{
	snprintf(text, NOTE_MAX, "AES-GCM alone, which is always the same work, took %.0f%% longer in the "
		 "median than at its best.%s", 100 * disturbance, disturbance > QUIET ? " SO THE MACHINE HAD "
		 "OTHER THINGS TO DO: the ratios of the same round stand that, the figures do not." :
		 " So the machine was quiet.");
	return text;
}

/* Whose AES-GCM the limits have, each once. Returns text, "" if there is no limit. */
static const char *limit_sources(const struct bench *b, char *text, size_t size)
{
	size_t i, used = 0;
	int id, gcm;

	text[0] = '\0';
	for (id = STACKS; id < SERIES; id++)
		for (i = 0; i < b->count; i++) {
			if (!workload_bulk(b->at[i].c.workload) ||
			    !limit_figure(&b->at[i], &gcm).count || gcm != id)
				continue;
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " or " : "",
						 series_title(id));
			break;
		}
	return text;
}

static const char *facts(const struct bench *b, char text[NOTE_MAX])
{
	const struct machine *m = &b->machine;
	char where[2 * FACT_MAX];

	snprintf(text, NOTE_MAX, "%s, %s, kseal %s, %s; %s, %.0f CPU%s, pinned to CPU %.0f; %s", m->kernel,
		 machine_where(m, where), m->kseal[0] ? m->kseal : "not loaded", m->openssl, m->cpu,
		 m->cpus, m->cpus > 1 ? "s" : "", m->pinned, m->date);
	return text;
}

static const char *kseal_gcm(const struct machine *m)
{
	return !m->kseal_gcm[0] || !strcmp(m->kseal_gcm, "crypto") ? "the same" : m->kseal_gcm;
}

const char *report_head(const struct bench *b, size_t i, char text[NOTE_MAX])
{
	const struct machine *m = &b->machine;
	char sources[128];

	if (i-- == 0)
		return facts(b, text);
	if (m->gcm[0] && i-- == 0) {
		snprintf(text, NOTE_MAX, "AES-GCM of the kernel, and of mainline's tls: %s, priority %.0f; of "
			 "kseal: %s", m->gcm, m->gcm_priority, kseal_gcm(m));
		return text;
	}
	if (i-- == 0) {
		snprintf(text, NOTE_MAX, "%.0f rounds, the stacks in turns, %.2g s each after %.2g s of "
			 "warming up. Median (quartiles), nothing dropped; ratios are of the same round.", b->rounds, b->seconds, b->warm_up);
		return text;
	}
	if (i-- == 0)
		return busy_note(b, text);
	if (bench_disturbance(b) >= 0 && i-- == 0)
		return quiet_note(bench_disturbance(b), text);
	if (*limit_sources(b, sources, sizeof(sources)) && i-- == 0) {
		snprintf(text, NOTE_MAX, "Limit: plain TCP's time and that of sealing and opening with the "
			 "fastest AES-GCM at hand (%s), in the same round. A record that is opened right into "
			 "the reader's memory spares TCP's copy, so it can be passed. GB is 10^9 bytes.",
			 sources);
		return text;
	}
	if (bench_has(b, STACK_TLS) && i-- == 0)
		return "Mainline's tls is at its full strength: TLS_RX_EXPECT_NO_PAD is set in TLS 1.3, so that "
		       "it opens records right into the reader's memory.";
	return machine_note(m, i, text);
}

void report_print(const struct bench *b)
{
	const char *line;
	struct grids all;
	char text[NOTE_MAX];
	size_t i;

	for (i = 0; (line = report_head(b, i, text)); i++)
		puts(line);
	report_grids(b, &all);
	for (i = 0; i < all.count; i++)
		grid_print(&all.at[i]);
	grids_free(&all);
}
