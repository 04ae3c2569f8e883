// SPDX-License-Identifier: MIT
/* The same keys for the kernel's own TLS, where kseal.ko is not loaded and the program asks for that. */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/tls.h>
#include <kseal.h>
#include "install.h"
#include "socket.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define KERNEL_ENOTSUPP	524	/* no errno of user space's: Linux 4.13 to 5.0 say it of TLS 1.3 */
#define SALT_LEN	4	/* RFC 5288 3 */

/*
 * The struct of every cipher in linux/tls.h begins with struct tls_crypto_info, and goes on with nonce or
 * IV, key, salt, sequence number, all of them bytes; the header of an older kernel does not have every cipher.
 */
struct crypto {
	struct tls_crypto_info info;
	uint8_t rest[KSEAL_IV_LEN + KSEAL_KEY_MAX + sizeof(uint64_t)];
};

#define PART_AT(cipher, part, at) \
	_Static_assert(offsetof(struct tls12_crypto_info_##cipher, part) == \
		       offsetof(struct crypto, rest) + (at), #cipher)
PART_AT(aes_gcm_128, iv, 0);
PART_AT(aes_gcm_128, key, KSEAL_IV_LEN - SALT_LEN);
PART_AT(aes_gcm_128, salt, KSEAL_IV_LEN - SALT_LEN + 16);
PART_AT(aes_gcm_128, rec_seq, KSEAL_IV_LEN + 16);
PART_AT(aes_gcm_256, rec_seq, KSEAL_IV_LEN + 32);
_Static_assert(sizeof(struct tls12_crypto_info_aes_gcm_256) == sizeof(struct crypto), "the longest");

/* Bytes of the key; 0: not a cipher that linux/tls.h has for this version. Its numbers are KSEAL_CIPHER_*. */
static size_t key_len_of(uint16_t version, uint16_t cipher)
{
	if (version != KSEAL_VERSION_1_2 && version != KSEAL_VERSION_1_3)
		return 0;
	switch (cipher) {
	case KSEAL_CIPHER_AES_GCM_128:
	case KSEAL_CIPHER_AES_CCM_128:
	case KSEAL_CIPHER_SM4_GCM:
	case KSEAL_CIPHER_SM4_CCM:
		return 16;
	case KSEAL_CIPHER_AES_GCM_256:
	case KSEAL_CIPHER_CHACHA20_POLY1305:
		return 32;
	case KSEAL_CIPHER_ARIA_GCM_128:
		return version == KSEAL_VERSION_1_2 ? 16 : 0;
	case KSEAL_CIPHER_ARIA_GCM_256:
		return version == KSEAL_VERSION_1_2 ? 32 : 0;
	default:
		return 0;
	}
}

/* option: TLS_TX or TLS_RX. Returns 0 or -errno: -EOPNOTSUPP version or cipher are not known here. */
static int set_direction(int fd, int option, const struct kseal_session_keys *keys)
{
	const struct kseal_keys *from = option == TLS_TX ? &keys->tx : &keys->rx;
	size_t salt_len = keys->cipher == KSEAL_CIPHER_CHACHA20_POLY1305 ? 0 : SALT_LEN;
	struct crypto c = { .info = { .version = keys->version, .cipher_type = keys->cipher } };
	uint64_t seq = htobe64(from->seq);
	uint8_t *at = c.rest;
	int err;

	at = mempcpy(at, from->iv + salt_len, KSEAL_IV_LEN - salt_len);
	at = mempcpy(at, from->key, from->key_len);
	at = mempcpy(at, from->iv, salt_len);
	at = mempcpy(at, &seq, sizeof(seq));
	err = setsockopt(fd, SOL_TLS, option, &c, at - (uint8_t *)&c) ? -errno : 0;
	explicit_bzero(&c, sizeof(c));
	switch (err) {
	case -EINVAL:		/* lengths were looked at before */
	case -ENOPROTOOPT:	/* TLS_RX before Linux 4.17 */
	case -KERNEL_ENOTSUPP:
		return -EOPNOTSUPP;
	}
	return err;
}

/* Whether this direction has keys; then *info has their version and cipher. */
static bool has_keys(int fd, int option, struct tls_crypto_info *info)
{
	socklen_t len = sizeof(*info);

	return !getsockopt(fd, SOL_TLS, option, info, &len);
}

struct refusal {
	char *errtext;
	size_t size;
};

static int refuse(const struct refusal *r, int err, const char *why)
{
	return kseal_refuse(err, why, r->errtext, r->size);
}

/* The kernel's answer to keys: 0, or err with what there is to say about it. */
static int answer(const struct refusal *r, int err, const char *direction)
{
	char why[128];

	switch (err) {
	case 0:
		return 0;
	case -EOPNOTSUPP:
		return refuse(r, err, "the kernel's own TLS does not take this version or cipher");
	case -ENOENT:
		return refuse(r, err, "the kernel does not have the cipher");
	case -EBUSY:
		return refuse(r, err, "the kernel's own TLS does not change keys: Linux 6.14 and later do");
	}
	snprintf(why, sizeof(why), "keys for %s: %s", direction, strerror(-err));
	return refuse(r, err, why);
}

/* Both directions: sending first, so that in between nothing can leave in clear that should not. */
static int set_first(int fd, const struct kseal_session_keys *keys, const struct refusal *r)
{
	struct tls_crypto_info info;
	int err;

	if (has_keys(fd, TLS_TX, &info) || has_keys(fd, TLS_RX, &info))
		return refuse(r, -EEXIST, "the socket has keys already: the next ones are for one direction");
	err = set_direction(fd, TLS_TX, keys);
	if (err)
		return answer(r, err, "sending");
	return answer(r, set_direction(fd, TLS_RX, keys), "receiving");
}

/* One direction, after a KeyUpdate (RFC 8446 4.6.3). */
static int set_next(int fd, const struct kseal_session_keys *keys, const struct refusal *r)
{
	int option = keys->tx.key_len ? TLS_TX : TLS_RX;
	struct tls_crypto_info info;

	if (!has_keys(fd, option, &info))
		return refuse(r, -EINVAL, "one direction is missing, and the socket has no keys");
	if (info.version != KSEAL_VERSION_1_3)
		return refuse(r, -EEXIST, "the socket has keys already, and TLS 1.2 has no others");
	if (info.version != keys->version || info.cipher_type != keys->cipher)
		return refuse(r, -EINVAL, "the next keys are for another version or cipher");
	/* RFC 8446 5.3 */
	if (option == TLS_TX ? keys->tx.seq : keys->rx.seq)
		return refuse(r, -EINVAL, "the next keys begin with sequence number 0");
	return answer(r, set_direction(fd, option, keys), option == TLS_TX ? "sending" : "receiving");
}

/* What can be seen to be wrong before the socket is touched. */
static int check(const struct kseal_session_keys *keys, const struct refusal *r)
{
	size_t len = key_len_of(keys->version, keys->cipher);
	const struct kseal_keys *tx = &keys->tx, *rx = &keys->rx;

	if (!len)
		return refuse(r, -EOPNOTSUPP, "the kernel's own TLS does not have this version or cipher");
	if ((tx->key_len && tx->key_len != len) || (rx->key_len && rx->key_len != len))
		return refuse(r, -EINVAL, "a key has not the cipher's length");
	if (!tx->key_len && !rx->key_len)
		return refuse(r, -EINVAL, "there is no key");
	if (tx->key_len && rx->key_len && !memcmp(tx->key, rx->key, len) &&
	    !memcmp(tx->iv, rx->iv, sizeof(tx->iv)))
		return refuse(r, -EINVAL, "both directions have the same key and IV");
	return 0;
}

int kseal_install_mainline(int fd, const struct kseal_session_keys *keys, char *errtext, size_t size)
{
	const struct refusal r = { errtext, size };
	int err;

	if (errtext && size)
		errtext[0] = '\0';
	err = check(keys, &r);
	if (err)
		return err;
	err = kseal_socket_ulp(fd, "tls");
	if (err)
		return refuse(&r, err, err == -ENOPKG ? "the kernel's own TLS, tls.ko, is not loaded" :
				       err == -EEXIST ? "the socket has another upper layer protocol" : NULL);
	if (!keys->tx.key_len || !keys->rx.key_len)
		return set_next(fd, keys, &r);
	return set_first(fd, keys, &r);
}
