// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a profile may say (helper/settings.h), each in whole handshakes: versions and
 * suites, whose keys are tried on what OpenSSL seals; certificates by name, ALPN,
 * keys without certificates. Whom to trust is in trust.c, tickets are in resume.c.
 */
#include <errno.h>
#include <sys/stat.h>
#include <openssl/err.h>
#include "profile.h"
#include "talk.h"

/* ---- versions and suites ---- */

static void suite(uint16_t version, const char *openssl, const char *cert, enum kseal_role role)
{
	bool client = role == KSEAL_ROLE_CLIENT;
	struct settings settings = profile(cert);
	struct relay_end *end = relay_new(role, client ? NAME : NULL);
	struct plain plain = plain_new(client);
	struct helper *helper;

	/* these have to be asked for */
	if (strstr(openssl, "CCM"))
		string_list_add(&settings.suites, version == TLS1_3_VERSION ?
				openssl : "TLS_ECDHE_ECDSA_WITH_AES_128_CCM");
	settings.rsa_key_transport = !strncmp(openssl, "AES", 3);
	helper = helper_with(&settings);
	SSL_use_certificate_file(plain.ssl, path_of(cert, ".pem"), SSL_FILETYPE_PEM);
	SSL_use_PrivateKey_file(plain.ssl, path_of(cert, ".key"), SSL_FILETYPE_PEM);
	SSL_set_num_tickets(plain.ssl, 0);
	SSL_set_options(plain.ssl, SSL_OP_NO_TICKET);
	SSL_set_min_proto_version(plain.ssl, version);
	SSL_set_max_proto_version(plain.ssl, version);
	if (version == TLS1_3_VERSION)
		SSL_set_ciphersuites(plain.ssl, openssl);
	else
		SSL_set_cipher_list(plain.ssl, openssl);
	against(&plain, helper, end);
	ok(end->done && !end->error && !end->wrong && end->version == version &&
	   talks(&plain, end), "%s, %s, our %s: %s", openssl, cert, client ? "client" : "server",
	   end->error ? end->reason : end->suite);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void suites(void)
{
	static const struct { uint16_t version; const char *suite, *cert; } all[] = {
		{ TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "ec" },
		{ TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", "rsa" },
		{ TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", "ed" },
		{ TLS1_3_VERSION, "TLS_AES_128_CCM_SHA256", "ec" },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", "ec" },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", "ed" },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", "ec" },
		{ TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", "rsa" },
		{ TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", "rsa" },
		{ TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", "rsa" },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES128-CCM", "ec" },
		{ TLS1_2_VERSION, "AES128-GCM-SHA256", "rsa" },
		{ TLS1_2_VERSION, "AES256-GCM-SHA384", "rsa" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		suite(all[i].version, all[i].suite, all[i].cert, KSEAL_ROLE_SERVER);
		suite(all[i].version, all[i].suite, all[i].cert, KSEAL_ROLE_CLIENT);
	}
}

/* ---- what two of ours agree on ---- */

static void versions(void)
{
	struct settings old = profile("ec"), new = profile(NULL);
	struct both b;

	old.version_max = KSEAL_VERSION_1_2;
	b = shake(old, new, NAME);
	succeeds(b, "a server of TLS 1.2");
	ok(b.client->version == KSEAL_VERSION_1_2 && b.client->tx.seq == 1, "is met in TLS 1.2");
	both_free(&b);

	old = profile("ec");
	old.version_max = KSEAL_VERSION_1_2;
	new = profile(NULL);
	new.version_min = KSEAL_VERSION_1_3;
	b = shake(old, new, NAME);
	fails(b, b.server, EPROTO, 70, "protocol_version", "no version in common");
	both_free(&b);

	old = profile("ec");
	string_list_add(&old.suites, "TLS_AES_128_GCM_SHA256");
	b = shake(old, profile(NULL), NAME);
	succeeds(b, "one suite");
	ok(!strcmp(b.client->suite, "TLS_AES_128_GCM_SHA256"), "and no other: %s", b.client->suite);
	both_free(&b);

	old = profile("ec");
	new = profile(NULL);
	string_list_add(&old.groups, "P-384");
	string_list_add(&new.groups, "X25519");
	b = shake(old, new, NAME);
	fails(b, b.server, EPROTO, 40, "handshake_failure", "no group in common");
	both_free(&b);
}

/* OpenSSL's client of TLS 1.2 with this suite, or group, alone. */
static void old_client(struct settings settings, const char *suite, const char *group, const char *agreed,
		       const char *what)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct helper *helper = helper_with(&settings);
	struct plain plain = plain_new(false);
	long told;

	SSL_set_max_proto_version(plain.ssl, TLS1_2_VERSION);
	if (!SSL_set_cipher_list(plain.ssl, suite) || (group && !SSL_set1_groups_list(plain.ssl, group)))
		abort();
	ERR_clear_error();
	against(&plain, helper, end);
	told = ERR_GET_REASON(ERR_peek_error());
	if (agreed) {
		ok(end->done && !end->error && !strcmp(end->suite, agreed) && talks(&plain, end),
		   "%s: %s%s", what, end->suite, end->reason);
	} else {
		expect_failure(end, EPROTO, 40, "the handshake failed: no shared cipher; "
			       "alert handshake_failure (40) was sent", what);
		ok(told == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "%s: the client is told", what);
	}
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void nothing_in_common(void)
{
	struct settings serving = profile("ec"), connecting = profile(NULL);
	struct both b;

	string_list_add(&serving.suites, "TLS_AES_128_GCM_SHA256");
	string_list_add(&connecting.suites, "TLS_AES_256_GCM_SHA384");
	b = shake(serving, connecting, NAME);
	fails(b, b.server, EPROTO, 40, "no shared cipher", "no suite in common");
	ok(b.client->error == EPROTO && b.client->alert == 40, "the client is told: %s", b.client->reason);
	both_free(&b);

	serving = profile("ec");
	string_list_add(&serving.suites, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
	old_client(serving, "ECDHE-ECDSA-AES256-GCM-SHA384", NULL, NULL, "TLS 1.2, no suite in common");
	old_client(profile("ec"), "ECDHE-RSA-AES128-GCM-SHA256", NULL, NULL, "TLS 1.2, no kind of key in common");
	old_client(profile("ec"), "ECDHE-ECDSA-AES128-SHA256", NULL, NULL, "TLS 1.2, CBC");
	serving = profile("rsa");
	string_list_add(&serving.groups, "P-384");
	old_client(serving, "ECDHE-RSA-AES128-GCM-SHA256", "X25519", NULL, "TLS 1.2, no group in common");
	serving = profile("rsa");
	string_list_add(&serving.groups, "P-384");
	old_client(serving, "ECDHE-RSA-AES128-GCM-SHA256", "X25519:P-384",
		   "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS 1.2, one group in common");
}

/* RFC 5246 7.4.7.1 */
static void key_transport(void)
{
	struct settings settings = profile("rsa");

	old_client(profile("rsa"), "AES128-GCM-SHA256", NULL, NULL, "key transport, which is off");
	settings.rsa_key_transport = true;
	old_client(settings, "AES128-GCM-SHA256", NULL, "TLS_RSA_WITH_AES_128_GCM_SHA256",
		   "key transport, which is on");
	settings = profile("rsa");
	settings.rsa_key_transport = true;
	old_client(settings, "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", NULL,
		   "TLS_RSA_WITH_AES_128_GCM_SHA256", "on, and the client likes it better");
}

/* ---- names and protocols ---- */

static void server_names(void)
{
	static const struct { const char *name; const char *cert; } asked[] = {
		{ NAME, "ec" }, { "other.example.org", "other" }, { "OTHER.example.org", "other" },
		{ "a.wild.example.org", "other" },
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct settings settings = profile("ec");
		char subject[64];
		struct both b;

		add_pair(&settings, "rsa");
		add_pair(&settings, "other");
		b = shake(settings, profile(NULL), asked[i].name);
		snprintf(subject, sizeof(subject), "CN=%s", asked[i].cert);
		succeeds(b, asked[i].name);
		ok(!strcmp(b.client->peer_identity, subject), "%s gets %s", asked[i].name,
		   b.client->peer_identity);
		both_free(&b);
	}
}

static struct settings wants(const char *name)
{
	struct settings settings = profile(NULL);

	settings.server_name = strdup(name);
	return settings;
}

/* Whom a client connects to is the profile's matter where the socket does not say. */
static void named_by_profile(void)
{
	struct both b = shake(profile("ec"), wants(NAME), NULL);

	succeeds(b, "the profile's server-name");
	ok(!strcmp(b.server->server_name, NAME), "is what the server is asked for: %s",
	   b.server->server_name);
	both_free(&b);
	b = shake(profile("ec"), wants("elsewhere.example.org"), "");
	fails(b, b.client, EKEYREJECTED, 42, "elsewhere.example.org",
	      "a server that is not the profile's");
	both_free(&b);
	b = shake(profile("ec"), wants("elsewhere.example.org"), NAME);
	succeeds(b, "the socket's name instead of it");
	both_free(&b);
}

/* The certificate of the same name that the client can verify. */
static void two_keys(void)
{
	struct settings settings = profile("ec");
	struct helper *helper;
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	add_pair(&settings, "rsa");
	helper = helper_with(&settings);
	SSL_set_tlsext_host_name(plain.ssl, NAME);
	SSL_set1_sigalgs_list(plain.ssl, "RSA-PSS+SHA256");
	against(&plain, helper, end);
	ok(end->done && !end->error &&
	   EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(plain.ssl))) ==
	   EVP_PKEY_RSA, "a client that knows RSA alone gets the RSA certificate %s", end->reason);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void alpn(void)
{
	struct settings serving = profile("ec"), connecting = profile(NULL);
	struct both b;

	string_list_add(&serving.alpn, "h2");
	string_list_add(&serving.alpn, "http/1.1");
	string_list_add(&connecting.alpn, "http/1.1");
	string_list_add(&connecting.alpn, "h2");
	b = shake(serving, connecting, NAME);
	succeeds(b, "ALPN");
	ok(!strcmp(b.server->alpn, "h2") && !strcmp(b.client->alpn, "h2"), "the server chooses: %s",
	   b.client->alpn);
	both_free(&b);

	serving = profile("ec");
	connecting = profile(NULL);
	string_list_add(&serving.alpn, "h2");
	string_list_add(&connecting.alpn, "smtp");
	b = shake(serving, connecting, NAME);
	fails(b, b.server, EPROTO, 120, "no_application_protocol", "no protocol in common");
	both_free(&b);
}

/* ---- keys without certificates ---- */

static void preshared(void)
{
	static const char one[] = "# of these two\nhost-a:000102030405060708090a0b0c0d0e0f\n";
	static const char two[] = "host-b:ffffffffffffffffffffffffffffffff\n"
				  "host-a:000102030405060708090a0b0c0d0e0f\n";
	static const char other[] = "host-a:000102030405060708090a0b0c0d0eff\n";
	struct settings serving, connecting;
	struct both b;

	write_bytes(path_of("one", ".psk"), one, sizeof(one) - 1);
	write_bytes(path_of("two", ".psk"), two, sizeof(two) - 1);
	write_bytes(path_of("other", ".psk"), other, sizeof(other) - 1);
	settings_default(&serving, "default");
	settings_default(&connecting, "default");
	serving.tickets = false;
	serving.psk = strdup(path_of("two", ".psk"));
	connecting.psk = strdup(path_of("one", ".psk"));
	b = shake(serving, connecting, NAME);
	succeeds(b, "a key that both have, and no certificate");
	ok(!strcmp(b.server->peer_identity, "host-a"), "the server knows whose: %s",
	   b.server->peer_identity);
	both_free(&b);

	settings_default(&serving, "default");
	settings_default(&connecting, "default");
	serving.psk = strdup(path_of("two", ".psk"));
	connecting.psk = strdup(path_of("other", ".psk"));
	b = shake(serving, connecting, NAME);
	ok(b.server->error && b.client->error, "a key of the same name that is another: %s",
	   b.server->reason);
	both_free(&b);
}

static int offer_host_a(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
			SSL_SESSION **session)
{
	static const uint8_t key[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const unsigned char suite_id[] = { 0x13, 0x01 };

	(void)md;
	*session = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*session, key, sizeof(key));
	SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite_id));
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	*id = (const unsigned char *)"host-a";
	*len = 6;
	return 1;
}

/* Whose first suite is not of the key's hash. */
static void preshared_by_openssl(void)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct settings settings;
	struct helper *helper;

	settings_default(&settings, "default");
	settings.psk = strdup(path_of("two", ".psk"));
	helper = helper_with(&settings);
	SSL_set_psk_use_session_callback(plain.ssl, offer_host_a);
	against(&plain, helper, end);
	ok(end->done && !end->error && !strcmp(end->peer_identity, "host-a") &&
	   talks(&plain, end), "OpenSSL's client with a key: %s %s", end->suite, end->reason);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* ---- what is wrong ---- */

static void refused(struct settings settings, const char *words, const char *what)
{
	struct profiles *profiles = profiles_new();
	char why[1024] = "";

	ok(profiles_load(profiles, &settings, 1, why, sizeof(why)) && strstr(why, words), "%s: %s",
	   what, why);
	profiles_free(profiles);
}

static void mistakes(void)
{
	refused(wants("*.example.org"), "server-name: *.example.org is neither", "a server name with a star");
	refused(wants(""), "is neither", "a server name of nothing");
	struct settings settings = profile("ec");

	free(settings.certs[0].key);
	settings.certs[0].key = strdup(path_of("other", ".key"));
	refused(settings, "is not the key of", "another key");
	settings = profile("ec");
	string_list_add(&settings.suites, "TLS_RSA_WITH_AES_128_GCM_SHA256");
	refused(settings, "rsa-key-transport", "a suite without forward secrecy");
	settings = profile("ec");
	string_list_add(&settings.suites, "TLS_NULL");
	refused(settings, "TLS_NULL", "a suite that is none");
	settings = profile("ec");
	string_list_add(&settings.groups, "curve1");
	refused(settings, "curve1", "a group that is none");
	settings = profile("ec");
	settings.psk = strdup("/nonexistent");
	refused(settings, "/nonexistent", "no key file");
	settings = profile(NULL);
	settings.role = SETTINGS_ROLE_SERVER;
	refused(settings, "needs a certificate", "a server without");
	settings = profile("ec");
	settings.certs[0].staple = strdup(path_of("ca", ".pem"));
	refused(settings, "no OCSP response", "a staple that is none");
	settings = profile("ec");
	settings.tickets = true;
	settings.ticket_keys = strdup("nowhere");
	refused(settings, "nowhere", "no directory of ticket keys");
}

int main(void)
{
	make_files();
	suites();
	versions();
	nothing_in_common();
	key_transport();
	server_names();
	named_by_profile();
	two_keys();
	alpn();
	preshared();
	preshared_by_openssl();
	mistakes();
	return remove_files() || done_testing();
}
