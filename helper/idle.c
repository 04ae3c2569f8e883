// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of handshakes that wait; see idle.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <openssl/bio.h>
#include <openssl/buffer.h>
#include <openssl/crypto.h>
#include "idle.h"

/* since Linux 5.18: ours is locked, see sandbox.c */
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif

/*
 * What OpenSSL 3 allocates for 16384 bytes (RFC 8446 5.1) in a buffer that grows. Only
 * this length, and not anything large: what handshakes share, a table that grows in one
 * of them, another thread may free.
 */
#define BUFFER_LEN	((16384 + 3) / 3 * 4)

static _Thread_local struct idle *current;

void idle_enter(struct idle *idle)
{
	current = idle;
}

void idle_leave(void)
{
	current = NULL;
}

/* ---- OpenSSL's allocations ---- */

static void forget(const void *at)
{
	if (current && current->buffer == at)
		current->buffer = NULL;
}

static void *allocate(size_t len, const char *file, int line)
{
	void *at;

	(void)file;
	(void)line;
	if (len != BUFFER_LEN || !current || current->buffer)
		return malloc(len);
	/* zeros to its end: OpenSSL makes the first 16384 bytes of it zeros */
	at = calloc(1, len);
	current->buffer = at;
	return at;
}

static void *reallocate(void *at, size_t len, const char *file, int line)
{
	if (!at)
		return allocate(len, file, line);
	forget(at);
	return realloc(at, len);
}

static void release(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	forget(at);
	free(at);
}

bool idle_watch(void)
{
	return CRYPTO_set_mem_functions(allocate, reallocate, release);
}

/* ---- giving back ---- */

static bool is_zeros(const uint8_t *page, size_t size)
{
	return !page[0] && !memcmp(page, page + 1, size - 1);
}

/* A refusal changes nothing: the pages stay. */
static void give_back(uint8_t *from, uint8_t *to)
{
	if (from < to)
		(void)madvise(from, (size_t)(to - from), MADV_DONTNEED_LOCKED);
}

void idle_give_back(const struct idle *idle)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *from, *p, *end;

	if (!idle->buffer)
		return;
	p = (uint8_t *)(((uintptr_t)idle->buffer + page - 1) & ~(page - 1));
	end = (uint8_t *)(((uintptr_t)idle->buffer + BUFFER_LEN) & ~(page - 1));
	for (from = p; p < end; p += page)
		if (!is_zeros(p, page)) {
			give_back(from, p);
			from = p + page;
		}
	give_back(from, p);
}

void idle_empty(BIO *bio)
{
	BUF_MEM *none = BIO_ctrl_pending(bio) ? NULL : BUF_MEM_new();

	if (none)
		BIO_set_mem_buf(bio, none, BIO_CLOSE);
}
