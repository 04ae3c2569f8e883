// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kseald.conf, changed at random: the example that is installed, with and without its
 * comments, the manual's, and one with all that can be written otherwise. What comes of it
 * is taken, and then in bounds, or refused in one line that names the file, and nothing is
 * left. Takes a quarter of FUZZ_SECONDS; see fuzz.h, and best under ASan: make SANITIZE=1.
 */
#include <ctype.h>
#include "conf.h"
#include "embed.h"
#include "fuzz.h"
#include "place.h"

#define ROOM	(256 * 1024)

TEXT_OF(example, "../../helper/kseald.conf");
TEXT_OF(manual, "../../docs/man/kseald.conf.5");

static const char otherwise[] =
	"# a comment with \"a quote\n"
	"workers = 4 // another\n"
	"/* and { a\n   third */ handshakes = 100\n"
	"log = debug\n"
	"signer-providers = { \"pkcs11\", /usr/lib/tpm2.so }\n"
	"include = more.conf\n"
	"profile \"default\" {\n"
	"	certificate { chain = 'rsa\\'.pem' key = \"pkcs11:object=o?pin-value=1\" pin = p }\n"
	"	crls = { \"a.crl\", # in a list\n"
	"		\"b\\x2ecrl\", }\n"
	"	versions = { \"1.3\", \"1.2\" }\n"
	"	tickets = on\n"
	"	record-max = 1024 padding = 256 dynamic = true\n"
	"}\n"
	"profile outside {\n"
	"	role = client\n"
	"	ca = { \"ca.pem\" }\n"
	"	ca += { \"more.pem\" }\n"
	"	tickets = no\n"
	"}\n";

/* What may be included. */
static const char more[] = "\nlog = error\nprofile more {\n\tpsk = \"more.psk\"\n}\n";

/* ---- where it begins ---- */

static char *bases[8];
static size_t n_bases;

static void uncomment(char *text)
{
	char *from, *to;

	/* a comment has a blank behind its sign */
	for (from = to = text; *from; from++)
		if (*from != '#' || from[1] == ' ' || from[1] == '\n')
			*to++ = *from;
	*to = '\0';
}

static void make_bases(void)
{
	static const char head[] = ".Bd -literal -offset indent\n";
	const char *at = manual, *end;

	bases[n_bases++] = strdup(example);
	bases[n_bases++] = strdup(example);
	uncomment(bases[1]);
	bases[n_bases++] = strdup(otherwise);
	/* the manual's, each between its .Bd and .Ed */
	while (n_bases < 8 && (at = strstr(at, head)) && (end = strstr(at, ".Ed\n"))) {
		at += strlen(head);
		bases[n_bases++] = strndup(at, (size_t)(end - at));
		at = end;
	}
}

/* ---- changes ---- */

struct text {
	char at[ROOM + 1];
	size_t len;
};

static void insert(struct text *text, size_t at, const char *piece, size_t len)
{
	if (text->len + len > ROOM)
		return;
	memmove(text->at + at + len, text->at + at, text->len - at);
	memcpy(text->at + at, piece, len);
	text->len += len;
}

static void cut(struct text *text, size_t at, size_t len)
{
	if (len > text->len - at)
		len = text->len - at;
	memmove(text->at + at, text->at + at + len, text->len - at - len);
	text->len -= len;
}

/* A word, a sign, or a bit of syntax. */
static void insert_piece(struct text *text, size_t at)
{
	static const char *const pieces[] = {
		"\"", "'", "{", "}", "#", "//", "/*", "*/", "=", "+=", ",", "(", ")", "\n", "\\",
		"|", "${", "${HOME}", "$", " ", "\r\n", "\\400", "\\x", "\\x00", "\\0", "-", "%s%n",
		"\xff\xfe", "\xef\xbb\xbf", "99999999999999999999", "0x10", "-1", "\"\"", "{ }", "yes",
		"include = kseald.conf\n", "include = more.conf\n", "include = .\n", "include",
		"\nprofile \"p\" { }\n", "profile", "'profile=", "|line", "profile|role = client\n",
		"\ncertificate { chain = a key = b }\n", "certificate { ", "\nrole = server\n",
		"\nclients = required\n", "\nclient-ca = { a }\n", "\npins = { \"sha256:\" }\n",
		"\nversions = { 1.2 }\n", "\nalpn = { h2 }\n", "\npsk = psk\n", "\ntickets = no\n",
		"\nworkers = 2\n", "\nlog = debug\n", "\nuser = u\n", "\nticket-keys = t\n",
		"\nrsa-key-transport = yes\n", "\nrecord-max = 63\n", "\nsigner-threads = 64\n",
	};
	const char *piece = pieces[chance(sizeof(pieces) / sizeof(*pieces))];

	insert(text, at, piece, strlen(piece));
}

/* One sign many times over, in quotes or not: a word, a string, blanks, braces. */
static void insert_many(struct text *text, size_t at)
{
	static const char signs[] = "aaa00{}(,'\"\\ \n#/*=";
	static char piece[70000];
	size_t len = chance(4) ? 1 + chance(300) : 1 + chance(sizeof(piece) - 1);
	bool quoted = chance(2);

	memset(piece, signs[chance(sizeof(signs) - 1)], len);
	if (quoted)
		insert(text, at, "\"", 1);
	insert(text, at, piece, len);
	if (quoted)
		insert(text, at, "\"", 1);
}

/* Nested: sections in one another, or lists. */
static void insert_nest(struct text *text, size_t at)
{
	static const char *const heads[] = { "profile p {\n", "certificate {\n", "{", "ca = { ", "x {" };
	const char *head = heads[chance(sizeof(heads) / sizeof(*heads))];
	unsigned int deep = 1 + chance(20), closed = chance(2) ? deep : chance(deep + 1);

	while (closed--)
		insert(text, at, "}\n", 2);
	while (deep--)
		insert(text, at, head, strlen(head));
}

/* Doubled, from here to the end of some line. */
static void double_lines(struct text *text, size_t at)
{
	static char piece[ROOM];
	size_t end = at, lines = 1 + chance(10);

	while (end < text->len && lines)
		lines -= text->at[end++] == '\n';
	memcpy(piece, text->at + at, end - at);
	insert(text, chance(2) ? end : chance((uint32_t)text->len + 1), piece, end - at);
}

static void change_text(struct text *text)
{
	size_t at = chance((uint32_t)text->len + 1);

	switch (chance(10)) {
	case 0:
		text->len = change((uint8_t *)text->at, text->len, ROOM);
		break;
	case 1:
		cut(text, at, chance(200));
		break;
	case 2:
		/* the end, now and then */
		if (!chance(4))
			text->len = at;
		break;
	case 3:
		double_lines(text, at);
		break;
	case 4:
		insert_many(text, at);
		break;
	case 5:
		insert_nest(text, at);
		break;
	case 6:
		if (text->len)
			text->at[chance((uint32_t)text->len)] = (char)(' ' + chance(95));
		break;
	default:
		insert_piece(text, at);
	}
}

static void make(struct text *text)
{
	const char *base = bases[chance((uint32_t)n_bases)];
	unsigned int changes = 1 + chance(6);

	text->len = 0;
	insert(text, 0, base, strlen(base));
	while (changes--)
		change_text(text);
	text->at[text->len] = '\0';
}

/* ---- what comes of it ---- */

static unsigned long lines_of(const char *text, size_t len)
{
	unsigned long lines = 1;

	while (len--)
		lines += *text++ == '\n';
	return lines;
}

static bool strings_are_there(const struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->at[i] || !*list->at[i])
			return false;
	return true;
}

static bool profile_is_sane(const struct settings *s)
{
	bool sane = *s->name && strlen(s->name) <= KSEAL_PROFILE_MAX &&
		s->version_min <= s->version_max &&
		(!s->version_min || s->version_min >= KSEAL_VERSION_1_2) &&
		s->version_max <= KSEAL_VERSION_1_3 && s->ticket_lifetime >= 1 &&
		s->ticket_lifetime <= 604800 && s->shape.record_max <= 16384 &&
		(!s->shape.record_max || s->shape.record_max >= KSEAL_RECORD_MIN) &&
		s->shape.padding <= 16385 && (s->tickets || !s->ticket_keys) &&
		(s->clients == SETTINGS_CLIENTS_NONE) == !s->client_ca.count &&
		strings_are_there(&s->ca) && strings_are_there(&s->pins) &&
		strings_are_there(&s->crls) && strings_are_there(&s->client_ca) &&
		strings_are_there(&s->alpn) && strings_are_there(&s->groups) &&
		strings_are_there(&s->suites);

	for (size_t i = 0; i < s->n_certs; i++)
		sane = sane && s->certs[i].chain && s->certs[i].key;
	for (const char *c = s->name; *c; c++)
		sane = sane && !iscntrl((unsigned char)*c) && *c != ' ';
	for (size_t i = 0; i < s->pins.count; i++)
		sane = sane && strlen(s->pins.at[i]) == 44;
	for (size_t i = 0; i < s->alpn.count; i++)
		sane = sane && strlen(s->alpn.at[i]) <= 255;
	return sane;
}

static bool is_sane(const struct conf *conf)
{
	bool sane = conf->n_profiles && conf->workers >= 1 && conf->workers <= CONF_WORKERS_MAX &&
		conf->handshakes >= 1 && conf->handshakes <= CONF_HANDSHAKES_MAX &&
		conf->signer_threads >= 1 && conf->signer_threads <= CONF_WORKERS_MAX &&
		conf->log <= LOG_LEVEL_DEBUG && (!conf->user || *conf->user) &&
		(!conf->signer_user || *conf->signer_user) && (!conf->metrics || *conf->metrics) &&
		strings_are_there(&conf->signer_providers) && conf->files.count &&
		strings_are_there(&conf->files);

	for (size_t i = 0; i < conf->n_profiles; i++) {
		sane = sane && profile_is_sane(&conf->profiles[i]);
		for (size_t j = 0; j < i; j++)
			sane = sane && strcmp(conf->profiles[i].name, conf->profiles[j].name);
	}
	return sane;
}

/* "FILE: words" or "FILE:LINE: words", in one line, of a line that there is. */
static bool is_said(const char *why, const char *file, unsigned long lines)
{
	const char *at = why + strlen(file);
	unsigned long line;
	char *end;

	for (const char *c = why; *c; c++)
		if (iscntrl((unsigned char)*c))
			return false;
	if (strncmp(why, file, strlen(file)) || *at++ != ':')
		return false;
	if (*at != ' ') {
		line = strtoul(at, &end, 10);
		if (end == at || *end != ':' || line < 1 || line > lines)
			return false;
		at = end + 1;
	}
	return *at == ' ' && at[1] && !strstr(at, "out of memory");
}

static void put(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(name, "w");

	if (!file || (len && fwrite(text, 1, len, file) != len) || fclose(file))
		abort();
}

static struct text text, included;
static unsigned long taken;

#define WHY_MAX	2048

/* With so much room for what is wrong. Returns whether it went well. */
static bool try(size_t room)
{
	static const char file[] = "kseald.conf";
	static const struct conf none;
	static char why[WHY_MAX];
	struct conf conf;
	bool good;

	memset(why, 'x', sizeof(why));
	if (!conf_read(&conf, file, why, room)) {
		taken++;
		good = is_sane(&conf);
		if (!good)
			note("taken, and not in bounds");
	} else {
		good = !memcmp(&conf, &none, sizeof(none)) && memchr(why, '\0', room) &&
			(room < sizeof(why) || is_said(why, file, lines_of(text.at, text.len)) ||
			 is_said(why, "more.conf", lines_of(included.at, included.len)));
		why[sizeof(why) - 1] = '\0';
		if (!good)
			note("refused: %s", why);
	}
	conf_free(&conf);
	return good && !memcmp(&conf, &none, sizeof(none));
}

static void configurations(time_t seconds)
{
	unsigned long n = 0, bad = 0;

	fuzz_target(seconds);
	for (; !bad && fuzz_next(); n++) {
		make(&text);
		put("kseald.conf", text.at, text.len);
		included.len = 0;
		insert(&included, 0, more, sizeof(more) - 1);
		if (!chance(4))
			change_text(&included);
		put("more.conf", included.at, included.len);
		bad += !try(chance(16) ? WHY_MAX : 1 + chance(80));
	}
	if (bad)
		fuzz_again();
	ok(!bad && taken && taken < n, "%lu changed configurations, of which %lu were still good", n,
	   taken);
}

/* As they are: what is changed has to be good for something. */
static void unchanged(void)
{
	unsigned long good;

	put("more.conf", more, sizeof(more) - 1);
	for (size_t i = 0; i < n_bases; i++) {
		good = taken;
		put("kseald.conf", bases[i], strlen(bases[i]));
		ok(try(WHY_MAX) && taken == good + 1, "configuration %zu, as it is", i);
	}
}

/* What was refused without a word once. */
static void found(void)
{
	static const char *const cases[] = {
		"\"\"", "''\n", "workers = 2 \"\"\n", "profile p {\n\tca = { a, b } ''\n}\n",
		"profile p { \"\" }", "profile p { certificate { '' } }",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		text.len = included.len = 0;
		insert(&text, 0, cases[i], strlen(cases[i]));
		put("kseald.conf", text.at, text.len);
		ok(try(WHY_MAX) && !taken, "what was found before, %zu", i);
	}
}

int main(void)
{
	time_t seconds = fuzz_begin();

	if (!mkdtemp(dir) || chdir(dir))
		abort();
	make_bases();
	found();
	unchanged();
	configurations(seconds / 4 ?: 1);
	for (size_t i = 0; i < n_bases; i++)
		free(bases[i]);
	if (tap_failed) {
		note("the last are in %s", dir);
	} else {
		unlink("kseald.conf");
		unlink("more.conf");
		rmdir(dir);
	}
	return done_testing();
}
