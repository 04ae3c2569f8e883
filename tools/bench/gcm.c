// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <sys/ioctl.h>
#include <kseal.h>
#include "../kmod/selftest/kseal_test.h"
#include "bench/gcm.h"
#include "bench/stack.h"
#include "bench/watch.h"

#define DEVICE "/dev/kseal_test"
#define TAG_LEN 16
#define IV_LEN 12
#define BATCH 16
#define WARM_UP 10000000u	/* ns */

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

const char *gcm_name(enum gcm_id id)
{
	return id == GCM_KERNEL ? "aes-gcm-kernel" : "aes-gcm-openssl";
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

/* ---- OpenSSL's ---- */

struct evp {
	EVP_CIPHER_CTX *ctx;
	uint8_t text[RECORD_FULL + 1], sealed[RECORD_FULL + 1], opened[RECORD_FULL + 1];
	uint8_t aad[13], iv[IV_LEN], tag[TAG_LEN];
	int len, aad_len;
};

static bool seal(struct evp *e)
{
	int n;

	return EVP_EncryptInit_ex(e->ctx, NULL, NULL, NULL, e->iv) &&
	       EVP_EncryptUpdate(e->ctx, NULL, &n, e->aad, e->aad_len) &&
	       EVP_EncryptUpdate(e->ctx, e->sealed, &n, e->text, e->len) &&
	       EVP_EncryptFinal_ex(e->ctx, e->sealed + n, &n) &&
	       EVP_CIPHER_CTX_ctrl(e->ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, e->tag);
}

static bool reopen(struct evp *e)
{
	int n;

	return EVP_DecryptInit_ex(e->ctx, NULL, NULL, NULL, e->iv) &&
	       EVP_DecryptUpdate(e->ctx, NULL, &n, e->aad, e->aad_len) &&
	       EVP_DecryptUpdate(e->ctx, e->opened, &n, e->sealed, e->len) &&
	       EVP_CIPHER_CTX_ctrl(e->ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, e->tag) &&
	       EVP_DecryptFinal_ex(e->ctx, e->opened + n, &n);
}

/* Returns seconds a record, or a negative number. */
static double repeat(struct evp *e, bool (*once)(struct evp *), double seconds)
{
	uint64_t start = watch_ticks(), ticks = watch_ticks_in(seconds), now;
	uint64_t count = 0;
	bool ok = true;
	int i;

	do {
		for (i = 0; i < BATCH && ok; i++)
			ok = once(e);
		count += BATCH;
		now = watch_ticks();
	} while (ok && now - start < ticks);
	return ok ? (double)(now - start) * watch_tick_ns() / 1e9 / (double)count : -1;
}

static bool set_key(struct evp *e, const struct bench_case *c, int encrypt)
{
	static const uint8_t key[32] = { 1, 2, 3 };
	const EVP_CIPHER *cipher = key_len(c) == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();

	return EVP_CipherInit_ex(e->ctx, cipher, NULL, key, e->iv, encrypt);
}

static int sample_openssl(const struct bench_case *c, double seconds, struct sample *s, char *why)
{
	static struct evp e;
	double sealing = -1, opening = -1;

	memset(&e, 0, sizeof(e));
	e.len = (int)text_len(c);
	e.aad_len = (int)aad_len(c);
	e.ctx = EVP_CIPHER_CTX_new();
	if (e.ctx && set_key(&e, c, 1)) {
		repeat(&e, seal, WARM_UP / 1e9);
		sealing = repeat(&e, seal, seconds / 2);
	}
	if (e.ctx && set_key(&e, c, 0)) {
		repeat(&e, reopen, WARM_UP / 1e9);
		opening = repeat(&e, reopen, seconds / 2);
	}
	EVP_CIPHER_CTX_free(e.ctx);
	if (sealing < 0 || opening < 0 || memcmp(e.text, e.opened, (size_t)e.len))
		return stack_refuse(why, -EIO, "OpenSSL's AES-GCM failed");
	s->records = seconds / (sealing + opening);
	s->send_seconds = sealing * s->records;
	s->receive_seconds = opening * s->records;
	return 0;
}

int gcm_ready(enum gcm_id id, const struct bench_case *c, char *why)
{
	struct kseal_test_aead arg;

	return id == GCM_KERNEL ? ask_kernel(c, 0, &arg, why) : 0;
}

int gcm_sample(enum gcm_id id, const struct bench_case *c, double seconds, struct sample *s,
	       char *why)
{
	int err = id == GCM_KERNEL ? sample_kernel(c, seconds, s, why) :
				     sample_openssl(c, seconds, s, why);

	s->operations = s->records;
	s->bytes = s->records * c->record;
	s->seconds = s->own_seconds = s->send_seconds + s->receive_seconds;
	return err;
}
