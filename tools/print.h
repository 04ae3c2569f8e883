/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call prints a fact for people ("  label   text") or as a member of a JSON
 * object, so that the two never drift apart. And what keeps a peer's bytes from
 * reaching the terminal as they are.
 */
#ifndef PRINT_H
#define PRINT_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

struct print {
	json_t *object;		/* NULL: text for people, on stdout */
};

void print_string(struct print *p, const char *key, const char *label, const char *value);
void print_number(struct print *p, const char *key, const char *label, uint64_t value);

/* An enum's name, or, where name is NULL, its number. */
void print_name(struct print *p, const char *key, const char *label, const char *name,
		unsigned int value);

/* Text: "1.5 MiB"; JSON: the number. */
void print_bytes(struct print *p, const char *key, const char *label, uint64_t value);

/* Text: "2h03m"; JSON: the milliseconds. */
void print_age(struct print *p, const char *key, const char *label, uint64_t ms);

/*
 * The same for table cells. Every function returns text.
 */
#define HUMAN_MAX 24

const char *human_bytes(uint64_t value, char text[HUMAN_MAX]);
const char *human_age(uint64_t ms, char text[HUMAN_MAX]);

/*
 * A copy of text (to be freed) that is safe on a terminal and in JSON: control characters,
 * bidirectional overrides and what is not UTF-8 stand escaped, as \n or \xNN.
 * NULL: out of memory.
 */
char *print_escape(const char *text);

#endif
