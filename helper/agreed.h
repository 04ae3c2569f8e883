/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handshake agreed on, but for the keys. */
#ifndef KSEALD_AGREED_H
#define KSEALD_AGREED_H

#include <openssl/ssl.h>
#include "tls.h"

/*
 * Fills in all of session that is for people, and what the peer takes in a record. name: of
 * a client, whom it verified. The session is all zeros but for version and keys.
 */
void agreed_describe(SSL *ssl, enum kseal_role role, const char *name, struct tls_session *session);

#endif
