// SPDX-License-Identifier: GPL-2.0-or-later
/* Texts whose tags are known: asked when the module is loaded. */
#include "gcm.h"

#define TEXT_MAX	700	/* two groups of the widest vectors, and some */

/* The last tag as another implementation has it: selftests/unit/gcm.c */
static const u8 last[KSEAL_GCM_BLOCK] = {
	0x9e, 0x0c, 0x37, 0x68, 0xb2, 0x23, 0xb2, 0x8c,
	0xb6, 0x77, 0xc7, 0x04, 0xc7, 0x6e, 0x8e, 0xfe,
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
		t = (struct kseal_body){ to, from, 3, 3, n };
		kseal_gcm_record(level, &key, false, tags, tags + 12, n % 17,
				 &t, tag);
		cut(from, opened, n, n / 5);
		t = (struct kseal_body){ from, to, 3, 3, n };
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
