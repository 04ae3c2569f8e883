/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of a handshake message, read from the front and never beyond their end.
 */
#ifndef KSEALD_WIRE_H
#define KSEALD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *at;
	size_t len;
};

/* Each takes from the front, and returns whether there was enough. */
static inline bool wire_take(struct bytes *from, size_t n, struct bytes *out)
{
	if (from->len < n)
		return false;
	*out = (struct bytes){ from->at, n };
	from->at += n;
	from->len -= n;
	return true;
}

static inline bool wire_take_number(struct bytes *from, size_t n, uint32_t *number)
{
	struct bytes bytes;

	if (!wire_take(from, n, &bytes))
		return false;
	for (*number = 0; bytes.len; bytes.len--)
		*number = *number << 8 | *bytes.at++;
	return true;
}

/* RFC 8446 3.4: a length of n bytes, and as many bytes. */
static inline bool wire_take_vector(struct bytes *from, size_t n, struct bytes *out)
{
	uint32_t len;

	return wire_take_number(from, n, &len) && wire_take(from, len, out);
}

/* RFC 8446 4.2; false also where there is no further one. */
static inline bool wire_take_extension(struct bytes *from, uint32_t *type, struct bytes *extension)
{
	return wire_take_number(from, 2, type) && wire_take_vector(from, 2, extension);
}

#endif
