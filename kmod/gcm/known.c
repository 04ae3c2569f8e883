// SPDX-License-Identifier: GPL-2.0-or-later
/* Texts whose tags are known: asked when the module is loaded. */
#include "gcm.h"

#define TEXT_MAX	1400	/* two groups of the widest vectors, and some */

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

bool __init kseal_gcm_known(enum kseal_gcm_level level)
{
	/* too large for a kernel's stack; called once */
	static struct kseal_gcm_key key __initdata;
	static u8 text[TEXT_MAX] __initdata, sealed[TEXT_MAX] __initdata;
	static u8 opened[TEXT_MAX] __initdata;
	/* key, nonce and additional data are the last two tags */
	u8 tags[2 * KSEAL_GCM_BLOCK] = {}, tag[KSEAL_GCM_BLOCK];
	u8 again[KSEAL_GCM_BLOCK];
	struct kseal_piece from[3], to[3];
	struct kseal_body t;
	size_t n;

	memset(text, 0, sizeof(text));
	for (n = 0; n <= TEXT_MAX; n++) {
		KSEAL_GCM_BEGIN();
		kseal_gcm_aesni_key(&key, tags, n % 2 ? 32 : 16);
		cut(from, text, n, n);
		cut(to, sealed, n, n / 7);
		t = (struct kseal_body){ .dst = to, .n_dst = 3, .src = from,
					 .n_src = 3, .len = n };
		kseal_gcm_record(level, &key, false, tags, tags + 12, n % 17,
				 &t, tag);
		cut(from, opened, n, n / 5);
		t.dst = from;
		t.src = to;
		kseal_gcm_record(level, &key, true, tags, tags + 12, n % 17,
				 &t, again);
		KSEAL_GCM_END();
		if (memcmp(text, opened, n) || memcmp(tag, again, sizeof(tag)))
			return false;
		memcpy(text, sealed, n);
		memmove(tags + sizeof(tag), tags, sizeof(tag));
		memcpy(tags, tag, sizeof(tag));
	}
	return !memcmp(tags, last, sizeof(last));
}
