// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/hash.h>
#include <linux/string.h>

#include "cipher.h"
#include "hkdf.h"

#define LABEL_MAX 12

int kseal_hkdf_expand_label(struct crypto_shash *hmac, const char *label,
			    u8 *out, unsigned int len)
{
	/* RFC 8446 7.1, HkdfLabel: length, label, context; and RFC 5869 2.3:
	 * the number of the output's block, of which one is always enough here
	 */
	u8 info[2 + 1 + 6 + LABEL_MAX + 1 + 1], digest[KSEAL_SECRET_MAX];
	unsigned int label_len = strlen(label), n = 0;
	int err;

	if (WARN_ON_ONCE(label_len > LABEL_MAX ||
			 len > crypto_shash_digestsize(hmac) ||
			 crypto_shash_digestsize(hmac) > sizeof(digest)))
		return -EINVAL;
	info[n++] = 0;
	info[n++] = len;
	info[n++] = 6 + label_len;
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, label_len);
	n += 6 + label_len;
	info[n++] = 0;
	info[n++] = 1;
	err = crypto_shash_tfm_digest(hmac, info, n, digest);
	if (!err)
		memcpy(out, digest, len);
	memzero_explicit(digest, sizeof(digest));
	return err;
}
