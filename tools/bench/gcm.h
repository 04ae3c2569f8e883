/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-GCM by itself, which no stack can do without: sealing and opening records in memory
 * that stays in the cache. By the kernel's crypto API (where kseal_test.ko is loaded, which
 * can ask for it), by kseal's own code, which is compiled for user space here, and by
 * OpenSSL. The fastest is part of the limit.
 */
#ifndef BENCH_GCM_H
#define BENCH_GCM_H

#include "bench/plan.h"
#include "bench/sample.h"

enum gcm_id { GCM_KERNEL, GCM_KSEAL, GCM_OPENSSL, GCMS };

const char *gcm_name(enum gcm_id id);	/* in JSON */
const char *gcm_title(enum gcm_id id);	/* in tables */

/* Returns 0, or -errno and why (WHY_MAX bytes). */
int gcm_ready(enum gcm_id id, const struct bench_case *c, char *why);

/* seconds: for sealing and opening together. Returns 0, or -errno and why. */
int gcm_sample(enum gcm_id id, const struct bench_case *c, double seconds, struct sample *s,
	       char *why);

#endif
