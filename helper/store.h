/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private keys by URI, from tokens and whatever else OpenSSL can open as a store; for the
 * signer (signer.h). No PIN gets into a message, and none is given to the code of a store
 * but when that asks for it: some of it prints the URIs it is given.
 */
#ifndef KSEALD_STORE_H
#define KSEALD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/evp.h>
#include "settings.h"

/*
 * What OpenSSL's own configuration says is done (config(5ssl)), then these providers are
 * loaded beside those that are there. Once. Returns 0, or -1 with a sentence in why.
 */
int store_init(const struct string_list *providers, char *why, size_t size);

/* Of a key that was opened, or not. */
struct store_key {
	EVP_PKEY *key;
	bool can_decrypt;	/* sign_decrypt() is safe with it */
	bool pin_refused;	/* maybe: one was given, and there is no key; tokens count that */
};

/*
 * Opens a key: uri as uri_is() has it, or org.openssl.engine:ID:KEY for ENGINE_by_id(ID).
 * pin_file: its first line is the PIN; NULL: that of the URI, if it has one. Tries whether
 * it can sign as TLS needs it, and that it belongs to public. Returns 0; or -1 with a
 * sentence in why, and no key.
 */
int store_load(struct store_key *loaded, const char *uri, const char *pin_file, EVP_PKEY *public,
	       char *why, size_t size);

/* What OpenSSL's queue of errors says, without its data, and empties it. Returns text. */
const char *store_reasons(char *text, size_t size);

#endif
