/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line asks for. */
#ifndef KSEALD_CONFIG_H
#define KSEALD_CONFIG_H

#include <stdbool.h>
#include "conf.h"
#include "settings.h"

struct config {
	const char *file;		/* kseald.conf(5); NULL: the options below say it */
	struct settings settings;	/* the profile "default" */
	unsigned int workers;		/* 0: not said */
	const char *user;		/* NULL: not said */
	bool check;
	bool verbose;
};

enum config_result {
	CONFIG_RUN,
	CONFIG_EXIT,			/* --help or --version was printed */
	CONFIG_WRONG,			/* the error was printed */
};

/* Reads the options into config. No file is opened. */
enum config_result config_parse(struct config *config, int argc, char **argv);

/*
 * All that is to be: what the file says, as it is now, or the options; the options'
 * number of workers and user go first. Returns 0 with conf, which the caller frees,
 * or -1 with a sentence in why.
 */
int config_read(const struct config *config, struct conf *conf, char *why, size_t size);

void config_free(struct config *config);

#endif
