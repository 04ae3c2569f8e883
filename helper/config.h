/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line asks for. */
#ifndef KSEALD_CONFIG_H
#define KSEALD_CONFIG_H

#include <stdbool.h>
#include "settings.h"

#define CONFIG_WORKERS_MAX	64

struct config {
	struct settings settings;	/* the profile "default" */
	unsigned int workers;
	const char *user;		/* NULL: stay who we are */
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

void config_free(struct config *config);

#endif
