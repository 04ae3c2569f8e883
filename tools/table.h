/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table fit to the terminal. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct column {
	const char *title;
	bool right;		/* numbers */
	int drop;		/* leaves first when the terminal is narrow; 0: never */
};

/*
 * Prints rows * columns cells (escaped already; NULL: "-") under their titles.
 * width 0: as wide as it gets. If dropping columns does not do, the last one is cut.
 */
void table_print(const struct column *columns, size_t ncolumns, char *const *cells, size_t rows,
		 unsigned int width);

/* The width of the terminal on stdout, 0 if it is none. */
unsigned int table_width(void);

#endif
