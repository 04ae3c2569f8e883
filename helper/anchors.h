/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's trust anchors: those that OpenSSL finds by itself.
 */
#ifndef KSEALD_ANCHORS_H
#define KSEALD_ANCHORS_H

#include <openssl/x509.h>

/*
 * Adds all of OpenSSL's default file and directories (SSL_CERT_FILE, SSL_CERT_DIR), now:
 * OpenSSL's own lookup reads a directory's when a peer's certificate asks for one, in a
 * handshake that then waits for the disk. None is no error: nobody is trusted then.
 * Returns 0, or -1: no memory.
 */
int anchors_of_system(X509_STORE *store);

#endif
