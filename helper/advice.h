/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person can do about a handshake that failed.
 */
#ifndef KSEALD_ADVICE_H
#define KSEALD_ADVICE_H

#include <stdbool.h>
#include <openssl/ssl.h>
#include <linux/kseal.h>

struct tls_failure;

/*
 * A sentence, or NULL where there is nothing to say. ssl: of the failed handshake;
 * by_peer: the other end refused, else this one, of which role is.
 */
const char *advice_for(const SSL *ssl, enum kseal_role role, const struct tls_failure *failure,
		       bool by_peer);

#endif
