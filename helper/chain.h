/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Certificate message says (RFC 8446 4.4.2, RFC 5246 7.4.2): of the first
 * certificate whom it is for, by whom, until when, which key; how many there are.
 */
#ifndef KSEALD_CHAIN_H
#define KSEALD_CHAIN_H

#include <stdbool.h>
#include <openssl/ssl.h>
#include "wire.h"

struct explain;

/* Tells it; false: the body of the message is malformed, or its certificate is none. */
bool chain_facts(struct explain *explain, SSL *ssl, struct bytes body);

/* The same of a CompressedCertificate (RFC 8879), as far as this OpenSSL can expand it. */
bool chain_compressed(struct explain *explain, SSL *ssl, struct bytes body);

#endif
