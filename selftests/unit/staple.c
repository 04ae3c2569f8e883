// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * OCSP staples (helper/verify.h), in whole handshakes: who may sign them, what they may
 * say, and which certificate they go with.
 */
#include <errno.h>
#include <openssl/ocsp.h>
#include "authority.h"

#define HOUR	3600L
#define DAY	(24 * HOUR)

/* One about the certificate ABOUT, signed by SIGNER, which goes with it. */
struct staple {
	const char *about, *signer;
	int status;
	long since, until;	/* from now; until 0: it does not say */
	int error;		/* e.g. OCSP_RESPONSE_STATUS_TRYLATER, without anything */
};

static X509 *read_cert(const char *name)
{
	BIO *in = BIO_new_file(path_of(name, ".pem"), "r");
	X509 *cert = PEM_read_bio_X509(in, NULL, NULL, NULL);

	BIO_free(in);
	return cert;
}

static EVP_PKEY *read_key(const char *name)
{
	BIO *in = BIO_new_file(path_of(name, ".key"), "r");
	EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

	BIO_free(in);
	return key;
}

static OCSP_BASICRESP *answer(const struct staple *staple)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	X509 *cert = read_cert(staple->about), *signer = read_cert(staple->signer);
	EVP_PKEY *key = read_key(staple->signer);
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, cert, ca);
	ASN1_TIME *since = X509_gmtime_adj(NULL, staple->since);
	ASN1_TIME *until = staple->until ? X509_gmtime_adj(NULL, staple->until) : NULL;

	if (!OCSP_basic_add1_status(basic, id, staple->status, 0,
				    staple->status == V_OCSP_CERTSTATUS_REVOKED ? since : NULL, since, until) ||
	    !OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, 0))
		abort();
	OCSP_CERTID_free(id);
	ASN1_TIME_free(since);
	ASN1_TIME_free(until);
	X509_free(cert);
	X509_free(signer);
	EVP_PKEY_free(key);
	return basic;
}

/* In DER; to be freed with OPENSSL_free(). */
static int make_staple(const struct staple *staple, uint8_t **der)
{
	OCSP_BASICRESP *basic = staple->error ? NULL : answer(staple);
	OCSP_RESPONSE *response = OCSP_response_create(staple->error, basic);
	int len;

	*der = NULL;
	len = i2d_OCSP_RESPONSE(response, der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	return len;
}

/* staple NULL: none */
static struct settings serves(const char *cert, const struct staple *staple)
{
	struct settings settings = profile(cert);
	uint8_t *der;
	int len;

	if (!staple)
		return settings;
	len = make_staple(staple, &der);
	write_bytes(path_of("staple", ".der"), der, (size_t)len);
	OPENSSL_free(der);
	settings.certs[0].staple = strdup(path_of("staple", ".der"));
	return settings;
}

/* ---- good and bad ones ---- */

static const struct {
	const char *what, *words;	/* words NULL: it is good */
	const char *cert;
	struct staple staple;		/* about NULL: none */
} all[] = {
#define GOOD V_OCSP_CERTSTATUS_GOOD
	{ "a good staple", NULL, "ec", { "ec", "ca", GOOD, -60, HOUR, 0 } },
	{ "one that must have one has one", NULL, "must", { "must", "ca", GOOD, -60, HOUR, 0 } },
	{ "one that must have one has none",
	  "it has to come with an OCSP staple (RFC 7633), and came without", "must", { 0 } },
	{ "revoked", "it was revoked (OCSP)", "ec",
	  { "ec", "ca", V_OCSP_CERTSTATUS_REVOKED, -60, HOUR, 0 } },
	{ "unknown", "its issuer does not know it (OCSP)", "ec",
	  { "ec", "ca", V_OCSP_CERTSTATUS_UNKNOWN, -60, HOUR, 0 } },
	{ "about another certificate", "its OCSP staple is about another certificate", "ec",
	  { "rsa", "ca", GOOD, -60, HOUR, 0 } },
	/* when: clocks may differ by five minutes */
	{ "over for an hour", "its OCSP staple is too old", "ec", { "ec", "ca", GOOD, -DAY, -HOUR, 0 } },
	{ "over for a minute", NULL, "ec", { "ec", "ca", GOOD, -DAY, -60, 0 } },
	{ "of tomorrow", "its OCSP staple is not valid yet", "ec",
	  { "ec", "ca", GOOD, DAY, 2 * DAY, 0 } },
	{ "without an end, of today", NULL, "ec", { "ec", "ca", GOOD, -HOUR, 0, 0 } },
	{ "without an end, of last week", "its OCSP staple is too old", "ec",
	  { "ec", "ca", GOOD, -8 * DAY, 0, 0 } },
	{ "old, and revoked", "it was revoked (OCSP)", "ec",
	  { "ec", "ca", V_OCSP_CERTSTATUS_REVOKED, -DAY, -HOUR, 0 } },
	/* who */
#define NOT_BY "its OCSP staple is signed by somebody who may not, or not at all"
	{ "by whom the authority has charged with it", NULL, "ec",
	  { "ec", "responder", GOOD, -60, HOUR, 0 } },
	{ "revoked, by that one", "it was revoked (OCSP)", "ec",
	  { "ec", "responder", V_OCSP_CERTSTATUS_REVOKED, -60, HOUR, 0 } },
	{ "by another certificate of the authority", NOT_BY, "ec", { "ec", "client", GOOD, -60, HOUR, 0 } },
	{ "by one for servers", NOT_BY, "ec", { "ec", "server", GOOD, -60, HOUR, 0 } },
	{ "by itself", NOT_BY, "ec", { "ec", "ec", GOOD, -60, HOUR, 0 } },
	{ "by itself, which must have one", NOT_BY, "must", { "must", "must", GOOD, -60, HOUR, 0 } },
	{ "by a charged one that has expired", NOT_BY, "ec", { "ec", "retired", GOOD, -60, HOUR, 0 } },
	{ "by an authority that we trust as well", NOT_BY, "ec",
	  { "ec", "stranger", GOOD, -60, HOUR, 0 } },
	{ "revoked, by somebody who may not", NOT_BY, "ec",
	  { "ec", "client", V_OCSP_CERTSTATUS_REVOKED, -60, HOUR, 0 } },
};

static void staples(uint16_t version)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct settings serving = serves(all[i].cert, all[i].staple.about ? &all[i].staple : NULL);
		struct settings connecting = profile(NULL);
		char what[128], words[160];
		struct both b;

		serving.version_max = version;
		string_list_add(&connecting.ca, path_of("stranger", ".pem"));
		b = shake(serving, connecting, NAME);
		snprintf(what, sizeof(what), "TLS %s: %s", version == KSEAL_VERSION_1_3 ? "1.3" : "1.2",
			 all[i].what);
		snprintf(words, sizeof(words), "certificate of " NAME " was not accepted: %s",
			 all[i].words ?: "");
		if (!all[i].words)
			succeeds(b, what);
		else
			fails(b, b.client, EKEYREJECTED, 113, words, what);
		if (all[i].words)
			ok(!strcmp(b.client->reason, words) && b.server->error == EKEYREJECTED &&
			   b.server->has_alert && b.server->alert == 113, "%s: the server is told: %s", what,
			   b.server->reason);
		both_free(&b);
	}
}

struct bytes { const void *at; int len; };

static int on_status(SSL *ssl, void *arg)
{
	const struct bytes *bytes = arg;

	SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(bytes->at, (size_t)bytes->len), bytes->len);
	return SSL_TLSEXT_ERR_OK;
}

/* OpenSSL's server: ours does not take such a file. */
static void unreadable(struct bytes bytes, const char *what)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, NAME);
	struct plain plain = plain_new(true);
	struct settings settings = profile(NULL);
	struct helper *helper = helper_with(&settings);

	SSL_CTX_set_tlsext_status_cb(plain.ctx, on_status);
	SSL_CTX_set_tlsext_status_arg(plain.ctx, &bytes);
	against(&plain, helper, end);
	expect_failure(end, EKEYREJECTED, 113, "its OCSP staple cannot be read", what);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* Of two certificates with the same names each has its own, or none. */
static void staple_of_the_other(void)
{
	const struct staple staple = { "ec", "ca", GOOD, -60, HOUR, 0 };
	struct settings settings = serves("ec", &staple);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct helper *helper;
	const uint8_t *der;

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

int main(void)
{
	const struct staple later = { .error = OCSP_RESPONSE_STATUS_TRYLATER };
	X509 *retired;
	uint8_t *der;
	int len;

	make_files();
	certs_write(path_of("ca", ".key"), NULL, 0, ca_key);
	issue_by_stranger("stranger", "guest");
	X509_free(issue("responder", NULL, certs_key(), NID_ext_key_usage, "OCSPSigning"));
	X509_free(issue("server", NULL, certs_key(), NID_ext_key_usage, "serverAuth"));
	retired = issue("retired", NULL, certs_key(), NID_ext_key_usage, "OCSPSigning");
	X509_gmtime_adj(X509_getm_notAfter(retired), -60);
	rewrite("retired", retired, true);
	X509_free(retired);
	staples(KSEAL_VERSION_1_2);
	staples(KSEAL_VERSION_1_3);
	unreadable((struct bytes){ "no staple", 9 }, "a staple that is none");
	len = make_staple(&later, &der);
	unreadable((struct bytes){ der, len }, "one that says to ask later");
	OPENSSL_free(der);
	staple_of_the_other();
	return remove_files() || done_testing();
}
