// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crypto API's AES-GCM by itself: what sealing and opening cost at least, for
 * kseal bench. Flat buffers that stay in the cache, no socket, no system calls.
 */
#include <crypto/aead.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "speed.h"

#define TAG_LEN 16
#define IV_LEN 12
#define TEXT_MAX (SZ_16K + 1)
#define AAD_MAX 16
#define MS_MAX 2000
#define BATCH 64

struct bench {
	struct crypto_aead *aead;
	struct aead_request *req;
	u8 *text, *sealed;	/* each: additional data, text, tag */
	u8 iv[IV_LEN];
};

static int once(struct bench *b, const struct kseal_test_aead *arg, bool seal)
{
	unsigned int text = arg->aad_len + arg->len;
	struct scatterlist plain, sealed;

	sg_init_one(&plain, b->text, text);
	sg_init_one(&sealed, b->sealed, text + TAG_LEN);
	if (seal)
		aead_request_set_crypt(b->req, &plain, &sealed, arg->len, b->iv);
	else
		aead_request_set_crypt(b->req, &sealed, &plain,
				       arg->len + TAG_LEN, b->iv);
	return seal ? crypto_aead_encrypt(b->req) : crypto_aead_decrypt(b->req);
}

static int repeat(struct bench *b, const struct kseal_test_aead *arg, bool seal,
		  u64 *count, u64 *ns)
{
	u64 start = ktime_get_ns(), end = start + arg->ms * NSEC_PER_MSEC, now;
	int i, err = 0;

	*count = 0;
	do {
		for (i = 0; i < BATCH && !err; i++)
			err = once(b, arg, seal);
		*count += BATCH;
		now = ktime_get_ns();
		cond_resched();
	} while (!err && now < end);
	*ns = now - start;
	return err;
}

static int run(struct bench *b, struct kseal_test_aead *arg)
{
	static const u8 key[32] = { 1, 2, 3 };
	int err;

	err = crypto_aead_setkey(b->aead, key, arg->key_len) ?:
	      crypto_aead_setauthsize(b->aead, TAG_LEN);
	if (err)
		return err;
	aead_request_set_callback(b->req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	aead_request_set_ad(b->req, arg->aad_len);
	err = repeat(b, arg, true, &arg->sealed, &arg->seal_ns) ?:
	      repeat(b, arg, false, &arg->opened, &arg->open_ns);
	strscpy(arg->driver, crypto_tfm_alg_driver_name(&b->aead->base),
		sizeof(arg->driver));
	return err;
}

int kseal_test_aead(struct kseal_test_aead *arg)
{
	struct bench b = { };
	int err = -ENOMEM;

	if (arg->len > TEXT_MAX || arg->aad_len > AAD_MAX || arg->ms > MS_MAX)
		return -EINVAL;
	b.aead = crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(b.aead))
		return PTR_ERR(b.aead);
	b.req = aead_request_alloc(b.aead, GFP_KERNEL);
	b.text = kzalloc(AAD_MAX + TEXT_MAX + TAG_LEN, GFP_KERNEL);
	b.sealed = kzalloc(AAD_MAX + TEXT_MAX + TAG_LEN, GFP_KERNEL);
	if (b.req && b.text && b.sealed)
		err = run(&b, arg);
	kfree(b.sealed);
	kfree(b.text);
	aead_request_free(b.req);
	crypto_free_aead(b.aead);
	return err;
}
