/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ULP "tls" and its socket options, as mainline has them. */
#ifndef KSEAL_TEST_SOL_TLS_H
#define KSEAL_TEST_SOL_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <linux/tls.h>
#include <kseal.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

/* What TLS_TX and TLS_RX take for AES-GCM; the parts, whatever the key's length. */
struct crypto {
	union {
		struct tls_crypto_info info;
		struct tls12_crypto_info_aes_gcm_128 aes128;
		struct tls12_crypto_info_aes_gcm_256 aes256;
		uint8_t bytes[128];
	};
	uint8_t *iv, *key, *salt, *seq;
	size_t key_len;
	socklen_t len;
};

/* The parts' places for a cipher, everything zero; then filled with one direction. */
void lay_out(struct crypto *c, uint16_t cipher);
void fill(struct crypto *c, const struct kseal_session_keys *keys, bool tx);

/* Each: 0 or -errno. */
int set_tls(int fd, int name, const void *value, socklen_t len);
int get_tls(int fd, int name, void *value, socklen_t *len);
int set_ulp(int fd);
int set_keys(int fd, const struct kseal_session_keys *keys, bool tx);
int set_both(int fd, const struct kseal_session_keys *keys);

#endif
