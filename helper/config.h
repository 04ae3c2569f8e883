/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the command line asks for, and the profiles: named sets of certificate,
 * key and trust that sockets choose from (KSEAL_SO_PROFILE).
 */
#ifndef KSEALD_CONFIG_H
#define KSEALD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include "netlink.h"
#include "tls.h"

#define CONFIG_WORKERS_MAX	64

struct profile {
	char name[KSEAL_PROFILE_MAX + 1];
	struct tls_context_files files;
	struct tls_context *tls;	/* loaded from files */
	struct record_shape shape;
};

struct config {
	struct profile *profiles;
	size_t n_profiles;
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

/* Reads the options into config; strings point into argv. No file is opened. */
enum config_result config_parse(struct config *config, int argc, char **argv);

/* Loads the profiles' files. Returns 0, or -1 after logging what is wrong. */
int config_load(struct config *config);

/* --check: prints the profiles on stdout. */
void config_print(const struct config *config);

/* The profile with this name, NULL if there is none. */
const struct profile *config_profile(const struct config *config, const char *name);

/* Whether a profile has a certificate: without one there are no server handshakes. */
bool config_serves(const struct config *config);

void config_free(struct config *config);

#endif
