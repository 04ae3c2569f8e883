// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line; see config.h.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"

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

static int add_cert(struct settings *settings, const char *chain, const char *key)
{
	struct settings_cert *cert = settings_add_cert(settings);

	if (!cert)
		return -1;
	cert->chain = strdup(chain);
	cert->key = strdup(key);
	return cert->chain && cert->key ? 0 : -1;
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
	struct settings *settings = &config->settings;
	struct record_shape *shape = &settings->shape;
	const char *cert = NULL, *key = NULL;
	int opt;

	memset(config, 0, sizeof(*config));
	config->workers = 1;
	settings_default(settings, "default");

	while ((opt = getopt_long(argc, argv, "c:k:a:fw:vh", options, NULL)) != -1) {
		switch (opt) {
		case 'c': cert = optarg; break;
		case 'k': key = optarg; break;
		case 'a':
			if (string_list_add(&settings->ca, optarg))
				return wrong("out of memory", "");
			break;
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
	if (cert && !key)
		return wrong("--cert needs the certificate's private key: give --key FILE too", "");
	if (key && !cert)
		return wrong("--key needs a certificate: give --cert FILE too", "");
	if (cert && add_cert(settings, cert, key))
		return wrong("out of memory", "");
	return CONFIG_RUN;
}

void config_free(struct config *config)
{
	settings_free(&config->settings);
	memset(config, 0, sizeof(*config));
}
