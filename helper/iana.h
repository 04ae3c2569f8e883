/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the numbers of two bytes in handshake messages, as IANA's registries of
 * TLS parameters have them: from OpenSSL where it has them, also of what is not
 * spoken here, as peers offer it.
 */
#ifndef KSEALD_IANA_H
#define KSEALD_IANA_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>

#define IANA_TEXT_MAX	16

enum iana_registry {
	IANA_VERSION,		/* RFC 8446 4.2.1 */
	IANA_SUITE,		/* RFC 8446 B.4 */
	IANA_GROUP,		/* RFC 8446 4.2.7 */
	IANA_SIGNATURE,		/* RFC 8446 4.2.3; RFC 5246 7.4.1.4.1 has the same numbers */
};

/*
 * The name; "GREASE" for those that mean nothing (RFC 8701); else the number, in text. ssl
 * is whose ciphers and groups are looked at.
 */
const char *iana_name(enum iana_registry registry, SSL *ssl, uint32_t number,
		      char text[IANA_TEXT_MAX]);

#endif
