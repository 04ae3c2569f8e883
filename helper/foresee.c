// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client's Finished, before it comes; see foresee.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "foresee.h"
#include "kdf.h"
#include "psk.h"

#define HEADER_LEN	4
#define VERIFY_LEN	12	/* RFC 5246 7.4.9 */
#define TRANSCRIPT_MAX	4096	/* bytes; of longer ones none is foreseen */

/* ---- what is seen ---- */

static bool keep(struct transcript *t, const uint8_t *bytes, size_t len)
{
	uint8_t *grown = len <= TRANSCRIPT_MAX - t->len ? realloc(t->bytes, t->len + len) : NULL;

	if (!grown)
		return false;
	memcpy(grown + t->len, bytes, len);
	t->bytes = grown;
	t->len += len;
	return true;
}

void foresee_message(struct transcript *t, bool sent, const uint8_t *bytes, size_t len)
{
	uint8_t type = bytes[0];
	bool begins = !sent && type == SSL3_MT_CLIENT_HELLO && !t->len;
	/* RFC 5246 7.3, RFC 5077 3.1; others are of another kind of handshake */
	bool follows = sent && t->len && (type == SSL3_MT_SERVER_HELLO ||
		       type == SSL3_MT_NEWSESSION_TICKET || type == SSL3_MT_FINISHED);

	if ((!begins && !follows) || t->whole || !keep(t, bytes, len))
		foresee_forget(t);
	else
		t->whole = type == SSL3_MT_FINISHED;
}

void foresee_forget(struct transcript *t)
{
	free(t->bytes);
	memset(t, 0, sizeof(*t));
}

/* ---- what is foreseen ---- */

static bool sees_tls13(const struct secrets *s)
{
	/* the last is derived behind the server's Finished */
	return s->handshake.len && s->finished_key_len && s->transcript_len && s->server.len;
}

bool foresee_can(SSL *ssl, const struct secrets *secrets, const struct transcript *transcript)
{
	if (!secrets_compute() || (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) || psk_used(ssl) ||
	    SSL_get_early_data_status(ssl) != SSL_EARLY_DATA_NOT_SENT)
		return false;
	switch (SSL_version(ssl)) {
	case TLS1_3_VERSION:
		return sees_tls13(secrets);
	case TLS1_2_VERSION:
		/* and libssl has seen nothing behind it */
		return transcript->whole && SSL_session_reused(ssl) &&
		       SSL_get_state(ssl) == TLS_ST_SW_FINISHED;
	}
	return false;
}

static void put_header(struct foreseen *to, size_t len)
{
	to->message[0] = SSL3_MT_FINISHED;
	to->message[3] = (uint8_t)len;
	to->len = HEADER_LEN + len;
}

/* HMAC of the transcript under finished_key */
static int foresee_tls13(const struct keys_suite *suite, const struct secrets *s,
			 struct foreseen *to)
{
	int ret;

	if (s->finished_key_len != suite->secret_len || s->transcript_len != suite->secret_len)
		return -ENOKEY;
	ret = secrets_derive(&s->handshake, suite, &to->keys);
	if (!ret)
		ret = kdf_hmac(kdf_digest(suite->digest), s->finished_key, s->finished_key_len,
			       s->transcript, s->transcript_len, to->message + HEADER_LEN);
	put_header(to, suite->secret_len);
	return ret;
}

/* PRF of the transcript's hash under the master secret */
static int foresee_tls12(SSL *ssl, const struct keys_suite *suite, const struct transcript *t,
			 struct foreseen *to)
{
	uint8_t master[KEYS_MASTER_LEN], hash[EVP_MAX_MD_SIZE];
	unsigned int len;
	int ret = -ENOKEY;

	if (SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof(master)) == sizeof(master))
		ret = EVP_Digest(t->bytes, t->len, hash, &len, kdf_digest(suite->digest), NULL) ?
			keys_prf(suite->digest, master, sizeof(master), "client finished", hash,
				 len, to->message + HEADER_LEN, VERIFY_LEN) : -ENOMEM;
	OPENSSL_cleanse(master, sizeof(master));
	put_header(to, VERIFY_LEN);
	return ret;
}

int foresee(SSL *ssl, const struct secrets *secrets, const struct transcript *transcript,
	    struct foreseen *to)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	const struct keys_suite *suite = keys_suite(SSL_CIPHER_get_protocol_id(cipher));
	int ret = -ENOKEY;

	memset(to, 0, sizeof(*to));
	if (suite && suite->version == SSL_version(ssl))
		ret = suite->version == KSEAL_VERSION_1_3 ?
			foresee_tls13(suite, secrets, to) :
			foresee_tls12(ssl, suite, transcript, to);
	if (ret)
		OPENSSL_cleanse(to, sizeof(*to));
	return ret;
}
