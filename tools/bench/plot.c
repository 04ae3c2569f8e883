// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "bench/gnuplot.h"
#include "bench/grid.h"
#include "bench/measure.h"
#include "bench/plot.h"
#include "command.h"
#include "names.h"
#include <linux/kseal.h>

/* By enum stack_id, then the limit; they can be told apart by the colour-blind (Okabe, Ito). */
static const char *const colours[STACKS + 1] = {
	"#0072b2", "#e69f00", "#999999", "#cc79a7", "#009e73", "#000000",
};

#define TERMINAL "set terminal svg size %d,%d font 'sans-serif,13' name 'plot%d' background '#ffffff'\n"

int plot_ready(void)
{
	int err = gnuplot_find();

	if (!err)
		return STATUS_OK;
	if (err == -ENOENT)
		return fail("--html needs gnuplot, which draws the plots, and there is none. Install it "
			    "(apt-get install gnuplot-nox), or leave --html out now and draw later: "
			    "kseal bench --json FILE, then kseal bench --read FILE --html PAGE");
	return fail("gnuplot could not be run: %s", strerror(-err));
}

static void head(FILE *f, int number, int width, const char *title, const char *ylabel)
{
	fprintf(f, TERMINAL, width, 420, number);
	fprintf(f, "set title \"%s\"\nset ylabel \"%s\"\nset grid ytics lc '#dddddd'\n"
		"set border 3\nset tics nomirror\nset yrange [0:*]\nset key outside right top Left reverse\n",
		title, ylabel);
}

/* One stack's line through some cases: x, median, quartiles. Returns points. */
static int block(FILE *f, const struct bench *b, int id, bool (*wanted)(const struct bench_case *),
		 unsigned int (*x)(const struct bench_case *))
{
	const struct measure *m;
	struct figure value;
	int points = 0;
	size_t i;

	fprintf(f, "$s%d << EOD\n", id);
	for (i = 0; i < b->count; i++) {
		if (!wanted(&b->at[i].c))
			continue;
		m = measure_of(b->at[i].c.workload);
		value = id == STACKS ? limit_figure(&b->at[i], NULL) :
				       series_figure(&b->at[i], id, m->value);
		if (!value.count)
			continue;
		fprintf(f, "%u %g %g %g\n", x(&b->at[i].c), value.median / m->scale,
			value.q1 / m->scale, value.q3 / m->scale);
		points++;
	}
	fputs("EOD\n", f);
	return points;
}

/* Lines over a logarithmic axis, quartiles as bars. Returns 1 or 0. */
static int lines(FILE *f, const struct bench *b, bool (*wanted)(const struct bench_case *),
		 unsigned int (*x)(const struct bench_case *), const char *xlabel)
{
	unsigned int least = UINT_MAX, most = 0;
	int id, points[STACKS + 1], any = 0;
	const char *gap = "plot";
	size_t i;

	for (i = 0; i < b->count; i++) {
		if (!wanted(&b->at[i].c))
			continue;
		least = x(&b->at[i].c) < least ? x(&b->at[i].c) : least;
		most = x(&b->at[i].c) > most ? x(&b->at[i].c) : most;
	}
	for (id = 0; id <= STACKS; id++) {
		points[id] = block(f, b, id, wanted, x);
		any = any || points[id] > 1;
	}
	/* room at both ends of the axis */
	fprintf(f, "set logscale x\nset xlabel \"%s\"\nset xrange [%g:%g]\n", xlabel, least / 1.3,
		most * 1.3);
	for (id = 0; id <= STACKS; id++) {
		if (!points[id])
			continue;
		fprintf(f, "%s $s%d using 1:2:3:4:xtic(1) with yerrorlines lc '%s' lw 2 pt 7 ps 0.6 "
			"dt %d title \"%s\"", gap, id, colours[id], id == STACKS ? 2 : 1,
			id == STACKS ? "limit" : series_title(id));
		gap = ",";
	}
	fputc('\n', f);
	return any;
}

/* ---- which cases ---- */

static bool usual(const struct bench_case *c)
{
	return c->version == KSEAL_VERSION_1_3 && c->cipher == KSEAL_CIPHER_AES_GCM_128;
}

static bool is_sendfile(const struct bench_case *c)
{
	return c->workload == WORKLOAD_SENDFILE && usual(c) && c->connections == 1;
}

static bool is_send(const struct bench_case *c)
{
	return c->workload == WORKLOAD_SEND && usual(c) && c->connections == 1;
}

static bool is_sessions(const struct bench_case *c)
{
	return c->workload == WORKLOAD_SESSIONS && usual(c);
}

static bool is_latency(const struct bench_case *c)
{
	return c->workload == WORKLOAD_LATENCY && usual(c);
}

static unsigned int by_record(const struct bench_case *c)
{
	return c->record;
}

static unsigned int by_connections(const struct bench_case *c)
{
	return c->connections;
}

static unsigned int by_response(const struct bench_case *c)
{
	return c->bytes >> 10;
}

/* ---- the plots ---- */

static int draw_sendfile(FILE *f, const struct bench *b, int number)
{
	head(f, number, 760, "sendfile, TLS 1.3, AES-128-GCM, one connection", "GB per CPU second");
	return lines(f, b, is_sendfile, by_record, "bytes in a record");
}

static int draw_send(FILE *f, const struct bench *b, int number)
{
	head(f, number, 760, "send, TLS 1.3, AES-128-GCM, one connection", "GB per CPU second");
	return lines(f, b, is_send, by_record, "bytes in a record");
}

static int draw_sessions(FILE *f, const struct bench *b, int number)
{
	head(f, number, 760, "16 KiB sent and received, many sessions in turn", "µs");
	return lines(f, b, is_sessions, by_connections, "sessions");
}

static int draw_latency(FILE *f, const struct bench *b, int number)
{
	head(f, number, 760, "Request and response, median", "µs");
	return lines(f, b, is_latency, by_response, "KiB of the response");
}

/* Where a record's time goes: TCP, the cipher, and the rest, which is the record layer's. */
static int breakdown_row(FILE *f, const struct result *r, int id)
{
	struct figure all = series_figure(r, id, sample_ns_per_byte), cipher;
	struct figure tcp = series_figure(r, STACK_TCP, sample_ns_per_byte);
	double rest;
	int gcm;

	if (!limit_figure(r, &gcm).count || gcm < 0 || !all.count)
		return 0;
	cipher = series_figure(r, gcm, sample_ns_per_byte);
	rest = all.median - tcp.median - cipher.median;
	fprintf(f, "\"%s\\n%s\\n%u\" %g %g %g\n", series_name(id), workload_name(r->c.workload),
		r->c.record, 100 * tcp.median / all.median, 100 * cipher.median / all.median,
		rest > 0 ? 100 * rest / all.median : 0);
	return 1;
}

static int draw_breakdown(FILE *f, const struct bench *b, int number)
{
	static bool (*const wanted[])(const struct bench_case *) = { is_sendfile, is_send };
	int id, rows = 0;
	size_t i, k;

	head(f, number, 1100, "Where the time goes (TLS 1.3, AES-128-GCM)", "% of the CPU time");
	fputs("$d << EOD\n", f);
	for (k = 0; k < 2; k++)
		for (i = 0; i < b->count; i++)
			for (id = STACK_KSEAL; id <= STACK_TLS && wanted[k](&b->at[i].c); id++)
				rows += breakdown_row(f, &b->at[i], id);
	fprintf(f, "EOD\nset bmargin 5\nset yrange [0:105]\nset style data histograms\nset style histogram rowstacked\n"
		"set boxwidth 0.7\nset style fill solid 0.85 noborder\nset xtics font ',10'\n"
		"plot $d using 2:xtic(1) lc '%s' title 'plain TCP', '' using 3 lc '%s' title 'AES-GCM', "
		"'' using 4 lc '%s' title 'record layer'\n", colours[STACK_TCP], "#56b4e9", "#d55e00");
	return rows > 0;
}

static void label(const struct bench_case *c, char *text, size_t size)
{
	const char *cipher = name_cipher(c->cipher), *version = name_version(c->version);

	snprintf(text, size, "%s\\n%s\\n%.7s%s", workload_name(c->workload), version ? version : "?",
		 cipher ? cipher : "?", c->connections > 1 ? "\\n16 conn." : "");
}

/* All combinations with full records, the stacks beside each other. */
static int draw_peers(FILE *f, const struct bench *b, int number)
{
	const struct result *r;
	const char *gap = "plot";
	struct figure value;
	int id, rows = 0, column = 2;
	char text[96];
	size_t i;

	head(f, number, 1100, "Full records of 16 KiB", "GB per CPU second");
	fputs("$d << EOD\n", f);
	for (i = 0; i < b->count; i++) {
		r = &b->at[i];
		if (!workload_bulk(r->c.workload) || r->c.record != RECORD_FULL)
			continue;
		label(&r->c, text, sizeof(text));
		fprintf(f, "\"%s\"", text);
		for (id = 0; id < STACKS; id++) {
			value = series_figure(r, id, sample_bytes_per_second);
			if (bench_has(b, id) && value.count)
				fprintf(f, " %g %g %g", value.median / 1e9, value.q1 / 1e9,
					value.q3 / 1e9);
			else if (bench_has(b, id))
				fputs(" NaN NaN NaN", f);
		}
		fputc('\n', f);
		rows++;
	}
	fputs("EOD\nset bmargin 6\nset style data histograms\nset style histogram errorbars gap 1 lw 1\n"
	      "set style fill solid 0.85 noborder\nset xtics font ',10'\n"
	      "set errorbars lw 1 lc rgb '#444444'\n", f);
	for (id = 0; id < STACKS; id++) {
		if (!bench_has(b, id))
			continue;
		fprintf(f, "%s $d using %d:%d:%d:xtic(1) fc '%s' lc '#444444' title \"%s\"", gap, column, column + 1,
			column + 2, colours[id], series_title(id));
		gap = ",";
		column += 3;
	}
	fputc('\n', f);
	return rows > 0;
}

static int (*const plots[])(FILE *, const struct bench *, int) = {
	draw_sendfile, draw_send, draw_breakdown, draw_peers, draw_latency, draw_sessions,
};

/* The script of one plot, to be freed; NULL: there is nothing in it. */
static char *script_of(const struct bench *b, size_t i)
{
	char *script = NULL;
	size_t size;
	FILE *f = open_memstream(&script, &size);
	int some;

	if (!f)
		return NULL;
	some = plots[i](f, b, (int)i);
	if (!fclose(f) && some)
		return script;
	free(script);
	return NULL;
}

int plot_html(const struct bench *b, FILE *f)
{
	char *script, *svg, *start;
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < sizeof(plots) / sizeof(*plots) && !status; i++) {
		script = script_of(b, i);
		if (!script)
			continue;
		svg = gnuplot_run(script);
		/* without the declaration of XML, which HTML has not */
		start = svg ? strstr(svg, "<svg") : NULL;
		if (start)
			fprintf(f, "<figure>%s</figure>\n", start);
		else
			status = fail("gnuplot failed; its words stand above");
		free(svg);
		free(script);
	}
	return status;
}
