/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GHASH in one vector register, of any width. Blocks have their bytes reversed,
 * so that clmul multiplies them as polynomials whose bits run the other way
 * round; a product is one bit off then, for which the powers of H are kept
 * times x.
 */
#ifndef KSEAL_GCM_VECTOR_H
#define KSEAL_GCM_VECTOR_H

#include <immintrin.h>

#include "gcm.h"

#define INLINE static inline __attribute__((always_inline))

/* x^128 + x^7 + x^2 + x + 1, mirrored: what a half is folded with */
#define POLY128		_mm_set_epi64x((long long)0xc200000000000000ULL, 1)
#define REVERSE128	_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, \
				     12, 13, 14, 15)

INLINE __m128i load128(const u8 *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE void store128(u8 *p, __m128i x)
{
	_mm_storeu_si128((__m128i *)p, x);
}

INLINE __m128i reverse128(__m128i x)
{
	return _mm_shuffle_epi8(x, REVERSE128);
}

/* J0: SP 800-38D 7.1. Loaded in the parts in which it was stored, for a load of
 * several stores has to wait for them.
 */
INLINE __m128i nonce128(const u8 *nonce)
{
	__m128i fixed = _mm_loadu_si32(nonce);
	__m128i rest = _mm_loadl_epi64((const __m128i *)(nonce + 4));

	return _mm_or_si128(_mm_or_si128(fixed, _mm_slli_si128(rest, 4)),
			    _mm_set_epi32(1 << 24, 0, 0, 0));
}

INLINE u64 load64(const u8 *p)
{
	u64 x;

	memcpy(&x, p, sizeof(x));
	return x;
}

INLINE u64 load32(const u8 *p)
{
	u32 x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Up to 8 bytes, and zeros. */
INLINE u64 some64(const u8 *p, unsigned int n)
{
	u64 x = 0;

	if (n == 8)
		return load64(p);
	/* what is loaded twice is the same */
	if (n >= 4)
		return load32(p) | load32(p + n - 4) << 8 * (n - 4);
	while (n)
		x = x << 8 | p[--n];
	return x;
}

/* Up to 16 bytes, and zeros; not by way of memory either. */
INLINE __m128i some128(const u8 *p, unsigned int n)
{
	u64 low = some64(p, n < 8 ? n : 8);
	u64 high = n > 8 ? some64(p + 8, n - 8) : 0;

	return _mm_set_epi64x((long long)high, (long long)low);
}

/* Takes the lower half of a over into the next half. */
INLINE __m128i fold128(__m128i a, __m128i into)
{
	__m128i low = _mm_clmulepi64_si128(POLY128, a, 0x01);

	return _mm_xor_si128(_mm_xor_si128(into, low),
			     _mm_shuffle_epi32(a, 0x4e));
}

INLINE __m128i mul128(__m128i a, __m128i h)
{
	__m128i lo = _mm_clmulepi64_si128(a, h, 0x00);
	__m128i mid = _mm_xor_si128(_mm_clmulepi64_si128(a, h, 0x01),
				    _mm_clmulepi64_si128(a, h, 0x10));
	__m128i hi = _mm_clmulepi64_si128(a, h, 0x11);

	return fold128(fold128(lo, mid), hi);
}

/* One block of AES. */
INLINE __m128i encrypt128(const struct kseal_gcm_key *k, __m128i x,
			  const unsigned int rounds)
{
	unsigned int i;

	x = _mm_xor_si128(x, load128(k->round[0]));
#pragma GCC unroll 16
	for (i = 1; i < rounds; i++)
		x = _mm_aesenc_si128(x, load128(k->round[i]));
	return _mm_aesenclast_si128(x, load128(k->round[rounds]));
}

#endif
