// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sysfs.h>
#include <uapi/linux/kseal.h>

#include "aead.h"
#include "cipher.h"

unsigned long kseal_record_limit;
module_param_named(record_limit, kseal_record_limit, ulong, 0600);
MODULE_PARM_DESC(record_limit,
		 "records under one key, if that is fewer than the cipher allows (0: as it allows)");

/* below, no session could live: see the reserve in keys.c */
#define LIMIT_MIN	16

/* RFC 8446 5.5: 2^24.5 full records. RFC 8998 and RFC 6209 put SM4 and ARIA,
 * whose blocks are as long, in AES's place.
 */
#define GCM_LIMIT	23726566
/* RFC 9147 4.5.3 */
#define CCM_LIMIT	(1 << 23)
/* RFC 8446 5.5: the sequence number would wrap first */
#define NO_LIMIT	U64_MAX

#define BOTH		.tls12 = true, .tls13 = true
#define SHA256		.secret_len = 32, .hmac = "hmac(sha256)"
#define SHA384		.secret_len = 48, .hmac = "hmac(sha384)"
#define SM3		.secret_len = 32, .hmac = "hmac(sm3)"

static const struct kseal_cipher ciphers[] = {
	{ .id = KSEAL_CIPHER_AES_GCM_128, .name = "AES-128-GCM",
	  .key_len = 16, .alg = "gcm(aes)",
	  .aes_gcm = true, .explicit_nonce = true, .limit = GCM_LIMIT, SHA256,
	  BOTH },
	{ .id = KSEAL_CIPHER_AES_GCM_256, .name = "AES-256-GCM",
	  .key_len = 32, .alg = "gcm(aes)",
	  .aes_gcm = true, .explicit_nonce = true, .limit = GCM_LIMIT, SHA384,
	  BOTH },
	{ .id = KSEAL_CIPHER_AES_CCM_128, .name = "AES-128-CCM",
	  .key_len = 16, .alg = "ccm(aes)",
	  .explicit_nonce = true, .ccm = true, .limit = CCM_LIMIT, SHA256,
	  BOTH },
	{ .id = KSEAL_CIPHER_CHACHA20_POLY1305,
	  .name = "CHACHA20-POLY1305", .key_len = 32,
	  .alg = "rfc7539(chacha20,poly1305)", .limit = NO_LIMIT, SHA256,
	  BOTH },
	{ .id = KSEAL_CIPHER_SM4_GCM, .key_len = 16, .alg = "gcm(sm4)",
	  .explicit_nonce = true, .limit = GCM_LIMIT, SM3, BOTH },
	{ .id = KSEAL_CIPHER_SM4_CCM, .key_len = 16, .alg = "ccm(sm4)",
	  .explicit_nonce = true, .ccm = true, .limit = CCM_LIMIT, SM3, BOTH },
	{ .id = KSEAL_CIPHER_ARIA_GCM_128, .key_len = 16, .alg = "gcm(aria)",
	  .explicit_nonce = true, .limit = GCM_LIMIT, SHA256, .tls12 = true },
	{ .id = KSEAL_CIPHER_ARIA_GCM_256, .key_len = 32, .alg = "gcm(aria)",
	  .explicit_nonce = true, .limit = GCM_LIMIT, SHA384, .tls12 = true },
};

/* Those with a name that there are, so that a helper offers no others. To look for what
 * is not there takes long: modules are asked for.
 */
static int show_ciphers(char *buffer, const struct kernel_param *kp)
{
	unsigned int i;
	int len = 0;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].name && kseal_aead_has(&ciphers[i]))
			len += sysfs_emit_at(buffer, len, "%s%s", len ? " " : "",
					     ciphers[i].name);
	return len + sysfs_emit_at(buffer, len, "\n");
}

static const struct kernel_param_ops ciphers_ops = { .get = show_ciphers };
module_param_cb(ciphers, &ciphers_ops, NULL, 0444);
MODULE_PARM_DESC(ciphers,
		 "those of TLS 1.3 that this kernel has (read only)");

const struct kseal_cipher *kseal_cipher_find(u16 id, u16 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++) {
		const struct kseal_cipher *c = &ciphers[i];

		if (c->id == id &&
		    ((version == KSEAL_VERSION_1_2 && c->tls12) ||
		     (version == KSEAL_VERSION_1_3 && c->tls13)))
			return c;
	}
	return NULL;
}

u64 kseal_cipher_limit(const struct kseal_cipher *cipher)
{
	unsigned long lower = READ_ONCE(kseal_record_limit);

	if (!lower || lower >= cipher->limit)
		return cipher->limit;
	return max_t(unsigned long, lower, LIMIT_MIN);
}
