// SPDX-License-Identifier: GPL-2.0-or-later
/* Texts whose tags are known: asked when the module is loaded. */
#include "gcm.h"

#define TEXT_MAX	1400	/* two groups of the widest vectors, and some */
#define LONG_TEXT	9000	/* read ahead of: see look_ahead() */

/* The last tag as another implementation has it: selftests/unit/gcm.c */
static const u8 last[KSEAL_GCM_BLOCK] = {
	0xd6, 0xdc, 0x6c, 0x88, 0x25, 0xb1, 0xfb, 0xf6,
	0x9b, 0xd6, 0x75, 0x9a, 0x19, 0x7c, 0x05, 0xb2,
};

/* Three pieces, other ones for another number. */
static void __init cut(struct kseal_piece *piece, u8 *text, size_t len, size_t by)
{
	size_t first = len * (by % 7) / 7;
	size_t second = (len - first) * (by % 5) / 5;

	piece[0] = (struct kseal_piece){ text, first };
	piece[1] = (struct kseal_piece){ text + first, second };
	piece[2] = (struct kseal_piece){ text + first + second,
					 len - first - second };
}

/* too large for a kernel's stack; used once */
static struct kseal_gcm_key key __initdata;
static u8 text[LONG_TEXT] __initdata, sealed[LONG_TEXT] __initdata;
static u8 opened[LONG_TEXT] __initdata;

/* Seals n bytes, cut one way, and opens them, cut another way. secrets: key,
 * nonce and additional data. Returns whether the text came back.
 */
static bool __init both_ways(enum kseal_gcm_level level, size_t n, size_t by,
			     const u8 *secrets, u8 *tag)
{
	struct kseal_piece from[3], to[3];
	struct kseal_body t = { .dst = to, .n_dst = 3, .src = from, .n_src = 3,
				.len = n };
	/* as the content type of TLS 1.3 lies */
	bool elsewhere = n % 3 == 1;
	u8 again[KSEAL_GCM_BLOCK], end;

	KSEAL_GCM_BEGIN();
	kseal_gcm_aesni_key(&key, secrets, n % 2 ? 32 : 16);
	if (elsewhere) {
		end = text[n - 1];
		t.last = &end;
	}
	cut(from, text, n - elsewhere, by);
	cut(to, sealed, n, by / 7);
	kseal_gcm_record(level, &key, false, secrets, secrets + 12, n % 17, &t,
			 tag);
	if (elsewhere)
		t.last = &opened[n - 1];
	cut(from, sealed, n, by / 7);
	cut(to, opened, n - elsewhere, by / 5);
	kseal_gcm_record(level, &key, true, secrets, secrets + 12, n % 17, &t,
			 again);
	KSEAL_GCM_END();
	return !memcmp(text, opened, n) && !memcmp(tag, again, sizeof(again));
}

bool __init kseal_gcm_known(enum kseal_gcm_level level)
{
	/* key, nonce and additional data are the last two tags */
	u8 tags[2 * KSEAL_GCM_BLOCK] = {}, tag[KSEAL_GCM_BLOCK];
	u8 in_pieces[KSEAL_GCM_BLOCK];
	size_t n;

	memset(text, 0, sizeof(text));
	for (n = 0; n <= TEXT_MAX; n++) {
		if (!both_ways(level, n, n, tags, tag))
			return false;
		memcpy(text, sealed, n);
		memmove(tags + sizeof(tag), tags, sizeof(tag));
		memcpy(tags, tag, sizeof(tag));
	}
	return !memcmp(tags, last, sizeof(last)) &&
	       both_ways(level, LONG_TEXT, 0, tags, tag) &&
	       both_ways(level, LONG_TEXT, 3, tags, in_pieces) &&
	       !memcmp(tag, in_pieces, sizeof(tag));
}
