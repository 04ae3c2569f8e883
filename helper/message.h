/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a handshake message says (RFC 8446 4, RFC 5246 7.4), as facts of a story
 * (explain.h). OpenSSL has no way to ask for most of it at the time when a message
 * goes by, and none at all for what our own end sends, so messages are read here:
 * by a reader that never goes beyond its bytes, and gives up where they are not
 * as they should be.
 */
#ifndef KSEALD_MESSAGE_H
#define KSEALD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/ssl.h>

struct explain;

/* The name of a message, which begins with its type; len at least 1. */
const char *message_name(const uint8_t *bytes, size_t len);

/* Whether it is a HelloRetryRequest: a ServerHello with a random of its own, RFC 8446 4.1.3. */
bool message_is_retry(const uint8_t *bytes, size_t len);

/* Tells what it says: the whole message, header included. */
void message_facts(struct explain *explain, SSL *ssl, const uint8_t *bytes, size_t len);

#endif
