/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-GCM over vectors of LANES blocks, DEPTH vectors at a time. A file that
 * includes this defines both, NAME, and what a vector is and does: V, V_*.
 *
 * Each step ciphers one group of blocks and hashes one: when opening the same,
 * when sealing the one before, for the ciphertext is not there yet. The two
 * keep different units of the processor busy, so they are written as one. The
 * last group, what is left behind it and the lengths are hashed with higher
 * powers of H, and reduced together.
 */
#include "vector.h"

#define VECTOR_LEN	(LANES * KSEAL_GCM_BLOCK)
#define GROUP_LEN	(VECTOR_LEN * DEPTH)
#define GROUP_BLOCKS	(LANES * DEPTH)

/* a group, less than another, and the lengths */
_Static_assert(KSEAL_GCM_POWERS >= 2 * GROUP_BLOCKS + 1, "powers of H");

/* Bytes that cross from one piece to the next are ciphered here: less than a
 * group, so that no group lies here.
 */
#define BRIDGE_LEN	(3 * KSEAL_GCM_BLOCK)
/* The source is fetched that far before it is used: where it goes on in another
 * page, the processor does not foresee it.
 */
#define AHEAD_LEN	4096
/* what is wiped of the stack: more than Kbuild.include lets a frame have */
#define FRAME_MAX	768

/* of a sum of products, not reduced */
struct product {
	V lo, mid, hi;
};

INLINE struct product no_product(void)
{
	return (struct product){ V_ZERO(), V_ZERO(), V_ZERO() };
}

INLINE void add_product(struct product *p, V x, V h)
{
	p->lo = V_XOR(p->lo, V_CLMUL(x, h, 0x00));
	p->mid = V_XOR3(p->mid, V_CLMUL(x, h, 0x01), V_CLMUL(x, h, 0x10));
	p->hi = V_XOR(p->hi, V_CLMUL(x, h, 0x11));
}

INLINE V fold(V a, V into)
{
	V low = V_CLMUL(V_BROADCAST(POLY128), a, 0x01);

	return V_XOR3(into, low, V_SWAP_HALVES(a));
}

/* Reduces every lane, and adds them up. */
INLINE __m128i reduce(const struct product *p)
{
	return V_SUM(fold(fold(p->lo, p->mid), p->hi));
}

INLINE u32 blocks_of(size_t n)
{
	return (n + KSEAL_GCM_BLOCK - 1) / KSEAL_GCM_BLOCK;
}

/* The power of H that goes with the first of the last n blocks. */
INLINE const u8 *power_of(const struct kseal_gcm_key *k, size_t n)
{
	return k->power[KSEAL_GCM_POWERS - n];
}

/* The i-th vector of a group into the hash; what was hashed before goes in with
 * the first.
 */
INLINE void hash_vector(struct product *p, const u8 *power, unsigned int i,
			V text, __m128i hash)
{
	V x = V_SHUFFLE(text, V_BROADCAST(REVERSE128));

	if (!i)
		x = V_XOR(x, V_WIDEN(hash));
	add_product(p, x, V_LOAD(power + i * VECTOR_LEN));
}

/* The compiler forgets what it has read there. */
#define AGAIN(k)	asm volatile("" : "+r" (k))

struct cipher {
	V counter;		/* of the next blocks, bytes reversed */
	__m128i hash;		/* GHASH so far, likewise */
	const u8 *pending;	/* a sealed group that is not in it yet, or NULL */
};

/* The group before. */
struct group {
	V sealed[DEPTH];	/* what it was sealed to */
	struct product opened;	/* that of an opened one, if it is not reduced */
};

/* A round's key, from memory each time: a copy on the stack, where it would go
 * if registers ran out, would have to be wiped.
 */
INLINE V round_key(const struct kseal_gcm_key *k, unsigned int i)
{
	return V_BROADCAST(load128(k->round[i]));
}

/* A vector of the group that was sealed last: in a register if there are enough,
 * for to load what is still on its way to memory takes its time.
 */
INLINE V sealed_vector(const struct cipher *c, const struct group *g,
		       unsigned int j)
{
	return REGISTERS >= 32 ? g->sealed[j] :
				 V_LOAD(c->pending + j * VECTOR_LEN);
}

/* The next counters, as the cipher takes them. */
INLINE V next_counters(struct cipher *c, const struct kseal_gcm_key *k)
{
	V x = V_XOR(V_SHUFFLE(c->counter, V_BROADCAST(REVERSE128)),
		    round_key(k, 0));

	c->counter = V_ADD32(c->counter, V_ALL(LANES));
	return x;
}

enum hashing {
	HASH_NOTHING,
	HASH_AND_REDUCE,
	HASH_AND_KEEP,
};

/* One step: ciphers a group, and hashes one, whose first block goes with power.
 * Ciphertext that is read is read once.
 */
INLINE void step(struct cipher *c, struct group *g,
		 const struct kseal_gcm_key *k, const u8 *power, u8 *dst, const u8 *src, const u8 *ahead,
		 const enum hashing hashing, const bool open,
		 const unsigned int rounds)
{
	struct product p = no_product();
	V x[DEPTH], text[DEPTH];
	unsigned int i, j;

	AGAIN(k);
#pragma GCC unroll 16
	for (j = 0; j < GROUP_LEN; j += 64)
		__builtin_prefetch(ahead + j);
#pragma GCC unroll 16
	for (j = 0; j < DEPTH; j++)
		x[j] = next_counters(c, k);
#pragma GCC unroll 16
	for (j = 0; j < DEPTH; j++) {
		if (open)
			text[j] = V_LOAD(src + j * VECTOR_LEN);
		else
			text[j] = hashing ? sealed_vector(c, g, j) : V_ZERO();
		V_FROM_HERE(text[j]);
	}
#pragma GCC unroll 16
	for (i = 1; i < rounds; i++) {
		V key = round_key(k, i);

		AGAIN(k);
#pragma GCC unroll 16
		for (j = 0; j < DEPTH; j++)
			x[j] = V_ENC(x[j], key);
		if (hashing && i <= DEPTH)
			hash_vector(&p, power, i - 1, text[i - 1], c->hash);
	}
	if (hashing == HASH_AND_REDUCE)
		c->hash = reduce(&p);
	if (hashing == HASH_AND_KEEP)
		g->opened = p;
#pragma GCC unroll 16
	for (j = 0; j < DEPTH; j++) {
		V in = open ? text[j] : V_LOAD(src + j * VECTOR_LEN);

		x[j] = V_XOR(V_ENC_LAST(x[j], round_key(k, rounds)), in);
		V_FROM_HERE(x[j]);
		V_STORE(dst + j * VECTOR_LEN, x[j]);
		g->sealed[j] = x[j];
	}
	if (!open)
		c->pending = dst;
}

/* Behind the groups: text that is hashed as it is ciphered. */
struct tail {
	struct product p;
	V hash;			/* what goes in with the first block, then 0 */
	const u8 *power;	/* that goes with the next */
	const u8 *src, *ahead;
	u8 *dst;
};

/* What so many vectors of text are added to. */
INLINE void key_stream(struct cipher *c, const struct kseal_gcm_key *k, V *x,
		       const unsigned int many, const unsigned int rounds)
{
	unsigned int i, j;

	AGAIN(k);
#pragma GCC unroll 16
	for (j = 0; j < many; j++)
		x[j] = next_counters(c, k);
#pragma GCC unroll 16
	for (i = 1; i < rounds; i++) {
		V key = round_key(k, i);

#pragma GCC unroll 16
		for (j = 0; j < many; j++)
			x[j] = V_ENC(x[j], key);
	}
#pragma GCC unroll 16
	for (j = 0; j < many; j++)
		x[j] = V_ENC_LAST(x[j], round_key(k, rounds));
}

INLINE void tail_hash(struct tail *t, V sealed)
{
	sealed = V_SHUFFLE(sealed, V_BROADCAST(REVERSE128));
	add_product(&t->p, V_XOR(sealed, t->hash), V_LOAD(t->power));
	t->hash = V_ZERO();
	t->power += VECTOR_LEN;
}

/* So many vectors of it, abreast. */
INLINE void tail_step(struct cipher *c, struct tail *t,
		      const struct kseal_gcm_key *k, const unsigned int many,
		      const bool open, const unsigned int rounds)
{
	V x[DEPTH];
	unsigned int j;

	__builtin_prefetch(t->ahead);
	key_stream(c, k, x, many, rounds);
#pragma GCC unroll 16
	for (j = 0; j < many; j++) {
		V text = V_LOAD(t->src + j * VECTOR_LEN);

		V_FROM_HERE(text);
		x[j] = V_XOR(x[j], text);
		V_FROM_HERE(x[j]);
		V_STORE(t->dst + j * VECTOR_LEN, x[j]);
		tail_hash(t, open ? text : x[j]);
	}
	t->src += many * VECTOR_LEN;
	t->dst += many * VECTOR_LEN;
	t->ahead += many * VECTOR_LEN;
}

INLINE u8 byte_of(V x, size_t at)
{
	u8 bytes[VECTOR_LEN];

	V_STORE(bytes, x);
	return bytes[at];
}

/* The last n bytes, less than a vector, and one that lies elsewhere, if any. */
INLINE void tail_end(struct cipher *c, struct tail *t,
		     const struct kseal_gcm_key *k, size_t n, u8 *last,
		     const bool open, const unsigned int rounds)
{
	const size_t all = n + !!last, in = open ? all : n;
	V x, text = in ? V_LOAD_SOME(t->src, in) : V_ZERO();

	V_FROM_HERE(text);
	if (!open && last)
		text = V_WITH_BYTE(text, n, *last);
	key_stream(c, k, &x, 1, rounds);
	x = V_XOR(x, text);
	V_FROM_HERE(x);
	if (!open)
		V_STORE_SOME(t->dst, x, all);
	else if (n)
		V_STORE_SOME(t->dst, x, n);
	if (open && last)
		*last = byte_of(x, n);
	tail_hash(t, open ? text : V_FIRST(x, all));
}

/* What is left is shorter than a group, or nothing. lengths: the block behind the
 * last, or NULL: there is more to come.
 */
INLINE void finish(struct cipher *c, const struct group *g, bool kept,
		   const struct kseal_gcm_key *k, u8 *dst, const u8 *src,
		   size_t n, u8 *last, const u8 *ahead,
		   const __m128i *lengths, const bool open,
		   const unsigned int rounds)
{
	const u32 ciphered = blocks_of(n + !!last);
	const V counter = V_ADD32(c->counter, V_ALL(ciphered));
	const u32 blocks = ciphered + !!lengths;
	struct tail t = {
		.p = no_product(), .hash = V_WIDEN(c->hash),
		.power = power_of(k, blocks),
		.src = src, .dst = dst, .ahead = ahead,
	};
	unsigned int i;

	if (open && kept) {
		t.p = g->opened;
	} else if (c->pending) {
#pragma GCC unroll 16
		for (i = 0; i < DEPTH; i++)
			hash_vector(&t.p, power_of(k, blocks + GROUP_BLOCKS), i,
				    sealed_vector(c, g, i), c->hash);
	}
	if (kept || c->pending)
		t.hash = V_ZERO();
	for (; n >= GROUP_LEN / 2; n -= GROUP_LEN / 2)
		tail_step(c, &t, k, DEPTH / 2, open, rounds);
	for (; n >= VECTOR_LEN; n -= VECTOR_LEN)
		tail_step(c, &t, k, 1, open, rounds);
	if (n || last)
		tail_end(c, &t, k, n, last, open, rounds);
	if (lengths)
		add_product(&t.p, V_XOR(V_WIDEN(*lengths), t.hash),
			    V_LOAD(power_of(k, 1)));
	c->hash = reduce(&t.p);
	c->counter = counter;
	c->pending = NULL;
}

/* Some bytes that lie in one piece: a multiple of 16, but for the last; and one
 * more of the text, if last is not NULL.
 */
INLINE void crypt(struct cipher *state, const struct kseal_gcm_key *k, u8 *dst,
		  const u8 *src, size_t n, u8 *last, const u8 *ahead,
		  const __m128i *lengths, const bool open,
		  const unsigned int rounds)
{
	const u8 *power = power_of(k, GROUP_BLOCKS);
	size_t rest = n % GROUP_LEN;
	/* an opened group is kept for what is behind it */
	const bool keep = open && n >= GROUP_LEN && (rest || lengths);
	const u8 *end = src + n - rest - (keep ? GROUP_LEN : 0);
	struct cipher cipher = *state, *c = &cipher;
	struct group g = { .opened = no_product() };
	unsigned int i;

#define STEP(power, hashing) do {					\
	step(c, &g, k, power, dst, src, ahead, hashing, open, rounds);	\
	src += GROUP_LEN;						\
	dst += GROUP_LEN;						\
	ahead += GROUP_LEN;						\
} while (0)
	if (!open && c->pending) {
#pragma GCC unroll 16
		for (i = 0; i < DEPTH; i++)
			g.sealed[i] = V_LOAD(c->pending + i * VECTOR_LEN);
	} else if (!open && src < end) {
		STEP(power, HASH_NOTHING);
	}
	while (src < end)
		STEP(power, HASH_AND_REDUCE);
	if (keep)
		STEP(power_of(k, GROUP_BLOCKS + !!lengths +
				 blocks_of(rest + !!last)), HASH_AND_KEEP);
#undef STEP
	if (rest || lengths)
		finish(c, &g, keep, k, dst, src, rest, last, ahead, lengths,
		       open, rounds);
	*state = cipher;
}

typedef void crypt_fn(struct cipher *state, const struct kseal_gcm_key *k,
		      u8 *dst, const u8 *src, size_t n, u8 *last,
		      const u8 *ahead, const __m128i *lengths);

/* Registers that the compiler runs out of lie on the stack: states between two
 * rounds, ends of texts. So these functions stand by themselves: their frames
 * are bounded by Kbuild.include, and wiped behind them.
 */
#define CRYPT(name, open, rounds)					\
static noinline void name(struct cipher *state,			\
			  const struct kseal_gcm_key *k, u8 *dst,	\
			  const u8 *src, size_t n, u8 *last,		\
			  const u8 *ahead, const __m128i *lengths)	\
{									\
	crypt(state, k, dst, src, n, last, ahead, lengths, open,	\
	      rounds);							\
}

CRYPT(seal10, false, 10)
CRYPT(seal14, false, 14)
CRYPT(open10, true, 10)
CRYPT(open14, true, 14)

/* What is read a little later than what is at from. */
INLINE const u8 *look_ahead(const u8 *from, size_t in_piece,
			    const struct kseal_body *t,
			    const struct kseal_piece *piece)
{
	if (in_piece >= 2 * AHEAD_LEN)
		return from + AHEAD_LEN;
	if (piece + 1 < t->src + t->n_src && piece[1].len >= VECTOR_LEN)
		return piece[1].at;
	return t->next ?: from;
}

/* Where a text is read and written. */
struct places {
	struct kseal_cursor dst, src;
	u8 *last;		/* the text's last byte, if it is in none of them */
	size_t left;
	u8 bridge[BRIDGE_LEN];
};

/* How much lies in one piece, from where to where; all that is left, or a
 * multiple of 16. What is read ahead of ends a page before its piece does.
 */
INLINE size_t in_one_piece(struct places *p, const struct kseal_body *t,
			   const bool open, u8 **to, const u8 **from,
			   const u8 **ahead)
{
	size_t text = p->left - !!p->last, n_dst, n_src, n;

	if (!text)
		return 0;
	*from = kseal_cursor_here(&p->src, &n_src);
	*to = kseal_cursor_here(&p->dst, &n_dst);
	*ahead = look_ahead(*from, n_src, t, p->src.piece);
	if (n_src >= 2 * AHEAD_LEN)
		n_src -= AHEAD_LEN;
	if (n_src >= (open ? p->left : text) &&
	    n_dst >= (open ? text : p->left))
		return p->left;
	n = n_src < n_dst ? n_src : n_dst;
	return n - n % KSEAL_GCM_BLOCK;
}

/* What crosses from one piece to the next. */
INLINE void over_the_bridge(struct places *p, struct cipher *c,
			    const struct kseal_gcm_key *k,
			    const __m128i *lengths, const bool open,
			    crypt_fn *one)
{
	size_t n = p->left < BRIDGE_LEN ? p->left : BRIDGE_LEN;
	u8 *last = n == p->left ? p->last : NULL;
	size_t in = n - (!open && last), out = n - (open && last);

	kseal_cursor_read(&p->src, p->bridge, in);
	if (in < n)
		p->bridge[in] = *last;
	one(c, k, p->bridge, p->bridge, n, NULL, p->bridge,
	    n == p->left ? lengths : NULL);
	KSEAL_GCM_WRITTEN(p->bridge, n);
	kseal_cursor_write(&p->dst, p->bridge, out);
	if (out < n)
		*last = p->bridge[out];
	p->left -= n;
}

/* A short way for what lies in one piece, as most small records do. Returns false
 * if it does not.
 */
INLINE bool all_in_one(struct cipher *c, const struct kseal_gcm_key *k,
		       const struct kseal_body *t, const __m128i *lengths,
		       const bool open, crypt_fn *one)
{
	const size_t text = t->len - !!t->last;
	const size_t in = open ? t->len : text, out = open ? text : t->len;

	if (!text || t->src->len < in || t->dst->len < out ||
	    t->src->len >= 2 * AHEAD_LEN)
		return false;
	KSEAL_GCM_READS(t->src->at, in);
	KSEAL_GCM_WRITES(t->dst->at, out);
	one(c, k, t->dst->at, t->src->at, text, t->last,
	    t->next ?: t->src->at, lengths);
	KSEAL_GCM_WRITTEN(t->dst->at, out);
	return true;
}

/* A text, piece by piece. */
INLINE void crypt_pieces(struct cipher *c, const struct kseal_gcm_key *k,
			 const struct kseal_body *t, const __m128i *lengths,
			 const bool open, crypt_fn *one)
{
	struct places p = {
		.dst.piece = t->dst, .src.piece = t->src,
		.last = t->last, .left = t->len,
	};
	const u8 *from = NULL, *ahead = NULL;
	u8 *to = NULL;
	unsigned int i;

	if (!p.left)
		one(c, k, to, from, 0, NULL, ahead, lengths);
	while (p.left) {
		size_t n = in_one_piece(&p, t, open, &to, &from, &ahead);
		u8 *last = n == p.left ? p.last : NULL;

		if (!n) {
			over_the_bridge(&p, c, k, lengths, open, one);
			continue;
		}
		KSEAL_GCM_READS(from, n - (!open && last));
		KSEAL_GCM_WRITES(to, n - (open && last));
		p.src.off += n - (!open && last);
		p.dst.off += n - (open && last);
		p.left -= n;
		one(c, k, to, from, n - !!last, last, ahead,
		    p.left ? NULL : lengths);
		KSEAL_GCM_WRITTEN(to, n - (open && last));
	}
#pragma GCC unroll 16
	for (i = 0; i < BRIDGE_LEN; i += KSEAL_GCM_BLOCK)
		store128(p.bridge + i, _mm_setzero_si128());
	asm volatile("" : : "r" (p.bridge) : "memory");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wframe-larger-than="
static noinline void wipe_stack(void)
{
	u8 below[FRAME_MAX];
	unsigned int i;

#pragma GCC unroll 64
	for (i = 0; i < sizeof(below); i += VECTOR_LEN)
		V_STORE(below + i, V_ZERO());
	asm volatile("" : : "r" (below) : "memory");
}
#pragma GCC diagnostic pop

INLINE void record(const struct kseal_gcm_key *k, const u8 *nonce,
		   const u8 *aad, unsigned int aad_len,
		   const struct kseal_body *t, u8 *tag, const bool open,
		   crypt_fn *one, const unsigned int rounds)
{
	const __m128i first = nonce128(nonce);
	__m128i mask = encrypt128(k, first, rounds);
	/* the lengths in bits are the last block; SP 800-38D 7.1 */
	const __m128i lengths = _mm_set_epi64x((long long)aad_len * 8,
					       (long long)t->len * 8);
	struct cipher c = {
		.counter = V_ADD32(V_ADD32(V_BROADCAST(reverse128(first)),
					   V_LANE_NUMBERS()), V_ALL(1)),
		.hash = mul128(reverse128(some128(aad, aad_len)),
			       load128(power_of(k, 1))),
	};

	/* in memory from here on, and nowhere else, for it is to be wiped */
	asm volatile("" : "+m" (mask));
	if (!all_in_one(&c, k, t, &lengths, open, one))
		crypt_pieces(&c, k, t, &lengths, open, one);
	store128(tag, _mm_xor_si128(reverse128(c.hash), mask));
	KSEAL_GCM_WRITTEN(tag, KSEAL_GCM_BLOCK);
	wipe_stack();
	mask = c.hash = _mm_setzero_si128();
	asm volatile("" : "+m" (mask), "+m" (c.hash));
}

void NAME(record)(const struct kseal_gcm_key *k, bool open, const u8 *nonce,
		  const u8 *aad, unsigned int aad_len,
		  const struct kseal_body *t, u8 *tag)
{
	if (k->rounds == 10 && open)
		record(k, nonce, aad, aad_len, t, tag, true, open10, 10);
	else if (k->rounds == 10)
		record(k, nonce, aad, aad_len, t, tag, false, seal10, 10);
	else if (open)
		record(k, nonce, aad, aad_len, t, tag, true, open14, 14);
	else
		record(k, nonce, aad, aad_len, t, tag, false, seal14, 14);
}
