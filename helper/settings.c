// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a profile says; see settings.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "settings.h"

#define TICKET_LIFETIME 7200	/* seconds */

void settings_default(struct settings *settings, const char *name)
{
	memset(settings, 0, sizeof(*settings));
	snprintf(settings->name, sizeof(settings->name), "%s", name);
	settings->tickets = true;
	settings->ticket_lifetime = TICKET_LIFETIME;
}

int string_list_add(struct string_list *list, const char *text)
{
	char **at = reallocarray(list->at, list->count + 1, sizeof(*at));

	if (!at)
		return -ENOMEM;
	list->at = at;
	at[list->count] = strdup(text);
	if (!at[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

static void string_list_free(struct string_list *list)
{
	while (list->count)
		free(list->at[--list->count]);
	free(list->at);
	list->at = NULL;
}

struct settings_cert *settings_add_cert(struct settings *settings)
{
	struct settings_cert *certs = reallocarray(settings->certs, settings->n_certs + 1,
						   sizeof(*certs));

	if (!certs)
		return NULL;
	settings->certs = certs;
	memset(&certs[settings->n_certs], 0, sizeof(*certs));
	return &certs[settings->n_certs++];
}

void settings_free(struct settings *settings)
{
	while (settings->n_certs) {
		struct settings_cert *cert = &settings->certs[--settings->n_certs];

		free(cert->chain);
		free(cert->key);
		free(cert->staple);
	}
	free(settings->certs);
	string_list_free(&settings->ca);
	string_list_free(&settings->pins);
	string_list_free(&settings->crls);
	string_list_free(&settings->client_ca);
	string_list_free(&settings->alpn);
	string_list_free(&settings->groups);
	string_list_free(&settings->suites);
	free(settings->psk);
	free(settings->ticket_keys);
	memset(settings, 0, sizeof(*settings));
}
