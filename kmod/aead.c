// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/aead.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "aead.h"
#include "record.h"

/* ---- what AES-GCM is done with ---- */

static char *gcm = "auto";		/* what is asked for, */
static const char *gcm_chosen = "crypto";	/* and what it came to */

static int show_chosen(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", gcm_chosen);
}

static const struct kernel_param_ops gcm_ops = {
	.set = param_set_charp,
	.get = show_chosen,
	.free = param_free_charp,
};
module_param_cb(gcm, &gcm_ops, &gcm, 0444);
MODULE_PARM_DESC(gcm,
		 "what AES-GCM is done with: auto, vaes512, vaes256, aesni, or crypto (the kernel's crypto API)");

#ifdef KSEAL_GCM
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

static enum kseal_gcm_level level __ro_after_init;

/* User Mode Linux's host saves the whole state of the vector unit. */
#ifdef CONFIG_UML
#define has_state(which)	true
#else
#include <asm/fpu/xcr.h>
#define has_state(which)	cpu_has_xfeatures(which, NULL)
#endif

static enum kseal_gcm_level __init best(void)
{
	if (!boot_cpu_has(X86_FEATURE_AES) ||
	    !boot_cpu_has(X86_FEATURE_PCLMULQDQ) ||
	    !boot_cpu_has(X86_FEATURE_AVX) ||
	    !has_state(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM))
		return KSEAL_GCM_NONE;
	if (!boot_cpu_has(X86_FEATURE_VAES) ||
	    !boot_cpu_has(X86_FEATURE_VPCLMULQDQ) ||
	    !boot_cpu_has(X86_FEATURE_AVX2))
		return KSEAL_GCM_AESNI;
	if (!boot_cpu_has(X86_FEATURE_AVX512F) ||
	    !boot_cpu_has(X86_FEATURE_AVX512BW) ||
	    !boot_cpu_has(X86_FEATURE_AVX512VL) ||
	    !has_state(XFEATURE_MASK_AVX512))
		return KSEAL_GCM_VAES256;
	return KSEAL_GCM_VAES512;
}

/* Where wide vectors slow the processor down, its neighbours as well. */
static enum kseal_gcm_level __init preferred(enum kseal_gcm_level most)
{
#ifdef X86_FEATURE_PREFER_YMM
	if (most == KSEAL_GCM_VAES512 && boot_cpu_has(X86_FEATURE_PREFER_YMM))
		return KSEAL_GCM_VAES256;
#endif
	return most;
}

int __init kseal_aead_choose(void)
{
	static const char *const names[] = {
		[KSEAL_GCM_NONE] = "crypto",
		[KSEAL_GCM_AESNI] = "aesni",
		[KSEAL_GCM_VAES256] = "vaes256",
		[KSEAL_GCM_VAES512] = "vaes512",
	};
	enum kseal_gcm_level most = best();
	int i;

	level = preferred(most);
	if (strcmp(gcm, "auto")) {
		i = match_string(names, ARRAY_SIZE(names), gcm);
		if (i < 0 || i > most) {
			pr_err("kseal: gcm=%s: not known, or the processor cannot do it\n",
			       gcm);
			return -EINVAL;
		}
		level = i;
	}
	gcm_chosen = names[level];
	if (level != KSEAL_GCM_NONE && !kseal_gcm_known(level)) {
		pr_err("kseal: AES-GCM with %s gives wrong results here; load the module with gcm=crypto, and tell us\n",
		       names[level]);
		return -EIO;
	}
	return 0;
}

static bool take_own(const struct kseal_cipher *cipher)
{
	return cipher->aes_gcm && level != KSEAL_GCM_NONE;
}

static bool own_in_bh(void)
{
	return irq_fpu_usable();
}

static void own_key(struct kseal_aead *a, const u8 *key)
{
	kernel_fpu_begin();
	kseal_gcm_aesni_key(&a->own, key, a->cipher->key_len);
	kernel_fpu_end();
}

static void own_seal(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		     unsigned int aad_len, const struct kseal_body *t)
{
	u8 tag[KSEAL_TAG_LEN];

	kernel_fpu_begin();
	kseal_gcm_record(level, &a->own, false, nonce, aad, aad_len, t, tag);
	kernel_fpu_end();
	kseal_pieces_write(t->dst, t->len, tag, sizeof(tag));
}

static int own_open(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		    unsigned int aad_len, const struct kseal_body *t)
{
	u8 tag[KSEAL_TAG_LEN], came[KSEAL_TAG_LEN];

	kernel_fpu_begin();
	kseal_gcm_record(level, &a->own, true, nonce, aad, aad_len, t, tag);
	kernel_fpu_end();
	kseal_pieces_read(t->src, t->len, came, sizeof(came));
	if (likely(!crypto_memneq(tag, came, sizeof(tag))))
		return 0;
	/* for a forger it would be the right one */
	memzero_explicit(tag, sizeof(tag));
	return -EBADMSG;
}
#else
int __init kseal_aead_choose(void)
{
	if (!strcmp(gcm, "auto") || !strcmp(gcm, "crypto"))
		return 0;
	pr_err("kseal: gcm=%s: this build has the kernel's crypto API alone\n",
	       gcm);
	return -EINVAL;
}

static bool take_own(const struct kseal_cipher *cipher)
{
	return false;
}

static bool own_in_bh(void)
{
	return false;
}

static void own_key(struct kseal_aead *a, const u8 *key)
{
}

static void own_seal(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		     unsigned int aad_len, const struct kseal_body *t)
{
}

static int own_open(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		    unsigned int aad_len, const struct kseal_body *t)
{
	return -EINVAL;
}
#endif

/* ---- the crypto API ---- */

static int get_tfm(struct kseal_aead *a, const u8 *key)
{
	int err;

	/* Masked: a request is over when the call returns. Deferred completion
	 * is where most kernel TLS bugs came from.
	 */
	a->tfm = crypto_alloc_aead(a->cipher->alg, 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(a->tfm)) {
		err = PTR_ERR(a->tfm);
		a->tfm = NULL;
		return err;
	}
	err = crypto_aead_setkey(a->tfm, key, a->cipher->key_len);
	if (!err)
		err = crypto_aead_setauthsize(a->tfm, KSEAL_TAG_LEN);
	if (err)
		return err;
	a->req = aead_request_alloc(a->tfm, GFP_KERNEL_ACCOUNT);
	if (!a->req)
		return -ENOMEM;
	aead_request_set_callback(a->req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	return 0;
}

struct sg_pieces {
	struct scatterlist sg[1 + KSEAL_AEAD_PIECES];
};

/* The additional data's place first, as the crypto API wants it. */
static int list_pieces(struct sg_pieces *list, u8 *aad, unsigned int aad_len,
		       const struct kseal_piece *piece, unsigned int n)
{
	struct scatterlist *sg = list->sg;
	unsigned int i;

	if (WARN_ON_ONCE(n > KSEAL_AEAD_PIECES))
		return -EINVAL;
	sg_init_table(list->sg, ARRAY_SIZE(list->sg));
	sg_set_buf(sg, aad, aad_len);
	for (i = 0; i < n; i++)
		if (piece[i].len)
			sg_set_buf(++sg, piece[i].at, piece[i].len);
	sg_mark_end(sg);
	return 0;
}

static int by_request(struct kseal_aead *a, int (*crypt)(struct aead_request *),
		      const u8 *nonce, const u8 *aad, unsigned int aad_len,
		      const struct kseal_body *t, size_t len)
{
	struct sg_pieces from, to;
	u8 *iv = a->iv;

	/* it may be on a stack, where no scatterlist reaches */
	if (WARN_ON_ONCE(t->last) ||
	    list_pieces(&from, a->aad, aad_len, t->src, t->n_src) ||
	    list_pieces(&to, a->unused, aad_len, t->dst, t->n_dst))
		return -EINVAL;
	memcpy(a->aad, aad, aad_len);
	if (a->cipher->ccm)
		*iv++ = 2;	/* RFC 3610 2.3: lengths have 3 bytes */
	memcpy(iv, nonce, KSEAL_NONCE_LEN);
	aead_request_set_ad(a->req, aad_len);
	aead_request_set_crypt(a->req, from.sg, to.sg, len, a->iv);
	return crypt(a->req);
}

/* ---- both ---- */

bool kseal_aead_has(const struct kseal_cipher *cipher)
{
	return take_own(cipher) ||
	       crypto_has_alg(cipher->alg, 0, CRYPTO_ALG_ASYNC);
}

int kseal_aead_init(struct kseal_aead *a, const struct kseal_cipher *cipher,
		    const u8 *key)
{
	a->cipher = cipher;
	if (!take_own(cipher))
		return get_tfm(a, key);
	own_key(a, key);
	return 0;
}

int kseal_aead_set_key(struct kseal_aead *a, const u8 *key)
{
	if (a->tfm)
		return crypto_aead_setkey(a->tfm, key, a->cipher->key_len);
	own_key(a, key);
	return 0;
}

void kseal_aead_free(struct kseal_aead *a)
{
	if (a->req)
		aead_request_free(a->req);
	if (a->tfm)
		crypto_free_aead(a->tfm);
}

bool kseal_aead_in_bh(const struct kseal_aead *a)
{
	return !a->tfm && own_in_bh();
}

bool kseal_aead_reads_once(const struct kseal_aead *a)
{
	return !a->tfm;
}

int kseal_aead_seal(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		    unsigned int aad_len, const struct kseal_body *t)
{
	if (a->tfm)
		return by_request(a, crypto_aead_encrypt, nonce, aad, aad_len,
				  t, t->len);
	own_seal(a, nonce, aad, aad_len, t);
	return 0;
}

int kseal_aead_open(struct kseal_aead *a, const u8 *nonce, const u8 *aad,
		    unsigned int aad_len, const struct kseal_body *t)
{
	if (a->tfm)
		return by_request(a, crypto_aead_decrypt, nonce, aad, aad_len,
				  t, t->len + KSEAL_TAG_LEN);
	return own_open(a, nonce, aad, aad_len, t);
}
