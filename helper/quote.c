// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A peer's names made harmless; see quote.h.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "quote.h"

/* the longest that follows: a byte, "...", the mark and the end */
#define TAIL_MAX	10

void quote_bytes(char text[QUOTE_MAX], const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	size_t n = 0, i;

	text[n++] = '"';
	for (i = 0; i < len && n < QUOTE_MAX - TAIL_MAX; i++) {
		bool plain = at[i] >= ' ' && at[i] <= '~' && at[i] != '"' && at[i] != '\\';

		n += (size_t)snprintf(text + n, QUOTE_MAX - n, plain ? "%c" : "\\x%02x", at[i]);
	}
	snprintf(text + n, QUOTE_MAX - n, i < len ? "...\"" : "\"");
}

/* What OpenSSL has printed. Backslashes are its own: it has escaped others' in names. */
static void quote_printed(char text[QUOTE_MAX], BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data), i;
	size_t n = 0;

	for (i = 0; i < len && n < QUOTE_MAX - TAIL_MAX; i++) {
		bool plain = data[i] >= ' ' && data[i] <= '~';

		n += (size_t)snprintf(text + n, QUOTE_MAX - n, plain ? "%c" : "\\x%02x", (uint8_t)data[i]);
	}
	snprintf(text + n, QUOTE_MAX - n, "%s", i < len ? "..." : n ? "" : "(no name)");
}

void quote_x509_name(char text[QUOTE_MAX], const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());

	text[0] = '\0';
	if (!bio)
		return;
	/* XN_FLAG_RFC2253 escapes control characters and what is not ASCII. */
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	quote_printed(text, bio);
	BIO_free(bio);
}

void quote_alternative(char text[QUOTE_MAX], GENERAL_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());

	text[0] = '\0';
	if (!bio)
		return;
	GENERAL_NAME_print(bio, name);
	quote_printed(text, bio);
	BIO_free(bio);
}
