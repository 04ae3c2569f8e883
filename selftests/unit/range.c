// SPDX-License-Identifier: GPL-2.0-or-later
/* The Range header field of kseal serve. */
#include <inttypes.h>
#include <stdio.h>
#include "tap.h"
#include "../../tools/range.c"

#define MAX UINT64_MAX

static const struct {
	const char *value;
	uint64_t size;
	enum range range;
	uint64_t first, length;
} cases[] = {
	{ NULL, 10, RANGE_WHOLE, 0, 10 },
	{ "", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=0-0", 10, RANGE_PART, 0, 1 },
	{ "bytes=0-9", 10, RANGE_PART, 0, 10 },
	{ "bytes=0-10", 10, RANGE_PART, 0, 10 },
	{ "bytes=9-9", 10, RANGE_PART, 9, 1 },
	{ "bytes=9-", 10, RANGE_PART, 9, 1 },
	{ "bytes=0-", 10, RANGE_PART, 0, 10 },
	{ "BYTES=2-3", 10, RANGE_PART, 2, 2 },
	{ "bytes= 2-3\t ", 10, RANGE_PART, 2, 2 },
	{ "bytes=-1", 10, RANGE_PART, 9, 1 },
	{ "bytes=-10", 10, RANGE_PART, 0, 10 },
	{ "bytes=-11", 10, RANGE_PART, 0, 10 },
	{ "bytes=0000000000000000000000001-2", 10, RANGE_PART, 1, 2 },

	/* larger than 64 bits: as good as the largest */
	{ "bytes=3-18446744073709551615", 10, RANGE_PART, 3, 7 },
	{ "bytes=3-18446744073709551616", 10, RANGE_PART, 3, 7 },
	{ "bytes=3-99999999999999999999999", 10, RANGE_PART, 3, 7 },
	{ "bytes=-99999999999999999999999", 10, RANGE_PART, 0, 10 },
	{ "bytes=99999999999999999999999-", 10, RANGE_UNSATISFIABLE, 0, 0 },
	{ "bytes=18446744073709551614-", MAX, RANGE_PART, MAX - 1, 1 },
	{ "bytes=0-18446744073709551615", MAX, RANGE_PART, 0, MAX },

	{ "bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0 },
	{ "bytes=10-20", 10, RANGE_UNSATISFIABLE, 0, 0 },
	{ "bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0 },
	{ "bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0 },
	{ "bytes=0-0", 0, RANGE_UNSATISFIABLE, 0, 0 },
	{ "bytes=-5", 0, RANGE_WHOLE, 0, 0 },

	/* what is not understood does not count, RFC 9110 14.2 */
	{ "bytes=5-4", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=-", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes 0-1", 10, RANGE_WHOLE, 0, 10 },
	{ "lines=0-1", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=0-1,3-4", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=0-1,", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=a-b", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=0-1x", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=1", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=--1", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=1--2", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=+1-2", 10, RANGE_WHOLE, 0, 10 },
	{ "bytes=0x1-2", 10, RANGE_WHOLE, 0, 10 },
};

int main(void)
{
	uint64_t first, length;
	enum range range;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		range = range_parse(cases[i].value, cases[i].size, &first, &length);
		ok(range == cases[i].range &&
		   (range == RANGE_UNSATISFIABLE ||
		    (first == cases[i].first && length == cases[i].length)),
		   "'%s' of %" PRIu64, cases[i].value ? cases[i].value : "(none)",
		   cases[i].size);
	}
	return done_testing();
}
