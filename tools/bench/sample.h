/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Samples, and what many of them say together. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

/* One sample. What a workload does not measure is 0. */
struct sample {
	double round;			/* from 1 */
	double seconds;			/* all of it, by the clock */
	double idle_seconds;		/* the CPU had nothing to do */
	double own_seconds;		/* CPU time of this process */
	double cycles;			/* of the CPU in this process; 0: not known */
	double operations;		/* calls, round trips, connections, messages */
	double bytes, records;
	double send_seconds, receive_seconds;	/* for AES-GCM: sealing, opening */
	double waits;			/* times that nothing could be sent or received */
	double p50_ns, p99_ns;		/* of the single round trips */
	double fresh_bytes, used_bytes;	/* memory of a session: with keys, after use */
};

/* Many values: nothing is dropped. */
struct figure {
	size_t count;			/* 0: there were none */
	double median, low, high;	/* low, high: the least and the greatest */
	double q1, q3;
};

typedef double metric(const struct sample *s);

/* Sorts values. */
struct figure figure_of(double *values, size_t count);

/* A metric of some samples. Values that are not finite are left out. */
struct figure figure_metric(const struct sample *s, size_t count, metric *m);

/*
 * a's metric over b's, round by round: what disturbs the machine for a while disturbs both.
 */
struct figure figure_ratio(const struct sample *a, size_t as, const struct sample *b, size_t bs,
			   metric *m);

/*
 * The ratio b/a of two figures that were not measured in turns: of the medians, and at
 * the least and the most of the quartiles.
 */
struct figure figure_quotient(const struct figure *a, const struct figure *b);

/* The metrics. CPU seconds are those in which the CPU was not idle. */
double sample_bytes_per_second(const struct sample *s);
double sample_ns_per_byte(const struct sample *s);
double sample_ns_per_record(const struct sample *s);
double sample_send_ns_per_record(const struct sample *s);
double sample_receive_ns_per_record(const struct sample *s);
double sample_cycles_per_byte(const struct sample *s);
double sample_round_trip_us(const struct sample *s);
double sample_p99_us(const struct sample *s);
double sample_operations_per_second(const struct sample *s);
double sample_ns_per_operation(const struct sample *s);
double sample_fresh_bytes(const struct sample *s);
double sample_used_bytes(const struct sample *s);

/* The part of the CPU's time in which this process ran. */
double sample_own_share(const struct sample *s);

#endif
