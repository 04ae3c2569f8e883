// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log; see log.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "log.h"

static _Atomic enum log_level most = LOG_LEVEL_INFO;
static const char *program = "kseald";
static bool prefixed;

void log_init(const char *name)
{
	program = name;
	prefixed = getenv("JOURNAL_STREAM") || getenv("INVOCATION_ID");
}

void log_set_level(enum log_level level)
{
	most = level;
}

bool log_wants(enum log_level level)
{
	return level <= most;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	/* One call, so that lines of several workers do not mix. */
	if (prefixed)
		fprintf(stderr, "<%d>%s: %s\n", level, program, line);
	else
		fprintf(stderr, "%s: %s\n", program, line);
}

void log_flatten(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}
