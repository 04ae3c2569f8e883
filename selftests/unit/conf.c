// SPDX-License-Identifier: GPL-2.0-or-later
/* kseald.conf: what it says, what is wrong with it and in which line. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "conf.h"
#include "embed.h"
#include "tap.h"

#define PIN "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

/* What an administrator reads first, as text: example[], and manual[]. */
TEXT_OF(example, "../../helper/kseald.conf");
TEXT_OF(manual, "../../docs/man/kseald.conf.5");

static char dir[] = "/tmp/kseal-conf.XXXXXX";
static struct conf conf;
static char why[512];

static void write_file(const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(name, "w");

	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file))
		abort();
}

static void put(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static int read_text(const char *text)
{
	conf_free(&conf);
	put("kseald.conf", text);
	strcpy(why, "nothing");
	return conf_read(&conf, "kseald.conf", why, sizeof(why));
}

/* wanted NULL: has to be there and be nothing */
static bool same(const char *got, const char *wanted)
{
	if (got && wanted ? !strcmp(got, wanted) : got == wanted)
		return true;
	note("got %s, not %s", got ?: "nothing", wanted ?: "nothing");
	return false;
}

/* wanted: the strings with a blank between */
static bool list_is(const struct string_list *list, const char *wanted)
{
	char got[1024] = "";
	size_t len = 0;

	for (size_t i = 0; i < list->count; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s", i ? " " : "",
					list->at[i]);
	return same(got, wanted);
}

static const char full[] =
	"# a comment, with \"a quote\n"
	"workers = 4 // another\n"
	"/* and { a\n   third */ handshakes = 100\n"
	"log = debug\n"
	"user = kseald\n"
	"signer-user = \"kseald-signer\"\n"
	"signer-providers = { \"pkcs11\", /usr/lib/tpm2.so }\n"
	"signer-threads = 8\n"
	"metrics = \"run/metrics.prom\"\n"
	"profile \"default\" {\n"
	"	role = server\n"
	"	certificate {\n"
	"		chain = \"ecdsa.pem\"  # comment\n"
	"		key = \"/keys/ecdsa.key\"\n"
	"		staple = 'ecdsa.ocsp'\n"
	"	}\n"
	"	certificate { chain = rsa.pem key = \"pkcs11:object=o?pin-value=1\" pin = rsa.pin }\n"
	"	crls = { \"a.crl\", # in a list\n"
	"		\"b.crl\", }\n"
	"	clients = required\n"
	"	client-ca = { \"clients.pem\", /etc/ca.pem }\n"
	"	alpn = { \"h2\", \"http/1.1\" }\n"
	"	versions = { \"1.3\", \"1.2\" }\n"
	"	groups = { \"X25519MLKEM768\", \"P-256\" }\n"
	"	suites = { \"TLS_AES_128_GCM_SHA256\" }\n"
	"	rsa-key-transport = yes\n"
	"	psk = \"psk.txt\"\n"
	"	tickets = on\n"
	"	ticket-keys = \"tickets\"\n"
	"	ticket-lifetime = 600\n"
	"	record-max = 1024\n"
	"	padding = 256\n"
	"	dynamic = true\n"
	"}\n"
	"profile outside {\n"
	"	role = client\n"
	"	server-name = www.example.org\n"
	"	ca = { \"ca.pem\" }\n"
	"	ca += { \"more.pem\" }\n"
	"	pins = \"sha256:" PIN "\"\n"
	"	versions = { 1.2 }\n"
	"	tickets = no\n"
	"}\n";

static void reads_full_server(const struct settings *s)
{
	ok(!strcmp(s->name, "default") && s->role == SETTINGS_ROLE_SERVER, "full: name and role");
	if (ok(s->n_certs == 2, "full: two certificates")) {
		ok(same(s->certs[0].chain, "ecdsa.pem") &&
		   same(s->certs[0].key, "/keys/ecdsa.key") &&
		   same(s->certs[0].staple, "ecdsa.ocsp"), "full: the first certificate");
		ok(same(s->certs[1].chain, "rsa.pem") && same(s->certs[1].pin, "rsa.pin") &&
		   same(s->certs[1].key, "pkcs11:object=o?pin-value=1") &&
		   same(s->certs[1].staple, NULL), "full: the second certificate");
	}
	ok(list_is(&s->ca, "") && list_is(&s->pins, ""), "full: no ca, no pins");
	ok(list_is(&s->crls, "a.crl b.crl"), "full: crls");
	ok(s->clients == SETTINGS_CLIENTS_REQUIRED &&
	   list_is(&s->client_ca, "clients.pem /etc/ca.pem"), "full: clients, client-ca");
	ok(list_is(&s->alpn, "h2 http/1.1"), "full: alpn");
	ok(s->version_min == KSEAL_VERSION_1_2 && s->version_max == KSEAL_VERSION_1_3,
	   "full: versions, whatever their order");
	ok(list_is(&s->groups, "X25519MLKEM768 P-256"), "full: groups");
	ok(list_is(&s->suites, "TLS_AES_128_GCM_SHA256"), "full: suites");
	ok(s->rsa_key_transport, "full: rsa-key-transport");
	ok(same(s->psk, "psk.txt"), "full: psk");
	ok(s->tickets && same(s->ticket_keys, "tickets") && s->ticket_lifetime == 600,
	   "full: tickets");
	ok(s->shape.record_max == 1024 && s->shape.padding == 256 && s->shape.dynamic,
	   "full: records");
}

static void reads_full(void)
{
	const struct settings *s;

	if (!ok(!read_text(full), "full: is read")) {
		note("%s", why);
		return;
	}
	ok(conf.workers == 4 && conf.handshakes == 100, "full: workers, handshakes");
	ok(conf.log == LOG_LEVEL_DEBUG, "full: log");
	ok(same(conf.signer_user, "kseald-signer") && conf.signer_threads == 8 &&
	   list_is(&conf.signer_providers, "pkcs11 /usr/lib/tpm2.so") && conf_has_uri(&conf),
	   "full: the signer");
	ok(same(conf.user, "kseald") && same(conf.metrics, "run/metrics.prom"),
	   "full: user, metrics");
	if (!ok(conf.n_profiles == 2, "full: two profiles"))
		return;
	reads_full_server(&conf.profiles[0]);
	s = &conf.profiles[1];
	ok(!strcmp(s->name, "outside") && s->role == SETTINGS_ROLE_CLIENT, "full: a client");
	ok(same(s->server_name, "www.example.org"), "full: server-name");
	ok(list_is(&s->ca, "ca.pem more.pem"), "full: ca, += appends");
	ok(list_is(&s->pins, PIN), "full: pins, without their prefix");
	ok(s->version_min == KSEAL_VERSION_1_2 && s->version_max == KSEAL_VERSION_1_2,
	   "full: one version");
	ok(!s->tickets && !s->n_certs, "full: no tickets, no certificate");
}

static void reads_defaults(void)
{
	static const char text[] = "profile \"p\" { }";
	struct settings wanted;
	const struct settings *s;

	if (!ok(!read_text(text) && conf.n_profiles == 1, "defaults: are read")) {
		note("%s", why);
		return;
	}
	ok(conf.workers == 1 && conf.handshakes == 16384 && conf.log == LOG_LEVEL_INFO,
	   "defaults: workers, handshakes, log");
	ok(!conf.user && !conf.metrics, "defaults: no user, no metrics");
	ok(!conf.signer_user && !conf.signer_providers.count && conf.signer_threads == 4 &&
	   !conf_has_uri(&conf), "defaults: of a signer that there is not");
	s = &conf.profiles[0];
	settings_default(&wanted, "p");
	ok(!memcmp(s, &wanted, sizeof(wanted)), "defaults: the profile is as without a file");
	ok(s->role == SETTINGS_ROLE_BOTH && s->clients == SETTINGS_CLIENTS_NONE && s->tickets &&
	   s->ticket_lifetime == 7200, "defaults: role, clients, tickets");
	ok(!s->version_min && !s->version_max, "defaults: all versions");
}

/* Read from elsewhere: each name of a file is from the file's directory, and nothing else is. */
static void reads_names(void)
{
	const struct settings *s;
	char path[128], wanted[128];

	snprintf(path, sizeof(path), "%s/kseald.conf", dir);
	snprintf(wanted, sizeof(wanted), "%s/a", dir);
	put("kseald.conf", "metrics = a user = a signer-user = a signer-providers = a "
	    "profile a { certificate { chain = a key = a staple = a } "
	    "certificate { chain = 'a:b' key = 'a:b' pin = a } ca = { a, /b } crls = a client-ca = a clients = optional psk = a "
	    "ticket-keys = a alpn = a groups = a suites = a }");
	conf_free(&conf);
	if (!ok(!conf_read(&conf, path, why, sizeof(why)), "names: are read")) {
		note("%s", why);
		return;
	}
	s = &conf.profiles[0];
	ok(same(conf.metrics, wanted) && same(s->psk, wanted) && same(s->ticket_keys, wanted) &&
	   same(s->certs[0].chain, wanted) && same(s->certs[0].key, wanted) &&
	   same(s->certs[0].staple, wanted), "names: from the directory of the file");
	ok(same(s->ca.at[0], wanted) && same(s->ca.at[1], "/b") && list_is(&s->crls, wanted) &&
	   list_is(&s->client_ca, wanted), "names: in a list, absolute ones as they are");
	ok(same(s->certs[1].key, "a:b") && same(s->certs[1].pin, wanted) &&
	   !strcmp(s->certs[1].chain + strlen(dir), "/a:b"), "names: a key's can be a URI");
	ok(same(conf.user, "a") && same(conf.signer_user, "a") &&
	   list_is(&conf.signer_providers, "a") && same(s->name, "a") && list_is(&s->alpn, "a") &&
	   list_is(&s->groups, "a") && list_is(&s->suites, "a"), "names: of other things");
}

#define P "profile \"p\" {\n"

static const struct {
	const char *text, *wanted;	/* wanted: after the file's name */
} wrong[] = {
	/* keys and syntax */
	{ "", ": there is no profile" },
	{ "workers = 2\n", ": there is no profile" },
	{ "workers = 2\nworker = 3\n" P "}", ":2: no such option 'worker'" },
	{ "# 1\n/* 2\n */ // 3\n" P "\n# 6\nalpnn = { }\n}", ":7: no such option 'alpnn'" },
	{ P "certificate {\nchian = a\n}}", ":3: no such option 'chian'" },
	{ P "profile q {\n}\n}\n", ":2: no such option 'profile'" },
	{ P "workers = 2\n}", ":2: no such option 'workers'" },
	{ P "}\nprofile|role = client\n", ":3: there is a | outside of quotes" },
	{ P "psk = |\n}", ":2: there is a | outside of quotes" },
	{ P "}\n\"profile|role\" = client\n", ":3: the name of a key is in quotes" },
	{ P "'alpn'\n += { }\n}\n", ":2: the name of a key is in quotes" },
	{ P "\n\nalpn \"h2\"\n}", ":4: missing equal sign after option 'alpn'" },
	{ P "alpn = { \"h2\"\n \"h3\" }\n}", ":3: unexpected token" },
	{ "profile {\n}", ":1: missing title" },
	{ P "}\n}\n", ":3: unexpected closing brace" },
	{ P "\ntickets = yes\n", ":1: the { in this line is not closed" },
	{ P "certificate {\n\n}\n", ":1: the { in this line is not closed" },
	{ P "certificate {\n\n", ":2: the { in this line is not closed" },
	{ "\n{{{{{{{{\n{ }", ":3: there are too many {" },
	{ P "\npsk = \"psk\n}\n\"", ":3: a string is not closed in this line: write \"" },
	{ P "\npsk = 'psk\\'\n}\n", ":3: a string is not closed in this line: write '" },
	{ P "psk = \"a\\", ":2: a string is not closed" },
	{ P "}\n/* until\nthe end", ":3: the comment that begins here is not closed" },
	{ P "psk = \"a${HOME}\"\n}", ":2: ${...} is not replaced" },
	{ P "psk = ${HOME}\n}", ":2: ${...} is not replaced" },
	{ P "psk = a${HOME}\n}", ":2: ${...} is not replaced" },
	{ "log = debug\n" P "}\nprofile p {\n}\n", ":4: found duplicate title 'p'" },
	{ P "}\nlog =", ":3: premature end of file" },
	{ P "}\nlo\001 = 2", ":3: no such option 'lo?'" },

	/* values */
	{ "\nworkers = 0\n" P "}", ":2: workers takes a number from 1 to 64, not \"0\"" },
	{ "workers = 65\n" P "}", ":1: workers takes" },
	{ "workers = many\n" P "}", ":1: workers takes" },
	{ "workers = 1x\n" P "}", ":1: workers takes" },
	{ "workers = -1\n" P "}", ":1: workers takes" },
	{ "workers = \"\"\n" P "}", ":1: workers takes" },
	{ "workers = 18446744073709551617\n" P "}", ":1: workers takes" },
	{ "handshakes = 0\n" P "}", ":1: handshakes takes a number from 1 to 1048576" },
	{ "handshakes = 1048577\n" P "}", ":1: handshakes takes" },
	{ P "}\nlog = loud\n",
	  ":3: log takes one of error, warning, notice, info, debug, not \"loud\"" },
	{ P "}\nuser = \"\"\n", ":3: user is empty" },
	{ P "}\nsigner-user = \"\"\n", ":3: signer-user is empty" },
	{ P "}\nsigner-providers = { a, \"\" }\n", ":3: signer-providers is empty" },
	{ P "}\nsigner-threads = 0\n", ":3: signer-threads takes a number from 1 to 64" },
	{ P "}\nmetrics = \"\"\n", ":3: metrics is empty" },
	{ P "role = serve\n}", ":2: role takes one of both, server, client, not \"serve\"" },
	{ P "clients = yes\n}", ":2: clients takes one of none, optional, required" },
	{ P "tickets = maybe\n}", ":2: tickets takes yes or no, not \"maybe\"" },
	{ P "dynamic = 1\n}", ":2: dynamic takes yes or no" },
	{ P "rsa-key-transport = 2\n}", ":2: rsa-key-transport takes yes or no" },
	{ P "ticket-lifetime = 0\n}", ":2: ticket-lifetime takes a number from 1 to 604800" },
	{ P "ticket-lifetime = 604801\n}", ":2: ticket-lifetime takes" },
	{ P "record-max = 62\n}", ":2: record-max takes a number from 63 to 16384" },
	{ P "record-max = 16385\n}", ":2: record-max takes" },
	{ P "padding = 16386\n}", ":2: padding takes a number from 0 to 16385" },
	{ P "versions = {\n\"1.3\",\n\"1.1\" }\n}",
	  ":4: versions: kseald does not speak TLS \"1.1\"" },
	{ P "alpn = { \"h2\",\n\"\" }\n}", ":3: alpn: a protocol has 1 to 255 bytes, not 0" },
	{ P "groups = {\n\"X25519:P-256\" }\n}", ":3: groups: \"X25519:P-256\" is not a name" },
	{ P "suites = { \"@SECLEVEL=0\" }\n}", ":2: suites: \"@SECLEVEL=0\" is not a name" },
	{ P "suites = { \"\" }\n}", ":2: suites: \"\" is not a name" },
	{ P "ca = { \"\" }\n}", ":2: ca is empty" },
	{ P "crls = { a, \"\" }\n}", ":2: crls is empty" },
	{ P "psk = \"\"\n}", ":2: psk is empty" },
	{ P "pins = { \"" PIN "\" }\n}", ":2: pins: \"" PIN "\" is not a pin" },
	{ P "pins = { \"sha1:" PIN "\" }\n}", ":2: pins: " },
	{ P "pins = { \"sha256:47DEQpj8\" }\n}", ":2: pins: " },
	{ P "pins = { \"sha256:" PIN "=\" }\n}", ":2: pins: " },
	/* 31 bytes; a sign that is not base64; bits that no byte has */
	{ P "pins = { \"sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==\" }\n}", ":2: pins: " },
	{ P "pins = { \"sha256:47DEQpj8HBSa-/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\" }\n}", ":2: pins: " },
	{ P "pins = { \"sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\" }\n}", ":2: pins: " },

	/* several keys together: the line in which the section begins */
	{ P "certificate { chain = a key = b }\n\ncertificate {\nchain = c\n}\n}",
	  ":4: this certificate has no key: write key = \"FILE\" too" },
	{ P "certificate { chain = a\nkey = b\npin = c\n}\n}",
	  ":2: pin is for keys of stores, this one is a file" },
	{ P "certificate {\nkey = c\n}\n}", ":2: this certificate has no chain" },
	{ P "certificate { }\n}", ":2: this certificate has no chain" },
	{ "\n\nprofile \"\" {\n}", ":3: a profile's name has 1 to 63 bytes" },
	{ "profile \"a b\" {\n}", ":1: a profile's name" },
	{ "profile \"a\\x7f\" {\n}", ":1: a profile's name" },
	{ "profile 0123456789012345678901234567890123456789012345678901234567890123 {\n}",
	  ":1: a profile's name" },
	{ P "}\nprofile q\n{\nrole = server\n}",
	  ":4: profile \"q\": role = server needs a certificate" },
	{ P "role = client\nclients = required\nclient-ca = a\n}",
	  ":1: profile \"p\": clients is for" },
	{ P "role = server\npsk = a\nserver-name = a\n}",
	  ":1: profile \"p\": server-name is for" },
	{ P "role = server\npsk = a\npins = { \"sha256:" PIN "\" }\n}",
	  ":1: profile \"p\": pins is for" },
	{ P "clients = optional\n}", ":1: profile \"p\": clients needs to know" },
	{ P "client-ca = { a }\n}", ":1: profile \"p\": client-ca is of no use" },
	{ P "tickets = no\nticket-keys = a\n}", ":1: profile \"p\": ticket-keys is of no use" },
	{ P "versions = { 1.3 }\nrsa-key-transport = yes\n}",
	  ":1: profile \"p\": rsa-key-transport" },
	{ P "include = \"x\"\n}", ":2: no such option 'include'" },
	{ P "}\n\ninclude = \"not-there\"\n",
	  ":4: include: not-there cannot be read: No such file" },
	{ "\n\n\ninclude = \"kseald.conf\"\n" P "}", ":4: more than 8 files include one another" },
};

/* An error, and nothing left behind. */
static bool fails_with(int ret, const char *file, const char *wanted)
{
	static const struct conf none;
	size_t len = strlen(file);
	bool good = ret == -1 && !strncmp(why, file, len) &&
		!strncmp(why + len, wanted, strlen(wanted)) && !memcmp(&conf, &none, sizeof(none));

	if (!good)
		note("returned %d, %s", ret, why);
	return good;
}

static void refuses(void)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ok(fails_with(read_text(wrong[i].text), "kseald.conf", wrong[i].wanted),
		   "error %s", wrong[i].wanted);
}

/* What does not fit into a string of C, or is no file. */
static void refuses_files(void)
{
	static const char nul[] = "# a\nlog = debug\n\0profile p { }\n";
	char alpn[300], *large;

	write_file("kseald.conf", nul, sizeof(nul) - 1);
	ok(fails_with(conf_read(&conf, "kseald.conf", why, sizeof(why)), "kseald.conf",
		      ":3: there is a NUL byte"), "error: a NUL byte");
	ok(fails_with(conf_read(&conf, "not-there", why, sizeof(why)), "not-there",
		      ": cannot be read: No such file"), "error: no file");
	ok(fails_with(conf_read(&conf, ".", why, sizeof(why)), ".",
		      ": cannot be read: Is a directory"), "error: a directory");
	large = malloc((1 << 20) + 2);
	if (!large)
		abort();
	memset(large, '\n', (1 << 20) + 1);
	memcpy(large, "profile p { }", 13);
	large[1 << 20] = '\0';
	ok(!read_text(large), "a large file");
	large[1 << 20] = '\n';
	large[(1 << 20) + 1] = '\0';
	ok(fails_with(read_text(large), "kseald.conf", ": cannot be read: File too large"),
	   "error: a file too large");
	free(large);
	snprintf(alpn, sizeof(alpn), "profile p { alpn = %0255d }", 0);
	ok(!read_text(alpn), "alpn: 255 bytes");
	snprintf(alpn, sizeof(alpn), "profile p { alpn = %0256d }", 0);
	ok(fails_with(read_text(alpn), "kseald.conf", ":1: alpn: a protocol has 1 to 255 bytes"),
	   "error: alpn: 256 bytes");
	put("kseald.conf", "profile");
	memset(why, 'x', sizeof(why));
	conf_read(&conf, "kseald.conf", why, 20);
	ok(strlen(why) == 19 && why[20] == 'x', "error: as much of it as there is room for");
}

static void includes(void)
{
	put("more.conf", "log = debug\n\nprofile q {\n\npsk = \"q.psk\"\n}\n");
	if (ok(!read_text("log = error\nuser = u\ninclude = more.conf\nworkers = 3\n" P "}\n"),
	       "include: is read"))
		ok(conf.n_profiles == 2 && !strcmp(conf.profiles[0].name, "q") &&
		   !strcmp(conf.profiles[1].name, "p") && conf.log == LOG_LEVEL_DEBUG &&
		   conf.workers == 3 && same(conf.profiles[0].psk, "q.psk"),
		   "include: as if it stood there");
	else
		note("%s", why);
	ok(fails_with(read_text("include = more.conf\n\nworkers = 0\n"), "kseald.conf",
		      ":3: workers takes"), "include: lines go on afterwards");
	put("more.conf", "\nlog = loud\n");
	ok(fails_with(read_text("\n\n\ninclude = more.conf\n"), "more.conf", ":2: log takes"),
	   "include: an error in it");
	put("more.conf", "\n\nprofile q { psk = \"\n");
	ok(fails_with(read_text("include = more.conf\n"), "more.conf", ":3: a string is not"),
	   "include: a string that is not closed in it");
	put("more.conf", "log = debug\nprofile q {\n\n");
	ok(fails_with(read_text("include = more.conf\n}\n"), "more.conf", ":2: the { in this"),
	   "include: a brace that is not closed in it");
	put("more.conf", "profile p {\nclients = optional\n}\n");
	ok(fails_with(read_text("\n\ninclude = more.conf\n"), "more.conf", ":1: profile \"p\": cl"),
	   "include: keys that do not fit in it");
	/* more often than libconfuse's own would go wrong */
	put("more.conf", "log = loud\n");
	for (int i = 0; i < 20; i++)
		read_text("include = more.conf\n");
	ok(!read_text(P "}"), "after 20 errors in an included file, a good file");
}

/* The example as it is installed, and with all that is commented out in it. */
static void reads_example(void)
{
	char *text = strdup(example), *from, *to;
	struct settings wanted;

	if (!text)
		abort();
	if (!ok(!read_text(example), "the example is read"))
		note("%s", why);
	settings_default(&wanted, "default");
	ok(conf.n_profiles == 1 && !memcmp(&conf.profiles[0], &wanted, sizeof(wanted)) &&
	   conf.workers == 1 && conf.signer_threads == CONF_SIGNER_THREADS && !conf.user,
	   "the example says what the defaults are");
	/* a comment has a blank behind its sign */
	for (from = to = text; *from; from++)
		if (*from != '#' || from[1] == ' ' || from[1] == '\n')
			*to++ = *from;
	*to = '\0';
	put("more.conf", "");
	if (!ok(!read_text(text) && conf.profiles[0].n_certs == 2 && conf.user,
		"the example without comments"))
		note("%s", why);
	free(text);
}

static void reads_manual(void)
{
	static const char head[] = ".Sh EXAMPLES\n.Bd -literal -offset indent\n";
	const char *start = strstr(manual, head);
	const char *end = start ? strstr(start, ".Ed\n") : NULL;
	char *text = NULL;

	if (end)
		text = strndup(start + strlen(head), (size_t)(end - start) - strlen(head));
	if (!ok(text && !read_text(text) && conf.n_profiles == 3, "the manual's example"))
		note("%s", why);
	free(text);
}

/* A good file with up to 8 places changed. Returns its length. */
static size_t mutate(char *text, size_t room)
{
	static const char *const pieces[] = {
		"\"", "'", "{", "}", "#", "//", "/*", "*/", "=", "+=", ",", "(", ")", "\n", "\\",
		"|", "${", "$", " ", "\r\n", "\\400", "\\x", "include = kseald.conf\n", "profile",
		"'profile=", "certificate", "-", "99999999999999999999", "%s%n",
	};
	size_t len = sizeof(full) - 1;
	long changes = 1 + random() % 8;

	memcpy(text, full, len);
	while (changes--) {
		size_t at = (size_t)random() % (len + 1), many = (size_t)random() % 20;
		const char *piece = pieces[(size_t)random() % (sizeof(pieces) / sizeof(*pieces))];

		switch (random() % 4) {
		case 0:			/* a byte, any */
			if (at < len)
				text[at] = (char)random();
			break;
		case 1:			/* something is gone */
			if (many > len - at)
				many = len - at;
			memmove(text + at, text + at + many, len - at - many);
			len -= many;
			break;
		case 2:			/* the end is gone, now and then */
			if (random() % 4 == 0)
				len = at;
			break;
		default:
			if (len + strlen(piece) > room)
				break;
			memmove(text + at + strlen(piece), text + at, len - at);
			memcpy(text + at, piece, strlen(piece));
			len += strlen(piece);
		}
	}
	return len;
}

static void survives_garbage(void)
{
	char text[sizeof(full) + 1024];
	unsigned int good = 0, bad = 0;
	bool named = true;

	srandom(1);
	for (int i = 0; i < 2000; i++) {
		int ret;

		write_file("kseald.conf", text, mutate(text, sizeof(text)));
		conf_free(&conf);
		why[0] = '\0';
		ret = conf_read(&conf, "kseald.conf", why, sizeof(why));
		good += ret == 0;
		bad += ret == -1;
		if (ret && (strncmp(why, "kseald.conf:", 12) || strchr(why, '\n') ||
			    conf.profiles)) {
			note("mutation %d: %s", i, why);
			named = false;
		}
	}
	note("%u were good, %u were not", good, bad);
	ok(good + bad == 2000 && good && bad, "2000 mutations are read, or are not");
	ok(named, "what is wrong names the file");
	if (!ok(!read_text(full), "and a good file is read afterwards"))
		note("%s", why);
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir))
		abort();
	reads_full();
	reads_defaults();
	reads_names();
	refuses();
	refuses_files();
	includes();
	reads_example();
	reads_manual();
	survives_garbage();
	conf_free(&conf);
	unlink("kseald.conf");
	unlink("more.conf");
	if (chdir("/") || rmdir(dir))
		note("%s is left", dir);
	return done_testing();
}
