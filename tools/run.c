// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal run: TLS for the connections that a program makes. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <kseal.h>
#include "command.h"
#include "helper.h"
#include "preload/rules.h"
#include "program.h"

const char run_help[] =
	"[--profile P] [--to HOST:PORT]... [--name NAME] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"  -p, --profile P      the helper's profile: whom to trust (default: default)\n"
	"  -t, --to HOST:PORT   these connections alone; HOST is a name as the program asks\n"
	"                       for it, or an address; either part may be * (default: all)\n"
	"  -n, --name NAME      who has to answer, where the program connects to an address;\n"
	"                       else the name that it looked up, or the address itself\n"
	"\n"
	"The TCP connections that the program makes are TLS. By a library before its own:\n"
	"static programs and Go programs are refused, and a program that makes system calls\n"
	"by itself, or connects by io_uring, goes past it IN CLEAR.\n";

enum { OPT_HELP = 256 };

struct run_options {
	const char *profile, *name;
	char *to;
};

/* Returns 0 or -1. */
static int add_destination(struct run_options *o, const char *destination)
{
	const char *colon = strrchr(destination, ':');
	long port;
	char *more;

	if (!colon || colon == destination || strchr(destination, ' ') ||
	    (strcmp(colon, ":*") && parse_number(colon + 1, 1, 65535, &port))) {
		fail("'%s' is no destination: HOST:PORT, HOST:*, *:PORT", destination);
		return -1;
	}
	if (asprintf(&more, "%s%s%s", o->to ? o->to : "", o->to ? " " : "", destination) < 0)
		return -1;
	free(o->to);
	o->to = more;
	return 0;
}

static int set(const char *variable, const char *value)
{
	return value ? setenv(variable, value, 1) : unsetenv(variable);
}

static int run(const struct run_options *o, char **command)
{
	int status = program_check(command[0]), err;

	if (status)
		return status;
	err = helper_await(HELPER_PATIENCE_MS);
	if (err)
		return fail("nothing was started: %s", explain(err));
	status = program_preload();
	if (status)
		return status;
	if (set(RULES_PROFILE, o->profile) || set(RULES_TO, o->to) || set(RULES_NAME, o->name) ||
	    set(RULES_LISTEN, NULL))
		return fail("%s", strerror(errno));
	execvp(command[0], command);
	return fail("%s: %s", command[0], strerror(errno));
}

int run_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "to", required_argument, NULL, 't' },
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct run_options o = { 0 };
	int c;

	/* + : the command's options are its own */
	while ((c = getopt_long(argc, argv, "+p:t:n:", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			o.profile = optarg;
			break;
		case 't':
			if (add_destination(&o, optarg))
				return STATUS_USAGE;
			break;
		case 'n':
			o.name = optarg;
			break;
		case OPT_HELP:
			return command_help("run");
		default:
			return command_misuse("run");
		}
	}
	if (optind >= argc) {
		fail("run what? A command");
		return command_misuse("run");
	}
	return run(&o, &argv[optind]);
}
