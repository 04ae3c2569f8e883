// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <sys/ioctl.h>
#include <kseal.h>
#include "../kmod/selftest/kseal_test.h"
#include "bench/gcm.h"
#include "bench/own.h"
#include "bench/stack.h"
#include "bench/watch.h"

#define DEVICE "/dev/kseal_test"
#define TAG_LEN 16
#define IV_LEN 12
#define BATCH 16
#define WARM_UP 10000000u	/* ns */

static const uint8_t key[32] = { 1, 2, 3 };

/* What the cipher gets of a record: RFC 8446 5.2, RFC 5246 6.2.3.3 */
static unsigned int text_len(const struct bench_case *c)
{
	return c->record + (c->version == KSEAL_VERSION_1_3);
}

static unsigned int aad_len(const struct bench_case *c)
{
	return c->version == KSEAL_VERSION_1_3 ? 5 : 13;
}

static unsigned int key_len(const struct bench_case *c)
{
	return c->cipher == KSEAL_CIPHER_AES_GCM_128 ? 16 : 32;
}

/* ---- the kernel's ---- */

static int ask_kernel(const struct bench_case *c, double seconds, struct kseal_test_aead *arg,
		      char *why)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC), err = 0;

	if (fd < 0)
		return stack_refuse(why, -errno, "the kernel's is not measured alone without %s, which "
				    "the tests' module kseal_test.ko has", DEVICE);
	memset(arg, 0, sizeof(*arg));
	arg->key_len = key_len(c);
	arg->len = text_len(c);
	arg->aad_len = aad_len(c);
	arg->ms = seconds > 0.002 ? (unsigned int)(500 * seconds) : 1;
	if (ioctl(fd, KSEAL_TEST_AEAD, arg))
		err = stack_refuse(why, -errno, "%s: %s", DEVICE, strerror(errno));
	close(fd);
	return err;
}

static int sample_kernel(const struct bench_case *c, double seconds, struct sample *s, char *why)
{
	struct kseal_test_aead arg;
	int err = ask_kernel(c, seconds, &arg, why);

	if (err)
		return err;
	/* as often opened as sealed */
	s->records = (double)arg.sealed;
	s->send_seconds = (double)arg.seal_ns / 1e9;
	s->receive_seconds = (double)arg.open_ns / 1e9 * (double)arg.sealed / (double)arg.opened;
	return 0;
}

/* ---- in user space ---- */

struct buffers {
	uint8_t text[RECORD_FULL + 1], sealed[RECORD_FULL + 1], opened[RECORD_FULL + 1];
	uint8_t aad[13], iv[IV_LEN], tag[TAG_LEN];
	unsigned int len, aad_len;
	EVP_CIPHER_CTX *ctx;
	struct own_key *own;
};

typedef bool crypt_once(struct buffers *b);

/* Returns seconds a record, or a negative number. */
static double repeat(struct buffers *b, crypt_once *once, double seconds)
{
	uint64_t start = watch_ticks(), ticks = watch_ticks_in(seconds), now;
	uint64_t count = 0;
	bool ok = true;
	int i;

	do {
		for (i = 0; i < BATCH && ok; i++)
			ok = once(b);
		count += BATCH;
		now = watch_ticks();
	} while (ok && now - start < ticks);
	return ok ? (double)(now - start) * watch_tick_ns() / 1e9 / (double)count : -1;
}

static bool openssl_key(struct buffers *b, const struct bench_case *c, int encrypt)
{
	const EVP_CIPHER *cipher = key_len(c) == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();

	return EVP_CipherInit_ex(b->ctx, cipher, NULL, key, b->iv, encrypt);
}

static bool openssl_seal(struct buffers *b)
{
	int n;

	return EVP_EncryptInit_ex(b->ctx, NULL, NULL, NULL, b->iv) &&
	       EVP_EncryptUpdate(b->ctx, NULL, &n, b->aad, (int)b->aad_len) &&
	       EVP_EncryptUpdate(b->ctx, b->sealed, &n, b->text, (int)b->len) &&
	       EVP_EncryptFinal_ex(b->ctx, b->sealed + n, &n) &&
	       EVP_CIPHER_CTX_ctrl(b->ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, b->tag);
}

static bool openssl_open(struct buffers *b)
{
	int n;

	return EVP_DecryptInit_ex(b->ctx, NULL, NULL, NULL, b->iv) &&
	       EVP_DecryptUpdate(b->ctx, NULL, &n, b->aad, (int)b->aad_len) &&
	       EVP_DecryptUpdate(b->ctx, b->opened, &n, b->sealed, (int)b->len) &&
	       EVP_CIPHER_CTX_ctrl(b->ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, b->tag) &&
	       EVP_DecryptFinal_ex(b->ctx, b->opened + n, &n);
}

static bool own_seal_once(struct buffers *b)
{
	own_seal(b->own, b->iv, b->aad, b->aad_len, b->text, b->sealed, b->len, b->tag);
	return true;
}

static bool own_open_once(struct buffers *b)
{
	return own_open(b->own, b->iv, b->aad, b->aad_len, b->sealed, b->opened, b->len, b->tag);
}

static int sample_user(enum gcm_id id, const struct bench_case *c, double seconds,
		       struct sample *s, char *why)
{
	static struct buffers b;
	bool own = id == GCM_KSEAL;
	crypt_once *seal = own ? own_seal_once : openssl_seal;
	crypt_once *open = own ? own_open_once : openssl_open;
	double sealing = -1, opening = -1;

	memset(&b, 0, sizeof(b));
	b.len = text_len(c);
	b.aad_len = aad_len(c);
	b.ctx = EVP_CIPHER_CTX_new();
	b.own = own_key(key, key_len(c));
	if (b.ctx && b.own && (own || openssl_key(&b, c, 1))) {
		repeat(&b, seal, WARM_UP / 1e9);
		sealing = repeat(&b, seal, seconds / 2);
	}
	if (b.ctx && b.own && (own || openssl_key(&b, c, 0))) {
		repeat(&b, open, WARM_UP / 1e9);
		opening = repeat(&b, open, seconds / 2);
	}
	EVP_CIPHER_CTX_free(b.ctx);
	free(b.own);
	if (sealing < 0 || opening < 0 || memcmp(b.text, b.opened, b.len))
		return stack_refuse(why, -EIO, "%s failed", gcm_title(id));
	s->records = seconds / (sealing + opening);
	s->send_seconds = sealing * s->records;
	s->receive_seconds = opening * s->records;
	return 0;
}

/* ---- all ---- */

const char *gcm_name(enum gcm_id id)
{
	static const char *const names[GCMS] = {
		[GCM_KERNEL] = "aes-gcm-kernel", [GCM_KSEAL] = "aes-gcm-kseal",
		[GCM_OPENSSL] = "aes-gcm-openssl",
	};

	return names[id];
}

const char *gcm_title(enum gcm_id id)
{
	static const char *const titles[GCMS] = {
		[GCM_KERNEL] = "kernel's AES-GCM", [GCM_KSEAL] = "kseal's AES-GCM",
		[GCM_OPENSSL] = "OpenSSL's AES-GCM",
	};

	return titles[id];
}

int gcm_ready(enum gcm_id id, const struct bench_case *c, char *why)
{
	struct kseal_test_aead arg;

	if (id == GCM_KSEAL && !own_supported())
		return stack_refuse(why, -EOPNOTSUPP, "kseal has no AES-GCM of its own for this CPU");
	return id == GCM_KERNEL ? ask_kernel(c, 0, &arg, why) : 0;
}

int gcm_sample(enum gcm_id id, const struct bench_case *c, double seconds, struct sample *s,
	       char *why)
{
	int err = id == GCM_KERNEL ? sample_kernel(c, seconds, s, why) :
				     sample_user(id, c, seconds, s, why);

	s->operations = s->records;
	s->bytes = s->records * c->record;
	s->seconds = s->own_seconds = s->send_seconds + s->receive_seconds;
	return err;
}
