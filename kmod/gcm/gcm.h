/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES-GCM (NIST SP 800-38D) with the vector instructions of x86-64, for the
 * records of TLS: nonces of 12 bytes, tags of 16, additional data of one block
 * at most. No table is indexed and no branch taken by what is secret; every
 * byte of the input is read once, so that what changes meanwhile is hashed as
 * it was ciphered. User space compiles these files as they are.
 */
#ifndef KSEAL_GCM_H
#define KSEAL_GCM_H

#ifdef __KERNEL__
#ifdef KSEAL_GCM
#include <asm/fpu/api.h>
#endif
#include <linux/init.h>
#include <linux/kasan-checks.h>
#include <linux/kmsan-checks.h>
#include <linux/string.h>
#include <linux/types.h>
#define KSEAL_GCM_READS(p, n)	kasan_check_read(p, n)
#define KSEAL_GCM_WRITES(p, n)	kasan_check_write(p, n)
#define KSEAL_GCM_WRITTEN(p, n)	kmsan_unpoison_memory(p, n)
#define KSEAL_GCM_BEGIN()	kernel_fpu_begin()
#define KSEAL_GCM_END()		kernel_fpu_end()
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
#define __init
#define __initdata
#define KSEAL_GCM_READS(p, n)	((void)0)
#define KSEAL_GCM_WRITES(p, n)	((void)0)
#define KSEAL_GCM_WRITTEN(p, n)	((void)0)
#define KSEAL_GCM_BEGIN()	((void)0)
#define KSEAL_GCM_END()		((void)0)
#define noinline		__attribute__((noinline))
#endif

#define KSEAL_GCM_BLOCK		16
#define KSEAL_GCM_ROUNDS_MAX	14
/* powers of H: blocks that are hashed before a reduction, at most; a multiple
 * of four, so that those of a whole vector are aligned
 */
#define KSEAL_GCM_POWERS	68
/* zeros after them: the powers of lanes that are not used */
#define KSEAL_GCM_ZEROS		3

/* A key: secret, wiped by its owner. At 64 bytes, as vectors are. */
struct kseal_gcm_key {
	/* H^68 to H^1, each times x, bits in the order of clmul; then zeros */
	u8 power[KSEAL_GCM_POWERS + KSEAL_GCM_ZEROS][KSEAL_GCM_BLOCK];
	u8 round[KSEAL_GCM_ROUNDS_MAX + 1][KSEAL_GCM_BLOCK];
	u32 rounds;		/* 10 or 14 */
} __attribute__((aligned(64)));

/* A part of a text that does not lie in one piece. */
struct kseal_piece {
	u8 *at;
	size_t len;
};

/* What is ciphered, from where and to where: the pieces of each as a whole are
 * at least as long, but for the last byte of the text. They are the same, or do
 * not overlap.
 */
struct kseal_body {
	const struct kseal_piece *dst, *src;
	unsigned int n_dst, n_src;	/* how many pieces */
	size_t len;
	u8 *last;		/* the last byte of the text, if it is in none of
				 * its pieces: TLS 1.3's content type; or NULL
				 */
	const u8 *next;		/* what is likely to be read next, or NULL */
};

/*
 * kseal_gcm_X_record - kseal_gcm_record() at one level
 *
 * X: vaes512 needs VAES, VPCLMULQDQ, AVX512F, AVX512VL, AVX512BW; vaes256 VAES,
 * VPCLMULQDQ, AVX2; aesni AES-NI, PCLMULQDQ, AVX.
 */
#define KSEAL_GCM_DECLARE(X)						\
void kseal_gcm_##X##_record(const struct kseal_gcm_key *k, bool open,	\
			    const u8 *nonce, const u8 *aad,		\
			    unsigned int aad_len,			\
			    const struct kseal_body *t, u8 *tag)

KSEAL_GCM_DECLARE(vaes512);
KSEAL_GCM_DECLARE(vaes256);
KSEAL_GCM_DECLARE(aesni);

/**
 * kseal_gcm_aesni_key - expand a key, for every level
 * @k: written
 * @key: AES key
 * @len: 16 or 32
 *
 * In the kernel between kernel_fpu_begin() and kernel_fpu_end().
 */
void kseal_gcm_aesni_key(struct kseal_gcm_key *k, const u8 *key,
			 unsigned int len);

/* What the processor has; each level includes those before it. */
enum kseal_gcm_level {
	KSEAL_GCM_NONE,
	KSEAL_GCM_AESNI,
	KSEAL_GCM_VAES256,
	KSEAL_GCM_VAES512,
};

/**
 * kseal_gcm_record - seal or open a record
 * @level: what to use, not KSEAL_GCM_NONE
 * @k: the key
 * @open: which of both
 * @nonce: 12 bytes, never used before under this key if it is to be sealed
 * @aad: additional data
 * @aad_len: at most 16
 * @t: the text; each byte of the source is read once
 * @tag: 16 bytes, written; when opening, the caller's to compare
 *
 * In the kernel between kernel_fpu_begin() and kernel_fpu_end().
 */
void kseal_gcm_record(enum kseal_gcm_level level, const struct kseal_gcm_key *k,
		      bool open, const u8 *nonce, const u8 *aad,
		      unsigned int aad_len, const struct kseal_body *t,
		      u8 *tag);

/* A place in a text. */
struct kseal_cursor {
	const struct kseal_piece *piece;
	size_t off;
};

/* Where it is, and how much follows in one piece. There has to be something. */
static inline u8 *kseal_cursor_here(struct kseal_cursor *c, size_t *len)
{
	while (c->off == c->piece->len) {
		c->piece++;
		c->off = 0;
	}
	*len = c->piece->len - c->off;
	return c->piece->at + c->off;
}

/* Bytes out of pieces, or into them, from the cursor on; it moves on. */
void kseal_cursor_read(struct kseal_cursor *from, u8 *to, size_t n);
void kseal_cursor_write(struct kseal_cursor *to, const u8 *from, size_t n);

/* Likewise from the skip-th byte on. */
void kseal_pieces_read(const struct kseal_piece *from, size_t skip, u8 *to,
		       size_t n);
void kseal_pieces_write(const struct kseal_piece *to, size_t skip,
			const u8 *from, size_t n);

/**
 * kseal_gcm_known - does it give what it has to?
 * @level: what to try
 *
 * Seals and opens texts of every length up to several groups of blocks, cut in
 * pieces in many ways, with keys of both lengths, each made from the one
 * before; the last tag is known. Not in a section of the caller's: each text is
 * one. Allocates nothing, takes about a millisecond.
 */
bool __init kseal_gcm_known(enum kseal_gcm_level level);

#endif
