/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record of TLS 1.3, sealed here in memory. The kernel seals all that goes to a
 * peer; this is for what OpenSSL is to read once more.
 */
#ifndef KSEALD_RECORD_H
#define KSEALD_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include "keys.h"

#define RECORD_CONTENT_MAX	16384	/* bytes, RFC 8446 5.1 */
#define RECORD_OVERHEAD		(5 + 1 + 16)	/* header, type, tag */

/*
 * RFC 8446 5.2: seals len bytes of content (RECORD_CONTENT_MAX at most) of this type
 * with the next sequence number of keys, into out, which has room for
 * RECORD_OVERHEAD more. Returns the record's length, or 0: no memory, or no such cipher.
 */
size_t record_seal(struct keys *keys, uint8_t type, const void *content, size_t len, uint8_t *out);

#endif
