// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "sol_tls.h"

void lay_out(struct crypto *c, uint16_t cipher)
{
	memset(c, 0, sizeof(*c));
	if (cipher == KSEAL_CIPHER_AES_GCM_128) {
		c->iv = c->aes128.iv;
		c->key = c->aes128.key;
		c->salt = c->aes128.salt;
		c->seq = c->aes128.rec_seq;
		c->key_len = sizeof(c->aes128.key);
		c->len = sizeof(c->aes128);
	} else {
		c->iv = c->aes256.iv;
		c->key = c->aes256.key;
		c->salt = c->aes256.salt;
		c->seq = c->aes256.rec_seq;
		c->key_len = sizeof(c->aes256.key);
		c->len = sizeof(c->aes256);
	}
}

void fill(struct crypto *c, const struct kseal_session_keys *keys, bool tx)
{
	const struct kseal_keys *from = tx ? &keys->tx : &keys->rx;

	lay_out(c, keys->cipher);
	c->info.version = keys->version;
	c->info.cipher_type = keys->cipher;
	memcpy(c->key, from->key, c->key_len);
	memcpy(c->salt, from->iv, 4);
	memcpy(c->iv, from->iv + 4, 8);
}

int set_tls(int fd, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_TLS, name, value, len) ? -errno : 0;
}

int get_tls(int fd, int name, void *value, socklen_t *len)
{
	return getsockopt(fd, SOL_TLS, name, value, len) ? -errno : 0;
}

int set_ulp(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3) ? -errno : 0;
}

int set_keys(int fd, const struct kseal_session_keys *keys, bool tx)
{
	struct crypto c;

	fill(&c, keys, tx);
	return set_tls(fd, tx ? TLS_TX : TLS_RX, c.bytes, c.len);
}

int set_both(int fd, const struct kseal_session_keys *keys)
{
	int err = set_keys(fd, keys, true);

	return err ? err : set_keys(fd, keys, false);
}
