// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/gcm as the kernel compiles it, every level that this processor has:
 * against NIST's vectors (CAVP), and against OpenSSL on texts of any length, in
 * any pieces, anywhere. "gcm bench" compares the speed of both.
 */
#include <libgen.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../../kmod/gcm/best.h"
#include "tap.h"

#define TEXT_MAX	17000
#define PIECES_MAX	7
#define RANDOM_TEXTS	4000

/* ASan has its own */
#ifdef __SANITIZE_ADDRESS__
#define STACK_IS_OURS	0
#else
#define STACK_IS_OURS	1
#endif

static const char *const names[] = { "none", "AES-NI", "VAES, AVX2", "VAES, AVX-512" };

/* ---- the other implementation ---- */

static void openssl_seal(const u8 *key, int key_len, const u8 *nonce, const u8 *aad, int aad_len,
			 const u8 *text, int len, u8 *sealed, u8 *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	if (!c || !EVP_EncryptInit_ex(c, key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(),
				      NULL, key, nonce) ||
	    (aad_len && !EVP_EncryptUpdate(c, NULL, &n, aad, aad_len)) ||
	    !EVP_EncryptUpdate(c, sealed, &n, text, len) ||
	    !EVP_EncryptFinal_ex(c, sealed + n, &n) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag))
		abort();
	EVP_CIPHER_CTX_free(c);
}

/* ---- what is asked when the module is loaded ---- */

/* The same texts as in kmod/gcm/known.c, by OpenSSL. */
static void test_known(enum kseal_gcm_level most)
{
	static const u8 last[] = {
		0xd6, 0xdc, 0x6c, 0x88, 0x25, 0xb1, 0xfb, 0xf6,
		0x9b, 0xd6, 0x75, 0x9a, 0x19, 0x7c, 0x05, 0xb2,
	};
	u8 tags[32] = {}, text[1400] = {}, sealed[1400], tag[16];
	int level, n;

	for (n = 0; n <= 1400; n++) {
		openssl_seal(tags, n % 2 ? 32 : 16, tags, tags + 12, n % 17, text, n, sealed, tag);
		memcpy(text, sealed, n);
		memmove(tags + 16, tags, 16);
		memcpy(tags, tag, 16);
	}
	if (memcmp(tags, last, 16))
		for (n = 0; n < 16; n++)
			note("0x%02x,", tags[n]);
	ok(!memcmp(tags, last, 16), "OpenSSL comes to the known tag");
	for (level = KSEAL_GCM_AESNI; level <= (int)most; level++)
		ok(kseal_gcm_known(level), "%s: so do we", names[level]);
}

/* ---- texts of all kinds ---- */

static void fill(u8 *p, size_t n)
{
	while (n--)
		*p++ = random();
}

/* len bytes at text, cut anywhere, also into nothing. Returns how many pieces. */
static unsigned int cut(struct kseal_piece *piece, u8 *text, size_t len)
{
	int i, n = random() % PIECES_MAX;

	for (i = 0; i < n; i++) {
		size_t part = random() % 4 ? (size_t)random() % 40 : random() % (len + 1);

		if (part > len)
			part = len;
		piece[i] = (struct kseal_piece){ text, part };
		text += part;
		len -= part;
	}
	piece[n] = (struct kseal_piece){ text, len };
	return n + 1;
}

static bool one_text(enum kseal_gcm_level level)
{
	static u8 text[TEXT_MAX + 64], sealed[TEXT_MAX + 64], opened[TEXT_MAX + 64];
	static u8 wanted[TEXT_MAX];
	struct kseal_piece from[PIECES_MAX + 1], to[PIECES_MAX + 1];
	u8 *a = text + random() % 64, *b = sealed + random() % 64, *c = opened + random() % 64;
	size_t len = random() % 3 ? random() % 1400 : random() % TEXT_MAX;
	int key_len = random() % 2 ? 16 : 32, aad_len = random() % 17;
	u8 key[32], nonce[12], aad[16], tag[16], tag_wanted[16], last = 0;
	/* as the content type of TLS 1.3 is */
	bool elsewhere = len && random() % 2;
	struct kseal_gcm_key k;
	struct kseal_body t;
	bool good;

	fill(key, sizeof(key));
	fill(nonce, sizeof(nonce));
	fill(aad, sizeof(aad));
	fill(a, len);
	openssl_seal(key, key_len, nonce, aad, aad_len, a, len, wanted, tag_wanted);
	kseal_gcm_aesni_key(&k, key, key_len);

	b[len] = 0x5a;
	t = (struct kseal_body){ .dst = to, .src = from, .len = len };
	if (elsewhere) {
		last = a[len - 1];
		t.last = &last;
	}
	t.n_src = cut(from, a, len - elsewhere);
	t.n_dst = cut(to, b, len);
	kseal_gcm_record(level, &k, false, nonce, aad, aad_len, &t, tag);
	good = !memcmp(b, wanted, len) && !memcmp(tag, tag_wanted, 16) && b[len] == 0x5a;
	c[len - elsewhere] = 0x5a;
	t.n_src = cut(from, b, len);
	t.n_dst = cut(to, c, len - elsewhere);
	t.next = random() % 2 ? a : NULL;
	kseal_gcm_record(level, &k, true, nonce, aad, aad_len, &t, tag);
	good = good && !memcmp(c, a, len - elsewhere) && !memcmp(tag, tag_wanted, 16) &&
	       c[len - elsewhere] == 0x5a && (!elsewhere || last == a[len - 1]);
	/* in its own place */
	t.last = NULL;
	t.n_src = cut(from, b, len);
	t.n_dst = t.n_src;
	t.dst = from;
	kseal_gcm_record(level, &k, true, nonce, aad, aad_len, &t, tag);
	good = good && !memcmp(b, a, len) && !memcmp(tag, tag_wanted, 16);
	if (!good)
		note("%zu bytes, key of %d, %d of additional data", len, key_len, aad_len);
	return good;
}

static void test_random(enum kseal_gcm_level level)
{
	int i, bad = 0;

	srandom(level);
	for (i = 0; i < RANDOM_TEXTS && bad < 5; i++)
		bad += !one_text(level);
	ok(!bad, "%s: %d texts as OpenSSL has them", names[level], RANDOM_TEXTS);
}

/* ---- what is left behind ---- */

/* The stack below the caller, as the last call has left it. */
static noinline void copy_stack(u8 *to, size_t n)
{
	const volatile u8 *below = (u8 *)__builtin_frame_address(0) - n;

	while (n--)
		*to++ = *below++;
}

/* What this test itself left there is none of theirs. */
static noinline void clear_stack(void)
{
	volatile u8 below[8192 + 256];
	size_t i;

	for (i = 0; i < sizeof(below); i++)
		below[i] = 0;
}

static bool has(const u8 *in, size_t n, const u8 *what, size_t len)
{
	return memmem(in, n, what, len);
}

/* What hides the hash in a tag: from both, H could be computed. */
static void hidden(const u8 *key, int key_len, const u8 *nonce, const u8 *tag, u8 *mask, u8 *hash)
{
	u8 first[16] = { [15] = 1 };
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int i, n;

	memcpy(first, nonce, 12);
	if (!c || !EVP_EncryptInit_ex(c, key_len == 16 ? EVP_aes_128_ecb() : EVP_aes_256_ecb(),
				      NULL, key, NULL) ||
	    !EVP_EncryptUpdate(c, mask, &n, first, 16))
		abort();
	EVP_CIPHER_CTX_free(c);
	/* as it is kept: reversed */
	for (i = 0; i < 16; i++)
		hash[15 - i] = tag[i] ^ mask[i];
}

/* Neither keys nor text: 16 bytes of them anywhere. */
static void test_stack(enum kseal_gcm_level level)
{
	static u8 text[16384 + 13], sealed[sizeof(text)], stack[8192];
	struct kseal_piece from = { text, sizeof(text) }, to = { sealed, sizeof(text) };
	struct kseal_body t = { .dst = &to, .src = &from, .n_dst = 1, .n_src = 1, .len = sizeof(text) };
	u8 key[32], nonce[12] = {}, tag[16], mask[16], hash[16];
	unsigned int i, left = 0;
	struct kseal_gcm_key k;
	int len, open;

	fill(key, sizeof(key));
	fill(text, sizeof(text));
	for (len = 16; len <= 32; len += 16) {
		kseal_gcm_aesni_key(&k, key, len);
		for (open = 0; open < 2; open++) {
			t.dst = open ? &from : &to;
			t.src = open ? &to : &from;
			clear_stack();
			kseal_gcm_record(level, &k, open, nonce, nonce, 5, &t, tag);
			copy_stack(stack, sizeof(stack));
			for (i = 1; i <= k.rounds; i++)
				left += has(stack, sizeof(stack), k.round[i], 16);
			left += has(stack, sizeof(stack), k.power[KSEAL_GCM_POWERS - 1], 16);
			hidden(key, len, nonce, tag, mask, hash);
			left += has(stack, sizeof(stack), mask, 16);
			left += has(stack, sizeof(stack), hash, 16);
			for (i = 0; i + 13 <= sizeof(text); i += 16)
				left += has(stack, sizeof(stack), text + i, 13);
		}
	}
	ok(!left, "%s: nothing secret is left on the stack", names[level]);
}

/* ---- NIST's ---- */

struct vector {
	u8 key[32], nonce[12], aad[16], text[128], sealed[128], tag[16];
	size_t key_len, nonce_len, aad_len, text_len, sealed_len, tag_len;
	bool fails;
};

static bool value(const char *line, const char *name, u8 *to, size_t max, size_t *len)
{
	size_t n = strlen(name);
	unsigned int byte;

	if (strncmp(line, name, n) || strncmp(line + n, " = ", 3))
		return false;
	line += n + 3;
	for (*len = 0; sscanf(line, "%2x", &byte) == 1; line += 2) {
		if (*len < max)
			to[*len] = byte;
		(*len)++;
	}
	return true;
}

static bool right(enum kseal_gcm_level level, const struct vector *v)
{
	struct kseal_gcm_key k;
	u8 out[128], tag[16];
	struct kseal_piece from = { (u8 *)v->sealed, v->sealed_len }, to = { out, v->sealed_len };
	const struct kseal_body t = { .dst = &to, .src = &from, .n_dst = 1, .n_src = 1, .len = v->sealed_len };

	kseal_gcm_aesni_key(&k, v->key, v->key_len);
	kseal_gcm_record(level, &k, true, v->nonce, v->aad, v->aad_len, &t, tag);
	if (v->fails)
		return memcmp(tag, v->tag, v->tag_len);
	if (memcmp(out, v->text, v->sealed_len) || memcmp(tag, v->tag, v->tag_len))
		return false;
	from.at = (u8 *)v->text;
	kseal_gcm_record(level, &k, false, v->nonce, v->aad, v->aad_len, &t, tag);
	return !memcmp(out, v->sealed, v->sealed_len) && !memcmp(tag, v->tag, v->tag_len);
}

static bool ours(const struct vector *v)
{
	return v->nonce_len == 12 && v->aad_len <= 16 && v->sealed_len <= 128 &&
	       (v->fails || v->text_len == v->sealed_len);
}

static void test_file(enum kseal_gcm_level level, const char *dir, const char *name)
{
	unsigned int n = 0, bad = 0;
	struct vector v = {};
	char path[4400], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f) {
		ok(false, "%s: %s is there: selftests/packages.sh fetches it", names[level], path);
		return;
	}
	/* a vector ends with an empty line */
	while (fgets(line, sizeof(line), f)) {
		if (value(line, "Key", v.key, sizeof(v.key), &v.key_len) ||
		    value(line, "IV", v.nonce, sizeof(v.nonce), &v.nonce_len) ||
		    value(line, "AAD", v.aad, sizeof(v.aad), &v.aad_len) ||
		    value(line, "PT", v.text, sizeof(v.text), &v.text_len) ||
		    value(line, "CT", v.sealed, sizeof(v.sealed), &v.sealed_len) ||
		    value(line, "Tag", v.tag, sizeof(v.tag), &v.tag_len))
			continue;
		if (!strncmp(line, "FAIL", 4))
			v.fails = true;
		if (line[0] != '\r' && line[0] != '\n')
			continue;
		if (v.key_len && ours(&v)) {
			n++;
			bad += !right(level, &v);
		}
		memset(&v, 0, sizeof(v));
	}
	fclose(f);
	ok(n > 1000 && !bad, "%s: %s, %u vectors of our kind", names[level], name, n);
}

static void test_vectors(enum kseal_gcm_level level)
{
	static const char *const files[] = {
		"gcmEncryptExtIV128.rsp", "gcmEncryptExtIV256.rsp",
		"gcmDecrypt128.rsp", "gcmDecrypt256.rsp",
	};
	char self[4096] = "", dir[4200];
	const char *env = getenv("KSEAL_VECTORS");
	size_t i;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		self[0] = '\0';
	snprintf(dir, sizeof(dir), "%s/../../bin/vectors", dirname(self));
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		test_file(level, env ? env : dir, files[i]);
}

/* ---- how fast ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static double openssl_time(EVP_CIPHER_CTX *c, u8 *text, int len, long rounds)
{
	u8 nonce[12] = {}, tag[16];
	double start = now();
	long i;
	int n;

	for (i = 0; i < rounds; i++) {
		memcpy(nonce, &i, sizeof(i));
		EVP_EncryptInit_ex(c, NULL, NULL, NULL, nonce);
		EVP_EncryptUpdate(c, NULL, &n, nonce, 5);
		EVP_EncryptUpdate(c, text, &n, text, len);
		EVP_EncryptFinal_ex(c, text, &n);
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag);
	}
	return (now() - start) / rounds;
}

static double own_time(enum kseal_gcm_level level, const struct kseal_gcm_key *k, bool open,
		       u8 *text, size_t len, long rounds)
{
	struct kseal_piece piece = { text, len };
	const struct kseal_body t = { .dst = &piece, .src = &piece, .n_dst = 1, .n_src = 1,
				      .len = len };
	u8 nonce[12] = {}, tag[16];
	double start = now();
	long i;

	for (i = 0; i < rounds; i++) {
		memcpy(nonce, &i, sizeof(i));
		kseal_gcm_record(level, k, open, nonce, nonce, 5, &t, tag);
	}
	return (now() - start) / rounds;
}

static int bench(enum kseal_gcm_level most)
{
	static const int sizes[] = { 16, 64, 256, 1024, 4096, 16384 };
	static u8 text[16384], key[32];
	struct kseal_gcm_key k;
	int key_len, level;
	size_t i;

	for (key_len = 16; key_len <= 32; key_len += 16) {
		EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

		EVP_EncryptInit_ex(c, key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), NULL,
				   key, NULL);
		kseal_gcm_aesni_key(&k, key, key_len);
		printf("AES-%d-GCM, a text at a time, in the cache; ns a text (GB/s)\n%8s%20s",
		       key_len * 8, "bytes", "OpenSSL");
		for (level = KSEAL_GCM_AESNI; level <= (int)most; level++)
			printf("%20s", names[level]);
		putchar('\n');
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			int n = sizes[i];
			long rounds = 100000000 / (n + 500);
			double t = openssl_time(c, text, n, rounds);

			printf("%8d%12.0f (%5.2f)", n, t * 1e9, n / t * 1e-9);
			for (level = KSEAL_GCM_AESNI; level <= (int)most; level++) {
				t = own_time(level, &k, false, text, n, rounds);
				printf("%12.0f (%5.2f)", t * 1e9, n / t * 1e-9);
			}
			putchar('\n');
		}
		EVP_CIPHER_CTX_free(c);
	}
	return 0;
}

int main(int argc, char **argv)
{
	enum kseal_gcm_level most = kseal_gcm_best();
	int level;

	if (argc > 1 && !strcmp(argv[1], "bench"))
		return bench(most);
	if (most == KSEAL_GCM_NONE) {
		puts("1..0 # SKIP this processor has no AES-NI, PCLMULQDQ or AVX");
		return 4;
	}
	test_known(most);
	for (level = KSEAL_GCM_AESNI; level <= (int)most; level++) {
		test_random(level);
		if (STACK_IS_OURS)
			test_stack(level);
		test_vectors(level);
	}
	return done_testing();
}
