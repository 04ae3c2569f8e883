/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom a handshake trusts: the authorities, the name in the certificate, and
 * what is said when they do not fit.
 */
#ifndef KSEALD_VERIFY_H
#define KSEALD_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/ssl.h>
#include "settings.h"

/*
 * Why an OCSP staple was refused, or that there is none where there has to be: what
 * SSL_get_verify_result() has then, beside X509_V_ERR_*.
 */
enum verify_staple {
	VERIFY_STAPLE_MISSING = 0x10000,
	VERIFY_STAPLE_UNREADABLE,
	VERIFY_STAPLE_OTHER,		/* it is about another certificate */
	VERIFY_STAPLE_SIGNER,		/* not the issuer, nor whom that has charged with it */
	VERIFY_STAPLE_REVOKED,
	VERIFY_STAPLE_UNKNOWN,
	VERIFY_STAPLE_EARLY,
	VERIFY_STAPLE_OLD,
};

/*
 * Whom a client trusts: the CA files of settings or the system's store, the pins,
 * the CRLs; and the server's staple (RFC 6066 8) if it sends one, which it has to
 * if its certificate says so (RFC 7633). settings must outlive ctx. Returns 0, or
 * -1 with a sentence in why.
 */
int verify_servers(SSL_CTX *ctx, const struct settings *settings, char *why, size_t size);

/* Which clients a server trusts: client CA files and CRLs. Returns likewise. */
int verify_clients(SSL_CTX *ctx, const struct settings *settings, char *why, size_t size);

/* Whether name is an IPv4 or IPv6 address in text form. */
bool verify_name_is_address(const char *name);

/* Whether name can be a DNS name: letters, digits, "-", "_", "."; no leading dot or wildcard. */
bool verify_name_is_dns(const char *name);

/*
 * Lets the handshake succeed only with a certificate for name, a DNS name
 * without trailing dot or an address; or with a pinned key, if there is nothing
 * but pins. Returns 0 or -1 (no memory).
 */
int verify_expect(SSL *ssl, const char *name);

/*
 * If the peer's certificate was refused here, writes the sentence that says
 * why and returns true.
 */
bool verify_refused(const SSL *ssl, const char *name, char *reason, size_t size);

/* Whether the profile knows its peers by their keys, so that nothing else in a certificate was verified. */
bool verify_is_by_pin_alone(const SSL *ssl);

/* The subject of the peer's verified certificate as RFC 2253 has it, cut to size; empty: none. */
void verify_identity(const SSL *ssl, char *text, size_t size);

/*
 * The peer's certificates as they came, DER, its own first, as many as have room in max bytes; of
 * a resumed session its own alone. *chain: malloc()ed, NULL: none. Returns the bytes.
 */
size_t verify_peer_chain(const SSL *ssl, size_t max, uint8_t **chain);

#endif
