// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys that are in the signer (helper/signer.h): each type and version in whole handshakes,
 * through a process as kseald has it; a signer that is slow, fails, dies; and messages that
 * are none. Tokens are in token.c, threads in worker.c.
 */
/* for an engine, which is what Debian 12 has for tokens */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <sys/stat.h>
#include <openssl/provider.h>
#include "signing.h"

/* ---- what succeeds ---- */

static void types(void)
{
	static const char *const names[] = { "ec", "rsa", "ed" };
	char what[128];

	for (size_t i = 0; i < 6; i++) {
		const char *name = names[i / 2];
		uint16_t version = i % 2 ? KSEAL_VERSION_1_2 : KSEAL_VERSION_1_3;
		struct settings serving = profile_uri(name, key_uri("file:", name));
		struct both b;

		serving.version_max = serving.version_min = version;
		shake_signed(serving, profile(NULL), &b);
		snprintf(what, sizeof(what), "a server's key, %s, TLS 1.%d", name, version - 0x301);
		succeeds(b, what);
		both_free(&b);

		serving = profile("ec");
		serving.version_max = serving.version_min = version;
		serving.clients = SETTINGS_CLIENTS_REQUIRED;
		string_list_add(&serving.client_ca, path_of("ca", ".pem"));
		shake_signed(serving, profile_uri(name, key_uri("file:", name)), &b);
		snprintf(what, sizeof(what), "a client's key, %s, TLS 1.%d", name, version - 0x301);
		succeeds(b, what);
		ok(strstr(b.server->peer_identity, name), "it shows: %s", b.server->peer_identity);
		both_free(&b);
	}
}

/* RFC 5246 7.4.7.1, with what OpenSSL's client encrypts; cheat: with something else in it. */
static void key_transport(bool cheat)
{
	struct settings settings = profile_uri("rsa", key_uri("file:", "rsa"));
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct relay_end *wire = relay_new(end->role, NULL);
	struct helper *helper;

	settings.version_max = KSEAL_VERSION_1_2;
	settings.rsa_key_transport = true;
	helper = asking = helper_with(&settings);
	SSL_set_max_proto_version(plain.ssl, TLS1_2_VERSION);
	SSL_set_cipher_list(plain.ssl, "AES128-GCM-SHA256");
	ends[0] = end;
	end->peer = wire;
	for (bool more = true; more;) {
		more = plain_step(&plain, end, wire);
		/* ClientKeyExchange: 5 bytes of record, 4 of handshake, 2 of length, then it */
		if (cheat && end->in_len > 100 && end->in[5] == 16) {
			end->in[50] ^= 1;
			cheat = false;
		}
		while (give(helper, end) || (request_count(helper->table) && end->asked && pump(5000)))
			more = true;
	}
	if (SSL_is_init_finished(plain.ssl))
		ok(end->done && !end->error && !strcmp(end->suite, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
		   "RSA key transport: %s%s", end->suite, end->reason);
	else
		/* RFC 5246 7.4.7.1: Finished fails, and nothing before it */
		expect_failure(end, EPROTO, 20, "bad_record_mac", "another secret was encrypted");
	end->peer = NULL;
	relay_free(wire);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* The first certificate has its key here, the one that is asked for has not. */
static void mixed(void)
{
	struct settings settings = profile("ec");
	struct both b;

	add_uri(&settings, "other", key_uri("file:", "other"));
	b.serving = helper_with(&settings);
	settings = profile(NULL);
	b.connecting = helper_with(&settings);
	b.server = relay_new(KSEAL_ROLE_SERVER, NULL);
	b.client = relay_new(KSEAL_ROLE_CLIENT, "other.example.org");
	relay_signed(b.connecting, b.client, b.serving, b.server);
	succeeds(b, "keys here and there in one profile");
	ok(!strcmp(b.client->peer_identity, "CN=other"), "the one that was asked for");
	both_free(&b);
}

/* Keys that are here have nothing to do with it. */
static void others_stay(void)
{
	static const char *const names[] = { "RSA", "EC", "ED25519" };
	struct both b = shake(profile("ec"), profile(NULL), NAME);

	succeeds(b, "a key that is here, beside");
	both_free(&b);
	for (size_t i = 0; i < 3; i++) {
		EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(NULL, names[i], NULL);
		EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL, i == 1 ? "ECDSA" : names[i], NULL);

		ok(!strcmp(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(keymgmt)), "default") &&
		   !strcmp(OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(signature)), "default"),
		   "%s is OpenSSL's own, if it is asked for by name", names[i]);
		EVP_KEYMGMT_free(keymgmt);
		EVP_SIGNATURE_free(signature);
	}
}

/* ---- what is refused ---- */

static struct settings with_pin(struct settings settings, const char *pin)
{
	settings.certs[0].pin = strdup(pin);
	return settings;
}

static struct settings old_rsa(const char *uri)
{
	struct settings settings = profile_uri("rsa", uri);

	settings.rsa_key_transport = true;
	return settings;
}

static void refusals(void)
{
	struct settings settings = profile_uri("ec", key_uri(SLOW, "ec"));
	struct helper *helper;

	refused(profile_uri("ec", key_uri("file:", "client")), "does not find this key in the configuration",
		"a key that the configuration does not name");
	refused(profile_uri("ec", key_uri("file:", "other")), "is not the key of the certificate",
		"the key of another certificate");
	refused(profile_uri("rsa", key_uri("file:", "ec")), "of another type", "a key of another type");
	refused(profile_uri("ec", "file:/nowhere/ec.key"), "No such file", "no file");
	refused(profile_uri("ec", "nonsense:ec"), "nothing that opens such a URI", "no such scheme");
	refused(profile_uri("ec", "org.openssl.engine:nonsense:ec"), "no engine \"nonsense\"", "no such engine");
	refused(profile_uri("ec", "org.openssl.engine:slow"), "write org.openssl.engine:ENGINE:KEY",
		"an engine without key");
	refused(profile_uri("ec", SLOW "/nowhere"), "no private key could be opened", "no such key");
	refused(profile_uri("ec", key_uri("file:", "locked")), "a PIN is asked for", "no PIN");
	refused(with_pin(profile_uri("locked", key_uri("file:", "locked")), path_of("wrong", ".pin")),
		"is the PIN right?", "a wrong PIN");
	refused(with_pin(profile_uri("locked", key_uri("file:", "locked")), path_of("empty", ".pin")),
		"has no PIN in its first line", "a file without PIN");
	refused(with_pin(profile_uri("ec", key_uri("file:", "locked")), "/nowhere/pin"),
		"cannot be read: No such file", "no file with the PIN");
	refused(profile_uri("ec", "pkcs11:object=o?pin-value=2468"), "pkcs11:object=o?pin-value=...:",
		"a PIN in a URI");
	/* an engine decrypts as it likes */
	refused(old_rsa(key_uri(SLOW, "rsa")), "leave rsa-key-transport out", "RSA key transport by an engine");
	settings.rsa_key_transport = true;
	helper = helper_with(&settings);
	ok(helper, "which does not concern an ECDSA key");
	helper_free(helper);
}

static void pins(void)
{
	struct settings settings = with_pin(profile_uri("locked", key_uri("file:", "locked")),
					    path_of("right", ".pin"));
	struct both b;

	shake_signed(settings, profile(NULL), &b);
	succeeds(b, "a PIN from a file");
	both_free(&b);
}

/* ---- a signer that is slow, or fails ---- */

static void slow_key(void)
{
	struct settings settings = profile_uri("ec", key_uri(SLOW, "ec"));
	struct helper *serving = helper_with(&settings), *connecting;
	struct relay_end *server[3], *client[3];
	struct helper_handshake early = { .bytes = (const uint8_t *)"x", .len = 1 };

	settings = profile(NULL);
	connecting = helper_with(&settings);
	slow->hold = 1;
	server[0] = ask_server(serving, connecting, &client[0], 0);
	await(&slow->held, 1);
	ok(slow->held == 1 && server[0]->asked, "one signature takes long");
	for (size_t i = 1; i < 3; i++) {
		server[i] = ask_server(serving, connecting, &client[i], 2 * i);
		while (server[i]->asked && pump(5000))
			;
		ok(!server[i]->asked && !server[i]->done, "another handshake goes on, %zu", i);
	}
	ok(server[0]->asked, "the slow one does not yet");

	early.cookie = client[1]->cookie;
	slow->held = 0;
	while (server[0]->asked && pump(5000))
		;
	for (size_t i = 0; i < 3; i++) {
		while (give(connecting, client[i]) | give(serving, server[i]))
			;
		ok(relay_agrees(server[i], client[i]), "they all end well, %zu", i);
		forget(server[i]);
		forget(client[i]);
	}

	/* the kernel does not do this */
	slow->hold = 1;
	server[0] = ask_server(serving, connecting, &client[0], 0);
	early.cookie = server[0]->cookie;
	request_handshake(serving->table, &early, 1000);
	expect_failure(server[0], EPROTO, -1, "asked again before it was answered", "bytes while it waits");
	await(&slow->held, 1);
	slow->held = 0;
	forget(server[0]);
	forget(client[0]);
	helper_free(serving);
	helper_free(connecting);
}

/* Who waits can be forgotten, in each way that there is. */
static void left_alone(void)
{
	struct settings settings = profile_uri("ec", key_uri(SLOW, "ec"));
	struct helper *serving = helper_with(&settings), *connecting;
	struct relay_end *server[3], *client[3];
	struct helper_cancel cancel = { .error = ECONNRESET };

	settings = profile(NULL);
	connecting = helper_with(&settings);
	slow->hold = 3;
	for (size_t i = 0; i < 3; i++)
		server[i] = ask_server(serving, connecting, &client[i], 2 * i);
	await(&slow->held, 3);
	cancel.cookie = server[0]->cookie;
	request_cancel(serving->table, &cancel);
	ok(!server[0]->done && request_count(serving->table) == 2, "one that waits is cancelled");
	request_refused(serving->table, server[1]->cookie, -ESTALE, "gone", false);
	ok(!server[1]->done && request_count(serving->table) == 1, "one is not wanted any more");
	request_expire(serving->table, 1000 + REQUEST_TIMEOUT_MS);
	expect_failure(server[2], ETIMEDOUT, -1, "waiting for the signer", "one waits for too long");
	ok(!request_count(serving->table), "that was all");
	let_go();
	for (size_t i = 0; i < 3; i++) {
		forget(server[i]);
		forget(client[i]);
	}

	slow->hold = 1;
	server[0] = ask_server(serving, connecting, &client[0], 0);
	await(&slow->held, 1);
	ok(request_count(serving->table) == 1, "another one waits");
	helper_free(serving);
	ok(!server[0]->done, "and its table goes");
	let_go();
	forget(server[0]);
	forget(client[0]);
	helper_free(connecting);
}

/* One that waits behind all others is not made at all. */
static void never_made(void)
{
	struct settings settings = profile_uri("ec", key_uri(SLOW, "ec"));
	struct helper *serving = helper_with(&settings), *connecting;
	struct relay_end *server[4], *client[4], *last, *last_client;
	struct helper_cancel cancel = { .error = ECONNRESET };
	int made;

	settings = profile(NULL);
	connecting = helper_with(&settings);
	slow->hold = CONF_SIGNER_THREADS;
	for (size_t i = 0; i < 3; i++)
		server[i] = ask_server(serving, connecting, &client[i], 2 * i);
	/* the one place that is left in ends[] is asked for twice, one after the other */
	server[3] = ask_server(serving, connecting, &client[3], 6);
	await(&slow->held, CONF_SIGNER_THREADS);
	made = slow->made;
	last = ask_server(serving, connecting, &last_client, 6);
	cancel.cookie = last->cookie;
	request_cancel(serving->table, &cancel);
	send_all();
	ends[6] = server[3];
	ends[7] = client[3];
	usleep(50000);
	slow->held = 0;
	for (size_t i = 0; i < 4; i++) {
		while (server[i]->asked && pump(5000))
			;
		ok(!server[i]->asked && !server[i]->done, "one of all threads is done, %zu", i);
	}
	let_go();
	ok(slow->made == made, "what was cancelled in time is not signed");
	for (size_t i = 0; i < 4; i++) {
		forget(server[i]);
		forget(client[i]);
	}
	forget(last);
	forget(last_client);
	helper_free(serving);
	helper_free(connecting);
}

static void failing_key(void)
{
	struct settings serving = profile_uri("ec", key_uri(SLOW, "ec")), connecting = profile(NULL);
	struct both b = { helper_with(&serving), helper_with(&connecting), NULL, NULL };

	for (int i = 0; i < 2; i++) {
		b.server = relay_new(KSEAL_ROLE_SERVER, NULL);
		b.client = relay_new(KSEAL_ROLE_CLIENT, NAME);
		slow->fail = 1;
		relay_signed(b.connecting, b.client, b.serving, b.server);
		if (!i)
			succeeds(b, "a key that fails is opened anew");
		else
			fails(b, b.server, EPROTO, 80, "did not sign", "but not at once again");
		if (!i) {
			relay_free(b.server);
			relay_free(b.client);
		}
	}
	both_free(&b);
}

/* ---- all ---- */

static const char *const pins_of[] = { "right", "wrong", "empty" };

static void write_locked(void)
{
	EVP_PKEY *key = certs_key();
	FILE *file;

	X509_free(issue("locked", "DNS:" NAME, key, 0, NULL));
	file = fopen(path_of("locked", ".key"), "r");
	key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
	if (!key || fclose(file))
		abort();
	file = fopen(path_of("locked", ".key"), "w");
	if (!file || !PEM_write_PKCS8PrivateKey(file, key, EVP_aes_128_cbc(), "2468", 4, NULL, NULL) ||
	    fclose(file))
		abort();
	EVP_PKEY_free(key);
	write_bytes(path_of("right", ".pin"), "2468\n", 5);
	write_bytes(path_of("wrong", ".pin"), "12468\n", 6);
	write_bytes(path_of("empty", ".pin"), "\n2468\n", 6);
	for (size_t i = 0; i < 3; i++)
		chmod(path_of(pins_of[i], ".pin"), 0600);
}

/* What the signer may load. */
static void configure(void)
{
	static const char *const files_of[] = { "ec", "rsa", "ed", "other", "locked" };
	static const char *const others[] = {
		"file:/nowhere/ec.key", "nonsense:ec", "org.openssl.engine:nonsense:ec",
		"org.openssl.engine:slow", SLOW "/nowhere", "pkcs11:object=o?pin-value=2468",
	};

	settings_default(&config.settings, "default");
	config.workers = 1;
	for (size_t i = 0; i < 5; i++)
		add_uri(&config.settings, files_of[i], key_uri("file:", files_of[i]));
	add_uri(&config.settings, "ec", key_uri(SLOW, "ec"));
	add_uri(&config.settings, "rsa", key_uri(SLOW, "rsa"));
	for (size_t i = 0; i < 3; i++)
		add_uri(&config.settings, "locked", key_uri("file:", "locked"))->pin =
			strdup(path_of(pins_of[i], ".pin"));
	add_uri(&config.settings, "locked", key_uri("file:", "locked"))->pin = strdup("/nowhere/pin");
	for (size_t i = 0; i < 6; i++)
		add_uri(&config.settings, "ec", others[i]);
}

int main(void)
{
	make_files();
	write_locked();
	add_engine();
	configure();
	begin_signer();
	types();
	key_transport(false);
	key_transport(true);
	mixed();
	others_stay();
	refusals();
	pins();
	slow_key();
	left_alone();
	never_made();
	failing_key();
	ok(end_signer(), "the signer ends when it is told to");
	settings_free(&config.settings);
	ok(!remove_files(), "the files are gone");
	return done_testing();
}
