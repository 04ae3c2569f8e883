// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whom a handshake trusts; see verify.h.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>
#include "anchors.h"
#include "files.h"
#include "tls.h"
#include "verify.h"

#define STAPLE_SKEW	300		/* seconds that clocks differ */
#define STAPLE_AGE_MAX	(7 * 86400)

/* ---- files ---- */

static int refuse(char *why, size_t size, const char *file, const char *what)
{
	snprintf(why, size, "%s: no %s could be read (%s): give a PEM file", file, what,
		 tls_reason());
	ERR_clear_error();
	return -1;
}

/* How many there are; 0: none, or one that is damaged. */
static int load_crl(X509_STORE *store, const char *file)
{
	BIO *bio = files_bio(file);
	X509_CRL *crl;
	int n = 0;

	while (bio && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		n += X509_STORE_add_crl(store, crl);
		X509_CRL_free(crl);
	}
	BIO_free(bio);
	/* that is how a file ends */
	if (!n || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return 0;
	ERR_clear_error();
	return n;
}

/* Certificates, and CRLs that stand among them. How many there are. */
static int load_ca(X509_STORE *store, const char *file)
{
	BIO *bio = files_bio(file);
	STACK_OF(X509_INFO) *all = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
	int i, n = 0;

	for (i = 0; i < sk_X509_INFO_num(all); i++) {
		const X509_INFO *info = sk_X509_INFO_value(all, i);

		if ((info->x509 && !X509_STORE_add_cert(store, info->x509)) ||
		    (info->crl && !X509_STORE_add_crl(store, info->crl))) {
			n = 0;
			break;
		}
		n += info->x509 || info->crl;
	}
	if (all && !n)
		ERR_raise(ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND);
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(bio);
	return n;
}

static int load_store(SSL_CTX *ctx, const struct string_list *ca, const struct string_list *crls,
		      char *why, size_t size)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	size_t i;

	ERR_clear_error();
	for (i = 0; i < ca->count; i++)
		if (!load_ca(store, ca->at[i]))
			return refuse(why, size, ca->at[i], "certificates");
	for (i = 0; i < crls->count; i++)
		if (!load_crl(store, crls->at[i]))
			return refuse(why, size, crls->at[i], "CRL");
	/* RFC 5280 6.3: of every certificate on the way */
	if (crls->count)
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	/* what was named is trusted, be it a server's own certificate */
	if (ca->count)
		X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

/* ---- pins ---- */

/* RFC 7469 2.4: base64 of SHA-256 of the SubjectPublicKeyInfo. */
static bool is_pinned(const struct string_list *pins, X509 *cert)
{
	uint8_t hash[SHA256_DIGEST_LENGTH], *der = NULL;
	char text[4 * (SHA256_DIGEST_LENGTH + 2) / 3 + 1];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	size_t i;

	if (len <= 0)
		return false;
	SHA256(der, (size_t)len, hash);
	OPENSSL_free(der);
	EVP_EncodeBlock((unsigned char *)text, hash, sizeof(hash));
	for (i = 0; i < pins->count; i++)
		if (!strcmp(pins->at[i], text))
			return true;
	return false;
}

/* With pins alone a pinned key is its owner, whatever the certificate says. */
static int verify_pinned(X509_STORE_CTX *store, void *arg)
{
	const struct settings *settings = arg;

	if (!is_pinned(&settings->pins, X509_STORE_CTX_get0_cert(store))) {
		/* of those that send bad_certificate, one that nobody else sets */
		X509_STORE_CTX_set_error(store, X509_V_ERR_DANE_NO_MATCH);
		return 0;
	}
	if (settings->ca.count)
		return X509_verify_cert(store);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* Where a context of that kind says so; a session that is resumed has no chain to tell by. */
static int by_pin_alone = -1;
static CRYPTO_ONCE once_by_pin_alone = CRYPTO_ONCE_STATIC_INIT;

static void make_index(void)
{
	by_pin_alone = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static int set_by_pin_alone(SSL_CTX *ctx, const struct settings *settings)
{
	if (!CRYPTO_THREAD_run_once(&once_by_pin_alone, make_index) || by_pin_alone < 0)
		return 0;
	return settings->ca.count ? 1 : SSL_CTX_set_ex_data(ctx, by_pin_alone, ctx);
}

bool verify_is_by_pin_alone(const SSL *ssl)
{
	return by_pin_alone >= 0 && SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), by_pin_alone);
}

/* ---- OCSP staples ---- */

/* RFC 7633: the certificate asks for status_request, 5. */
static bool must_staple(X509 *cert)
{
	ASN1_OBJECT *feature = OBJ_txt2obj("1.3.6.1.5.5.7.1.24", 1);
	int at = X509_get_ext_by_OBJ(cert, feature, -1), len;
	const ASN1_OCTET_STRING *value;
	const uint8_t *der;
	bool must = false;

	ASN1_OBJECT_free(feature);
	if (at < 0)
		return false;
	value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	der = ASN1_STRING_get0_data(value);
	/* a SEQUENCE of INTEGERs: 30 len { 02 01 n } */
	for (len = ASN1_STRING_length(value); len >= 3; der++, len--)
		must |= der[0] == 2 && der[1] == 1 && der[2] == 5;
	return must;
}

/* The one response about the certificate, whatever hash it names it by. */
static OCSP_SINGLERESP *response_for(OCSP_BASICRESP *basic, X509 *cert, X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
		OCSP_CERTID *theirs = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(one), *id;
		ASN1_OBJECT *hash;
		bool same;

		OCSP_id_get0_info(NULL, &hash, NULL, NULL, theirs);
		id = OCSP_cert_to_id(EVP_get_digestbyobj(hash), cert, issuer);
		same = id && !OCSP_id_cmp(id, theirs);
		OCSP_CERTID_free(id);
		if (same)
			return one;
	}
	return NULL;
}

/* X509_V_OK, or what is wrong with the response. It is signed by the issuer, or by whom
 * the issuer has charged with it (RFC 6960 4.2.2.2): not by the certificate's own key.
 */
static long check_response(OCSP_BASICRESP *basic, STACK_OF(X509) *chain, X509_STORE *store)
{
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	OCSP_SINGLERESP *one = response_for(basic, sk_X509_value(chain, 0),
					    sk_X509_value(chain, 1));

	if (!one)
		return VERIFY_STAPLE_OTHER;
	if (OCSP_basic_verify(basic, chain, store, 0) <= 0)
		return VERIFY_STAPLE_SIGNER;
	switch (OCSP_single_get0_status(one, NULL, NULL, &this_update, &next_update)) {
	case V_OCSP_CERTSTATUS_GOOD:
		break;
	case V_OCSP_CERTSTATUS_REVOKED:
		return VERIFY_STAPLE_REVOKED;
	default:
		return VERIFY_STAPLE_UNKNOWN;
	}
	/* one that does not say when it ends is not good for ever */
	if (OCSP_check_validity(this_update, next_update, STAPLE_SKEW,
				next_update ? -1 : STAPLE_AGE_MAX))
		return X509_V_OK;
	return ERR_GET_REASON(ERR_peek_last_error()) == OCSP_R_STATUS_NOT_YET_VALID ?
	       VERIFY_STAPLE_EARLY : VERIFY_STAPLE_OLD;
}

static long check_staple(const uint8_t *der, long len, STACK_OF(X509) *chain, X509_STORE *store)
{
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der, len);
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	long result = basic ? check_response(basic, chain, store) : VERIFY_STAPLE_UNREADABLE;

	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	return result;
}

/* 0 refuses with bad_certificate_status_response (RFC 6066 8). */
static int on_staple(SSL *ssl, void *arg)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	long len, result = X509_V_OK;
	const uint8_t *der;

	(void)arg;
	/* a pinned key without a chain */
	if (!chain || !sk_X509_num(chain))
		return 1;
	len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
	/* nor is there an issuer to ask where the certificate itself was named as CA */
	if (len > 0 && sk_X509_num(chain) > 1)
		result = check_staple(der, len, chain, store);
	else if (must_staple(sk_X509_value(chain, 0)))
		result = VERIFY_STAPLE_MISSING;
	if (result == X509_V_OK)
		return 1;
	/* for verify_refused() */
	SSL_set_verify_result(ssl, result);
	return 0;
}

/* ---- both roles ---- */

/* RFC 8446 4.4.2.2, RFC 5246 7.4.2: a certificate whose keyUsage has not what its key is
 * used for here is refused. OpenSSL looks at that with ECDSA and TLS 1.2 alone.
 */
static int on_verified(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	bool transport = !SSL_is_server(ssl) &&
			 SSL_CIPHER_get_kx_nid(SSL_get_pending_cipher(ssl)) == NID_kx_rsa;

	if (!ok || X509_STORE_CTX_get_error_depth(store))
		return ok;
	/* all bits are set where there is no such extension */
	if (X509_get_key_usage(X509_STORE_CTX_get0_cert(store)) &
	    (transport ? X509v3_KU_KEY_ENCIPHERMENT : X509v3_KU_DIGITAL_SIGNATURE))
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
	return 0;
}

int verify_servers(SSL_CTX *ctx, const struct settings *settings, char *why, size_t size)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verified);
	if (load_store(ctx, &settings->ca, &settings->crls, why, size))
		return -1;
	if (settings->pins.count && !settings->ca.count && settings->crls.count) {
		snprintf(why, size,
			 "crls are not looked at with pins alone: name the CA as well, or leave them out");
		return -1;
	}
	if (settings->pins.count) {
		if (!set_by_pin_alone(ctx, settings)) {
			snprintf(why, size, "no memory for OpenSSL's contexts");
			return -1;
		}
		SSL_CTX_set_cert_verify_callback(ctx, verify_pinned,
						 (void *)(uintptr_t)settings);
	} else if (!settings->ca.count && anchors_of_system(SSL_CTX_get_cert_store(ctx))) {
		snprintf(why, size, "no memory for the system's trust store");
		return -1;
	}
	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	SSL_CTX_set_tlsext_status_cb(ctx, on_staple);
	return 0;
}

/* RFC 8446 4.2.4: what clients may choose by. NULL: no memory. */
static STACK_OF(X509_NAME) *subjects(X509_STORE *store)
{
	STACK_OF(X509) *certs = X509_STORE_get1_all_certs(store);
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	bool ok = certs && names;

	for (int i = 0; ok && i < sk_X509_num(certs); i++) {
		X509_NAME *name = X509_NAME_dup(X509_get_subject_name(sk_X509_value(certs, i)));

		ok = name && sk_X509_NAME_push(names, name);
		if (!ok)
			X509_NAME_free(name);
	}
	sk_X509_pop_free(certs, X509_free);
	if (ok)
		return names;
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return NULL;
}

int verify_clients(SSL_CTX *ctx, const struct settings *settings, char *why, size_t size)
{
	int mode = SSL_VERIFY_PEER;
	STACK_OF(X509_NAME) *names;

	if (settings->clients == SETTINGS_CLIENTS_NONE)
		return 0;
	if (settings->clients == SETTINGS_CLIENTS_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, on_verified);
	if (load_store(ctx, &settings->client_ca, &settings->crls, why, size))
		return -1;
	names = subjects(SSL_CTX_get_cert_store(ctx));
	if (!names) {
		snprintf(why, size, "no memory for the names of authorities");
		return -1;
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	return 0;
}

/* ---- names ---- */

bool verify_name_is_address(const char *name)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, name, &addr) == 1 || inet_pton(AF_INET6, name, &addr) == 1;
}

/*
 * OpenSSL would take a leading dot for "any name under this one"; the rest is
 * what keeps a peer's text fit for a log and a terminal.
 */
bool verify_name_is_dns(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return name[0] && name[0] != '.' && name[strspn(name, allowed)] == '\0';
}

int verify_expect(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (verify_name_is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) ? 0 : -1;
	/* RFC 9525 6.3: whole-label wildcards only, and never the common name. */
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
					       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) ? 0 : -1;
}

/* Where the way out is to trust another authority, or the same one here. */
static const char *advice(long result, bool server)
{
	switch (result) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return server ? ": if its CA is to be trusted, name it (client-ca in kseald.conf)" :
				": if its CA is to be trusted, name it (--ca, or ca in kseald.conf)";
	}
	return "";
}

/* NULL: it is not about a staple. */
static const char *staple_words(long result)
{
	switch (result) {
	case VERIFY_STAPLE_MISSING:
		return "it has to come with an OCSP staple (RFC 7633), and came without";
	case VERIFY_STAPLE_UNREADABLE:
		return "its OCSP staple cannot be read";
	case VERIFY_STAPLE_OTHER:
		return "its OCSP staple is about another certificate";
	case VERIFY_STAPLE_SIGNER:
		return "its OCSP staple is signed by somebody who may not, or not at all";
	case VERIFY_STAPLE_REVOKED:
		return "it was revoked (OCSP)";
	case VERIFY_STAPLE_UNKNOWN:
		return "its issuer does not know it (OCSP)";
	case VERIFY_STAPLE_EARLY:
		return "its OCSP staple is not valid yet";
	case VERIFY_STAPLE_OLD:
		return "its OCSP staple is too old";
	}
	return NULL;
}

bool verify_refused(const SSL *ssl, const char *name, char *reason, size_t size)
{
	long result = SSL_get_verify_result(ssl);
	const char *words = staple_words(result);

	if (result == X509_V_OK)
		return false;
	if (words) {
		snprintf(reason, size, "certificate of %s was not accepted: %s",
			 name[0] ? name : "the peer", words);
		return true;
	}
	if (result == X509_V_ERR_DANE_NO_MATCH) {
		snprintf(reason, size,
			 "certificate of %s was not accepted: its public key is not among the profile's pins",
			 name[0] ? name : "the peer");
		return true;
	}
	snprintf(reason, size, "certificate of %s was not accepted: %s (X509 error %ld)%s",
		 name[0] ? name : "the peer", X509_verify_cert_error_string(result), result,
		 advice(result, SSL_is_server(ssl)));
	return true;
}

void verify_identity(const SSL *ssl, char *text, size_t size)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	BIO *bio;
	int len = 0;

	text[0] = '\0';
	/* with a pinned key alone the subject is only what its owner wrote there */
	if (!cert || verify_is_by_pin_alone(ssl) ||
	    (!SSL_get0_verified_chain(ssl) && !SSL_session_reused(ssl)))
		return;
	bio = BIO_new(BIO_s_mem());
	if (!bio)
		return;
	/* XN_FLAG_RFC2253 escapes control characters and what is not ASCII. */
	if (X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_read(bio, text, (int)size - 1);
	text[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

/* Returns whether there was room. */
static bool append(uint8_t **chain, size_t *len, size_t max, X509 *cert)
{
	int size = i2d_X509(cert, NULL);
	uint8_t *more;

	if (size <= 0 || (size_t)size > max - *len)
		return false;
	more = realloc(*chain, *len + (size_t)size);
	if (!more)
		return false;
	*chain = more;
	more += *len;
	*len += (size_t)i2d_X509(cert, &more);
	return true;
}

size_t verify_peer_chain(const SSL *ssl, size_t max, uint8_t **chain)
{
	X509 *own = SSL_get0_peer_certificate(ssl);
	STACK_OF(X509) *others = SSL_get_peer_cert_chain(ssl);
	size_t len = 0;
	int i;

	*chain = NULL;
	if (!own || !append(chain, &len, max, own))
		return 0;
	/* a server's list has the client's own certificate not, a client's has the server's */
	for (i = SSL_is_server(ssl) ? 0 : 1; i < sk_X509_num(others); i++)
		if (!append(chain, &len, max, sk_X509_value(others, i)))
			break;
	return len;
}
