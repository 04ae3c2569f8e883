// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * External pre-shared keys; see psk.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "files.h"
#include "psk.h"

#define IDENTITY_MAX	255	/* bytes */
#define KEY_MIN		16	/* bytes: 128 bits, if they are random */
#define KEY_MAX		64
#define LINE_SIZE	(IDENTITY_MAX + 2 * KEY_MAX + 3)

static const unsigned char suite[] = { 0x13, 0x01 };	/* TLS_AES_128_GCM_SHA256 */

struct entry {
	struct entry *next;
	char identity[IDENTITY_MAX + 1];
	uint8_t key[KEY_MAX];
	size_t key_len;
};

struct psk {
	struct entry *first;
};

/* ---- the file ---- */

/* Bytes, or 0: not hex, or of a wrong length. */
static size_t read_key(const char *hex, uint8_t key[KEY_MAX])
{
	size_t len = 0;

	if (strlen(hex) > 2 * KEY_MAX || OPENSSL_hexstr2buf_ex(key, KEY_MAX, &len, hex, '\0') != 1)
		return 0;
	return len >= KEY_MIN ? len : 0;
}

/* Returns 0 with the entry, NULL if the line has none; or -1 with what is wrong. */
static int read_line(char *line, struct entry **out, const char **wrong)
{
	char *colon, *end = line + strcspn(line, "\r\n");
	struct entry *entry;

	*out = NULL;
	*end = '\0';
	if (!line[0] || line[0] == '#')
		return 0;
	colon = strrchr(line, ':');
	*wrong = "a line has the form IDENTITY:HEX, an identity of 1 to 255 bytes";
	if (!colon || colon == line || colon - line > IDENTITY_MAX)
		return -1;
	*colon = '\0';
	*wrong = "no memory";
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -1;
	strcpy(entry->identity, line);
	entry->key_len = read_key(colon + 1, entry->key);
	*out = entry;
	*wrong = "a key has 16 to 64 bytes, in hex: openssl rand -hex 32 makes one";
	return entry->key_len ? 0 : -1;
}

static bool is_double(const struct psk *psk, const struct entry *entry, const char **wrong)
{
	const struct entry *other = psk->first;

	*wrong = "this identity was there before";
	while (entry && other != entry && strcmp(other->identity, entry->identity))
		other = other->next;
	return entry && other != entry;
}

struct psk *psk_new(const char *path, char *why, size_t size)
{
	struct psk *psk = calloc(1, sizeof(*psk));
	struct entry **last = psk ? &psk->first : NULL;
	FILE *file = files_open(path);
	const char *wrong = NULL;
	char line[LINE_SIZE];
	unsigned int n = 0;

	if (!file || !psk) {
		snprintf(why, size, "%s: %s: give a file with lines IDENTITY:HEX that kseald may read",
			 path, strerror(errno));
		goto err;
	}
	/* the keys are in line alone, which is wiped */
	setvbuf(file, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), file)) {
		n++;
		wrong = "the line is too long";
		if ((!strchr(line, '\n') && !feof(file)) || read_line(line, last, &wrong) ||
		    is_double(psk, *last, &wrong)) {
			snprintf(why, size, "%s:%u: %s", path, n, wrong);
			goto err;
		}
		if (*last)
			last = &(*last)->next;
	}
	if (!psk->first) {
		snprintf(why, size, "%s: there is no key: write lines IDENTITY:HEX", path);
		goto err;
	}
	OPENSSL_cleanse(line, sizeof(line));
	fclose(file);
	return psk;

err:
	OPENSSL_cleanse(line, sizeof(line));
	if (file)
		fclose(file);
	psk_free(psk);
	return NULL;
}

void psk_free(struct psk *psk)
{
	struct entry *entry, *next;

	if (!psk)
		return;
	for (entry = psk->first; entry; entry = next) {
		next = entry->next;
		OPENSSL_cleanse(entry, sizeof(*entry));
		free(entry);
	}
	free(psk);
}

/* ---- in a handshake ---- */

static int psk_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

static int index_of_used(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

void psk_init(void)
{
	(void)psk_index();
	(void)index_of_used();
}

/* An SSL_SESSION with the key, or NULL. */
static SSL_SESSION *make_session(SSL *ssl, const struct entry *entry)
{
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *session = SSL_SESSION_new();

	if (session && cipher &&
	    SSL_SESSION_set1_master_key(session, entry->key, entry->key_len) &&
	    SSL_SESSION_set_cipher(session, cipher) &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static int on_offer(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session)
{
	const struct psk *psk = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), psk_index());
	const struct entry *entry = psk ? psk->first : NULL;

	/* it is no secret who there is, only the keys are */
	while (entry && (strlen(entry->identity) != len || memcmp(entry->identity, identity, len)))
		entry = entry->next;
	*session = entry ? make_session(ssl, entry) : NULL;
	SSL_set_ex_data(ssl, index_of_used(), *session ? (void *)(uintptr_t)entry : NULL);
	/* a ticket would outlive the key, and forget whose it was */
	if (*session)
		SSL_set_num_tickets(ssl, 0);
	return 1;
}

static int on_use(SSL *ssl, const EVP_MD *md, const unsigned char **identity, size_t *len,
		  SSL_SESSION **session)
{
	const struct psk *psk = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), psk_index());

	*session = NULL;
	/* after HelloRetryRequest the hash is the server's choice */
	if (!psk || (md && EVP_MD_get_type(md) != NID_sha256))
		return 1;
	*session = make_session(ssl, psk->first);
	if (!*session)
		return 0;
	*identity = (const unsigned char *)psk->first->identity;
	*len = strlen(psk->first->identity);
	SSL_set_ex_data(ssl, index_of_used(), psk->first);
	return 1;
}

void psk_serve(SSL_CTX *ctx, const struct psk *psk)
{
	SSL_CTX_set_ex_data(ctx, psk_index(), (void *)(uintptr_t)psk);
	SSL_CTX_set_psk_find_session_callback(ctx, on_offer);
}

void psk_offer(SSL_CTX *ctx, const struct psk *psk)
{
	SSL_CTX_set_ex_data(ctx, psk_index(), (void *)(uintptr_t)psk);
	SSL_CTX_set_psk_use_session_callback(ctx, on_use);
}

const char *psk_used(const SSL *ssl)
{
	const struct entry *entry = SSL_get_ex_data(ssl, index_of_used());

	/* offered is not accepted; and a certificate says more */
	if (!entry || !SSL_session_reused(ssl) || SSL_get0_peer_certificate(ssl))
		return NULL;
	return entry->identity;
}
