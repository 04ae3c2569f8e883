// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bench/page.h"
#include "bench/plot.h"
#include "bench/report.h"
#include "command.h"

static const char start[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n<title>kseal bench</title>\n<style>\n"
	"body { font: 15px/1.45 sans-serif; max-width: 1180px; margin: 2em auto; padding: 0 1em;\n"
	"  color: #222; background: #fff; }\n"
	"table { border-collapse: collapse; font-size: 13px; white-space: nowrap; }\n"
	"th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: left; }\n"
	".n { text-align: right; font-variant-numeric: tabular-nums; }\n"
	".wide { overflow-x: auto; }\n"
	".note { font-size: 13px; color: #555; white-space: pre-line; }\n"
	"figure { margin: 1.5em 0; } svg { max-width: 100%; height: auto; }\n"
	"</style>\n</head>\n<body>\n<h1>kseal bench</h1>\n";

static int write_body(const struct bench *b, FILE *f)
{
	struct grids all;
	const char *line;
	char text[NOTE_MAX];
	size_t i;
	int status;

	fputs(start, f);
	for (i = 0; (line = report_head(b, i, text)); i++) {
		fputs("<p>", f);
		grid_escape(f, line);
		fputs("</p>\n", f);
	}
	status = plot_html(b, f);
	fputs("<h2>Figures</h2>\n", f);
	report_grids(b, &all);
	for (i = 0; i < all.count; i++)
		grid_html(&all.at[i], f);
	grids_free(&all);
	fputs("</body>\n</html>\n", f);
	return status;
}

int page_write(const struct bench *b, const char *path)
{
	FILE *f = fopen(path, "w");
	int err;

	if (!f)
		return fail("%s: %s", path, strerror(errno));
	err = write_body(b, f);
	if (fclose(f) && !err)
		return fail("%s: %s", path, strerror(errno));
	return err;
}
