/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What else authorities issue: certificates that are no good, those in between, CRLs. */
#ifndef KSEAL_AUTHORITY_H
#define KSEAL_AUTHORITY_H

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include "profile.h"

/* OpenSSL's words for a signature by another key. */
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
#define BAD_SIGNATURE "provider signature failure"
#else
#define BAD_SIGNATURE "bad signature"
#endif

/* Written again, after a change, with a new signature or the old one. */
static inline void rewrite(const char *name, X509 *cert, bool sign)
{
	if (sign && !X509_sign(cert, ca_key, EVP_sha256()))
		abort();
	certs_write(path_of(name, ".pem"), &cert, 1, NULL);
}

/* expired, tomorrow, forged, self, weak: each but for that what "ec" is. */
static inline void make_bad_ones(void)
{
	X509 *cert = issue("expired", "DNS:" NAME, certs_key(), 0, NULL);
	const ASN1_BIT_STRING *signature;
	EVP_PKEY *key = certs_key();

	X509_gmtime_adj(X509_getm_notAfter(cert), -60);
	rewrite("expired", cert, true);
	X509_free(cert);
	cert = issue("tomorrow", "DNS:" NAME, certs_key(), 0, NULL);
	X509_gmtime_adj(X509_getm_notBefore(cert), 3600);
	rewrite("tomorrow", cert, true);
	X509_free(cert);
	cert = issue("forged", "DNS:" NAME, certs_key(), 0, NULL);
	X509_get0_signature(&signature, NULL, cert);
	((ASN1_BIT_STRING *)(uintptr_t)signature)->data[20] ^= 1;
	rewrite("forged", cert, false);
	X509_free(cert);
	cert = certs_new("self", NULL, key, NULL, key);
	certs_write(path_of("self", ".pem"), &cert, 1, NULL);
	certs_write(path_of("self", ".key"), NULL, 0, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	X509_free(issue("weak", "DNS:" NAME, EVP_RSA_gen(1024), 0, NULL));
}

/* A key that others take for that of a certificate, and which is not: what it signs is bad. */
static inline EVP_PKEY *false_key(EVP_PKEY *of)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *own = certs_key(), *key = NULL;
	BIGNUM *private = NULL;
	OSSL_PARAM_BLD *list = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	uint8_t point[128];
	size_t len;

	if (!EVP_PKEY_get_bn_param(own, OSSL_PKEY_PARAM_PRIV_KEY, &private) ||
	    !EVP_PKEY_get_octet_string_param(of, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len))
		abort();
	OSSL_PARAM_BLD_push_utf8_string(list, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
	OSSL_PARAM_BLD_push_octet_string(list, OSSL_PKEY_PARAM_PUB_KEY, point, len);
	OSSL_PARAM_BLD_push_BN(list, OSSL_PKEY_PARAM_PRIV_KEY, private);
	params = OSSL_PARAM_BLD_to_param(list);
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		abort();
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(list);
	BN_free(private);
	EVP_PKEY_free(own);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* NAME.pem, and a key with it that is not its own. */
static inline void issue_false(const char *name)
{
	EVP_PKEY *own = certs_key(), *key;
	X509 *cert;

	EVP_PKEY_up_ref(own);
	cert = issue(name, "DNS:" NAME, own, 0, NULL);
	key = false_key(own);
	certs_write(path_of(name, ".key"), NULL, 0, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(own);
}

/* One that our authority has charged with certificates, and NAME.pem of it with a chain. */
static inline X509 *issue_between(const char *between, EVP_PKEY *key, const char *name)
{
	X509 *chain[2];
	EVP_PKEY *own = certs_key();

	EVP_PKEY_up_ref(key);
	chain[1] = issue(between, NULL, key, NID_basic_constraints, "critical,CA:TRUE");
	chain[0] = certs_new(name, "DNS:" NAME, own, chain[1], key);
	certs_write(path_of(name, ".pem"), chain, 2, NULL);
	certs_write(path_of(name, ".key"), NULL, 0, own);
	X509_free(chain[0]);
	EVP_PKEY_free(own);
	return chain[1];
}

/* A CRL of issuer, good until so many seconds from now, with one certificate in it, or none. */
static inline void write_crl_of(const char *path, X509 *issuer, EVP_PKEY *key, X509 *revoked, long until)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = X509_gmtime_adj(NULL, -7200);
	FILE *file = fopen(path, "w");

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	X509_CRL_set1_lastUpdate(crl, time);
	X509_gmtime_adj(time, until);
	X509_CRL_set1_nextUpdate(crl, time);
	if (revoked) {
		X509_REVOKED *entry = X509_REVOKED_new();

		X509_gmtime_adj(time, -120);
		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(entry, time);
		X509_CRL_add0_revoked(crl, entry);
	}
	X509_CRL_sign(crl, key, EVP_sha256());
	if (!file || !PEM_write_X509_CRL(file, crl) || fclose(file))
		abort();
	X509_CRL_free(crl);
	ASN1_TIME_free(time);
}

/* Of our authority, good for an hour. */
static inline void write_crl(const char *path, X509 *revoked)
{
	write_crl_of(path, ca, ca_key, revoked, 3600);
}

/* Another authority, STRANGER.pem, with a certificate NAME.pem. */
static inline void issue_by_stranger(const char *stranger, const char *name)
{
	EVP_PKEY *keys[2] = { certs_key(), certs_key() };
	X509 *issuer = certs_new(stranger, NULL, keys[0], NULL, keys[0]);
	X509 *cert = certs_new(name, "DNS:" NAME, keys[1], issuer, keys[0]);

	certs_write(path_of(stranger, ".pem"), &issuer, 1, NULL);
	certs_write(path_of(stranger, ".key"), NULL, 0, keys[0]);
	certs_write(path_of(name, ".pem"), &cert, 1, NULL);
	certs_write(path_of(name, ".key"), NULL, 0, keys[1]);
	X509_free(issuer);
	X509_free(cert);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
}

#endif
