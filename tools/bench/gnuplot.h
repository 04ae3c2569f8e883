/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gnuplot as a child process. */
#ifndef BENCH_GNUPLOT_H
#define BENCH_GNUPLOT_H

/* Whether it can be run. Returns 0 or -errno. */
int gnuplot_find(void);

/*
 * What it says (to be freed) when it is given this script on its standard input; its errors
 * go to ours. NULL: it failed.
 */
char *gnuplot_run(const char *script);

#endif
