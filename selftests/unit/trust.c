// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whom a profile trusts (helper/verify.h), in whole handshakes: client certificates,
 * pins, CRLs, staples, purposes.
 */
#include <errno.h>
#include <openssl/ocsp.h>
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

static EVP_PKEY *read_key(const char *name)
{
	BIO *in = BIO_new_file(path_of(name, ".key"), "r");
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

	BIO_free(in);
	return key;
}

/* An OCSP response about the certificate, signed by our authority, or by itself. */
static void write_staple(const char *path, const char *name, int status, bool by_itself)
{
	BIO *in = BIO_new_file(path_of(name, ".pem"), "r");
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, cert, ca);
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *later = X509_gmtime_adj(NULL, 3600);
	OCSP_RESPONSE *response;
	EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	int len;

	OCSP_basic_add1_status(basic, id, status, 0, status == V_OCSP_CERTSTATUS_REVOKED ? now : NULL,
			       now, later);
	if (by_itself)
		key = read_key(name);
	if (!OCSP_basic_sign(basic, by_itself ? cert : ca, key ?: ca_key, EVP_sha256(), NULL, 0))
		abort();
	EVP_PKEY_free(key);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	len = i2d_OCSP_RESPONSE(response, &der);
	write_bytes(path, der, (size_t)len);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(now);
	ASN1_TIME_free(later);
	X509_free(cert);
	BIO_free(in);
}

static void staples(void)
{
	static const struct {
		const char *cert;
		int status;
		bool by_itself, good;
		const char *what;
	} all[] = {
		{ "ec", V_OCSP_CERTSTATUS_GOOD, false, true, "a good staple" },
		{ "ec", V_OCSP_CERTSTATUS_REVOKED, false, false, "a staple that says revoked" },
		{ "must", V_OCSP_CERTSTATUS_GOOD, false, true, "one that must have one has one" },
		{ "must", -1, false, false, "one that must have one has none" },
		{ "must", V_OCSP_CERTSTATUS_GOOD, true, false, "one that says so of itself" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct settings settings = profile(all[i].cert);
		struct both b;

		if (all[i].status >= 0) {
			write_staple(path_of("staple", ".der"), all[i].cert, all[i].status,
				     all[i].by_itself);
			settings.certs[0].staple = strdup(path_of("staple", ".der"));
		}
		b = shake(settings, profile(NULL), NAME);
		if (all[i].good)
			succeeds(b, all[i].what);
		else
			fails(b, b.client, EKEYREJECTED, 113, "", all[i].what);
		both_free(&b);
	}
}

/* Of two certificates with the same names each has its own, or none. */
static void staple_of_the_other(void)
{
	struct settings settings = profile("ec");
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct helper *helper;
	const uint8_t *der;

	write_staple(path_of("staple", ".der"), "ec", V_OCSP_CERTSTATUS_GOOD, false);
	settings.certs[0].staple = strdup(path_of("staple", ".der"));
	add_pair(&settings, "rsa");
	helper = helper_with(&settings);
	SSL_set_tlsext_status_type(plain.ssl, TLSEXT_STATUSTYPE_ocsp);
	SSL_set1_sigalgs_list(plain.ssl, "RSA-PSS+SHA256");
	against(&plain, helper, end);
	ok(end->done && !end->error && SSL_get_tlsext_status_ocsp_resp(plain.ssl, &der) <= 0,
	   "the RSA certificate comes without the staple of the other %s", end->reason);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
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

/* A server with it is refused at once; a peer that has one is refused in the handshake. */
static void weak_keys(void)
{
	struct settings settings;
	struct profiles *profiles = profiles_new();
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, NAME);
	struct plain plain = plain_new(true);
	struct helper *helper;
	char why[512];

	settings = profile("weak");
	ok(profiles_load(profiles, &settings, 1, why, sizeof(why)) && strstr(why, "key too small"),
	   "RSA of 1024 bits: %s", why);
	profiles_free(profiles);

	settings = profile(NULL);
	helper = helper_with(&settings);
	SSL_set_security_level(plain.ssl, 0);
	SSL_set1_sigalgs_list(plain.ssl, "RSA-PSS+SHA256");
	SSL_use_certificate_file(plain.ssl, path_of("weak", ".pem"), SSL_FILETYPE_PEM);
	SSL_use_PrivateKey_file(plain.ssl, path_of("weak", ".key"), SSL_FILETYPE_PEM);
	against(&plain, helper, end);
	expect_failure(end, EKEYREJECTED, 42, "EE certificate key too weak", "a server with such a key");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

int main(void)
{
	make_files();
	make_bad_ones();
	names_of_authorities(TLS1_3_VERSION);
	names_of_authorities(TLS1_2_VERSION);
	clients();
	pins();
	revoked();
	staples();
	staple_of_the_other();
	bad_certificates();
	weak_keys();
	return remove_files() || done_testing();
}
