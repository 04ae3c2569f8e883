/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Range header field, RFC 9110 14.2. */
#ifndef RANGE_H
#define RANGE_H

#include <stdint.h>

enum range {
	RANGE_WHOLE,		/* no range, or one that may be ignored: answer 200 */
	RANGE_PART,		/* answer 206 */
	RANGE_UNSATISFIABLE,	/* answer 416 */
};

/*
 * Reads the field's value (NULL: absent) for a body of size bytes. Sets *first and *length
 * to what is to be sent, except for RANGE_UNSATISFIABLE. Several ranges count as none.
 */
enum range range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *length);

#endif
