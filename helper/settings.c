// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a profile says; see settings.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "settings.h"
#include "uri.h"

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

void string_list_free(struct string_list *list)
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

bool settings_have_uri(const struct settings *settings)
{
	for (size_t i = 0; i < settings->n_certs; i++)
		if (uri_is(settings->certs[i].key))
			return true;
	return false;
}

static int copy_list(struct string_list *to, const struct string_list *from)
{
	int ret = 0;
	size_t i;

	memset(to, 0, sizeof(*to));
	for (i = 0; i < from->count && !ret; i++)
		ret = string_list_add(to, from->at[i]);
	return ret;
}

static int copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static int copy_certs(struct settings *to, const struct settings *from)
{
	int ret = 0;
	size_t i;

	to->certs = NULL;
	to->n_certs = 0;
	for (i = 0; i < from->n_certs && !ret; i++) {
		struct settings_cert *cert = settings_add_cert(to);

		if (!cert)
			return -ENOMEM;
		ret = copy_text(&cert->chain, from->certs[i].chain) |
		      copy_text(&cert->key, from->certs[i].key) |
		      copy_text(&cert->pin, from->certs[i].pin) |
		      copy_text(&cert->staple, from->certs[i].staple);
	}
	return ret;
}

int settings_copy(struct settings *to, const struct settings *from)
{
	int ret;

	*to = *from;
	ret = copy_certs(to, from) | copy_text(&to->server_name, from->server_name) | copy_list(&to->ca, &from->ca) |
	      copy_list(&to->pins, &from->pins) | copy_list(&to->crls, &from->crls) |
	      copy_list(&to->client_ca, &from->client_ca) | copy_list(&to->alpn, &from->alpn) |
	      copy_list(&to->groups, &from->groups) | copy_list(&to->suites, &from->suites) |
	      copy_text(&to->psk, from->psk) | copy_text(&to->ticket_keys, from->ticket_keys);
	if (!ret)
		return 0;
	settings_free(to);
	return -ENOMEM;
}

static void each_of(const struct string_list *list,
		    void (*each)(void *arg, const char *path, bool directory), void *arg)
{
	for (size_t i = 0; i < list->count; i++)
		each(arg, list->at[i], false);
}

void settings_each_file(const struct settings *settings,
			void (*each)(void *arg, const char *path, bool directory), void *arg)
{
	for (size_t i = 0; i < settings->n_certs; i++) {
		const struct settings_cert *cert = &settings->certs[i];

		each(arg, cert->chain, false);
		if (!uri_is(cert->key))
			each(arg, cert->key, false);
		if (cert->staple)
			each(arg, cert->staple, false);
	}
	each_of(&settings->ca, each, arg);
	each_of(&settings->crls, each, arg);
	each_of(&settings->client_ca, each, arg);
	if (settings->psk)
		each(arg, settings->psk, false);
	if (settings->ticket_keys)
		each(arg, settings->ticket_keys, true);
}

void settings_free(struct settings *settings)
{
	while (settings->n_certs) {
		struct settings_cert *cert = &settings->certs[--settings->n_certs];

		free(cert->chain);
		free(cert->key);
		free(cert->pin);
		free(cert->staple);
	}
	free(settings->certs);
	free(settings->server_name);
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
