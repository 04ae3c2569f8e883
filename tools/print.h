/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call prints a fact for people ("  label   text") or as a member of a JSON
 * object, so that the two never drift apart.
 */
#ifndef PRINT_H
#define PRINT_H

#include <stdint.h>
#include <jansson.h>

struct print {
	json_t *object;		/* NULL: text for people, on stdout */
};

void print_string(struct print *p, const char *key, const char *label, const char *value);
void print_number(struct print *p, const char *key, const char *label, uint64_t value);

/* Something that is so: text "yes", JSON true. */
void print_flag(struct print *p, const char *key, const char *label);

/* An enum's name, or, where name is NULL, its number. */
void print_name(struct print *p, const char *key, const char *label, const char *name,
		unsigned int value);

/* Text: "1.5 MiB"; JSON: the number. */
void print_bytes(struct print *p, const char *key, const char *label, uint64_t value);

/* Text: "2h03m"; JSON: the milliseconds. */
void print_age(struct print *p, const char *key, const char *label, uint64_t ms);

#endif
