/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys that session tickets are sealed with (RFC 5077 4, RFC 8446 4.6.1), so that
 * a server need not remember sessions. Of its own, changed from time to time; or
 * from files in a directory, the same on many hosts: each then resumes what
 * another began.
 */
#ifndef KSEALD_TICKETS_H
#define KSEALD_TICKETS_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>
#include "settings.h"

/* A key file: name, key of HMAC-SHA-256, key of AES-256; as nginx has them. */
#define TICKETS_FILE_LEN	80

struct tickets;

/*
 * directory: key files, of which the last by name seals and all open; NULL: keys of
 * our own, a new one each lifetime (seconds), of which tickets live as long.
 * Returns NULL with a sentence in why.
 */
struct tickets *tickets_new(const char *directory, uint32_t lifetime, char *why, size_t size);

/* Wipes and frees; NULL is fine. */
void tickets_free(struct tickets *tickets);

/*
 * Lets the handshakes of ctx use them; any number of threads. tickets must outlive ctx.
 * clients: what ctx wants of clients, which a ticket has to meet as well. Returns 0 or -1.
 */
int tickets_use(SSL_CTX *ctx, struct tickets *tickets, enum settings_clients clients);

#endif
