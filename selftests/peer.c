// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/evp.h>

#include "peer.h"

static void set_dir(struct peer_dir *d, const struct kseal_keys *keys)
{
	memcpy(d->key, keys->key, sizeof(d->key));
	d->key_len = keys->key_len;
	memcpy(d->iv, keys->iv, sizeof(d->iv));
	d->seq = keys->seq;
}

void peer_init(struct peer *p, int fd, const struct kseal_session_keys *keys)
{
	p->fd = fd;
	set_dir(&p->tx, &keys->rx);
	set_dir(&p->rx, &keys->tx);
}

/* RFC 8446 5.3 */
static void next_nonce(struct peer_dir *d, uint8_t *nonce)
{
	uint64_t seq = d->seq++;
	int i;

	memcpy(nonce, d->iv, 12);
	for (i = 11; i >= 4; i--, seq >>= 8)
		nonce[i] ^= seq & 0xff;
}

static EVP_CIPHER_CTX *start(struct peer_dir *d, int encrypt)
{
	const EVP_CIPHER *cipher = d->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12];

	next_nonce(d, nonce);
	if (!ctx || EVP_CipherInit_ex(ctx, cipher, NULL, d->key, nonce, encrypt) != 1)
		abort();
	return ctx;
}

size_t peer_seal(struct peer *p, int type, const void *data, size_t len, size_t padding,
		 uint8_t *out)
{
	size_t inner_len = len + (type >= 0) + padding;
	size_t body = inner_len + PEER_TAG;
	uint8_t *inner = calloc(1, inner_len + 1);
	EVP_CIPHER_CTX *ctx = start(&p->tx, 1);
	int n;

	if (!inner)
		abort();
	if (len)
		memcpy(inner, data, len);
	if (type >= 0)
		inner[len] = type;
	out[0] = PEER_DATA;
	out[1] = 3;
	out[2] = 3;
	out[3] = body >> 8;
	out[4] = body & 0xff;
	if (EVP_EncryptUpdate(ctx, NULL, &n, out, PEER_HEADER) != 1 ||
	    EVP_EncryptUpdate(ctx, out + PEER_HEADER, &n, inner, inner_len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, out + PEER_HEADER + inner_len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, PEER_TAG,
				out + PEER_HEADER + inner_len) != 1)
		abort();
	EVP_CIPHER_CTX_free(ctx);
	free(inner);
	return PEER_HEADER + body;
}

int peer_write(struct peer *p, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= n;
	}
	return 0;
}

int peer_send(struct peer *p, int type, const void *data, size_t len, size_t padding)
{
	uint8_t *record = malloc(len + padding + 64);
	int err;

	if (!record)
		abort();
	err = peer_write(p, record, peer_seal(p, type, data, len, padding, record));
	free(record);
	return err;
}

int peer_send_all(struct peer *p, const void *data, size_t len)
{
	const uint8_t *at = data;
	int err = 0;

	while (len && !err) {
		size_t n = len < PEER_PLAIN_MAX ? len : PEER_PLAIN_MAX;

		err = peer_send(p, PEER_DATA, at, n, 0);
		at += n;
		len -= n;
	}
	return err;
}

int peer_alert(struct peer *p, uint8_t level, uint8_t description)
{
	const uint8_t alert[2] = { level, description };

	return peer_send(p, PEER_ALERT, alert, 2, 0);
}

/* Returns bytes read: fewer than len only at the end of the stream; -errno. */
static int read_full(int fd, uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(fd, data + done, len - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += n;
	}
	return done;
}

int peer_read(struct peer *p, uint8_t *out)
{
	int got = read_full(p->fd, out, PEER_HEADER);
	int len;

	if (got <= 0)
		return got;
	if (got < PEER_HEADER)
		return -ENODATA;
	len = out[3] << 8 | out[4];
	if (out[1] != 3 || out[2] != 3 || len > PEER_RECORD_MAX - PEER_HEADER)
		return -EPROTO;
	got = read_full(p->fd, out + PEER_HEADER, len);
	if (got < 0)
		return got;
	return got < len ? -ENODATA : PEER_HEADER + len;
}

/* Into inner; returns its length or -EBADMSG. */
static int decrypt(struct peer *p, uint8_t *record, int len, uint8_t *inner)
{
	int inner_len = len - PEER_HEADER - PEER_TAG;
	EVP_CIPHER_CTX *ctx;
	int n, good;

	if (inner_len < 1)
		return -EBADMSG;
	ctx = start(&p->rx, 0);
	good = EVP_DecryptUpdate(ctx, NULL, &n, record, PEER_HEADER) == 1 &&
	       EVP_DecryptUpdate(ctx, inner, &n, record + PEER_HEADER, inner_len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, PEER_TAG,
				   record + len - PEER_TAG) == 1 &&
	       EVP_DecryptFinal_ex(ctx, inner + inner_len, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good ? inner_len : -EBADMSG;
}

int peer_open(struct peer *p, int *type, uint8_t *data)
{
	uint8_t record[PEER_RECORD_MAX], inner[PEER_RECORD_MAX];
	int len = peer_read(p, record);

	*type = -1;
	if (len <= 0)
		return len ? len : -ENODATA;
	if (record[0] != PEER_DATA)
		return -EPROTO;
	len = decrypt(p, record, len, inner);
	if (len < 0)
		return len;
	if (len > PEER_PLAIN_MAX + 1)
		return -EMSGSIZE;
	while (len && !inner[len - 1])
		len--;
	if (!len)
		return -EPROTO;
	*type = inner[--len];
	memcpy(data, inner, len);
	return len;
}

int peer_recv_all(struct peer *p, void *data, size_t len)
{
	uint8_t part[PEER_PLAIN_MAX], *at = data;
	int type;

	while (len) {
		int n = peer_open(p, &type, part);

		if (n < 0)
			return n;
		if (type != PEER_DATA || (size_t)n > len)
			return -EPROTO;
		memcpy(at, part, n);
		at += n;
		len -= n;
	}
	return 0;
}
