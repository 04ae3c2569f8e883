// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of session tickets; see tickets.h.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include "clock.h"
#include "files.h"
#include "tickets.h"

#define NAME_LEN	16
#define SECRET_LEN	32
#define KEYS_MAX	64
#define TOTAL_MAX	(7 * 86400)	/* seconds from a full handshake on */

struct ticket_key {
	uint8_t name[NAME_LEN];
	uint8_t hmac[SECRET_LEN];
	uint8_t aes[SECRET_LEN];
};

_Static_assert(sizeof(struct ticket_key) == TICKETS_FILE_LEN, "a key file");

struct tickets {
	pthread_mutex_t lock;
	struct ticket_key *keys;	/* the first seals */
	size_t count;
	uint32_t lifetime;
	time_t changed;			/* monotonic seconds; 0: they are files */
};

/* ---- files ---- */

static int read_file(const char *directory, const char *name, struct ticket_key *key)
{
	char path[PATH_MAX];
	int ret = -EINVAL;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	file = files_open(path);
	if (!file)
		return -errno;
	/* no copy of it but ours */
	setvbuf(file, NULL, _IONBF, 0);
	if (fread(key, sizeof(*key), 1, file) == 1 && getc(file) == EOF)
		ret = 0;
	fclose(file);
	return ret;
}

static int read_all(struct tickets *tickets, const char *path, char *why, size_t size)
{
	struct string_list names = { 0 };
	int ret = files_list(path, &names);

	if (ret)
		snprintf(why, size, "%s: %s: give a directory of ticket keys that kseald may read",
			 path, strerror(-ret));
	else if (!names.count)
		snprintf(why, size, "%s: there is no key: openssl rand %d makes one", path,
			 TICKETS_FILE_LEN);
	/* the last by name comes first */
	for (size_t i = names.count; !ret && i-- > 0 && tickets->count < KEYS_MAX;) {
		ret = read_file(path, names.at[i], &tickets->keys[tickets->count]);
		tickets->count += !ret;
		if (ret)
			snprintf(why, size, "%s/%s: %s: a ticket key has %d bytes: openssl rand %d makes one",
				 path, names.at[i], ret == -EINVAL ? "not a key" : strerror(-ret),
				 TICKETS_FILE_LEN, TICKETS_FILE_LEN);
	}
	string_list_free(&names);
	return tickets->count && !ret ? 0 : -1;
}

/* ---- keys of our own ---- */

static time_t seconds(void)
{
	return (time_t)(clock_kept() / 1000) + 1;
}

/* The one before opens as long as its tickets live. */
static int next_key(struct tickets *tickets)
{
	struct ticket_key key;

	if (RAND_priv_bytes((uint8_t *)&key, sizeof(key)) != 1)
		return -1;
	tickets->keys[1] = tickets->keys[0];
	tickets->keys[0] = key;
	OPENSSL_cleanse(&key, sizeof(key));
	if (tickets->count < 2)
		tickets->count++;
	tickets->changed = seconds();
	return 0;
}

static void change_if_old(struct tickets *tickets)
{
	time_t age = seconds() - tickets->changed;

	if (!tickets->changed || age < (time_t)tickets->lifetime || next_key(tickets))
		return;
	/* nobody came for so long that the last ticket of the one before is dead, too */
	if (age >= 2 * (time_t)tickets->lifetime) {
		OPENSSL_cleanse(&tickets->keys[1], sizeof(tickets->keys[1]));
		tickets->count = 1;
	}
}

/* ---- in a handshake ---- */

static int tickets_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

static int set_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->hmac,
						  SECRET_LEN),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params);
}

static int seal(struct tickets *tickets, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
		EVP_MAC_CTX *mac)
{
	const struct ticket_key *key = &tickets->keys[0];

	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
	    !EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv) ||
	    !set_mac(mac, key))
		return -1;
	memcpy(name, key->name, NAME_LEN);
	return 1;
}

/* 2: it is good, and a new one is to be sent: RFC 8446 C.4 wants each to be used once. */
static int open_ticket(struct tickets *tickets, bool once, const uint8_t *name,
		       const uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	size_t i;

	for (i = 0; i < tickets->count; i++) {
		const struct ticket_key *key = &tickets->keys[i];

		if (memcmp(key->name, name, NAME_LEN))
			continue;
		if (!set_mac(mac, key) ||
		    !EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv))
			return -1;
		return i || once ? 2 : 1;
	}
	return 0;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int sealing)
{
	struct tickets *tickets = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), tickets_index());
	int ret;

	pthread_mutex_lock(&tickets->lock);
	change_if_old(tickets);
	ret = sealing ? seal(tickets, name, iv, cipher, mac) :
			open_ticket(tickets, SSL_version(ssl) == TLS1_3_VERSION, name, iv,
				    cipher, mac);
	pthread_mutex_unlock(&tickets->lock);
	return ret;
}

/* ---- what a ticket is good for ---- */

/* In the ticket: when there was a full handshake, seconds since 1970. Renewals do not
 * make it younger: RFC 8446 4.6.1 wants an end.
 */
static int on_make(SSL *ssl, void *arg)
{
	SSL_SESSION *session = SSL_get_session(ssl);
	int64_t now = clock_wall();
	void *data;
	size_t len;

	(void)arg;
	if (SSL_SESSION_get0_ticket_appdata(session, &data, &len) && len == sizeof(now))
		return 1;
	return SSL_SESSION_set1_ticket_appdata(session, &now, sizeof(now));
}

static bool too_old(SSL_SESSION *session)
{
	int64_t now = clock_wall(), since;
	void *data;
	size_t len;

	if (!SSL_SESSION_get0_ticket_appdata(session, &data, &len) || len != sizeof(since))
		return true;
	memcpy(&since, data, sizeof(since));
	return now - since > TOTAL_MAX || since > now + 60;
}

/* What a full handshake would want of the client. */
static bool still_welcome(SSL_SESSION *session, enum settings_clients clients)
{
	X509 *peer = SSL_SESSION_get0_peer(session);

	if (clients == SETTINGS_CLIENTS_REQUIRED && !peer)
		return false;
	return !peer || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

static SSL_TICKET_RETURN on_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
				   size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
	(void)ssl, (void)name, (void)name_len;
	switch (status) {
	case SSL_TICKET_SUCCESS:
	case SSL_TICKET_SUCCESS_RENEW:
		if (too_old(session) || !still_welcome(session, (enum settings_clients)(uintptr_t)arg))
			return SSL_TICKET_RETURN_IGNORE_RENEW;
		return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE :
						      SSL_TICKET_RETURN_USE_RENEW;
	case SSL_TICKET_EMPTY:
	case SSL_TICKET_NO_DECRYPT:
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	default:
		return SSL_TICKET_RETURN_IGNORE;
	}
}

/* ---- life ---- */

struct tickets *tickets_new(const char *directory, uint32_t lifetime, char *why, size_t size)
{
	struct tickets *tickets = calloc(1, sizeof(*tickets));

	snprintf(why, size, "no memory for ticket keys");
	if (!tickets)
		return NULL;
	pthread_mutex_init(&tickets->lock, NULL);
	tickets->lifetime = lifetime;
	tickets->keys = calloc(KEYS_MAX, sizeof(*tickets->keys));
	if (!tickets->keys)
		goto err;
	why[0] = '\0';
	if (directory ? read_all(tickets, directory, why, size) : next_key(tickets))
		goto err;
	return tickets;

err:
	tickets_free(tickets);
	return NULL;
}

void tickets_free(struct tickets *tickets)
{
	if (!tickets)
		return;
	if (tickets->keys)
		OPENSSL_cleanse(tickets->keys, KEYS_MAX * sizeof(*tickets->keys));
	free(tickets->keys);
	pthread_mutex_destroy(&tickets->lock);
	free(tickets);
}

int tickets_use(SSL_CTX *ctx, struct tickets *tickets, enum settings_clients clients)
{
	if (!SSL_CTX_set_ex_data(ctx, tickets_index(), tickets) ||
	    !SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) ||
	    !SSL_CTX_set_session_ticket_cb(ctx, on_make, on_opened, (void *)(uintptr_t)clients))
		return -1;
	SSL_CTX_set_timeout(ctx, (long)tickets->lifetime);
	return 0;
}
