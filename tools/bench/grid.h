/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of a report, for the terminal and for the page alike. */
#ifndef BENCH_GRID_H
#define BENCH_GRID_H

#include <stdio.h>
#include "table.h"

#define GRID_COLUMNS 16

struct grid {
	char *title;
	char *note;			/* NULL, or what to know about it */
	struct column columns[GRID_COLUMNS];
	char *titles[GRID_COLUMNS];	/* the columns' */
	size_t ncolumns, rows;
	char **cells;
};

struct grids {
	struct grid *at;
	size_t count;
};

/* A new grid, the last one; NULL: out of memory. The texts are copied. */
struct grid *grid_add(struct grids *all, const char *title, const char *note);

/* A column at the right. drop: as in struct column. */
void grid_column(struct grid *g, const char *title, bool right, int drop);

/* A row; then its cells. Returns its number, or -1: out of memory. */
long grid_row(struct grid *g);
void grid_cell(struct grid *g, long row, size_t column, const char *text);

void grid_print(const struct grid *g);

/* text as HTML shows it. */
void grid_escape(FILE *f, const char *text);
void grid_html(const struct grid *g, FILE *f);

void grids_free(struct grids *all);

#endif
