// SPDX-License-Identifier: GPL-2.0-or-later
#include "gcm.h"

/* ---- texts in pieces ---- */

static struct kseal_cursor cursor_at(const struct kseal_piece *piece,
				     size_t skip)
{
	while (skip && skip >= piece->len)
		skip -= piece++->len;
	return (struct kseal_cursor){ piece, skip };
}

static void copy(struct kseal_cursor *c, u8 *to, const u8 *from, size_t n)
{
	while (n) {
		size_t m;
		u8 *at = kseal_cursor_here(c, &m);

		if (m > n)
			m = n;
		if (to) {
			memcpy(to, at, m);
			to += m;
		} else {
			memcpy(at, from, m);
			from += m;
		}
		c->off += m;
		n -= m;
	}
}

void kseal_cursor_read(struct kseal_cursor *from, u8 *to, size_t n)
{
	copy(from, to, NULL, n);
}

void kseal_cursor_write(struct kseal_cursor *to, const u8 *from, size_t n)
{
	copy(to, NULL, from, n);
}

void kseal_pieces_read(const struct kseal_piece *from, size_t skip, u8 *to,
		       size_t n)
{
	struct kseal_cursor c = cursor_at(from, skip);

	copy(&c, to, NULL, n);
}

void kseal_pieces_write(const struct kseal_piece *to, size_t skip,
			const u8 *from, size_t n)
{
	struct kseal_cursor c = cursor_at(to, skip);

	copy(&c, NULL, from, n);
}

/* ---- the levels ---- */

void kseal_gcm_record(enum kseal_gcm_level level, const struct kseal_gcm_key *k,
		      bool open, const u8 *nonce, const u8 *aad,
		      unsigned int aad_len, const struct kseal_body *t,
		      u8 *tag)
{
	switch (level) {
	case KSEAL_GCM_VAES512:
		kseal_gcm_vaes512_record(k, open, nonce, aad, aad_len, t, tag);
		break;
	case KSEAL_GCM_VAES256:
		kseal_gcm_vaes256_record(k, open, nonce, aad, aad_len, t, tag);
		break;
	default:
		kseal_gcm_aesni_record(k, open, nonce, aad, aad_len, t, tag);
	}
}
