// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

/*
 * Decodes the UTF-8 character at s (RFC 3629: no overlong forms, no surrogates).
 * Returns its length, 0 if there is none.
 */
static size_t decode(const unsigned char *s, uint32_t *c)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i, n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	*c = n == 1 ? s[0] : s[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	if (*c < smallest[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

static bool harmless(uint32_t c)
{
	if (c < 0x20 || c == '\\' || (c >= 0x7f && c < 0xa0))
		return false;
	/* bidirectional marks and overrides, line separators, the byte order mark */
	return !(c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
		 (c >= 0x2066 && c <= 0x2069) || c == 0xfeff);
}

static char *put_escape(char *out, unsigned char c)
{
	switch (c) {
	case '\n':
		return stpcpy(out, "\\n");
	case '\r':
		return stpcpy(out, "\\r");
	case '\t':
		return stpcpy(out, "\\t");
	case '\\':
		return stpcpy(out, "\\\\");
	default:
		return out + sprintf(out, "\\x%02x", c);
	}
}

char *text_escape(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char *safe = malloc(4 * strlen(text) + 1);
	char *out = safe;
	size_t n, i;
	uint32_t c;

	if (!safe)
		return NULL;
	while (*s) {
		n = decode(s, &c);
		if (n && harmless(c)) {
			out = mempcpy(out, s, n);
		} else {
			n = n ? n : 1;
			for (i = 0; i < n; i++)
				out = put_escape(out, s[i]);
		}
		s += n;
	}
	*out = '\0';
	return safe;
}

const char *text_bytes(uint64_t value, char text[TEXT_MAX])
{
	static const char units[] = "KMGTPE";
	double scaled = value;
	int unit = -1;

	if (value < 1024) {
		snprintf(text, TEXT_MAX, "%" PRIu64 " B", value);
		return text;
	}
	while (scaled >= 1023.95 && unit < 5) {
		scaled /= 1024;
		unit++;
	}
	snprintf(text, TEXT_MAX, "%.1f %ciB", scaled, units[unit]);
	return text;
}

const char *text_age(uint64_t ms, char text[TEXT_MAX])
{
	uint64_t s = ms / 1000;

	if (ms < 10000)
		snprintf(text, TEXT_MAX, "%.1fs", ms / 1000.0);
	else if (s < 60)
		snprintf(text, TEXT_MAX, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, TEXT_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, TEXT_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, TEXT_MAX, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return text;
}
