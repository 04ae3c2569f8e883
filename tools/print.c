// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "print.h"
#include "text.h"

#define LABEL_WIDTH 22

static void print_label(const char *label, const char *text)
{
	printf("  %-*s %s\n", LABEL_WIDTH, label, text);
}

/* JSON's integers are signed here; what does not fit stands as a string. */
static json_t *json_number(uint64_t value)
{
	char text[TEXT_MAX];

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
	safe = text_escape(value);
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
	char text[TEXT_MAX];

	if (p->object) {
		json_object_set_new(p->object, key, json_number(value));
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, value);
	print_label(label, text);
}

void print_flag(struct print *p, const char *key, const char *label)
{
	if (p->object)
		json_object_set_new(p->object, key, json_true());
	else
		print_label(label, "yes");
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
	char text[TEXT_MAX];

	if (p->object)
		json_object_set_new(p->object, key, json_number(value));
	else
		print_label(label, text_bytes(value, text));
}

void print_age(struct print *p, const char *key, const char *label, uint64_t ms)
{
	char text[TEXT_MAX];

	if (p->object)
		json_object_set_new(p->object, key, json_number(ms));
	else
		print_label(label, text_age(ms, text));
}
