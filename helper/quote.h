/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that a peer chose, made harmless for a log and a terminal: printable ASCII,
 * and not too long.
 */
#ifndef KSEALD_QUOTE_H
#define KSEALD_QUOTE_H

#include <stddef.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define QUOTE_MAX	160	/* bytes of one, the end included; what is cut ends in "..." */

/* Bytes in quotation marks; what is not printable, and quotation marks, as \xNN. */
void quote_bytes(char text[QUOTE_MAX], const void *bytes, size_t len);

/* A subject or issuer as RFC 2253 has it. */
void quote_x509_name(char text[QUOTE_MAX], const X509_NAME *name);

/* One of subjectAltName, with its kind: "DNS:www.example.org". */
void quote_alternative(char text[QUOTE_MAX], GENERAL_NAME *name);

#endif
