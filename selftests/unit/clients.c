// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who may be a client (helper/verify.h), in whole handshakes: certificates that are
 * refused, and what CRLs say of them. The client is OpenSSL's: it sends what it has,
 * and tells what it is told.
 */
#include <errno.h>
#include "authority.h"

static struct settings wants(enum settings_clients clients)
{
	struct settings settings = profile("ec");

	settings.clients = clients;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	return settings;
}

static struct settings wants_with_crl(enum settings_clients clients, const char *crl)
{
	struct settings settings = wants(clients);

	string_list_add(&settings.crls, path_of(crl, ".pem"));
	return settings;
}

static void on_info(const SSL *ssl, int where, int value)
{
	if (where == SSL_CB_READ_ALERT)
		*(int *)SSL_get_app_data(ssl) = value & 0xff;
}

/* A client with NAME.pem. What it is told: an alert, or 0. */
static int visit(struct relay_end *end, struct settings settings, uint16_t version, const char *name)
{
	struct plain plain = plain_new(false);
	struct helper *helper = helper_with(&settings);
	int alert = 0;
	char text[64];

	SSL_set_app_data(plain.ssl, &alert);
	SSL_set_info_callback(plain.ssl, on_info);
	SSL_set_security_level(plain.ssl, 0);
	SSL_set_min_proto_version(plain.ssl, version);
	SSL_set_max_proto_version(plain.ssl, version);
	SSL_use_certificate_chain_file(plain.ssl, path_of(name, ".pem"));
	if (SSL_use_PrivateKey_file(plain.ssl, path_of(name, ".key"), SSL_FILETYPE_PEM) != 1)
		abort();
	against(&plain, helper, end);
	/* in TLS 1.3 the server's answer comes behind the client's last message */
	SSL_read(plain.ssl, text, sizeof(text));
	plain_free(&plain);
	helper_free(helper);
	return alert;
}

struct visitor {
	const char *cert;
	int alert;
	const char *words, *what;
};

static const char *kind(const struct settings *settings)
{
	return settings->clients == SETTINGS_CLIENTS_REQUIRED ? "required" : "optional";
}

static void refuses(struct settings settings, uint16_t version, const struct visitor *visitor)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	const char *tls = version == TLS1_3_VERSION ? "1.3" : "1.2", *how = kind(&settings);
	int told = visit(end, settings, version, visitor->cert);
	char what[160];

	snprintf(what, sizeof(what), "TLS %s, %s: %s", tls, how, visitor->what);
	expect_failure(end, EKEYREJECTED, visitor->alert, visitor->words, what);
	ok(told == visitor->alert && !end->peer_identity[0],
	   "%s: the client is told, alert %d; nobody came", what, told);
	relay_free(end);
}

static void takes(struct settings settings, uint16_t version, const char *name, const char *what)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	const char *tls = version == TLS1_3_VERSION ? "1.3" : "1.2", *how = kind(&settings);
	int told = visit(end, settings, version, name);
	char subject[64];

	snprintf(subject, sizeof(subject), "CN=%s", name);
	ok(end->done && !end->error && !end->wrong && !told && !strcmp(end->peer_identity, subject),
	   "TLS %s, %s: %s: %s%s", tls, how, what, end->peer_identity, end->reason);
	relay_free(end);
}

/* ---- what is wrong with the certificate ---- */

#define NAME_IT ": if its CA is to be trusted, name it (client-ca in kseald.conf)"

static void bad_certificates(enum settings_clients clients, uint16_t version)
{
	static const struct visitor all[] = {
		{ "guest", 48, "unable to get local issuer certificate (X509 error 20)" NAME_IT,
		  "of an authority we do not know" },
		{ "self", 48, "self-signed certificate (X509 error 18)" NAME_IT, "a self-signed one" },
		{ "expired", 45, "certificate has expired", "an expired one" },
		{ "tomorrow", 42, "certificate is not yet valid", "one that is not valid yet" },
		{ "forged", 51, "certificate signature failure", "one that nobody signed" },
		{ "server", 43, "unsuitable certificate purpose", "one for servers alone" },
		{ "agrees", 43, "unsuitable certificate purpose", "one that may not sign" },
		{ "weak", 42, "EE certificate key too weak", "one with RSA of 1024 bits" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		refuses(wants(clients), version, &all[i]);
	takes(wants(clients), version, "client", "a good one");
	takes(wants(clients), version, "visitor", "one for clients alone");
}

/* Who has the certificate, and not its key. */
static void bad_signature(uint16_t version)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	int told = visit(end, wants(SETTINGS_CLIENTS_REQUIRED), version, "false");

	expect_failure(end, EPROTO, 51, "the handshake failed: " BAD_SIGNATURE "; "
		       "alert decrypt_error (51) was sent", "another's certificate");
	ok(told == 51 && !end->peer_identity[0], "the client is told; nobody came");
	relay_free(end);
}

/* ---- CRLs ---- */

static void make_crls(void)
{
	EVP_PKEY *key = certs_key(), *other = certs_key();
	X509 *bad = issue("bad", NULL, certs_key(), 0, NULL), *between = issue_between("between", key, "deep");

	write_crl(path_of("crl", ".pem"), bad);
	write_crl_of(path_of("old-crl", ".pem"), ca, ca_key, bad, -60);
	write_crl_of(path_of("forged-crl", ".pem"), ca, other, NULL, 3600);
	write_crl_of(path_of("between-crl", ".pem"), between, key, NULL, 3600);
	write_crl(path_of("no-between-crl", ".pem"), between);
	X509_free(bad);
	X509_free(between);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void lists(enum settings_clients clients, uint16_t version)
{
	static const struct { const char *crl; struct visitor visitor; } all[] = {
		{ "crl", { "bad", 44, "certificate revoked", "one that the CRL has" } },
		{ "old-crl", { "client", 45, "CRL has expired", "an old CRL, which does not have it" } },
		{ "forged-crl", { "client", 51, "CRL signature failure", "a CRL that somebody else signed" } },
		{ "crl", { "deep", 48, "unable to get certificate CRL", "the authority between has no CRL" } },
		{ "between-crl", { "deep", 48, "unable to get certificate CRL", "the one above has none" } },
	};
	struct settings settings;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		refuses(wants_with_crl(clients, all[i].crl), version, &all[i].visitor);
	takes(wants_with_crl(clients, "crl"), version, "client", "one that the CRL does not have");
	takes(wants(clients), version, "bad", "without a CRL nobody is revoked");
	takes(wants(clients), version, "deep", "nor has any authority to have one");
	settings = wants_with_crl(clients, "crl");
	string_list_add(&settings.crls, path_of("between-crl", ".pem"));
	takes(settings, version, "deep", "each authority has a CRL");
	settings = wants_with_crl(clients, "no-between-crl");
	string_list_add(&settings.crls, path_of("between-crl", ".pem"));
	refuses(settings, version, &(struct visitor){ "deep", 44, "certificate revoked",
		"the authority between was revoked" });
}

int main(void)
{
	make_files();
	make_bad_ones();
	issue_by_stranger("stranger", "guest");
	X509_free(issue("server", NULL, certs_key(), NID_ext_key_usage, "serverAuth"));
	X509_free(issue("visitor", NULL, certs_key(), NID_ext_key_usage, "clientAuth"));
	X509_free(issue("agrees", NULL, certs_key(), NID_key_usage, "keyAgreement"));
	issue_false("false");
	make_crls();
	for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		bad_certificates(SETTINGS_CLIENTS_REQUIRED, version);
		bad_certificates(SETTINGS_CLIENTS_OPTIONAL, version);
		bad_signature(version);
		lists(SETTINGS_CLIENTS_REQUIRED, version);
		lists(SETTINGS_CLIENTS_OPTIONAL, version);
	}
	return remove_files() || done_testing();
}
