// SPDX-License-Identifier: GPL-2.0-or-later
/* AES-GCM with VAES and AVX2: two blocks in a vector, 16 vectors. */
#include "vector.h"

#define NAME(x)		kseal_gcm_vaes256_##x
#define LANES		2
#define DEPTH		4
#define REGISTERS	16

typedef __m256i V;

#define V_ZERO()	_mm256_setzero_si256()
#define V_ALL(n)	V_BROADCAST(_mm_cvtsi32_si128(n))
#define V_LANE_NUMBERS() _mm256_set_epi64x(0, 1, 0, 0)
#define V_BROADCAST(x)	_mm256_broadcastsi128_si256(x)
#define V_WIDEN(x)	_mm256_zextsi128_si256(x)

#define V_XOR(a, b)	_mm256_xor_si256(a, b)
#define V_XOR3(a, b, c)	V_XOR(V_XOR(a, b), c)
#define V_ADD32(a, b)	_mm256_add_epi32(a, b)
#define V_SHUFFLE(x, to) _mm256_shuffle_epi8(x, to)
#define V_SWAP_HALVES(x) _mm256_shuffle_epi32(x, 0x4e)
#define V_CLMUL(a, b, halves) _mm256_clmulepi64_epi128(a, b, halves)
#define V_ENC(x, k)	_mm256_aesenc_epi128(x, k)
#define V_ENC_LAST(x, k) _mm256_aesenclast_epi128(x, k)

#define V_LOAD(p)	_mm256_loadu_si256((const __m256i *)(p))
#define V_STORE(p, x)	_mm256_storeu_si256((__m256i *)(p), x)
/* the compiler may not read it from memory again */
#define V_FROM_HERE(x)	asm volatile("" : "+x" (x))

static inline __attribute__((always_inline)) __m128i V_SUM(__m256i x)
{
	return _mm_xor_si128(_mm256_castsi256_si128(x),
			     _mm256_extracti128_si256(x, 1));
}

#include "some.h"
#include "lanes.h"
