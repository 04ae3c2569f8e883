// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include "cert.h"

#define SERIAL_BITS 128
#define BACKDATE 3600L		/* seconds: clocks differ */
#define RSA_BITS ((size_t)3072)
#define CN_MAX 64		/* RFC 5280 A.1: ub-common-name */
#define DNS_NAME_MAX 253
#define DNS_LABEL_MAX 63

EVP_PKEY *cert_key(const char *type)
{
	if (!strcmp(type, "p256"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (!strcmp(type, "rsa"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", RSA_BITS);
	if (!strcmp(type, "ed25519"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return NULL;
}

static bool is_address(const char *name)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

int cert_name_valid(const char *name)
{
	size_t label = 0;

	if (is_address(name))
		return 1;
	if (strlen(name) > DNS_NAME_MAX)
		return 0;
	if (!strncmp(name, "*.", 2))
		name += 2;
	for (; *name; name++) {
		if (*name == '.') {
			if (!label || name[-1] == '-')
				return 0;
			label = 0;
			continue;
		}
		if (!(isascii(*name) && isalnum(*name)) && *name != '_' && *name != '-')
			return 0;
		if (*name == '-' && !label)
			return 0;
		if (++label > DNS_LABEL_MAX)
			return 0;
	}
	return label && name[-1] != '-';
}

/* RFC 5280 4.1.2.2: positive; random, so that no two are the same */
static bool set_serial(X509 *cert)
{
	BIGNUM *bn = BN_new();
	bool ok;

	ok = bn && BN_rand(bn, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	     BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert));
	BN_free(bn);
	return ok;
}

static bool set_subject(X509 *cert, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	bool fits = strlen(name) <= CN_MAX;

	/* a long name is in the SAN, where it counts */
	return X509_NAME_add_entry_by_NID(subject, fits ? NID_commonName : NID_organizationName,
					  MBSTRING_UTF8,
					  (const unsigned char *)(fits ? name : "kseal keygen"),
					  -1, -1, 0);
}

static bool set_dates(X509 *cert, long days, const X509 *ca)
{
	const ASN1_TIME *end = ca ? X509_get0_notAfter(ca) : NULL;

	if (!X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL))
		return false;
	if (end && ASN1_TIME_compare(X509_get0_notAfter(cert), end) > 0)
		return X509_set1_notAfter(cert, end);
	return true;
}

static bool add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	bool ok = extension && X509_add_ext(cert, extension, -1);

	X509_EXTENSION_free(extension);
	return ok;
}

static GENERAL_NAME *make_san(const char *name)
{
	/* not by a text of OpenSSL's configuration: there a comma would start another name */
	return a2i_GENERAL_NAME(NULL, NULL, NULL, is_address(name) ? GEN_IPADD : GEN_DNS, name, 0);
}

static bool add_sans(X509 *cert, char *const *names, int count)
{
	GENERAL_NAMES *sans = GENERAL_NAMES_new();
	GENERAL_NAME *san;
	bool ok = sans;
	int i;

	for (i = 0; ok && i < count; i++) {
		san = make_san(names[i]);
		ok = san && sk_GENERAL_NAME_push(sans, san);
		if (!ok)
			GENERAL_NAME_free(san);
	}
	ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, sans, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(sans);
	return ok;
}

static bool sign(X509 *cert, EVP_PKEY *key)
{
	/* RFC 8410: Ed25519 hashes by itself */
	return X509_sign(cert, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()) > 0;
}

/* What CA and leaf have in common; issuer NULL: the certificate itself. */
static X509 *begin(EVP_PKEY *key, const char *name, long days, X509 *issuer)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	    set_subject(cert, name) && set_dates(cert, days, issuer) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) &&
	    X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *cert_ca(EVP_PKEY *key, const char *name, long days)
{
	X509 *cert = begin(key, name, days, NULL);
	X509V3_CTX ctx;

	if (!cert)
		return NULL;
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	if (add_extension(cert, &ctx, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(cert, &ctx, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_extension(cert, &ctx, NID_subject_key_identifier, "hash") &&
	    add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always") &&
	    sign(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *cert_leaf(EVP_PKEY *key, char *const *names, int count, long days, X509 *ca,
		EVP_PKEY *ca_key)
{
	X509 *cert = begin(key, names[0], days, ca);
	X509V3_CTX ctx;

	if (!cert)
		return NULL;
	X509V3_set_ctx(&ctx, ca, cert, NULL, NULL, 0);
	if (add_extension(cert, &ctx, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(cert, &ctx, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(cert, &ctx, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    add_extension(cert, &ctx, NID_subject_key_identifier, "hash") &&
	    add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always") &&
	    add_sans(cert, names, count) && sign(cert, ca_key))
		return cert;
	X509_free(cert);
	return NULL;
}
