/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration file's text as libconfuse is to see it: without comments, and with
 * every string and every brace closed. libconfuse passes over an open one without a word,
 * and counts lines wrongly after a comment.
 */
#ifndef KSEALD_CONF_TEXT_H
#define KSEALD_CONF_TEXT_H

#include <stddef.h>

#define CONF_TEXT_MAX	(1 << 20)	/* bytes in a file */

struct conf_text {
	char *at;		/* no NUL in it, nor behind it */
	size_t len;		/* not 0: a blank is appended */
};

/*
 * Reads the file; comments become blanks, so that lines and columns stay. Returns 0, or
 * -1 after writing to why what is wrong: with the text in line *line, or, if that is 0,
 * with the file. at is for free().
 */
int conf_text_read(struct conf_text *text, const char *path, unsigned int *line,
		   char *why, size_t size);

#endif
