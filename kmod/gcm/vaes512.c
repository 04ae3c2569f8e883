// SPDX-License-Identifier: GPL-2.0-or-later
/* AES-GCM with VAES and AVX-512: four blocks in a vector, 32 vectors. */
#include "vector.h"

#define NAME(x)		kseal_gcm_vaes512_##x
#define LANES		4
#define DEPTH		8
#define REGISTERS	32

typedef __m512i V;

#define V_ZERO()	_mm512_setzero_si512()
#define V_ALL(n)	V_BROADCAST(_mm_cvtsi32_si128(n))
#define V_LANE_NUMBERS() _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0)
#define V_BROADCAST(x)	_mm512_broadcast_i32x4(x)
#define V_WIDEN(x)	_mm512_zextsi128_si512(x)

#define V_XOR(a, b)	_mm512_xor_si512(a, b)
#define V_XOR3(a, b, c)	_mm512_ternarylogic_epi64(a, b, c, 0x96)
#define V_ADD32(a, b)	_mm512_add_epi32(a, b)
#define V_SHUFFLE(x, to) _mm512_shuffle_epi8(x, to)
#define V_SWAP_HALVES(x) _mm512_shuffle_epi32(x, 0x4e)
#define V_CLMUL(a, b, halves) _mm512_clmulepi64_epi128(a, b, halves)
#define V_ENC(x, k)	_mm512_aesenc_epi128(x, k)
#define V_ENC_LAST(x, k) _mm512_aesenclast_epi128(x, k)

#define V_LOAD(p)	_mm512_loadu_si512(p)
#define V_STORE(p, x)	_mm512_storeu_si512(p, x)
/* the first n bytes, 1 to 64 */
#define BYTES(n)	((__mmask64)(~0ULL >> (64 - (n))))
#define V_LOAD_SOME(p, n) _mm512_maskz_loadu_epi8(BYTES(n), p)
#define V_STORE_SOME(p, x, n) _mm512_mask_storeu_epi8(p, BYTES(n), x)
#define V_FIRST(x, n)	_mm512_maskz_mov_epi8(BYTES(n), x)
#define V_WITH_BYTE(x, at, byte) \
	_mm512_mask_set1_epi8(x, (__mmask64)1 << (at), (char)(byte))
/* the compiler may not read it from memory again */
#define V_FROM_HERE(x)	asm volatile("" : "+v" (x))

static inline __attribute__((always_inline)) __m128i V_SUM(__m512i x)
{
	__m256i y = _mm256_xor_si256(_mm512_castsi512_si256(x),
				     _mm512_extracti64x4_epi64(x, 1));

	return _mm_xor_si128(_mm256_castsi256_si128(y),
			     _mm256_extracti128_si256(y, 1));
}

#include "lanes.h"
