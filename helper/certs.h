/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificates of a server, and which of them a client gets. */
#ifndef KSEALD_CERTS_H
#define KSEALD_CERTS_H

#include <stddef.h>
#include <openssl/ssl.h>
#include "settings.h"

/* A certificate's SSL_CTX for each set of names; those of other key types share it. */
struct certs;

/*
 * Loads the certificates of settings, at least one. make: a new SSL_CTX with all
 * that does not depend on the certificate, or NULL with why. Returns NULL with a
 * sentence in why.
 */
struct certs *certs_new(const struct settings *settings,
			SSL_CTX *(*make)(const struct settings *settings, char *why, size_t size),
			char *why, size_t size);
void certs_free(struct certs *certs);

/* Loads one pair of the settings into ctx. Returns 0, or -1 with why. */
int certs_load(SSL_CTX *ctx, const struct settings *settings, const struct settings_cert *cert,
	       char *why, size_t size);

/*
 * The SSL_CTX for the name that a client asks for (RFC 6066 3): exact, then
 * "*." for its first label, else that of the first certificate. NULL: the first.
 */
SSL_CTX *certs_find(const struct certs *certs, const char *name);

/* The i-th SSL_CTX; NULL: no more. */
SSL_CTX *certs_at(const struct certs *certs, size_t i);

#endif
