// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A configuration file's text; see conf_text.h. What is a comment, a string or a word is
 * libconfuse's choice: the cases below are those of its lexer, version 3.3.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf_text.h"
#include "files.h"

#define DEPTH_MAX	8	/* braces in braces; a list in a certificate is at 3 */

struct scan {
	char *at, *end;
	unsigned int line;
	unsigned int open[DEPTH_MAX];	/* the lines of '{' that have no '}' yet */
	unsigned int depth;
	enum {
		NEXT_KEY,
		NEXT_SIGN,	/* behind a key: or a section's title */
		NEXT_VALUE,
	} next;
};

static bool next_is(const struct scan *scan, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(scan->end - scan->at) >= len && !memcmp(scan->at, text, len);
}

static void blank_line(struct scan *scan)
{
	while (scan->at < scan->end && *scan->at != '\n')
		*scan->at++ = ' ';
}

static const char *blank_block(struct scan *scan)
{
	unsigned int start = scan->line;

	for (; scan->at < scan->end; scan->at++) {
		if (next_is(scan, "*/")) {
			memset(scan->at, ' ', 2);
			scan->at += 2;
			return NULL;
		}
		if (*scan->at == '\n')
			scan->line++;
		else
			*scan->at = ' ';
	}
	scan->line = start;
	return "the comment that begins here is not closed: write */ at its end";
}

static const char variable[] =
	"${...} is not replaced by a variable: write what it stands for, or put it in '...'";

/* libconfuse takes a|b for the key b in the section a, whichever section it stands in. */
static const char bar[] = "there is a | outside of quotes: keys have none, and texts need \"...\"";
static const char quoted_key[] = "the name of a key is in quotes: write it without";

static bool equals_sign_is_next(const struct scan *scan)
{
	const char *at = scan->at;

	while (at < scan->end && strchr(" \t\r\n+", *at))
		at++;
	return at < scan->end && *at == '=';
}

/* A word or a string. */
static void pass_text(struct scan *scan)
{
	scan->next = scan->next == NEXT_VALUE ? NEXT_KEY : NEXT_SIGN;
}

static const char *pass_string(struct scan *scan)
{
	char quote = *scan->at++;

	/* libconfuse would end without a word */
	if (scan->next == NEXT_KEY && scan->at < scan->end && *scan->at == quote)
		return "there is an empty string where a key should be: leave it out";
	pass_text(scan);
	for (; scan->at < scan->end && *scan->at != '\n'; scan->at++) {
		if (*scan->at == quote) {
			scan->at++;
			return equals_sign_is_next(scan) ? quoted_key : NULL;
		}
		if (quote == '"' && next_is(scan, "${"))
			return variable;
		if (*scan->at == '\\' && scan->at + 1 < scan->end && scan->at[1] != '\n')
			scan->at++;
	}
	return quote == '"' ? "a string is not closed in this line: write \" at its end" :
		"a string is not closed in this line: write ' at its end";
}

/* One character, or a word. */
static const char *pass_other(struct scan *scan)
{
	static const char no_word[] = " #\"'\t\n\r={}()+,*";

	if (next_is(scan, "${"))
		return variable;
	if (*scan->at == '|')
		return bar;
	switch (*scan->at) {
	case '\n':
		scan->line++;
		break;
	case '{':
		if (scan->depth == DEPTH_MAX)
			return "there are too many { in one another: see kseald.conf(5)";
		scan->open[scan->depth++] = scan->line;
		if (scan->next == NEXT_SIGN)
			scan->next = NEXT_KEY;
		break;
	case '}':
		/* one too many is what libconfuse does complain of */
		if (scan->depth)
			scan->depth--;
		scan->next = NEXT_KEY;
		break;
	case '=':
	case ',':
	case '(':
		scan->next = NEXT_VALUE;
		break;
	}
	if (strchr(no_word, *scan->at++))
		return NULL;
	pass_text(scan);
	/* no comment begins within a word: a/b//c is one */
	while (scan->at < scan->end && !strchr(no_word, *scan->at))
		if (next_is(scan, "${"))
			return variable;
		else if (*scan->at == '|')
			return bar;
		else
			scan->at++;
	return NULL;
}

/* Returns what is wrong in scan->line, or NULL. */
static const char *pass_all(struct scan *scan)
{
	const char *wrong = NULL;

	while (!wrong && scan->at < scan->end) {
		if (*scan->at == '#' || next_is(scan, "//"))
			blank_line(scan);
		else if (next_is(scan, "/*"))
			wrong = blank_block(scan);
		else if (*scan->at == '"' || *scan->at == '\'')
			wrong = pass_string(scan);
		else
			wrong = pass_other(scan);
	}
	if (!wrong && scan->depth) {
		scan->line = scan->open[scan->depth - 1];
		wrong = "the { in this line is not closed: write } where it ends";
	}
	return wrong;
}

static unsigned int line_of(const char *text, const char *at)
{
	unsigned int line = 1;

	while (text < at)
		line += *text++ == '\n';
	return line;
}

static int read_all(struct conf_text *text, const char *path)
{
	FILE *file = files_open(path);
	int ret = -1;

	if (!file)
		return -1;
	text->at = malloc(CONF_TEXT_MAX + 1);
	if (text->at) {
		errno = 0;
		text->len = fread(text->at, 1, CONF_TEXT_MAX + 1, file);
		if (!ferror(file) && text->len > CONF_TEXT_MAX)
			errno = EFBIG;
		else if (!ferror(file))
			ret = 0;
	}
	fclose(file);
	return ret;
}

int conf_text_read(struct conf_text *text, const char *path, unsigned int *line,
		   char *why, size_t size)
{
	const char *wrong, *nul;
	struct scan scan;

	*line = 0;
	memset(text, 0, sizeof(*text));
	if (read_all(text, path)) {
		snprintf(why, size, "cannot be read: %s", strerror(errno));
		goto err;
	}
	nul = memchr(text->at, '\0', text->len);
	if (nul) {
		*line = line_of(text->at, nul);
		snprintf(why, size, "there is a NUL byte: this has to be a text file");
		goto err;
	}
	scan = (struct scan){ .at = text->at, .end = text->at + text->len, .line = 1 };
	wrong = pass_all(&scan);
	if (wrong) {
		*line = scan.line;
		snprintf(why, size, "%s", wrong);
		goto err;
	}
	text->at[text->len++] = ' ';
	return 0;

err:
	free(text->at);
	text->at = NULL;
	return -1;
}
