// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include "range.h"

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

/* Reads digits; a number too large is as good as the largest. */
static bool read_number(const char **s, uint64_t *value)
{
	const char *start = *s;

	for (*value = 0; **s >= '0' && **s <= '9'; (*s)++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(**s - '0'), value)) {
			*value = UINT64_MAX;
			*s += strspn(*s, "0123456789");
			break;
		}
	}
	return *s > start;
}

static enum range suffix(uint64_t count, uint64_t size, uint64_t *first, uint64_t *length)
{
	if (!count)
		return RANGE_UNSATISFIABLE;
	/* satisfiable, but "0--1/0" cannot be written as a Content-Range */
	if (!size)
		return RANGE_WHOLE;
	*length = count < size ? count : size;
	*first = size - *length;
	return RANGE_PART;
}

static enum range bounded(uint64_t from, uint64_t to, uint64_t size, uint64_t *first,
			  uint64_t *length)
{
	if (from >= size)
		return RANGE_UNSATISFIABLE;
	*first = from;
	*length = (to < size ? to : size - 1) - from + 1;
	return RANGE_PART;
}

enum range range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *length)
{
	uint64_t from = 0, to = UINT64_MAX;
	bool has_from, has_to;

	*first = 0;
	*length = size;
	if (!value || strncasecmp(value, "bytes=", 6))
		return RANGE_WHOLE;
	value = skip_space(value + 6);
	has_from = read_number(&value, &from);
	if (*value++ != '-')
		return RANGE_WHOLE;
	has_to = read_number(&value, &to);
	if (!has_to)
		to = UINT64_MAX;
	if (*skip_space(value) || (!has_from && !has_to) || (has_from && from > to))
		return RANGE_WHOLE;
	if (!has_from)
		return suffix(to, size, first, length);
	return bounded(from, to, size, first, length);
}
