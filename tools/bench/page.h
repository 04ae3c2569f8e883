/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run as one page of HTML, which needs nothing else. */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include "bench/result.h"

/* Returns 0, or STATUS_FAILED after a message. */
int page_write(const struct bench *b, const char *path);

#endif
