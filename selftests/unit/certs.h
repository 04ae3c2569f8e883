/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Certificates for tests, made on the spot.
 */
#ifndef KSEAL_CERTS_H
#define KSEAL_CERTS_H

#include <stdio.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline EVP_PKEY *certs_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		abort();
	return key;
}

static inline void certs_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!extension || !X509_add_ext(cert, extension, -1))
		abort();
	X509_EXTENSION_free(extension);
}

/*
 * A certificate for key with common name cn, valid for a day, signed with
 * issuer_key in issuer's name; issuer NULL: self-signed, an authority. names:
 * subjectAltName as in x509v3_config(5), or NULL.
 */
static inline X509 *certs_new(const char *cn, const char *names, EVP_PKEY *key, X509 *issuer,
			      EVP_PKEY *issuer_key)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1,
				   0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
	if (!issuer)
		certs_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	if (names)
		certs_extend(cert, issuer ? issuer : cert, NID_subject_alt_name, names);
	if (!X509_sign(cert, issuer_key, EVP_sha256()))
		abort();
	return cert;
}

static inline void certs_write(const char *path, X509 **certs, size_t n, EVP_PKEY *key)
{
	FILE *file = fopen(path, "w");

	if (!file)
		abort();
	for (size_t i = 0; i < n; i++)
		if (!PEM_write_X509(file, certs[i]))
			abort();
	if (key && !PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL))
		abort();
	if (fclose(file))
		abort();
}

#endif
