// SPDX-License-Identifier: GPL-2.0-or-later
/* AES-GCM with AES-NI and AVX: a block in a vector, 16 vectors. And the keys. */
#include "vector.h"

#define NAME(x)		kseal_gcm_aesni_##x
#define LANES		1
#define DEPTH		4
#define REGISTERS	16

typedef __m128i V;

#define V_ZERO()	_mm_setzero_si128()
#define V_ALL(n)	_mm_cvtsi32_si128(n)
#define V_LANE_NUMBERS() V_ZERO()
#define V_BROADCAST(x)	(x)
#define V_WIDEN(x)	(x)
#define V_SUM(x)	(x)

#define V_XOR(a, b)	_mm_xor_si128(a, b)
#define V_XOR3(a, b, c)	V_XOR(V_XOR(a, b), c)
#define V_ADD32(a, b)	_mm_add_epi32(a, b)
#define V_SHUFFLE(x, to) _mm_shuffle_epi8(x, to)
#define V_SWAP_HALVES(x) _mm_shuffle_epi32(x, 0x4e)
#define V_CLMUL(a, b, halves) _mm_clmulepi64_si128(a, b, halves)
#define V_ENC(x, k)	_mm_aesenc_si128(x, k)
#define V_ENC_LAST(x, k) _mm_aesenclast_si128(x, k)

#define V_LOAD(p)	_mm_loadu_si128((const __m128i *)(p))
#define V_STORE(p, x)	_mm_storeu_si128((__m128i *)(p), x)
/* the compiler may not read it from memory again */
#define V_FROM_HERE(x)	asm volatile("" : "+x" (x))

#include "some.h"
#include "lanes.h"

static __m128i encrypt_any(const struct kseal_gcm_key *k, __m128i x)
{
	return k->rounds == 10 ? encrypt128(k, x, 10) : encrypt128(k, x, 14);
}

/* ---- keys ---- */

/* SubWord without a table: in a block whose columns are alike ShiftRows changes
 * nothing.
 */
static u32 sub_word(u32 word)
{
	__m128i x = _mm_set1_epi32((int)word);

	return _mm_cvtsi128_si32(_mm_aesenclast_si128(x, _mm_setzero_si128()));
}

/* FIPS 197 5.2 */
static void expand(u32 *word, const u8 *key, unsigned int n, unsigned int end)
{
	u32 round_constant = 1;
	unsigned int i;

	memcpy(word, key, n * sizeof(*word));
	for (i = n; i < end; i++) {
		u32 x = word[i - 1];

		if (i % n == 0) {
			x = sub_word(x >> 8 | x << 24) ^ round_constant;
			/* times x in GF(2^8); it is no secret */
			round_constant = round_constant == 0x80 ?
					 0x1b : round_constant << 1;
		} else if (i % n == 4) {
			x = sub_word(x);	/* of 8: AES-256 alone */
		}
		word[i] = word[i - n] ^ x;
	}
}

/* Multiplies by x: a shift, and the polynomial for what falls out. */
static __m128i times_x(__m128i h)
{
	u64 low = (u64)_mm_cvtsi128_si64(h);
	u64 high = (u64)_mm_extract_epi64(h, 1);
	u64 out = 0 - (high >> 63);

	high = (high << 1 | low >> 63) ^ (out & 0xc200000000000000ULL);
	low = low << 1 ^ (out & 1);
	return _mm_set_epi64x((long long)high, (long long)low);
}

void kseal_gcm_aesni_key(struct kseal_gcm_key *k, const u8 *key,
			 unsigned int len)
{
	__m128i h, power;
	unsigned int i;

	memset(k, 0, sizeof(*k));
	k->rounds = len / 4 + 6;
	expand((u32 *)k->round, key, len / 4, 4 * (k->rounds + 1));
	h = times_x(reverse128(encrypt_any(k, _mm_setzero_si128())));
	power = h;
	for (i = KSEAL_GCM_POWERS; i-- > 0;) {
		store128(k->power[i], power);
		power = mul128(power, h);
	}
}
