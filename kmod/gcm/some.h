/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of a vector, where the processor has no masks; for the end of a text. */
#define VECTOR_SIZE	(LANES * KSEAL_GCM_BLOCK)

INLINE V V_LOAD_SOME(const u8 *p, size_t n)
{
	u8 bytes[VECTOR_SIZE] = {};

	if (n == VECTOR_SIZE)
		return V_LOAD(p);
	memcpy(bytes, p, n);
	return V_LOAD(bytes);
}

INLINE void V_STORE_SOME(u8 *p, V x, size_t n)
{
	u8 bytes[VECTOR_SIZE];

	if (n == VECTOR_SIZE) {
		V_STORE(p, x);
		return;
	}
	V_STORE(bytes, x);
	memcpy(p, bytes, n);
}

INLINE V V_FIRST(V x, size_t n)
{
	u8 bytes[VECTOR_SIZE];

	if (n == VECTOR_SIZE)
		return x;
	V_STORE(bytes, x);
	memset(bytes + n, 0, VECTOR_SIZE - n);
	return V_LOAD(bytes);
}

INLINE V V_WITH_BYTE(V x, size_t at, u8 byte)
{
	u8 bytes[VECTOR_SIZE];

	V_STORE(bytes, x);
	bytes[at] = byte;
	return V_LOAD(bytes);
}
