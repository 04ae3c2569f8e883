// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * URIs of keys; see uri.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>
#include "uri.h"

/* RFC 7512 2.3: attributes of the path, then those of the query, where '?' is a character
 * like others.
 */
static const char *begins(bool query)
{
	return query ? "&" : ":;?";
}

static const char *ends(bool query)
{
	return query ? "&" : ";?";
}

bool uri_is(const char *text)
{
	const char *at = text;

	if (!isalpha((unsigned char)*at))
		return false;
	while (isalnum((unsigned char)*at) || *at == '+' || *at == '-' || *at == '.')
		at++;
	return *at == ':';
}

/* The attribute's first letter, or NULL; *value: behind its '='; *end: behind that. */
static const char *find(const char *uri, const char *attribute, const char **value,
			const char **end)
{
	size_t len = strlen(attribute);
	bool query = false;

	for (const char *at = uri; (at = strpbrk(at, begins(query)));) {
		query |= *at++ == '?';
		if (strncasecmp(at, attribute, len) || at[len] != '=')
			continue;
		*value = at + len + 1;
		*end = *value + strcspn(*value, ends(query));
		return at;
	}
	return NULL;
}

bool uri_has_pin(const char *uri)
{
	const char *value, *end;

	return uri_is(uri) && find(uri, "pin-value", &value, &end);
}

void uri_show(const char *uri, char *text, size_t size)
{
	const char *value, *end;

	if (find(uri, "pin-value", &value, &end))
		snprintf(text, size, "%.*s...", (int)(value - uri), uri);
	else
		snprintf(text, size, "%s", uri);
}

char *uri_take(char *uri, const char *attribute)
{
	const char *value, *value_end, *found = find(uri, attribute, &value, &value_end);
	char *name, *end, *text;
	size_t len, i;

	if (!found)
		return NULL;
	name = uri + (found - uri);
	end = uri + (value_end - uri);
	text = OPENSSL_zalloc((size_t)(value_end - value) + 1);
	for (i = 0; text && value < value_end; i++) {
		unsigned int byte;

		if (value[0] == '%' && isxdigit((unsigned char)value[1]) &&
		    isxdigit((unsigned char)value[2]) && sscanf(value + 1, "%2x", &byte) == 1) {
			text[i] = (char)byte;
			value += 3;
		} else {
			text[i] = *value++;
		}
	}
	/* with the sign before it; or, if that begins what goes on, the one behind */
	if (strchr(":?", name[-1]) && strchr(";&", *end) && *end)
		end++;
	else if (name[-1] != ':')
		name--;
	len = strlen(end);
	memmove(name, end, len + 1);
	OPENSSL_cleanse(name + len + 1, (size_t)(end - name));
	return text;
}
