// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kseald.conf; see conf.h. libconfuse parses. Each value is checked while its line is
 * known, in a callback; what depends on several keys, when a profile is made of them.
 */
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include "conf.h"
#include "conf_text.h"
#include "log.h"
#include "uri.h"

#define PIN_PREFIX	"sha256:"
#define PIN_BYTES	32
#define PIN_CHARS	44	/* base64 of them */

/* libconfuse's callbacks have no argument of ours. */
static struct reader {
	const char *path;
	char *why;
	size_t size;
	bool said;
	unsigned int depth;		/* of files that include one another */
	struct string_list *files;	/* that were read */
} *reader;

/* Only the first message counts: others follow from it. hint may be NULL. */
static void say(const char *file, unsigned int line, const char *hint, const char *fmt,
		va_list args)
{
	char place[16] = "", text[1024];

	if (reader->said)
		return;
	reader->said = true;
	if (line)
		snprintf(place, sizeof(place), ":%u", line);
	vsnprintf(text, sizeof(text), fmt, args);
	snprintf(reader->why, reader->size, "%s%s: %s%s", file, place, text, hint ?: "");
	/* the message is one line of the log, whatever was in the file */
	if (reader->size)
		log_flatten(reader->why, strlen(reader->why));
}

static void __attribute__((format(printf, 3, 4)))
wrong_at(const cfg_t *cfg, unsigned int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(cfg->filename, line, NULL, fmt, args);
	va_end(args);
}

/* In the line that is being read. */
#define wrong(cfg, ...) wrong_at(cfg, (unsigned int)(cfg)->line, __VA_ARGS__)

/* What libconfuse itself finds wrong. */
static void wrong_syntax(cfg_t *cfg, const char *fmt, va_list args)
{
	say(cfg->filename ?: reader->path, (unsigned int)cfg->line,
	    "; kseald.conf(5) shows what can be written here", fmt, args);
}

static const struct number {
	const char *key;
	unsigned int min, max;
} numbers[] = {
	{ "workers", 1, CONF_WORKERS_MAX },
	{ "handshakes", 1, CONF_HANDSHAKES_MAX },
	{ "signer-threads", 1, CONF_WORKERS_MAX },
	{ "ticket-lifetime", 1, 604800 },	/* RFC 8446 4.6.1 */
	{ "record-max", KSEAL_RECORD_MIN, 16384 },
	{ "padding", 0, 16385 },
};

static const struct choice {
	const char *key, *word;
	int value;
} choices[] = {
	{ "log", "error", LOG_LEVEL_ERROR },
	{ "log", "warning", LOG_LEVEL_WARNING },
	{ "log", "notice", LOG_LEVEL_NOTICE },
	{ "log", "info", LOG_LEVEL_INFO },
	{ "log", "debug", LOG_LEVEL_DEBUG },
	{ "role", "both", SETTINGS_ROLE_BOTH },
	{ "role", "server", SETTINGS_ROLE_SERVER },
	{ "role", "client", SETTINGS_ROLE_CLIENT },
	{ "clients", "none", SETTINGS_CLIENTS_NONE },
	{ "clients", "optional", SETTINGS_CLIENTS_OPTIONAL },
	{ "clients", "required", SETTINGS_CLIENTS_REQUIRED },
	{ NULL, NULL, 0 },
};

/* result of these: a long for integers, an int for booleans, a const char * for strings */

static int read_number(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct number *number = numbers;
	unsigned long n;
	char *end;

	while (strcmp(number->key, opt->name))
		number++;
	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || *end || !*value || strspn(value, "0123456789") != strlen(value) ||
	    n < number->min || n > number->max) {
		wrong(cfg, "%s takes a number from %u to %u, not \"%s\"", opt->name, number->min,
		      number->max, value);
		return -1;
	}
	*(long *)result = (long)n;
	return 0;
}

static int read_choice(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct choice *choice;
	char words[128];
	size_t len = 0;

	for (choice = choices; choice->key; choice++) {
		if (strcmp(choice->key, opt->name))
			continue;
		if (!strcmp(choice->word, value)) {
			*(long *)result = choice->value;
			return 0;
		}
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s",
					len ? ", " : "", choice->word);
	}
	wrong(cfg, "%s takes one of %s, not \"%s\"", opt->name, words, value);
	return -1;
}

static int read_yes(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	int yes = cfg_parse_boolean(value);

	if (yes < 0) {
		wrong(cfg, "%s takes yes or no, not \"%s\"", opt->name, value);
		return -1;
	}
	*(int *)result = yes;
	return 0;
}

static int read_version(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	if (!strcmp(value, "1.2")) {
		*(long *)result = KSEAL_VERSION_1_2;
	} else if (!strcmp(value, "1.3")) {
		*(long *)result = KSEAL_VERSION_1_3;
	} else {
		wrong(cfg, "%s: kseald does not speak TLS \"%s\": write \"1.2\", \"1.3\" or both",
		      opt->name, value);
		return -1;
	}
	return 0;
}

/* A file or a user. */
static int read_name(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	if (!*value) {
		wrong(cfg, "%s is empty: write a name, or leave it out", opt->name);
		return -1;
	}
	*(const char **)result = value;
	return 0;
}

/* OpenSSL's lists have signs between the names, and commands. */
static int read_algorithm(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

	if (!*value || value[strspn(value, good)]) {
		wrong(cfg, "%s: \"%s\" is not a name: write each name in quotes of its own",
		      opt->name, value);
		return -1;
	}
	*(const char **)result = value;
	return 0;
}

static int read_alpn(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	if (!*value || strlen(value) > 255) {
		wrong(cfg, "%s: a protocol has 1 to 255 bytes, not %zu: write \"h2\", say",
		      opt->name, strlen(value));
		return -1;
	}
	*(const char **)result = value;
	return 0;
}

static int read_pin(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const char *base64 = value + strlen(PIN_PREFIX);
	unsigned char bytes[PIN_CHARS], again[PIN_CHARS + 1];

	/* there is one way to write it, which makes it a string to compare; 33 is with the '=' */
	if (strncmp(value, PIN_PREFIX, strlen(PIN_PREFIX)) || strlen(base64) != PIN_CHARS ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)base64, PIN_CHARS) != PIN_BYTES + 1 ||
	    EVP_EncodeBlock(again, bytes, PIN_BYTES) != PIN_CHARS ||
	    strcmp((char *)again, base64)) {
		wrong(cfg, "%s: \"%s\" is not a pin: write \"" PIN_PREFIX
		      "\" and the 44 characters that are the base64 of 32 bytes", opt->name, value);
		return -1;
	}
	*(const char **)result = base64;
	return 0;
}

/*
 * libconfuse knows where a section ends; where it begins it knows when it parses the
 * defaults of its keys. So the line is the default of a key that no file can set: '|' has
 * a meaning of its own in names. It is the first of a section, for section_line().
 */
static int read_line(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	(void)value;
	*(long *)result = cfg->line;
	return 0;
}

#define SECTION_LINE CFG_INT_LIST_CB("|line", "{here}", CFGF_NONE, read_line)

static unsigned int section_line(const cfg_t *cfg)
{
	return (unsigned int)cfg_opt_getnint(&cfg->opts[0], 0);
}

#define NUMBER(key)		CFG_INT_CB(key, 0, CFGF_NODEFAULT, read_number)
#define CHOICE(key)		CFG_INT_CB(key, 0, CFGF_NODEFAULT, read_choice)
#define YES(key)		CFG_BOOL_CB(key, cfg_false, CFGF_NODEFAULT, read_yes)
#define STRING(key)		CFG_STR_CB(key, NULL, CFGF_NODEFAULT, read_name)
#define STRINGS(key, check)	CFG_STR_LIST_CB(key, NULL, CFGF_NODEFAULT, check)

static cfg_opt_t certificate_keys[] = {
	SECTION_LINE, STRING("chain"), STRING("key"), STRING("pin"), STRING("staple"), CFG_END(),
};

static cfg_opt_t profile_keys[] = {
	SECTION_LINE,
	CHOICE("role"),
	CFG_SEC("certificate", certificate_keys, CFGF_MULTI | CFGF_NODEFAULT),
	STRING("server-name"),
	STRINGS("ca", read_name),
	STRINGS("pins", read_pin),
	STRINGS("crls", read_name),
	CHOICE("clients"),
	STRINGS("client-ca", read_name),
	STRINGS("alpn", read_alpn),
	CFG_INT_LIST_CB("versions", NULL, CFGF_NODEFAULT, read_version),
	STRINGS("groups", read_algorithm),
	STRINGS("suites", read_algorithm),
	YES("rsa-key-transport"),
	STRING("psk"),
	YES("tickets"),
	STRING("ticket-keys"),
	NUMBER("ticket-lifetime"),
	NUMBER("record-max"),
	NUMBER("padding"),
	YES("dynamic"),
	CFG_END(),
};

static cfg_opt_t keys[] = {
	NUMBER("workers"),
	NUMBER("handshakes"),
	CHOICE("log"),
	STRING("user"),
	STRING("signer-user"),
	STRINGS("signer-providers", read_name),
	NUMBER("signer-threads"),
	STRING("metrics"),
	STRING("include"),
	CFG_SEC("profile", profile_keys,
		CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES | CFGF_NODEFAULT),
	CFG_END(),
};

/* The name of a file as it is from where we are. NULL: no memory. */
static char *file_name(const char *name)
{
	const char *slash = strrchr(reader->path, '/');
	char *whole;

	if (*name == '/' || !slash)
		return strdup(name);
	if (asprintf(&whole, "%.*s%s", (int)(slash + 1 - reader->path), reader->path, name) < 0)
		return NULL;
	return whole;
}

/* Parses a file into cfg. Includes are parsed by the way: libconfuse's own lose memory and
 * their place when they end with an error. line: where it is included; 0: nowhere.
 */
static int parse(cfg_t *cfg, const char *path, unsigned int line)
{
	char *outer = cfg->filename, *name = strdup(path), why[256];
	int outer_line = cfg->line, ret = -1;
	struct conf_text text;
	unsigned int at;
	FILE *file;

	if (!name || string_list_add(reader->files, path)) {
		free(name);
		return -1;
	}
	if (conf_text_read(&text, path, &at, why, sizeof(why))) {
		if (line && !at) {
			wrong_at(cfg, line, "include: %s %s", path, why);
			goto out;
		}
		cfg->filename = name;
		wrong_at(cfg, at, "%s", why);
		cfg->filename = outer;
		goto out;
	}
	file = fmemopen(text.at, text.len, "r");
	if (file) {
		cfg->filename = name;
		if (cfg_parse_fp(cfg, file) == CFG_SUCCESS)
			ret = 0;
		cfg->filename = outer;
		cfg->line = outer_line;
		fclose(file);
	}
	free(text.at);
out:
	free(name);
	return ret;
}

static int include(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned int line = (unsigned int)cfg->line;
	char *path;
	int ret;

	if (reader->depth == CONF_INCLUDE_DEPTH) {
		wrong(cfg, "more than %u files include one another: leave this include out",
		      CONF_INCLUDE_DEPTH);
		return -1;
	}
	path = file_name(cfg_opt_getnstr(opt, 0));
	if (!path)
		return -1;
	reader->depth++;
	ret = parse(cfg, path, line);
	reader->depth--;
	free(path);
	return ret;
}

/* The key, if it has a value. */
static cfg_opt_t *given(cfg_t *cfg, const char *key)
{
	cfg_opt_t *opt = cfg_getopt(cfg, key);

	return cfg_opt_size(opt) ? opt : NULL;
}

static unsigned int number_of(cfg_t *cfg, const char *key, unsigned int otherwise)
{
	cfg_opt_t *opt = given(cfg, key);

	return opt ? (unsigned int)cfg_opt_getnint(opt, 0) : otherwise;
}

static bool yes_of(cfg_t *cfg, const char *key, bool otherwise)
{
	cfg_opt_t *opt = given(cfg, key);

	return opt ? cfg_opt_getnbool(opt, 0) == cfg_true : otherwise;
}

/* Returns 0, or -1: no memory. */
static int take_file(char **to, cfg_t *cfg, const char *key)
{
	cfg_opt_t *opt = given(cfg, key);

	if (!opt)
		return 0;
	*to = file_name(cfg_opt_getnstr(opt, 0));
	return *to ? 0 : -1;
}

/* A key may be a URI as well. */
static int take_key(struct settings_cert *cert, cfg_t *cfg)
{
	cfg_opt_t *opt = given(cfg, "key");

	if (!opt || !uri_is(cfg_opt_getnstr(opt, 0)))
		return take_file(&cert->key, cfg, "key");
	cert->key = strdup(cfg_opt_getnstr(opt, 0));
	return cert->key ? 0 : -1;
}

static int take_string(char **to, cfg_t *cfg, const char *key)
{
	cfg_opt_t *opt = given(cfg, key);

	if (opt)
		*to = strdup(cfg_opt_getnstr(opt, 0));
	return opt && !*to ? -1 : 0;
}

static int take_strings(struct string_list *to, cfg_t *cfg, const char *key)
{
	cfg_opt_t *opt = cfg_getopt(cfg, key);

	for (unsigned int i = 0; i < cfg_opt_size(opt); i++)
		if (string_list_add(to, cfg_opt_getnstr(opt, i)))
			return -1;
	return 0;
}

static int take_files(struct string_list *to, cfg_t *cfg, const char *key)
{
	cfg_opt_t *opt = cfg_getopt(cfg, key);

	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		char *name = file_name(cfg_opt_getnstr(opt, i));
		int ret = name ? string_list_add(to, name) : -1;

		free(name);
		if (ret)
			return -1;
	}
	return 0;
}

static int take_certs(struct settings *settings, cfg_t *profile)
{
	cfg_opt_t *opt = cfg_getopt(profile, "certificate");

	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		cfg_t *cfg = cfg_opt_getnsec(opt, i);
		struct settings_cert *cert = settings_add_cert(settings);

		if (!cert || take_file(&cert->chain, cfg, "chain") || take_key(cert, cfg) ||
		    take_file(&cert->pin, cfg, "pin") || take_file(&cert->staple, cfg, "staple"))
			return -1;
		if (!cert->chain || !cert->key) {
			const char *missing = cert->chain ? "key" : "chain";

			wrong_at(cfg, section_line(cfg), "this certificate has no %s: "
				 "write %s = \"FILE\" too", missing, missing);
			return -1;
		}
		if (cert->pin && !uri_is(cert->key)) {
			wrong_at(cfg, section_line(cfg), "pin is for keys of stores, this one is a "
				 "file: leave it out, or write key = \"file:...\"");
			return -1;
		}
	}
	return 0;
}

static void take_versions(struct settings *settings, cfg_t *cfg)
{
	cfg_opt_t *opt = cfg_getopt(cfg, "versions");

	for (unsigned int i = 0; i < cfg_opt_size(opt); i++) {
		uint16_t version = (uint16_t)cfg_opt_getnint(opt, i);

		if (!i || version < settings->version_min)
			settings->version_min = version;
		if (version > settings->version_max)
			settings->version_max = version;
	}
}

/* As KSEAL_SO_PROFILE takes it. */
static int take_title(struct settings *settings, cfg_t *cfg)
{
	const char *title = cfg_title(cfg);
	bool good = *title && strlen(title) <= KSEAL_PROFILE_MAX;

	for (const char *c = title; *c; c++)
		good = good && (unsigned char)*c > ' ' && *c != 0x7f;
	if (!good) {
		wrong_at(cfg, section_line(cfg), "a profile's name has 1 to %u bytes, no space and "
			 "no control character: \"%s\" is none", KSEAL_PROFILE_MAX, title);
		return -1;
	}
	settings_default(settings, title);
	return 0;
}

/* What is wrong with a profile as a whole, and what to write; NULL: nothing. */
static const char *contradiction(const struct settings *settings)
{
	bool asks = settings->clients != SETTINGS_CLIENTS_NONE;

	if (settings->role == SETTINGS_ROLE_SERVER && !settings->n_certs && !settings->psk)
		return "role = server needs a certificate or psk: write certificate { ... }";
	if (settings->role == SETTINGS_ROLE_CLIENT && asks)
		return "clients is for servers: leave it out, or role = client";
	if (settings->role == SETTINGS_ROLE_SERVER && settings->pins.count)
		return "pins is for clients: leave it out, or role = server";
	if (settings->role == SETTINGS_ROLE_SERVER && settings->server_name)
		return "server-name is for clients: leave it out, or role = server";
	if (asks && !settings->client_ca.count)
		return "clients needs to know whom to trust: write client-ca = { \"FILE\" } too";
	if (!asks && settings->client_ca.count)
		return "client-ca is of no use alone: write clients = optional or required too";
	if (!settings->tickets && settings->ticket_keys)
		return "ticket-keys is of no use with tickets = no: leave one of them out";
	if (settings->rsa_key_transport && settings->version_min == KSEAL_VERSION_1_3)
		return "rsa-key-transport is of TLS 1.2: leave it out, or add \"1.2\" to versions";
	return NULL;
}

/* What settings then point to is freed by conf_free(). Returns 0 or -1. */
static int take_profile(struct settings *settings, cfg_t *cfg)
{
	const char *why;

	if (take_title(settings, cfg))
		return -1;
	settings->role = number_of(cfg, "role", settings->role);
	settings->clients = number_of(cfg, "clients", settings->clients);
	settings->rsa_key_transport = yes_of(cfg, "rsa-key-transport", false);
	settings->tickets = yes_of(cfg, "tickets", settings->tickets);
	settings->ticket_lifetime = number_of(cfg, "ticket-lifetime", settings->ticket_lifetime);
	settings->shape.record_max = number_of(cfg, "record-max", 0);
	settings->shape.padding = number_of(cfg, "padding", 0);
	settings->shape.dynamic = yes_of(cfg, "dynamic", false);
	take_versions(settings, cfg);
	if (take_certs(settings, cfg) || take_string(&settings->server_name, cfg, "server-name") ||
	    take_files(&settings->ca, cfg, "ca") ||
	    take_strings(&settings->pins, cfg, "pins") ||
	    take_files(&settings->crls, cfg, "crls") ||
	    take_files(&settings->client_ca, cfg, "client-ca") ||
	    take_strings(&settings->alpn, cfg, "alpn") ||
	    take_strings(&settings->groups, cfg, "groups") ||
	    take_strings(&settings->suites, cfg, "suites") ||
	    take_file(&settings->psk, cfg, "psk") ||
	    take_file(&settings->ticket_keys, cfg, "ticket-keys"))
		return -1;
	why = contradiction(settings);
	if (why)
		wrong_at(cfg, section_line(cfg), "profile \"%s\": %s", settings->name, why);
	return why ? -1 : 0;
}

static int take_all(struct conf *conf, cfg_t *cfg)
{
	cfg_opt_t *profiles = given(cfg, "profile");

	conf->workers = number_of(cfg, "workers", 1);
	conf->handshakes = number_of(cfg, "handshakes", CONF_HANDSHAKES);
	conf->log = number_of(cfg, "log", LOG_LEVEL_INFO);
	conf->signer_threads = number_of(cfg, "signer-threads", CONF_SIGNER_THREADS);
	if (take_string(&conf->user, cfg, "user") ||
	    take_string(&conf->signer_user, cfg, "signer-user") ||
	    take_strings(&conf->signer_providers, cfg, "signer-providers") ||
	    take_file(&conf->metrics, cfg, "metrics"))
		return -1;
	if (!profiles) {
		wrong_at(cfg, 0, "there is no profile: write profile \"default\" { }, at least");
		return -1;
	}
	conf->profiles = calloc(cfg_opt_size(profiles), sizeof(*conf->profiles));
	if (!conf->profiles)
		return -1;
	while (conf->n_profiles < cfg_opt_size(profiles)) {
		size_t i = conf->n_profiles++;

		if (take_profile(&conf->profiles[i], cfg_opt_getnsec(profiles, (unsigned int)i)))
			return -1;
	}
	return 0;
}

int conf_read(struct conf *conf, const char *path, char *why, size_t size)
{
	struct reader here = { .path = path, .why = why, .size = size, .files = &conf->files };
	cfg_t *cfg;
	int ret = -1;

	memset(conf, 0, sizeof(*conf));
	cfg = cfg_init(keys, CFGF_NONE);
	if (!cfg) {
		snprintf(why, size, "%s: out of memory", path);
		return -1;
	}
	reader = &here;
	cfg_set_error_function(cfg, wrong_syntax);
	cfg_set_validate_func(cfg, "include", include);
	if (!parse(cfg, path, 0)) {
		/* for what is about all of it */
		cfg->filename = strdup(path);
		if (cfg->filename)
			ret = take_all(conf, cfg);
	}
	cfg_free(cfg);
	if (ret && !here.said)
		snprintf(why, size, "%s: out of memory", path);
	if (ret)
		conf_free(conf);
	reader = NULL;
	return ret;
}

bool conf_has_uri(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_profiles; i++)
		if (settings_have_uri(&conf->profiles[i]))
			return true;
	return false;
}

void conf_free(struct conf *conf)
{
	for (size_t i = 0; i < conf->n_profiles; i++)
		settings_free(&conf->profiles[i]);
	free(conf->profiles);
	free(conf->user);
	free(conf->signer_user);
	string_list_free(&conf->signer_providers);
	free(conf->metrics);
	string_list_free(&conf->files);
	memset(conf, 0, sizeof(*conf));
}
