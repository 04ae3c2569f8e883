/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of stores, as profiles get them: loaded in the signer, by the one thread that loads
 * profiles, which waits for that. When another signer begins they are loaded there again.
 * What begins with loader_ is of that thread.
 */
#ifndef KSEALD_LOADER_H
#define KSEALD_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/evp.h>
#include "settings.h"

/*
 * Waits until the signer at the other end of fd (keeper.h) is there. fd stays the
 * caller's. Returns 0, or -1 with a sentence in why.
 */
int loader_open(int fd, char *why, size_t size);

/* No signer any more. */
void loader_close(void);

/* Lets the signer read the configuration, which has been read anew. Not without one. */
void loader_read(void);

/*
 * The private key cert->key, which is a URI, for public. decrypts: it is to do so safely
 * (sign.h) as well. Returns NULL with a sentence in why.
 */
EVP_PKEY *loader_load(const struct settings_cert *cert, EVP_PKEY *public, bool decrypts, char *why,
		      size_t size);

/*
 * Whether a store may have been given a wrong PIN. Tokens lock after a few: nobody is to try
 * again by himself.
 */
bool loader_pin_refused(void);

/* To be polled for POLLIN; -1: nothing. */
int loader_fd(void);

/* When there is something to read, and now and then: loads keys into another signer, and
 * lets go of those that nobody uses any more.
 */
void loader_tend(void);

#endif
