/* SPDX-License-Identifier: GPL-2.0-or-later */
/* X.509 certificates (RFC 5280) for a private CA and its leaves. */
#ifndef CERT_H
#define CERT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

/* type: "p256", "rsa" or "ed25519". NULL: no such type, or OpenSSL failed. */
EVP_PKEY *cert_key(const char *type);

/* A self-signed CA. NULL: OpenSSL failed. */
X509 *cert_ca(EVP_PKEY *key, const char *name, long days);

/*
 * A leaf for names (DNS names or addresses), for servers and clients, which ends with the
 * CA at the latest. NULL: OpenSSL failed.
 */
X509 *cert_leaf(EVP_PKEY *key, char *const *names, int count, long days, X509 *ca,
		EVP_PKEY *ca_key);

/* Whether name can stand in a certificate: an address, or a DNS name, "*." allowed. */
int cert_name_valid(const char *name);

#endif
