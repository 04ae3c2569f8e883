/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that follow from a seed, the same on every machine. */
#ifndef DIFFER_CHANCE_H
#define DIFFER_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chance {
	uint64_t state;
};

/* Each stream of a seed is independent of the others. */
void chance_begin(struct chance *c, uint64_t seed, uint64_t stream);

uint64_t chance_next(struct chance *c);
unsigned int chance_below(struct chance *c, unsigned int n);
static inline bool chance_one_in(struct chance *c, unsigned int n)
{
	return !chance_below(c, n);
}

void chance_bytes(struct chance *c, void *data, size_t len);

#define CHANCE_PICK(c, list) ((list)[chance_below(c, sizeof(list) / sizeof((list)[0]))])

/* A length up to max, often one at which something changes. */
size_t chance_len(struct chance *c, size_t max);

/* FNV-1a; from what came before, or HASH_START */
#define HASH_START 0xcbf29ce484222325ULL
uint64_t hash_on(uint64_t hash, const void *data, size_t len);

#endif
