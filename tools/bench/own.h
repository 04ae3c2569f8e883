/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's own AES-GCM, in user space. */
#ifndef BENCH_OWN_H
#define BENCH_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_key;

/* Whether this CPU, and this build, have it. */
bool own_supported(void);

/* A key of 16 or 32 bytes, to be freed; NULL: out of memory. */
struct own_key *own_key(const uint8_t *key, unsigned int len);

/* One record in one piece; iv: 12 bytes, tag: 16 bytes, written. */
void own_seal(const struct own_key *k, const uint8_t *iv, const uint8_t *aad, unsigned int aad_len,
	      uint8_t *text, uint8_t *sealed, size_t len, uint8_t *tag);

/* Returns whether the tag verifies. */
bool own_open(const struct own_key *k, const uint8_t *iv, const uint8_t *aad, unsigned int aad_len,
	      uint8_t *sealed, uint8_t *text, size_t len, const uint8_t *tag);

#endif
