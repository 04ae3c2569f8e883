// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Command line and profiles; see config.h.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "config.h"
#include "log.h"

#ifndef KSEAL_VERSION
#define KSEAL_VERSION "unknown"
#endif

static const char usage[] =
	"Usage: kseald [-c FILE -k FILE] [-a FILE] [options]\n"
	"Completes the TLS handshakes of kseal sockets in this network namespace.\n"
	"\n"
	"  -c, --cert FILE     the server's certificate and intermediates, PEM\n"
	"  -k, --key FILE      its private key, PEM, without passphrase\n"
	"  -a, --ca FILE       authorities that clients trust, PEM (default: the system's)\n"
	"      --record-max N  content bytes in a record, 63 to 16384 (default 16384)\n"
	"      --padding N     pad records to multiples of N bytes, at most 16385 (default 0)\n"
	"      --dynamic       small records first, so that the first bytes are early\n"
	"      --check         load everything, print what it is, and exit\n"
	"  -f, --foreground    do not fork (this is always so)\n"
	"      --user NAME     become NAME once registered\n"
	"  -w, --workers N     threads, 1 to 64 (default 1)\n"
	"  -v, --verbose       log each step of each handshake; never a secret\n"
	"      --version       print the version and exit\n"
	"  -h, --help          print this and exit\n";

static enum config_result wrong(const char *what, const char *value)
{
	fprintf(stderr, "kseald: %s%s\nTry 'kseald --help'.\n", what, value);
	return CONFIG_WRONG;
}

static bool read_number(const char *text, unsigned long min, unsigned long max,
			unsigned int *value)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || n < min || n > max)
		return false;
	*value = (unsigned int)n;
	return true;
}

enum config_result config_parse(struct config *config, int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_USER, OPT_VERSION, OPT_RECORD_MAX, OPT_PADDING, OPT_DYNAMIC };
	static const struct option options[] = {
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "ca", required_argument, NULL, 'a' },
		{ "record-max", required_argument, NULL, OPT_RECORD_MAX },
		{ "padding", required_argument, NULL, OPT_PADDING },
		{ "dynamic", no_argument, NULL, OPT_DYNAMIC },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "foreground", no_argument, NULL, 'f' },
		{ "user", required_argument, NULL, OPT_USER },
		{ "workers", required_argument, NULL, 'w' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct tls_context_files *files;
	struct record_shape *shape;
	int opt;

	memset(config, 0, sizeof(*config));
	config->workers = 1;
	config->profiles = calloc(1, sizeof(*config->profiles));
	if (!config->profiles)
		return wrong("out of memory", "");
	config->n_profiles = 1;
	snprintf(config->profiles[0].name, sizeof(config->profiles[0].name), "default");
	files = &config->profiles[0].files;
	shape = &config->profiles[0].shape;

	while ((opt = getopt_long(argc, argv, "c:k:a:fw:vh", options, NULL)) != -1) {
		switch (opt) {
		case 'c': files->cert = optarg; break;
		case 'k': files->key = optarg; break;
		case 'a': files->ca = optarg; break;
		case 'f': break;
		case 'v': config->verbose = true; break;
		case OPT_CHECK: config->check = true; break;
		case OPT_USER: config->user = optarg; break;
		case 'w':
			if (!read_number(optarg, 1, CONFIG_WORKERS_MAX, &config->workers))
				return wrong("--workers takes a number from 1 to 64, not ",
					     optarg);
			break;
		case OPT_RECORD_MAX:
			if (!read_number(optarg, KSEAL_RECORD_MIN, 16384, &shape->record_max))
				return wrong("--record-max takes a number from 63 to 16384, not ",
					     optarg);
			break;
		case OPT_PADDING:
			if (!read_number(optarg, 0, 16385, &shape->padding))
				return wrong("--padding takes a number up to 16385, not ", optarg);
			break;
		case OPT_DYNAMIC: shape->dynamic = true; break;
		case OPT_VERSION:
			printf("kseald %s\n", KSEAL_VERSION);
			return CONFIG_EXIT;
		case 'h':
			fputs(usage, stdout);
			return CONFIG_EXIT;
		default:
			return wrong("the options above are not understood", "");
		}
	}
	if (optind < argc)
		return wrong("no argument is expected besides options: ", argv[optind]);
	if (files->cert && !files->key)
		return wrong("--cert needs the certificate's private key: give --key FILE too", "");
	if (files->key && !files->cert)
		return wrong("--key needs a certificate: give --cert FILE too", "");
	return CONFIG_RUN;
}

static void warn_if_open(const char *key)
{
	struct stat st;

	if (key && !stat(key, &st) && (st.st_mode & S_IRWXO))
		log_warning("%s can be read or written by everybody: chmod o= it", key);
}

int config_load(struct config *config)
{
	for (size_t i = 0; i < config->n_profiles; i++) {
		struct profile *profile = &config->profiles[i];
		char why[512];

		profile->tls = tls_context_new(&profile->files, why, sizeof(why));
		if (!profile->tls) {
			log_error("profile \"%s\": %s", profile->name, why);
			return -1;
		}
		warn_if_open(profile->files.key);
	}
	return 0;
}

void config_print(const struct config *config)
{
	for (size_t i = 0; i < config->n_profiles; i++) {
		const struct profile *profile = &config->profiles[i];
		char text[512];

		tls_context_describe(profile->tls, text, sizeof(text));
		printf("profile \"%s\"\n  certificate: %s\n  trusts: %s\n", profile->name, text,
		       profile->files.ca ?: "the system's authorities");
	}
}

const struct profile *config_profile(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_profiles; i++)
		if (!strcmp(config->profiles[i].name, name))
			return &config->profiles[i];
	return NULL;
}

bool config_serves(const struct config *config)
{
	for (size_t i = 0; i < config->n_profiles; i++)
		if (config->profiles[i].files.cert)
			return true;
	return false;
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->n_profiles; i++)
		tls_context_free(config->profiles[i].tls);
	free(config->profiles);
	memset(config, 0, sizeof(*config));
}
