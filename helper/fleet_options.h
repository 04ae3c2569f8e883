/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line of kseald-keys asks for. */
#ifndef KSEALD_FLEET_OPTIONS_H
#define KSEALD_FLEET_OPTIONS_H

#include <stdbool.h>
#include "redis.h"
#include "rotation.h"

struct fleet_options {
	struct redis_options redis;
	struct rotation rotation;
	const char *prefix;	/* of the names of keys on the server */
	const char *directory;
	bool once;
	bool check;
	bool verbose;
};

enum fleet_result {
	FLEET_RUN,
	FLEET_EXIT,		/* --help or --version was printed */
	FLEET_WRONG,		/* the error was printed */
};

/* Reads the options. No file is opened. */
enum fleet_result fleet_options_parse(struct fleet_options *options, int argc, char **argv);

#endif
