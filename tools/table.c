// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "table.h"

#define GAP 2

/* Characters, for cells are UTF-8. */
static unsigned int measure(const char *cell)
{
	unsigned int n = 0;

	for (; *cell; cell++)
		n += (*cell & 0xc0) != 0x80;
	return n;
}

static const char *text_of(const char *cell)
{
	return cell && *cell ? cell : "-";
}

static unsigned int total(const unsigned int *widths, size_t n)
{
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (widths[i])
			sum += widths[i] + GAP;
	return sum ? sum - GAP : 0;
}

static void drop_columns(const struct column *columns, unsigned int *widths, size_t n,
			 unsigned int width)
{
	size_t i, first;

	while (total(widths, n) > width) {
		first = n;
		for (i = 0; i < n; i++)
			if (widths[i] && columns[i].drop &&
			    (first == n || columns[i].drop < columns[first].drop))
				first = i;
		if (first == n)
			return;
		widths[first] = 0;
	}
}

static void put_cell(const char *cell, unsigned int width, bool right, bool last)
{
	unsigned int len = measure(cell);
	unsigned int pad = len < width ? width - len : 0;

	if (right)
		printf("%*s", (int)pad, "");
	for (; *cell; cell++) {
		if ((*cell & 0xc0) != 0x80 && !width--)
			break;
		putchar(*cell);
	}
	if (!right && !last)
		printf("%*s", (int)pad, "");
}

static void put_row(const struct column *columns, const unsigned int *widths, size_t n,
		    size_t last, char *const *cells)
{
	const char *gap = "";
	size_t i;

	for (i = 0; i < n; i++) {
		if (!widths[i])
			continue;
		fputs(gap, stdout);
		put_cell(cells ? text_of(cells[i]) : columns[i].title, widths[i],
			 columns[i].right, i == last);
		gap = "  ";
	}
	putchar('\n');
}

void table_print(const struct column *columns, size_t ncolumns, char *const *cells, size_t rows,
		 unsigned int width)
{
	unsigned int *widths = calloc(ncolumns, sizeof(*widths));
	unsigned int len, over;
	size_t i, row, last = 0;

	if (!widths)
		return;
	for (i = 0; i < ncolumns; i++) {
		widths[i] = measure(columns[i].title);
		for (row = 0; row < rows; row++) {
			len = measure(text_of(cells[row * ncolumns + i]));
			if (len > widths[i])
				widths[i] = len;
		}
	}
	if (width)
		drop_columns(columns, widths, ncolumns, width);
	for (i = 0; i < ncolumns; i++)
		if (widths[i])
			last = i;
	over = total(widths, ncolumns);
	over = width && over > width ? over - width : 0;
	if (over)
		widths[last] = widths[last] > over ? widths[last] - over : 1;
	put_row(columns, widths, ncolumns, last, NULL);
	for (row = 0; row < rows; row++)
		put_row(columns, widths, ncolumns, last, cells + row * ncolumns);
	free(widths);
}

unsigned int table_width(void)
{
	struct winsize ws;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) ? 0 : ws.ws_col;
}
