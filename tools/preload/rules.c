// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "rules.h"

static bool same(const char *wanted, size_t len, const char *is)
{
	if (len == 1 && *wanted == '*')
		return true;
	/* [V6] */
	if (len > 2 && *wanted == '[' && wanted[len - 1] == ']') {
		wanted++;
		len -= 2;
	}
	return is && strlen(is) == len && !strncasecmp(wanted, is, len);
}

static bool chosen_by(const char *rule, size_t len, const char *name, const char *address,
		      uint16_t port)
{
	const char *colon = memrchr(rule, ':', len);
	size_t host;

	if (!colon)
		return false;
	host = (size_t)(colon - rule);
	if (!same(rule, host, name) && !same(rule, host, address))
		return false;
	colon++;
	return *colon == '*' || strtoul(colon, NULL, 10) == port;
}

bool rules_choose(const char *to, const char *name, const char *address, uint16_t port)
{
	size_t len;

	if (!to)
		return true;
	for (; *to; to += len) {
		to += strspn(to, " ");
		len = strcspn(to, " ");
		if (len && chosen_by(to, len, name, address, port))
			return true;
	}
	return false;
}
