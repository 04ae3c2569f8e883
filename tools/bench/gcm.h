/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-GCM by itself, which no stack can do without: sealing and opening records in memory,
 * by the kernel's implementation (where kseal_test.ko is loaded, which can ask for it) and
 * by OpenSSL's. The faster one is part of the limit.
 */
#ifndef BENCH_GCM_H
#define BENCH_GCM_H

#include "bench/plan.h"
#include "bench/sample.h"

enum gcm_id { GCM_KERNEL, GCM_OPENSSL, GCMS };

const char *gcm_name(enum gcm_id id);	/* in JSON */

/* Returns 0, or -errno and why (WHY_MAX bytes). */
int gcm_ready(enum gcm_id id, const struct bench_case *c, char *why);

/* seconds: for sealing and opening together. Returns 0, or -errno and why. */
int gcm_sample(enum gcm_id id, const struct bench_case *c, double seconds, struct sample *s,
	       char *why);

#endif
