// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line; see config.h.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "uri.h"

#ifndef KSEAL_VERSION
#define KSEAL_VERSION "unknown"
#endif
#ifndef KSEALD_CONF
#define KSEALD_CONF "/etc/kseal/kseald.conf"
#endif

static const char usage[] =
	"Usage: kseald [--config FILE] [options]\n"
	"       kseald -c FILE -k FILE [-a FILE] [options]\n"
	"Completes the TLS handshakes of kseal sockets in this network namespace.\n"
	"\n"
	"      --config FILE   profiles and settings, see kseald.conf(5)\n"
	"                      (default: " KSEALD_CONF ",\n"
	"                      if it is there and none of the next six options is given)\n"
	"  -c, --cert FILE     the server's certificate and intermediates, PEM\n"
	"  -k, --key FILE      its private key, PEM, without passphrase; or the URI of one\n"
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
	enum { OPT_CHECK = 256, OPT_USER, OPT_VERSION, OPT_RECORD_MAX, OPT_PADDING, OPT_DYNAMIC,
	       OPT_CONFIG };
	static const struct option options[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
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
	bool profile = false;
	int opt;

	memset(config, 0, sizeof(*config));
	settings_default(settings, "default");

	while ((opt = getopt_long(argc, argv, "c:k:a:fw:vh", options, NULL)) != -1) {
		profile |= opt == 'c' || opt == 'k' || opt == 'a' || opt == OPT_RECORD_MAX ||
			   opt == OPT_PADDING || opt == OPT_DYNAMIC;
		switch (opt) {
		case OPT_CONFIG: config->file = optarg; break;
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
			if (!read_number(optarg, 1, CONF_WORKERS_MAX, &config->workers))
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
	if (config->file && profile)
		return wrong("--config and options that describe a profile do not go together: write them into ",
			     config->file);
	if (!config->file && !profile && !access(KSEALD_CONF, F_OK))
		config->file = KSEALD_CONF;
	if (key && uri_has_pin(key))
		return wrong("--key: everybody sees a PIN there: write it to a file, and ?pin-source=file:/FILE behind the URI", "");
	if (cert && add_cert(settings, cert, key))
		return wrong("out of memory", "");
	return CONFIG_RUN;
}

/* The options' profile, as if it stood in a file. */
static int read_options(const struct config *config, struct conf *conf, char *why, size_t size)
{
	memset(conf, 0, sizeof(*conf));
	conf->workers = 1;
	conf->handshakes = CONF_HANDSHAKES;
	conf->signer_threads = CONF_SIGNER_THREADS;
	conf->log = LOG_LEVEL_INFO;
	conf->profiles = calloc(1, sizeof(*conf->profiles));
	if (conf->profiles && !settings_copy(conf->profiles, &config->settings)) {
		conf->n_profiles = 1;
		return 0;
	}
	conf_free(conf);
	snprintf(why, size, "out of memory");
	return -1;
}

int config_read(const struct config *config, struct conf *conf, char *why, size_t size)
{
	if (config->file ? conf_read(conf, config->file, why, size) :
			   read_options(config, conf, why, size))
		return -1;
	if (config->workers)
		conf->workers = config->workers;
	if (config->verbose)
		conf->log = LOG_LEVEL_DEBUG;
	if (!config->user)
		return 0;
	free(conf->user);
	conf->user = strdup(config->user);
	if (conf->user)
		return 0;
	conf_free(conf);
	snprintf(why, size, "out of memory");
	return -1;
}

void config_free(struct config *config)
{
	settings_free(&config->settings);
	memset(config, 0, sizeof(*config));
}
