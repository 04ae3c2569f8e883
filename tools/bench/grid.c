// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include "bench/grid.h"

struct grid *grid_add(struct grids *all, const char *title, const char *note)
{
	struct grid *more = reallocarray(all->at, all->count + 1, sizeof(*more)), *g;

	if (!more)
		return NULL;
	all->at = more;
	g = &more[all->count++];
	memset(g, 0, sizeof(*g));
	g->title = strdup(title);
	g->note = note ? strdup(note) : NULL;
	return g;
}

void grid_column(struct grid *g, const char *title, bool right, int drop)
{
	size_t i = g->ncolumns;

	if (i == GRID_COLUMNS)
		return;
	g->titles[i] = strdup(title);
	g->columns[i] = (struct column){ g->titles[i], right, drop };
	g->ncolumns = i + (g->titles[i] != NULL);
}

long grid_row(struct grid *g)
{
	char **more = reallocarray(g->cells, (g->rows + 1) * g->ncolumns, sizeof(*more));

	if (!more)
		return -1;
	g->cells = more;
	memset(more + g->rows * g->ncolumns, 0, g->ncolumns * sizeof(*more));
	return (long)g->rows++;
}

void grid_cell(struct grid *g, long row, size_t column, const char *text)
{
	char **cell;

	if (row < 0 || (size_t)row >= g->rows || column >= g->ncolumns)
		return;
	cell = &g->cells[(size_t)row * g->ncolumns + column];
	free(*cell);
	*cell = strdup(text);
}

void grid_print(const struct grid *g)
{
	printf("\n%s\n", g->title);
	table_print(g->columns, g->ncolumns, g->cells, g->rows, table_width());
	if (g->note)
		printf("%s\n", g->note);
}

void grid_escape(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", f);
		else if (*text == '>')
			fputs("&gt;", f);
		else if (*text == '&')
			fputs("&amp;", f);
		else if (*text == '"')
			fputs("&quot;", f);
		else
			fputc(*text, f);
	}
}

static void html_cell(FILE *f, const char *tag, bool right, const char *text)
{
	fprintf(f, "<%s%s>", tag, right ? " class=\"n\"" : "");
	grid_escape(f, text);
	fprintf(f, "</%s>", tag);
}

void grid_html(const struct grid *g, FILE *f)
{
	const char *cell;
	size_t i, row;

	fputs("<h3>", f);
	grid_escape(f, g->title);
	fputs("</h3>\n<div class=\"wide\"><table>\n<tr>", f);
	for (i = 0; i < g->ncolumns; i++)
		html_cell(f, "th", g->columns[i].right, g->columns[i].title);
	fputs("</tr>\n", f);
	for (row = 0; row < g->rows; row++) {
		fputs("<tr>", f);
		for (i = 0; i < g->ncolumns; i++) {
			cell = g->cells[row * g->ncolumns + i];
			html_cell(f, "td", g->columns[i].right, cell ? cell : "-");
		}
		fputs("</tr>\n", f);
	}
	fputs("</table></div>\n", f);
	if (g->note) {
		fputs("<p class=\"note\">", f);
		grid_escape(f, g->note);
		fputs("</p>\n", f);
	}
}

void grids_free(struct grids *all)
{
	struct grid *g;
	size_t i, k;

	for (i = 0; i < all->count; i++) {
		g = &all->at[i];
		for (k = 0; k < g->rows * g->ncolumns; k++)
			free(g->cells[k]);
		for (k = 0; k < g->ncolumns; k++)
			free(g->titles[k]);
		free(g->cells);
		free(g->title);
		free(g->note);
	}
	free(all->at);
	memset(all, 0, sizeof(*all));
}
