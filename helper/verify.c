// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whom a handshake trusts; see verify.h.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>
#include "tls.h"
#include "verify.h"

int verify_trust(SSL_CTX *ctx, const char *ca, char *why, size_t size)
{
	ERR_clear_error();
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (!ca && SSL_CTX_set_default_verify_paths(ctx))
		return 0;
	if (ca && SSL_CTX_load_verify_file(ctx, ca))
		return 0;
	snprintf(why, size, "%s%s: no certificates could be read (%s): give --ca a PEM file with the trusted authorities",
		 ca ? "--ca " : "the system's trust store", ca ? ca : "",
		 tls_reason());
	ERR_clear_error();
	return -1;
}

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
static const char *advice(long result)
{
	switch (result) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return ": if its CA is to be trusted, start kseald with --ca FILE";
	}
	return "";
}

bool verify_refused(const SSL *ssl, const char *name, char *reason, size_t size)
{
	long result = SSL_get_verify_result(ssl);

	if (result == X509_V_OK)
		return false;
	snprintf(reason, size, "certificate of %s was not accepted: %s (X509 error %ld)%s",
		 name[0] ? name : "the peer", X509_verify_cert_error_string(result), result,
		 advice(result));
	return true;
}

void verify_identity(const SSL *ssl, char *text, size_t size)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	BIO *bio;
	int len = 0;

	text[0] = '\0';
	if (!cert)
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
