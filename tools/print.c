// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "print.h"

#define LABEL_WIDTH 22

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

char *print_escape(const char *text)
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

const char *human_bytes(uint64_t value, char text[HUMAN_MAX])
{
	static const char units[] = "KMGTPE";
	double scaled = value;
	int unit = -1;

	if (value < 1024) {
		snprintf(text, HUMAN_MAX, "%" PRIu64 " B", value);
		return text;
	}
	while (scaled >= 1023.95 && unit < 5) {
		scaled /= 1024;
		unit++;
	}
	snprintf(text, HUMAN_MAX, "%.1f %ciB", scaled, units[unit]);
	return text;
}

const char *human_age(uint64_t ms, char text[HUMAN_MAX])
{
	uint64_t s = ms / 1000;

	if (ms < 10000)
		snprintf(text, HUMAN_MAX, "%.1fs", ms / 1000.0);
	else if (s < 60)
		snprintf(text, HUMAN_MAX, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, HUMAN_MAX, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, HUMAN_MAX, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, HUMAN_MAX, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return text;
}

static void print_label(const char *label, const char *text)
{
	printf("  %-*s %s\n", LABEL_WIDTH, label, text);
}

/* JSON's integers are signed here; what does not fit stands as a string. */
static json_t *json_number(uint64_t value)
{
	char text[HUMAN_MAX];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

void print_string(struct print *p, const char *key, const char *label, const char *value)
{
	char *safe;

	if (p->object && !json_object_set_new(p->object, key, json_string(value)))
		return;
	safe = print_escape(value);
	if (!safe)
		return;
	if (p->object)
		json_object_set_new(p->object, key, json_string(safe));
	else
		print_label(label, safe);
	free(safe);
}

void print_number(struct print *p, const char *key, const char *label, uint64_t value)
{
	char text[HUMAN_MAX];

	if (p->object) {
		json_object_set_new(p->object, key, json_number(value));
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, value);
	print_label(label, text);
}

void print_name(struct print *p, const char *key, const char *label, const char *name,
		unsigned int value)
{
	if (name)
		print_string(p, key, label, name);
	else
		print_number(p, key, label, value);
}

void print_bytes(struct print *p, const char *key, const char *label, uint64_t value)
{
	char text[HUMAN_MAX];

	if (p->object)
		json_object_set_new(p->object, key, json_number(value));
	else
		print_label(label, human_bytes(value, text));
}

void print_age(struct print *p, const char *key, const char *label, uint64_t ms)
{
	char text[HUMAN_MAX];

	if (p->object)
		json_object_set_new(p->object, key, json_number(ms));
	else
		print_label(label, human_age(ms, text));
}
