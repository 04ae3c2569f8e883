/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of keys that are not files: URIs of OpenSSL's stores (ossl_store(7)), most of
 * all those of tokens (RFC 7512), which may have a PIN in them that nobody is to see.
 */
#ifndef KSEALD_URI_H
#define KSEALD_URI_H

#include <stdbool.h>
#include <stddef.h>

/* Whether text begins with a scheme (RFC 3986 3.1) and a colon; else it is a file's name. */
bool uri_is(const char *text);

/* Writes uri for a person, up to a PIN, if it has one; cut to size. */
void uri_show(const char *uri, char *text, size_t size);

/* Whether there is a PIN in it. */
bool uri_has_pin(const char *uri);

/*
 * Takes an attribute (RFC 7512 2.3) out of uri and returns its value, without
 * percent-encoding (RFC 3986 2.1), which the caller wipes and frees with
 * OPENSSL_clear_free(). NULL: it has none, or there is no memory.
 */
char *uri_take(char *uri, const char *attribute);

#endif
