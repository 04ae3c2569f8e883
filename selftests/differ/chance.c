// SPDX-License-Identifier: GPL-2.0-or-later
#include "chance.h"

/* splitmix64 */
uint64_t chance_next(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void chance_begin(struct chance *c, uint64_t seed, uint64_t stream)
{
	c->state = seed;
	c->state = chance_next(c) ^ stream;
	c->state = chance_next(c);
}

unsigned int chance_below(struct chance *c, unsigned int n)
{
	return (chance_next(c) >> 32) * n >> 32;
}

void chance_bytes(struct chance *c, void *data, size_t len)
{
	uint8_t *at = data;

	while (len--)
		*at++ = chance_next(c) >> 56;
}

size_t chance_len(struct chance *c, size_t max)
{
	static const size_t edges[] = { 0, 1, 2, 5, 64, 100, 512, 4096, 16383, 16384, 16385,
					20000, 32768, 40000 };
	size_t len = CHANCE_PICK(c, edges);

	switch (chance_below(c, 4)) {
	case 0:
		len = chance_below(c, 40);
		break;
	case 1:
		len = chance_below(c, 3000);
		break;
	}
	return len < max ? len : max;
}

uint64_t hash_on(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len--)
		hash = (hash ^ *at++) * 0x100000001b3ULL;
	return hash;
}
