// SPDX-License-Identifier: GPL-2.0-or-later
#include "gcm.h"

/* Bytes that cross from one piece to the next are ciphered here: a few blocks,
 * for a piece of them takes as long as a group.
 */
#define BRIDGE_LEN	(4 * KSEAL_GCM_BLOCK)

/* Registers that the compiler ran out of are there, below the caller's frame:
 * states between two rounds, ends of texts. Kbuild.include bounds the frames.
 */
static noinline void wipe_stack(void)
{
	u8 below[1024];

	KSEAL_GCM_WIPE(below, sizeof(below));
}

struct cursor {
	const struct kseal_piece *piece;
	size_t off;
};

static struct cursor cursor_at(const struct kseal_piece *piece, size_t skip)
{
	while (skip && skip >= piece->len)
		skip -= piece++->len;
	return (struct cursor){ piece, skip };
}

/* There is something at the cursor: the caller has asked for no more. */
static u8 *here(struct cursor *c, size_t *len)
{
	while (c->off == c->piece->len) {
		c->piece++;
		c->off = 0;
	}
	*len = c->piece->len - c->off;
	return c->piece->at + c->off;
}

static void copy(struct cursor *c, u8 *to, const u8 *from, size_t n)
{
	while (n) {
		size_t m;
		u8 *at = here(c, &m);

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

void kseal_pieces_read(const struct kseal_piece *from, size_t skip, u8 *to,
		       size_t n)
{
	struct cursor c = cursor_at(from, skip);

	copy(&c, to, NULL, n);
}

void kseal_pieces_write(const struct kseal_piece *to, size_t skip,
			const u8 *from, size_t n)
{
	struct cursor c = cursor_at(to, skip);

	copy(&c, NULL, from, n);
}

/* ---- one level ---- */

typedef void begin_fn(struct kseal_gcm *g, const struct kseal_gcm_key *k,
		      const u8 *nonce, const u8 *aad, unsigned int aad_len);
typedef void crypt_fn(struct kseal_gcm *g, const struct kseal_gcm_key *k,
		      u8 *dst, const u8 *src, size_t n);
typedef void end_fn(const struct kseal_gcm *g, const struct kseal_gcm_key *k,
		    unsigned int aad_len, size_t len, u8 *tag);

/* Inlined for each level, so that all calls are direct. */
static inline __attribute__((always_inline)) void
crypt_pieces(crypt_fn *crypt, struct kseal_gcm *g,
	     const struct kseal_gcm_key *k, const struct kseal_body *t)
{
	struct cursor dst = { t->dst, 0 }, src = { t->src, 0 };
	size_t left = t->len;

	while (left) {
		size_t n, n_src;
		const u8 *from = here(&src, &n_src);
		u8 *to = here(&dst, &n);

		if (n > n_src)
			n = n_src;
		if (n >= left)
			n = left;
		else
			n -= n % KSEAL_GCM_BLOCK;
		if (n) {
			KSEAL_GCM_READS(from, n);
			KSEAL_GCM_WRITES(to, n);
			crypt(g, k, to, from, n);
			KSEAL_GCM_WRITTEN(to, n);
			src.off += n;
			dst.off += n;
		} else {
			u8 bridge[BRIDGE_LEN];

			n = left < BRIDGE_LEN ? left : BRIDGE_LEN;
			copy(&src, bridge, NULL, n);
			crypt(g, k, bridge, bridge, n);
			copy(&dst, NULL, bridge, n);
			KSEAL_GCM_WIPE(bridge, n);
		}
		left -= n;
	}
}

static inline __attribute__((always_inline)) void
record(begin_fn *begin, crypt_fn *crypt, end_fn *end,
       const struct kseal_gcm_key *k, const u8 *nonce, const u8 *aad,
       unsigned int aad_len, const struct kseal_body *t, u8 *tag)
{
	struct kseal_gcm g;

	begin(&g, k, nonce, aad, aad_len);
	crypt_pieces(crypt, &g, k, t);
	end(&g, k, aad_len, t->len, tag);
	KSEAL_GCM_WRITTEN(tag, KSEAL_GCM_BLOCK);
	KSEAL_GCM_WIPE(&g, sizeof(g));
	wipe_stack();
}

#define RECORD(X, crypt) \
	record(kseal_gcm_##X##_begin, kseal_gcm_##X##_##crypt, \
	       kseal_gcm_##X##_end, k, nonce, aad, aad_len, t, tag)

/* ---- the levels ---- */

void kseal_gcm_record(enum kseal_gcm_level level, const struct kseal_gcm_key *k,
		      bool open, const u8 *nonce, const u8 *aad,
		      unsigned int aad_len, const struct kseal_body *t,
		      u8 *tag)
{
	switch (level) {
	case KSEAL_GCM_VAES512:
		if (open)
			RECORD(vaes512, open);
		else
			RECORD(vaes512, seal);
		break;
	case KSEAL_GCM_VAES256:
		if (open)
			RECORD(vaes256, open);
		else
			RECORD(vaes256, seal);
		break;
	default:
		if (open)
			RECORD(aesni, open);
		else
			RECORD(aesni, seal);
	}
}
