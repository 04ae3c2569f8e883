/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-GCM over vectors of LANES blocks, DEPTH vectors at a time. A file that
 * includes this defines both, NAME, and what a vector is and does: V, V_*.
 *
 * Each step ciphers one group of blocks and hashes one: when opening the same,
 * when sealing the one before, for the ciphertext is not there yet. The two
 * keep different units of the processor busy, so they are written as one.
 */
#include "vector.h"

#define VECTOR_LEN	(LANES * KSEAL_GCM_BLOCK)
#define GROUP_LEN	(VECTOR_LEN * DEPTH)

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
	V sealed[DEPTH];	/* the group that is to be hashed */
	V counter;
	__m128i hash;
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
INLINE V sealed_vector(const struct cipher *c, const u8 *dst, unsigned int j)
{
	return REGISTERS >= 32 ? c->sealed[j] : V_LOAD(dst + j * VECTOR_LEN);
}

/* One step: ciphers a group, and hashes one if hash says so. Ciphertext that is
 * read is read once.
 */
INLINE void step(struct cipher *c, const struct kseal_gcm_key *k, u8 *dst,
		 const u8 *src, bool hash, bool open,
		 const unsigned int rounds)
{
	const u8 *power = power_of(k, LANES * DEPTH);
	struct product p = no_product();
	V x[DEPTH], text[DEPTH];
	unsigned int i, j;

	AGAIN(k);
#pragma GCC unroll 16
	for (j = 0; j < DEPTH; j++) {
		x[j] = V_XOR(V_SHUFFLE(c->counter, V_BROADCAST(REVERSE128)),
			     round_key(k, 0));
		c->counter = V_ADD32(c->counter, V_ALL(LANES));
	}
#pragma GCC unroll 16
	for (j = 0; j < DEPTH; j++) {
		if (open)
			text[j] = V_LOAD(src + j * VECTOR_LEN);
		else
			text[j] = hash ? sealed_vector(c, dst - GROUP_LEN, j) :
					 V_ZERO();
		V_FROM_HERE(text[j]);
	}
#pragma GCC unroll 16
	for (i = 1; i < rounds; i++) {
		V key = round_key(k, i);

		AGAIN(k);
#pragma GCC unroll 16
		for (j = 0; j < DEPTH; j++)
			x[j] = V_ENC(x[j], key);
		if (hash && i <= DEPTH)
			hash_vector(&p, power, i - 1, text[i - 1], c->hash);
	}
	if (hash)
		c->hash = reduce(&p);
#pragma GCC unroll 16
	for (j = 0; j < DEPTH; j++) {
		V in = open ? text[j] : V_LOAD(src + j * VECTOR_LEN);

		x[j] = V_XOR(V_ENC_LAST(x[j], round_key(k, rounds)), in);
		V_FROM_HERE(x[j]);
		V_STORE(dst + j * VECTOR_LEN, x[j]);
		c->sealed[j] = x[j];
	}
}

/* What is left is shorter than a group. */
INLINE void finish(struct cipher *c, const struct kseal_gcm_key *k, u8 *dst,
		   const u8 *src, size_t n, bool open,
		   const unsigned int rounds)
{
	const u8 *power = power_of(k, (n + KSEAL_GCM_BLOCK - 1) /
				      KSEAL_GCM_BLOCK);
	struct product p = no_product();
	V hash = V_WIDEN(c->hash);

	while (n) {
		size_t m = n < VECTOR_LEN ? n : VECTOR_LEN;
		V x = V_XOR(V_SHUFFLE(c->counter, V_BROADCAST(REVERSE128)),
			    round_key(k, 0));
		V text = V_LOAD_SOME(src, m);
		unsigned int i;

		AGAIN(k);
		V_FROM_HERE(text);
		c->counter = V_ADD32(c->counter, V_ALL(LANES));
#pragma GCC unroll 16
		for (i = 1; i < rounds; i++)
			x = V_ENC(x, round_key(k, i));
		x = V_XOR(V_ENC_LAST(x, round_key(k, rounds)), text);
		V_FROM_HERE(x);
		V_STORE_SOME(dst, x, m);
		if (!open)
			text = V_FIRST(x, m);
		text = V_SHUFFLE(text, V_BROADCAST(REVERSE128));
		add_product(&p, V_XOR(text, hash), V_LOAD(power));
		hash = V_ZERO();
		power += VECTOR_LEN;
		src += m;
		dst += m;
		n -= m;
	}
	c->hash = reduce(&p);
}

INLINE void crypt(struct kseal_gcm *g, const struct kseal_gcm_key *k, u8 *dst,
		  const u8 *src, size_t n, bool open,
		  const unsigned int rounds)
{
	const u32 blocks = (n + KSEAL_GCM_BLOCK - 1) / KSEAL_GCM_BLOCK;
	const __m128i counter = load128(g->counter);
	struct cipher c = {
		.counter = V_ADD32(V_BROADCAST(counter), V_LANE_NUMBERS()),
		.hash = load128(g->hash),
	};
	unsigned int i;

	if (n >= GROUP_LEN) {
		step(&c, k, dst, src, open, open, rounds);
		for (n -= GROUP_LEN; n >= GROUP_LEN; n -= GROUP_LEN) {
			src += GROUP_LEN;
			dst += GROUP_LEN;
			step(&c, k, dst, src, true, open, rounds);
		}
		if (!open) {
			struct product p = no_product();

#pragma GCC unroll 16
			for (i = 0; i < DEPTH; i++)
				hash_vector(&p, power_of(k, LANES * DEPTH), i,
					    sealed_vector(&c, dst, i), c.hash);
			c.hash = reduce(&p);
		}
		src += GROUP_LEN;
		dst += GROUP_LEN;
	}
	if (n)
		finish(&c, k, dst, src, n, open, rounds);
	store128(g->hash, c.hash);
	store128(g->counter, _mm_add_epi32(counter, _mm_cvtsi32_si128(blocks)));
}

void NAME(begin)(struct kseal_gcm *g, const struct kseal_gcm_key *k,
		 const u8 *nonce, const u8 *aad, unsigned int aad_len)
{
	const __m128i counter = nonce128(nonce);

	store128(g->mask, encrypt128(k, counter));
	store128(g->counter, _mm_add_epi32(reverse128(counter),
					   _mm_cvtsi32_si128(1)));
	store128(g->hash, mul128(reverse128(some128(aad, aad_len)),
				 load128(power_of(k, 1))));
}

void NAME(seal)(struct kseal_gcm *g, const struct kseal_gcm_key *k, u8 *dst,
		const u8 *src, size_t n)
{
	if (k->rounds == 10)
		crypt(g, k, dst, src, n, false, 10);
	else
		crypt(g, k, dst, src, n, false, 14);
}

void NAME(open)(struct kseal_gcm *g, const struct kseal_gcm_key *k, u8 *dst,
		const u8 *src, size_t n)
{
	if (k->rounds == 10)
		crypt(g, k, dst, src, n, true, 10);
	else
		crypt(g, k, dst, src, n, true, 14);
}

void NAME(end)(const struct kseal_gcm *g, const struct kseal_gcm_key *k,
	       unsigned int aad_len, size_t len, u8 *tag)
{
	/* the lengths in bits are the last block; SP 800-38D 7.1 */
	__m128i x = _mm_set_epi64x((long long)aad_len * 8, (long long)len * 8);

	x = mul128(_mm_xor_si128(x, load128(g->hash)), load128(power_of(k, 1)));
	_mm_storeu_si128((__m128i *)tag,
			 _mm_xor_si128(reverse128(x), load128(g->mask)));
}
