// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys in a PKCS#11 token, SoftHSM's, through a signer as kseald has it: by the engine and by
 * the provider, as far as they are installed. The rest of the signer is in signer.c.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <sys/stat.h>
#include "signing.h"

#define MODULE	"/usr/lib/softhsm/libsofthsm2.so"
#define TOKEN	"pkcs11:token=kseal;type=private;object="
#define AT_ONCE	200

static bool __attribute__((format(printf, 1, 2))) run(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return !system(command);
}

/* A token with keys of profile.h. */
static bool make_token(void)
{
	static const char *const names[] = { "rsa", "ec" };
	char text[256];

	if (access(MODULE, R_OK) || !run("command -v softhsm2-util >/dev/null"))
		return false;
	snprintf(text, sizeof(text), "directories.tokendir = %s\nobjectstore.backend = file\n",
		 path_of("tokens", ""));
	write_bytes(path_of("softhsm2", ".conf"), text, strlen(text));
	write_bytes(path_of("right", ".pin"), PIN "\n", strlen(PIN) + 1);
	write_bytes(path_of("wrong", ".pin"), "1" PIN "\n", strlen(PIN) + 2);
	chmod(path_of("right", ".pin"), 0600);
	chmod(path_of("wrong", ".pin"), 0600);
	setenv("SOFTHSM2_CONF", path_of("softhsm2", ".conf"), 1);
	/* of the engine and of the provider, which else go by p11-kit */
	setenv("PKCS11_MODULE_PATH", MODULE, 1);
	setenv("PKCS11_PROVIDER_MODULE", MODULE, 1);
	if (!run("mkdir %s", path_of("tokens", "")) ||
	    !run("softhsm2-util --init-token --free --label kseal --so-pin 1%s --pin %s >/dev/null", PIN, PIN))
		abort();
	for (size_t i = 0; i < 2; i++)
		/* it takes PKCS#8 alone */
		if (!run("openssl pkcs8 -topk8 -nocrypt -in %s -out %s", path_of(names[i], ".key"),
			 path_of(names[i], ".p8")) ||
		    !run("softhsm2-util --import %s --token kseal --label %s --id %02zu --pin %s >/dev/null",
			 path_of(names[i], ".p8"), names[i], i, PIN))
			abort();
	return true;
}

static void write_conf(FILE *file, const char *cert, const char *uri, const char *query, const char *pin)
{
	fprintf(file, "certificate {\n\tchain = \"%s\"\n\tkey = \"%s%s\"\n", path_of(cert, ".pem"), uri, query);
	if (pin)
		fprintf(file, "\tpin = \"%s\"\n", path_of(pin, ".pin"));
	fprintf(file, "}\n");
}

/* What the signer may load, in a file. */
static void configure(const char *prefix, const char *provider)
{
	static const char *const names[] = { "rsa", "ec" };
	static char path[160];
	FILE *file;
	char uri[256];

	snprintf(path, sizeof(path), "%s", path_of("kseald", ".conf"));
	config.file = path;
	file = fopen(path, "w");
	if (!file)
		abort();
	if (provider)
		fprintf(file, "signer-providers = { \"%s\" }\n", provider);
	fprintf(file, "profile default {\n");
	for (size_t i = 0; i < 2; i++) {
		snprintf(uri, sizeof(uri), "%s" TOKEN "%s", prefix, names[i]);
		write_conf(file, names[i], uri, "", "right");
		write_conf(file, names[i], uri, "", "wrong");
		write_conf(file, names[i], uri, "", NULL);
		write_conf(file, names[i], uri, "?pin-value=" PIN, NULL);
	}
	snprintf(uri, sizeof(uri), "%s" TOKEN "%s", prefix, "nobody");
	write_conf(file, "ec", uri, "?pin-value=" PIN, NULL);
	fprintf(file, "}\n");
	if (fclose(file))
		abort();
}

/* cert's profile, its key in the token; pin: a file's name, or NULL. */
static struct settings in_token(const char *prefix, const char *cert, const char *object,
				const char *query, const char *pin)
{
	struct settings settings;
	char uri[256];

	snprintf(uri, sizeof(uri), "%s" TOKEN "%s%s", prefix, object, query);
	settings = profile_uri(cert, uri);
	if (pin)
		settings.certs[0].pin = strdup(path_of(pin, ".pin"));
	return settings;
}

static void handshakes(const char *prefix)
{
	static const char *const names[] = { "rsa", "ec" };
	char what[128];

	for (size_t i = 0; i < 4; i++) {
		struct settings serving = i < 2 ?
			in_token(prefix, names[i % 2], names[i % 2], "", "right") :
			in_token(prefix, names[i % 2], names[i % 2], "?pin-value=" PIN, NULL);
		struct settings connecting = profile(NULL);
		struct both b = {
			helper_with(&serving), helper_with(&connecting),
			relay_new(KSEAL_ROLE_SERVER, NULL), relay_new(KSEAL_ROLE_CLIENT, NAME),
		};

		if (i >= 2) {
			struct settings old = profile(NULL);

			old.version_max = KSEAL_VERSION_1_2;
			helper_free(b.connecting);
			b.connecting = helper_with(&old);
		}
		relay_signed(b.connecting, b.client, b.serving, b.server);
		snprintf(what, sizeof(what), "%s in a token, TLS 1.%d, PIN %s", names[i % 2],
			 i < 2 ? 3 : 2, i < 2 ? "from a file" : "in the URI");
		succeeds(b, what);
		both_free(&b);
	}
}

/* More than there are threads, of one key. */
static void at_once(const char *prefix)
{
	struct settings settings = in_token(prefix, "ec", "ec", "", "right");
	struct helper *helper = helper_with(&settings);
	static struct sign_message message;
	uint64_t key = 0;
	unsigned int done = 0;

	/* which number it has is not told */
	for (uint64_t number = 1; number < 100; number++) {
		message.head = (struct sign_head){
			.type = SIGN_SIGN, .scheme = SIGN_ECDSA, .hash = SIGN_SHA256, .key = number,
		};
		if (send(keeper.workers[0], &message, sizeof(message.head) + 32, 0) < 0 ||
		    recv(keeper.workers[0], &message, sizeof(message), 0) < 0)
			abort();
		if (message.head.type == SIGN_DONE)
			key = number;
	}
	for (uint64_t id = 1; id <= AT_ONCE; id++) {
		message.head = (struct sign_head){
			.type = SIGN_SIGN, .scheme = SIGN_ECDSA, .hash = SIGN_SHA256, .key = key, .id = id,
		};
		if (send(keeper.workers[0], &message, sizeof(message.head) + 32, 0) < 0)
			abort();
	}
	for (uint64_t id = 1; id <= AT_ONCE; id++) {
		if (recv(keeper.workers[0], &message, sizeof(message), 0) < 0)
			abort();
		done += message.head.type == SIGN_DONE;
	}
	ok(key && done == AT_ONCE, "%u signatures of one key at once", done);
	helper_free(helper);
}

static void tests(const char *prefix, const char *provider)
{
	note("%s", provider ?: "engine");
	configure(prefix, provider);
	begin_signer();
	/* first: a token that has had its PIN does not ask again */
	refused(in_token(prefix, "ec", "ec", "", NULL), "a PIN is asked for", "no PIN");
	refused(in_token(prefix, "ec", "ec", "", "wrong"), "is the PIN right?", "a wrong PIN");
	handshakes(prefix);
	at_once(prefix);
	refused(in_token(prefix, "ec", "nobody", "?pin-value=" PIN, NULL), "no private key could be opened",
		"a key that is not there");
	refused(in_token(prefix, "ec", "rsa", "", "right"), "of another type", "a key of another type");
	ok(end_signer(), "the signer ends when it is told to");
}

int main(void)
{
	make_files();
	if (!make_token()) {
		ok(true, "keys in a token # SKIP there is no SoftHSM here: install softhsm2");
		remove_files();
		return done_testing();
	}
	/* not looked for in this process: each signer is to have its own */
	if (run("openssl engine pkcs11 >/dev/null 2>&1"))
		tests("org.openssl.engine:pkcs11:", NULL);
	else
		ok(true, "by an engine # SKIP install libengine-pkcs11-openssl");
	if (run("openssl list -providers -provider pkcs11 >/dev/null 2>&1"))
		tests("", "pkcs11");
	else
		ok(true, "by a provider # SKIP install pkcs11-provider");
	ok(!remove_files(), "the files are gone");
	return done_testing();
}
