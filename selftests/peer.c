// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "peer.h"

/* ---- ciphers ---- */

struct row {
	uint16_t id;
	const char *name;	/* OpenSSL's */
	size_t key_len, secret_len;
	bool ccm, explicit_nonce;
};

static const struct row rows[] = {
	{ KSEAL_CIPHER_AES_GCM_128, "AES-128-GCM", 16, 32, false, true },
	{ KSEAL_CIPHER_AES_GCM_256, "AES-256-GCM", 32, 48, false, true },
	{ KSEAL_CIPHER_AES_CCM_128, "AES-128-CCM", 16, 32, true, true },
	{ KSEAL_CIPHER_CHACHA20_POLY1305, "ChaCha20-Poly1305", 32, 32, false, false },
	{ KSEAL_CIPHER_SM4_GCM, "SM4-GCM", 16, 32, false, true },
	{ KSEAL_CIPHER_SM4_CCM, "SM4-CCM", 16, 32, true, true },
	{ KSEAL_CIPHER_ARIA_GCM_128, "ARIA-128-GCM", 16, 32, false, true },
	{ KSEAL_CIPHER_ARIA_GCM_256, "ARIA-256-GCM", 32, 48, false, true },
};

static const struct row *row_of(uint16_t cipher)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].id == cipher)
			return &rows[i];
	abort();
}

size_t peer_key_len(uint16_t cipher)
{
	return row_of(cipher)->key_len;
}

size_t peer_secret_len(uint16_t cipher)
{
	return row_of(cipher)->secret_len;
}

int peer_has_cipher(uint16_t cipher)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, row_of(cipher)->name, NULL);

	EVP_CIPHER_free(c);
	return c != NULL;
}

static void set_dir(struct peer_dir *d, const struct kseal_session_keys *session,
		    const struct kseal_keys *keys)
{
	d->version = session->version;
	d->cipher = session->cipher;
	memcpy(d->key, keys->key, sizeof(d->key));
	memcpy(d->iv, keys->iv, sizeof(d->iv));
	d->seq = keys->seq;
	memcpy(d->secret, keys->secret, sizeof(d->secret));
	d->secret_len = keys->secret_len;
}

void peer_init(struct peer *p, int fd, const struct kseal_session_keys *keys)
{
	p->fd = fd;
	set_dir(&p->tx, keys, &keys->rx);
	set_dir(&p->rx, keys, &keys->tx);
}

static bool is_tls13(const struct peer_dir *d)
{
	return d->version == KSEAL_VERSION_1_3;
}

static size_t prefix_len(const struct peer_dir *d)
{
	return PEER_HEADER + (!is_tls13(d) && row_of(d->cipher)->explicit_nonce ?
			      PEER_EXPLICIT : 0);
}

/* ---- nonce, additional data, AEAD ---- */

/* record: header and, in TLS 1.2, the explicit nonce. text_len: what is sealed.
 * Spends a sequence number.
 */
static size_t next_nonce(struct peer_dir *d, const uint8_t *record, size_t text_len,
			 uint8_t *nonce, uint8_t *aad)
{
	uint64_t seq = d->seq++;
	size_t aad_len = 5;
	int i;

	/* RFC 8446 5.2; RFC 5246 6.2.3.3 */
	memcpy(aad, record, 5);
	if (!is_tls13(d)) {
		for (i = 0; i < 8; i++)
			aad[i] = seq >> (56 - 8 * i);
		memcpy(aad + 8, record, 3);
		aad[11] = text_len >> 8;
		aad[12] = text_len & 0xff;
		aad_len = 13;
	}
	memcpy(nonce, d->iv, 12);
	if (prefix_len(d) > PEER_HEADER) {
		/* RFC 5288 3 */
		memcpy(nonce + 4, record + PEER_HEADER, PEER_EXPLICIT);
		return aad_len;
	}
	/* RFC 8446 5.3, RFC 7905 2 */
	for (i = 11; i >= 4; i--, seq >>= 8)
		nonce[i] ^= seq & 0xff;
	return aad_len;
}

/* One AEAD operation; the tag is written or compared. Returns whether it fits. */
static bool aead(struct peer_dir *d, const uint8_t *record, const uint8_t *in, uint8_t *out,
		 size_t len, uint8_t *tag, bool encrypt)
{
	const struct row *row = row_of(d->cipher);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, row->name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[13], none;
	size_t aad_len = next_nonce(d, record, len, nonce, aad);
	bool good;
	int n;

	good = cipher && ctx && EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, encrypt) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) == 1;
	if (good && (row->ccm || !encrypt))
		good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, PEER_TAG,
					   encrypt ? NULL : tag) == 1;
	good = good && EVP_CipherInit_ex(ctx, NULL, NULL, d->key, nonce, encrypt) == 1;
	if (good && row->ccm)
		good = EVP_CipherUpdate(ctx, NULL, &n, NULL, len) == 1;
	if (!good)
		abort();
	good = EVP_CipherUpdate(ctx, NULL, &n, aad, aad_len) == 1 &&
	       EVP_CipherUpdate(ctx, len ? out : &none, &n, in, len) == 1;
	if (good && !(row->ccm && !encrypt))
		good = EVP_CipherFinal_ex(ctx, out + len, &n) == 1;
	if (good && encrypt)
		good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, PEER_TAG, tag) == 1;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return good;
}

/* ---- KeyUpdate ---- */

/* RFC 8446 7.1: HKDF-Expand-Label with an empty context, one block. */
static void expand_label(const struct peer_dir *d, const char *label, uint8_t *out, size_t len)
{
	const EVP_MD *md = d->secret_len == 48 ? EVP_sha384() : EVP_sha256();
	uint8_t info[64], digest[EVP_MAX_MD_SIZE];
	size_t label_len = strlen(label), n = 0;

	info[n++] = 0;
	info[n++] = len;
	info[n++] = 6 + label_len;
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, label_len);
	n += 6 + label_len;
	info[n++] = 0;
	info[n++] = 1;
	if (!HMAC(md, d->secret, d->secret_len, info, n, digest, NULL))
		abort();
	memcpy(out, digest, len);
}

void peer_next_keys(struct peer_dir *d)
{
	uint8_t next[48];

	expand_label(d, "traffic upd", next, d->secret_len);
	memcpy(d->secret, next, d->secret_len);
	expand_label(d, "key", d->key, row_of(d->cipher)->key_len);
	expand_label(d, "iv", d->iv, sizeof(d->iv));
	d->seq = 0;
}

int peer_key_update(struct peer *p, bool request)
{
	const uint8_t message[] = { 24, 0, 0, 1, request };
	int err = peer_send(p, PEER_HANDSHAKE, message, sizeof(message), 0);

	peer_next_keys(&p->tx);
	return err;
}

/* ---- records ---- */

size_t peer_seal(struct peer *p, int type, const void *data, size_t len, size_t padding,
		 uint8_t *out)
{
	bool tls13 = is_tls13(&p->tx);
	size_t prefix = prefix_len(&p->tx), i;
	size_t text_len = len + (tls13 ? (type >= 0) + padding : 0);
	size_t body = prefix - PEER_HEADER + text_len + PEER_TAG;
	uint8_t *text = calloc(1, text_len + 1);

	if (!text)
		abort();
	if (len)
		memcpy(text, data, len);
	if (tls13 && type >= 0)
		text[len] = type;
	out[0] = tls13 ? PEER_DATA : abs(type);
	out[1] = 3;
	out[2] = 3;
	out[3] = body >> 8;
	out[4] = body & 0xff;
	/* any nonce that is not used twice: here the sequence number, inverted */
	for (i = PEER_HEADER; i < prefix; i++)
		out[i] = ~(p->tx.seq >> (8 * (i - PEER_HEADER)));
	if (!aead(&p->tx, out, text, out + prefix, text_len, out + prefix + text_len, true))
		abort();
	free(text);
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

/* Into text; returns its length or -EBADMSG. */
static int decrypt(struct peer *p, uint8_t *record, int len, uint8_t *text)
{
	int prefix = prefix_len(&p->rx), text_len = len - prefix - PEER_TAG;

	if (text_len < (is_tls13(&p->rx) ? 1 : 0))
		return -EBADMSG;
	return aead(&p->rx, record, record + prefix, text, text_len, record + len - PEER_TAG,
		    false) ? text_len : -EBADMSG;
}

int peer_open(struct peer *p, int *type, uint8_t *data)
{
	uint8_t record[PEER_RECORD_MAX], inner[PEER_RECORD_MAX];
	bool tls13 = is_tls13(&p->rx);
	int len = peer_read(p, record);

	*type = -1;
	if (len <= 0)
		return len ? len : -ENODATA;
	if (tls13 && record[0] != PEER_DATA)
		return -EPROTO;
	len = decrypt(p, record, len, inner);
	if (len < 0)
		return len;
	if (len > PEER_PLAIN_MAX + tls13)
		return -EMSGSIZE;
	while (tls13 && len && !inner[len - 1])
		len--;
	if (tls13 && !len)
		return -EPROTO;
	*type = tls13 ? inner[--len] : record[0];
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
