// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal: one command, one subcommand a file. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "command.h"

#ifndef KSEAL_VERSION
#define KSEAL_VERSION "0.1"
#endif

#define SUGGESTION_DISTANCE 2
#define NAME_LEN_MAX 32

static const struct command commands[] = {
	{ "show", show_main, "Show the sessions and counters of the kernel", show_help },
	{ "monitor", monitor_main, "Tell of sessions as they open and close", monitor_help },
	{ "serve", serve_main, "Serve a directory over HTTPS", serve_help },
	{ "wrap", wrap_main, "Have the connections of a running server be TLS", wrap_help },
	{ "unwrap", unwrap_main, "Have them be plain TCP again", unwrap_help },
	{ "run", run_main, "Run a program whose connections are TLS", run_help },
	{ "connect", connect_main, "Connect to a TLS server, as stdin and stdout", connect_help },
	{ "keygen", keygen_main, "Make a private CA and certificates for testing", keygen_help },
	{ "bench", bench_main, "Measure kseal beside mainline's TLS and plain TCP", bench_help },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* Levenshtein's, of names shorter than NAME_LEN_MAX. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[NAME_LEN_MAX + 1];
	unsigned int diagonal, above, best;
	size_t i, j, n = strlen(b);

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i]; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (j = 0; j < n; j++) {
			above = row[j + 1];
			best = diagonal + (a[i] != b[j]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			diagonal = above;
			row[j + 1] = best;
		}
	}
	return row[n];
}

static const char *suggestion(const char *name)
{
	unsigned int d, best = SUGGESTION_DISTANCE + 1;
	const char *closest = NULL;
	size_t i;

	if (strlen(name) >= NAME_LEN_MAX)
		return NULL;
	for (i = 0; i < COMMANDS; i++) {
		d = distance(name, commands[i].name);
		if (d < best) {
			best = d;
			closest = commands[i].name;
		}
	}
	return closest;
}

static void usage(FILE *f)
{
	size_t i;

	fputs("Usage: kseal [COMMAND [OPTION...]]\n\n", f);
	for (i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(f, "  %-10s %s\n", "help", "Explain a command: kseal help COMMAND");
	fputs("\nWithout a command: kseal show; so kseal --stats and kseal 7 are, too.\n"
	      "The version: kseal --version.\n", f);
}

static int unknown(const char *name)
{
	const char *closest = suggestion(name);

	fail("there is no command '%s'", name);
	if (closest)
		fprintf(stderr, "Did you mean: kseal %s\n", closest);
	else
		usage(stderr);
	return STATUS_USAGE;
}

int command_help(const char *name)
{
	const struct command *c = find(name);

	printf("kseal %s: %s\n\nUsage: kseal %s %s", c->name, c->summary, c->name, c->help);
	return STATUS_OK;
}

int command_misuse(const char *name)
{
	fprintf(stderr, "Try: kseal help %s\n", name);
	return STATUS_USAGE;
}

static int help(int argc, char **argv)
{
	if (argc < 2) {
		usage(stdout);
		return STATUS_OK;
	}
	return find(argv[1]) ? command_help(argv[1]) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2)
		return show_main(argc, argv);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("kseal " KSEAL_VERSION);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(argc - 1, argv + 1);
	/* an option or a session's ID instead of a command: show's */
	if (argv[1][0] == '-' || isdigit((unsigned char)argv[1][0]))
		return show_main(argc, argv);
	c = find(argv[1]);
	if (!c)
		return unknown(argv[1]);
	return c->main(argc - 1, argv + 1);
}
