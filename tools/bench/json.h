/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run as a file, with every sample. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include "bench/result.h"

/* Returns 0, or STATUS_FAILED after a message. */
int bench_save(const struct bench *b, const char *path);

/* Reads what bench_save() wrote. Returns 0, or STATUS_FAILED after a message. */
int bench_load(struct bench *b, const char *path);

#endif
