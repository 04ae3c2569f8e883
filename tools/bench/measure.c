// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdio.h>
#include "bench/measure.h"

static const struct measure measures[WORKLOADS] = {
	[WORKLOAD_SENDFILE] = { sample_bytes_per_second, 1e9, "GB/s", true },
	[WORKLOAD_SEND] = { sample_bytes_per_second, 1e9, "GB/s", true },
	[WORKLOAD_LATENCY] = { sample_round_trip_us, 1, "µs", false },
	[WORKLOAD_SETUP] = { sample_operations_per_second, 1, "connections/s", true },
	[WORKLOAD_MEMORY] = { sample_used_bytes, 1024, "KiB", false },
	[WORKLOAD_SESSIONS] = { sample_ns_per_operation, 1000, "µs", false },
};

const struct measure *measure_of(enum workload_id id)
{
	return &measures[id];
}

const char *measure_number(double value, char text[FIGURE_MAX])
{
	double size = fabs(value);
	int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.0995 ? 2 : 3;

	snprintf(text, FIGURE_MAX, "%.*f", digits, value);
	return text;
}

static const char *show(const struct figure *f, double scale, const char *mark,
			char text[FIGURE_MAX])
{
	char median[FIGURE_MAX], low[FIGURE_MAX], high[FIGURE_MAX];

	if (!f->count) {
		snprintf(text, FIGURE_MAX, "-");
		return text;
	}
	snprintf(text, FIGURE_MAX, "%.12s%s (%.12s-%.12s)",
		 measure_number(f->median / scale, median), mark,
		 measure_number(f->q1 / scale, low), measure_number(f->q3 / scale, high));
	return text;
}

const char *measure_text(const struct figure *f, double scale, char text[FIGURE_MAX])
{
	return show(f, scale, "", text);
}

const char *measure_ratio(const struct figure *f, char text[FIGURE_MAX])
{
	return show(f, 1, "x", text);
}

const char *measure_line(const struct result *r, char *line, size_t size)
{
	const struct measure *m = measure_of(r->c.workload);
	char number[FIGURE_MAX];
	struct figure f;
	size_t used = 0;
	int id;

	line[0] = '\0';
	for (id = 0; id < STACKS && used < size; id++) {
		f = series_figure(r, id, m->value);
		if (!r->series[id].asked)
			continue;
		used += (size_t)snprintf(line + used, size - used, "%s%s %s", used ? ", " : "",
					 series_name(id),
					 f.count ? measure_number(f.median / m->scale, number) : "-");
	}
	if (used < size)
		snprintf(line + used, size - used, " %s", m->unit);
	return line;
}
