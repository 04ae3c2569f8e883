// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line of kseald-keys; see fleet_options.h.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fleet_options.h"

#ifndef KSEAL_VERSION
#define KSEAL_VERSION "unknown"
#endif
#define WEEK		604800
#define PREFIX_MAX	128

static const char usage[] =
	"Usage: kseald-keys [options]\n"
	"Shares keys of TLS session tickets with other hosts by way of a Redis server.\n"
	"\n"
	"  -s, --server ADDRESS   HOST, HOST:PORT, [IPV6]:PORT or /SOCKET (default localhost:6379)\n"
	"  -a, --auth FILE        password; or user and password, in two lines\n"
	"      --db N             number of the database (default 0)\n"
	"      --prefix TEXT      of the names of keys there (default kseal)\n"
	"      --tls              TLS to the server, whose name is verified\n"
	"      --ca FILE          authorities for that, PEM (default: the system's)\n"
	"      --cert FILE        our own certificate for that, PEM\n"
	"      --key FILE         its private key, PEM, without passphrase\n"
	"      --timeout N        seconds for the connection and for each answer (default 5)\n"
	"  -d, --directory DIR    where kseald reads keys (default /run/kseald-keys)\n"
	"      --rotation N       seconds that a key seals, the same on all hosts (default 3600)\n"
	"      --lifetime N       seconds that tickets live, as kseald's ticket-lifetime (default 7200)\n"
	"      --once             fetch the keys once, and exit\n"
	"      --check            print what would be used and whether the server answers, and exit\n"
	"  -v, --verbose          log each step; never a key\n"
	"      --version          print the version and exit\n"
	"  -h, --help             print this and exit\n";

static enum fleet_result wrong(const char *what, const char *value)
{
	fprintf(stderr, "kseald-keys: %s%s\nTry 'kseald-keys --help'.\n", what, value);
	return FLEET_WRONG;
}

/* The option's value, which is not understood: says so. */
static bool read_number(const char *option, const char *text, int64_t min, int64_t max,
			int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if (!errno && end != text && !*end && *value >= min && *value <= max)
		return true;
	fprintf(stderr, "kseald-keys: --%s takes a number from %lld to %lld, not %s\n"
		"Try 'kseald-keys --help'.\n", option, (long long)min, (long long)max, text);
	return false;
}

static bool good_prefix(const char *prefix)
{
	for (const char *at = prefix; *at; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	return *prefix && strlen(prefix) <= PREFIX_MAX;
}

/* What does not go together. */
static enum fleet_result compare(const struct fleet_options *options)
{
	const struct redis_options *redis = &options->redis;

	if (options->once && options->check)
		return wrong("--once and --check: give one of them", "");
	if (!redis->tls && (redis->ca || redis->cert || redis->key))
		return wrong("--ca, --cert and --key are for TLS: give --tls too", "");
	if (redis->tls && redis->host[0] == '/')
		return wrong("--tls verifies a name, which a socket has not: give --server HOST:PORT, not ",
			     redis->host);
	if (!redis->cert != !redis->key)
		return wrong("--cert and --key belong together: give both", "");
	if (rotation_count(&options->rotation) > ROTATION_KEYS_MAX)
		return wrong("there would be too many keys: give a longer --rotation, or a shorter --lifetime",
			     "");
	return FLEET_RUN;
}

enum fleet_result fleet_options_parse(struct fleet_options *options, int argc, char **argv)
{
	enum { OPT_DB = 256, OPT_PREFIX, OPT_TLS, OPT_CA, OPT_CERT, OPT_KEY, OPT_TIMEOUT,
	       OPT_ROTATION, OPT_LIFETIME, OPT_ONCE, OPT_CHECK, OPT_VERSION };
	static const struct option names[] = {
		{ "server", required_argument, NULL, 's' },
		{ "auth", required_argument, NULL, 'a' },
		{ "db", required_argument, NULL, OPT_DB },
		{ "prefix", required_argument, NULL, OPT_PREFIX },
		{ "tls", no_argument, NULL, OPT_TLS },
		{ "ca", required_argument, NULL, OPT_CA },
		{ "cert", required_argument, NULL, OPT_CERT },
		{ "key", required_argument, NULL, OPT_KEY },
		{ "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "directory", required_argument, NULL, 'd' },
		{ "rotation", required_argument, NULL, OPT_ROTATION },
		{ "lifetime", required_argument, NULL, OPT_LIFETIME },
		{ "once", no_argument, NULL, OPT_ONCE },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct redis_options *redis = &options->redis;
	int64_t db = 0, timeout = 5, period = 3600, lifetime = 7200;
	int opt;

	memset(options, 0, sizeof(*options));
	options->prefix = "kseal";
	options->directory = "/run/kseald-keys";
	redis_address(redis, "localhost");

	while ((opt = getopt_long(argc, argv, "s:a:d:vh", names, NULL)) != -1) {
		bool good = true;

		switch (opt) {
		case 's':
			if (!redis_address(redis, optarg))
				return wrong("--server takes HOST, HOST:PORT, [IPV6]:PORT or /SOCKET, not ",
					     optarg);
			break;
		case 'a': redis->auth = optarg; break;
		case OPT_DB: good = read_number("db", optarg, 0, 65535, &db); break;
		case OPT_PREFIX:
			if (!good_prefix(optarg))
				return wrong("--prefix takes up to 128 letters, digits and signs, not ",
					     optarg);
			options->prefix = optarg;
			break;
		case OPT_TLS: redis->tls = true; break;
		case OPT_CA: redis->ca = optarg; break;
		case OPT_CERT: redis->cert = optarg; break;
		case OPT_KEY: redis->key = optarg; break;
		case OPT_TIMEOUT: good = read_number("timeout", optarg, 1, 60, &timeout); break;
		case 'd': options->directory = optarg; break;
		case OPT_ROTATION: good = read_number("rotation", optarg, 4, WEEK, &period); break;
		case OPT_LIFETIME: good = read_number("lifetime", optarg, 1, WEEK, &lifetime); break;
		case OPT_ONCE: options->once = true; break;
		case OPT_CHECK: options->check = true; break;
		case 'v': options->verbose = true; break;
		case OPT_VERSION:
			printf("kseald-keys %s\n", KSEAL_VERSION);
			return FLEET_EXIT;
		case 'h':
			fputs(usage, stdout);
			return FLEET_EXIT;
		default:
			return wrong("the options above are not understood", "");
		}
		if (!good)
			return FLEET_WRONG;
	}
	if (optind < argc)
		return wrong("no argument is expected besides options: ", argv[optind]);
	redis->db = (unsigned int)db;
	redis->timeout = (unsigned int)timeout;
	options->rotation = (struct rotation){ .period = period * 1000, .lifetime = lifetime * 1000 };
	return compare(options);
}
