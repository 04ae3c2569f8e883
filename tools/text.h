/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes, times and a peer's bytes as text for people. */
#ifndef TEXT_H
#define TEXT_H

#include <stdint.h>

#define TEXT_MAX 24		/* of a number, size or time */

/* "1.5 MiB". Returns text. */
const char *text_bytes(uint64_t value, char text[TEXT_MAX]);

/* "2h03m". Returns text. */
const char *text_age(uint64_t ms, char text[TEXT_MAX]);

/*
 * A copy of text (to be freed) that is safe on a terminal and in JSON: control characters,
 * bidirectional overrides and what is not UTF-8 stand escaped, as \n or \xNN.
 * NULL: out of memory.
 */
char *text_escape(const char *text);

#endif
