/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests look for in the story of a handshake (helper/explain.h).
 */
#ifndef KSEAL_STORY_H
#define KSEAL_STORY_H

#include "explain.h"
#include "tap.h"

/* Whether these words are there. Spaces and line ends count as one space: they may stand in two lines. */
static inline bool tells(const char *story, const char *words)
{
	char flat[KSEAL_EXPLAIN_MAX + 1];
	size_t n = 0;

	for (; story && *story; story++)
		if ((*story != ' ' && *story != '\n') || (n && flat[n - 1] != ' '))
			flat[n++] = *story == '\n' ? ' ' : *story;
	flat[n] = '\0';
	if (!strstr(flat, words))
		note("there is no: %s", words);
	return strstr(flat, words);
}

/* An SSL that nobody speaks through, for stories of single messages. */
static inline SSL *an_ssl(SSL_CTX **ctx)
{
	*ctx = SSL_CTX_new(TLS_method());
	return SSL_new(*ctx);
}

#endif
