// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whom a profile trusts (helper/verify.h), in whole handshakes: client certificates,
 * pins, CRLs, purposes. More of clients is in clients.c, staples are in staple.c.
 */
#include <errno.h>
#include <sys/stat.h>
#include "authority.h"

/* ---- who may be a client ---- */

static struct settings wants_clients(enum settings_clients clients)
{
	struct settings settings = profile("ec");

	settings.clients = clients;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	return settings;
}

static void clients(void)
{
	for (uint16_t version = KSEAL_VERSION_1_2; version <= KSEAL_VERSION_1_3; version++) {
		struct settings serving = wants_clients(SETTINGS_CLIENTS_REQUIRED);
		struct both b;

		serving.version_max = version;
		b = shake(serving, profile("client"), NAME);
		succeeds(b, "a client certificate");
		ok(!strcmp(b.server->peer_identity, "CN=client"), "and who it is: %s",
		   b.server->peer_identity);
		both_free(&b);

		serving = wants_clients(SETTINGS_CLIENTS_REQUIRED);
		serving.version_max = version;
		b = shake(serving, profile(NULL), NAME);
		expect_failure(b.server, EKEYREJECTED, version == KSEAL_VERSION_1_3 ? 116 : 40,
			       "peer did not return a certificate", "none, and it is required");
		both_free(&b);
	}
	{
		struct both b = shake(wants_clients(SETTINGS_CLIENTS_OPTIONAL), profile(NULL), NAME);

		succeeds(b, "none, and it is optional");
		ok(!b.server->peer_identity[0], "nobody in particular");
		both_free(&b);
	}
}

/* Clients are told whose certificates are good (RFC 8446 4.2.4, RFC 5246 7.4.4). */
static void names_of_authorities(int version)
{
	struct settings settings = wants_clients(SETTINGS_CLIENTS_OPTIONAL);
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	const STACK_OF(X509_NAME) *names;

	SSL_set_max_proto_version(plain.ssl, version);
	against(&plain, helper, end);
	names = SSL_get0_peer_CA_list(plain.ssl);
	ok(end->done && !end->error && sk_X509_NAME_num(names) == 1 &&
	   !X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(ca)),
	   "%s: the authority is named", SSL_get_version(plain.ssl));
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* ---- whom clients trust ---- */

static void pins(void)
{
	static const char wrong[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct settings settings;
	struct both b;

	settings_default(&settings, "default");
	string_list_add(&settings.pins, wrong);
	string_list_add(&settings.pins, pin_of("self"));
	b = shake(profile("self"), settings, NAME);
	succeeds(b, "a self-signed certificate whose key is pinned, of whatever name");
	both_free(&b);

	settings_default(&settings, "default");
	string_list_add(&settings.pins, wrong);
	b = shake(profile("self"), settings, NAME);
	fails(b, b.client, EKEYREJECTED, 42, "is not among the profile's pins", "another pin");
	both_free(&b);

	/* and as a file; its name is looked at */
	settings_default(&settings, "default");
	string_list_add(&settings.ca, path_of("self", ".pem"));
	b = shake(profile("self"), settings, NAME);
	fails(b, b.client, EKEYREJECTED, 42, "hostname mismatch", "a self-signed one that is named as CA");
	both_free(&b);
}

/* A client that names no authority. */
static void of_the_system(const char *file, const char *directory, bool good, const char *what)
{
	struct settings settings;
	struct both b;

	setenv("SSL_CERT_FILE", file, 1);
	setenv("SSL_CERT_DIR", directory, 1);
	settings_default(&settings, "default");
	b = shake(profile("ec"), settings, NAME);
	if (good)
		succeeds(b, what);
	else
		fails(b, b.client, EKEYREJECTED, 48, "unable to get local issuer certificate", what);
	both_free(&b);
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
}

/* Nobody waits for a disk in a handshake, for what a peer chooses. */
static void read_beforehand(const char *hashed)
{
	struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct relay_end *client = relay_new(KSEAL_ROLE_CLIENT, NAME);
	struct settings settings, serving = profile("ec");
	struct helper *connects, *serves;

	setenv("SSL_CERT_FILE", path_of("none", ".pem"), 1);
	setenv("SSL_CERT_DIR", path_of("certs", ""), 1);
	settings_default(&settings, "default");
	connects = helper_with(&settings);
	serves = helper_with(&serving);
	if (remove(path_of(hashed, ".0")))
		abort();
	relay(connects, client, serves, server);
	ok(relay_agrees(server, client), "the system's directory is read before the handshake: %s",
	   client->reason);
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	relay_free(server);
	relay_free(client);
	helper_free(connects);
	helper_free(serves);
}

/* OpenSSL's own: a file, and a directory with names that are hashes of authorities'. */
static void system_store(void)
{
	X509_NAME *name = X509_get_subject_name(ca);
	struct settings settings;
	char hashed[16];
	struct both b;

	mkdir(path_of("empty", ""), 0700);
	mkdir(path_of("certs", ""), 0700);
	snprintf(hashed, sizeof(hashed), "certs/%08lx", X509_NAME_hash_ex(name, NULL, NULL, NULL));
	certs_write(path_of(hashed, ".0"), &ca, 1, NULL);
	of_the_system(path_of("ca", ".pem"), path_of("empty", ""), true, "the system's file");
	of_the_system(path_of("none", ".pem"), path_of("certs", ""), true, "the system's directory");
	of_the_system(path_of("stranger", ".pem"), path_of("empty", ""), false, "one that neither has");
	of_the_system(path_of("none", ".pem"), path_of("empty", ""), false, "nor is there any other");

	read_beforehand(hashed);
	certs_write(path_of(hashed, ".0"), &ca, 1, NULL);

	/* who names an authority trusts no other */
	setenv("SSL_CERT_FILE", path_of("ca", ".pem"), 1);
	setenv("SSL_CERT_DIR", path_of("certs", ""), 1);
	settings_default(&settings, "default");
	string_list_add(&settings.ca, path_of("stranger", ".pem"));
	b = shake(profile("ec"), settings, NAME);
	fails(b, b.client, EKEYREJECTED, 48, "unable to get local issuer certificate",
	      "the system's, and ca has another");
	both_free(&b);
	/* nor is the system's about clients */
	settings = wants_clients(SETTINGS_CLIENTS_REQUIRED);
	string_list_free(&settings.client_ca);
	string_list_add(&settings.client_ca, path_of("stranger", ".pem"));
	b = shake(settings, profile("client"), NAME);
	/* it sends the authority's as well */
	expect_failure(b.server, EKEYREJECTED, 48, "self-signed certificate in certificate chain",
		       "the system's, and client-ca has another");
	both_free(&b);
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
}

static void revoked(void)
{
	X509 *bad = issue("bad", "DNS:" NAME, certs_key(), 0, NULL);
	struct settings settings = profile(NULL);
	struct both b;

	write_crl(path_of("crl", ".pem"), bad);
	string_list_add(&settings.crls, path_of("crl", ".pem"));
	b = shake(profile("ec"), settings, NAME);
	succeeds(b, "a certificate that the CRL does not have");
	both_free(&b);
	settings = profile(NULL);
	string_list_add(&settings.crls, path_of("crl", ".pem"));
	b = shake(profile("bad"), settings, NAME);
	fails(b, b.client, EKEYREJECTED, 44, "certificate revoked", "one that it has");
	both_free(&b);
	X509_free(bad);
}

/* ---- what is wrong with a certificate ---- */

static void bad_certificates(void)
{
	static const struct { const char *cert, *name; int alert; const char *words; } all[] = {
		{ "expired", NAME, 45, "certificate has expired" },
		{ "tomorrow", NAME, 42, "certificate is not yet valid" },
		{ "forged", NAME, 51, "certificate signature failure" },
		{ "mailer", NAME, 43, "unsuitable certificate purpose" },
		{ "ec", "elsewhere.example.org", 42, "hostname mismatch" },
		{ "ec", "192.0.2.1", 42, "IP address mismatch" },
		{ "self", NAME, 48, "self-signed certificate" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct both b = shake(profile(all[i].cert), profile(NULL), all[i].name);

		fails(b, b.client, EKEYREJECTED, all[i].alert, all[i].words, all[i].words);
		/* decrypt_error (51) can mean other things as well */
		ok(b.server->error == (all[i].alert == 51 ? EPROTO : EKEYREJECTED) &&
		   b.server->alert == all[i].alert,
		   "%s: the server is told: %s", all[i].words, b.server->reason);
		both_free(&b);
	}
}

/* OpenSSL's server, which looks at nothing, with NAME.pem and NAME.key; suites of TLS 1.2, or NULL. */
static void meet(struct relay_end *end, uint16_t version, const char *name, const char *suites)
{
	struct settings settings = profile(NULL);
	struct plain plain = plain_new(true);
	struct helper *helper;

	settings.rsa_key_transport = true;
	helper = helper_with(&settings);
	SSL_certs_clear(plain.ssl);
	SSL_set_security_level(plain.ssl, 0);
	SSL_set_min_proto_version(plain.ssl, version);
	SSL_set_max_proto_version(plain.ssl, version);
	if (SSL_use_certificate_file(plain.ssl, path_of(name, ".pem"), SSL_FILETYPE_PEM) != 1 ||
	    SSL_use_PrivateKey_file(plain.ssl, path_of(name, ".key"), SSL_FILETYPE_PEM) != 1 ||
	    (suites && !SSL_set_cipher_list(plain.ssl, suites)))
		abort();
	against(&plain, helper, end);
	plain_free(&plain);
	helper_free(helper);
}

/* A server with it is refused at once; a peer that has one is refused in the handshake. */
static void weak_keys(void)
{
	struct settings settings = profile("weak");
	struct profiles *profiles = profiles_new();
	char why[512];

	ok(profiles_load(profiles, &settings, 1, why, sizeof(why)) && strstr(why, "key too small"),
	   "RSA of 1024 bits: %s", why);
	profiles_free(profiles);
	for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, NAME);

		meet(end, version, "weak", NULL);
		expect_failure(end, EKEYREJECTED, 42, "EE certificate key too weak",
			       "a server with such a key");
		relay_free(end);
	}
}

/* RFC 8446 4.4.2.2, RFC 5246 7.4.2: what keyUsage lets a key do. */
static void key_usage(void)
{
	static const char transport[] = "AES128-GCM-SHA256";
	static const struct {
		uint16_t version;
		const char *name, *suites;
		bool good;
	} all[] = {
		{ TLS1_3_VERSION, "ec-signs", NULL, true },
		{ TLS1_3_VERSION, "ec-agrees", NULL, false },
		{ TLS1_3_VERSION, "rsa-signs", NULL, true },
		{ TLS1_3_VERSION, "rsa-enciphers", NULL, false },
		{ TLS1_2_VERSION, "ec-signs", NULL, true },
		{ TLS1_2_VERSION, "rsa-signs", "ECDHE+AESGCM", true },
		{ TLS1_2_VERSION, "rsa-enciphers", "ECDHE+AESGCM", false },
		{ TLS1_2_VERSION, "rsa-enciphers", transport, true },
		{ TLS1_2_VERSION, "rsa-signs", transport, false },
	};

	X509_free(issue("ec-signs", "DNS:" NAME, certs_key(), NID_key_usage, "digitalSignature"));
	X509_free(issue("ec-agrees", "DNS:" NAME, certs_key(), NID_key_usage, "critical,keyAgreement"));
	X509_free(issue("rsa-signs", "DNS:" NAME, EVP_RSA_gen(2048), NID_key_usage, "digitalSignature"));
	X509_free(issue("rsa-enciphers", "DNS:" NAME, EVP_RSA_gen(2048), NID_key_usage, "keyEncipherment"));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, NAME);
		char what[128];

		meet(end, all[i].version, all[i].name, all[i].suites);
		snprintf(what, sizeof(what), "TLS 1.%d: keyUsage of %s%s", all[i].version - 0x301, all[i].name,
			 all[i].suites == transport ? ", key transport" : "");
		if (all[i].good)
			ok(end->done && !end->error, "%s: %s%s", what, end->suite, end->reason);
		else
			expect_failure(end, EKEYREJECTED, 43, "unsuitable certificate purpose", what);
		relay_free(end);
	}
}

/* Whose key is not the one that it signs with: who has a copy of the certificate alone. */
static void bad_signatures(void)
{
	issue_false("false");
	for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, NAME);

		meet(end, version, "false", NULL);
		expect_failure(end, EPROTO, 51, "the handshake failed: " BAD_SIGNATURE "; "
			       "alert decrypt_error (51) was sent", version == TLS1_2_VERSION ?
			       "a server with another's certificate, TLS 1.2" :
			       "a server with another's certificate, TLS 1.3");
		relay_free(end);
	}
}

int main(void)
{
	make_files();
	make_bad_ones();
	issue_by_stranger("stranger", "guest");
	names_of_authorities(TLS1_3_VERSION);
	names_of_authorities(TLS1_2_VERSION);
	clients();
	pins();
	system_store();
	revoked();
	bad_certificates();
	weak_keys();
	key_usage();
	bad_signatures();
	return remove_files() || done_testing();
}
