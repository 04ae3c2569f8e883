// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The signer's keys; see keyring.h.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include "clock.h"
#include "keyring.h"
#include "log.h"
#include "store.h"
#include "uri.h"

#define BUCKETS		256
#define REOPEN_MS	10000	/* at the earliest, after it was opened anew */
#define REOPEN_MAX_MS	600000

struct held {
	struct held *next;		/* of the bucket */
	unsigned int users;		/* the keyring is one */
	uint64_t number;
	char *uri, *pin_file;		/* pin_file: NULL: none */
	EVP_PKEY *public;
	struct store_key store;
	uint64_t reopen;		/* when it may be opened again, clock_now(); UINT64_MAX: never */
	uint64_t wait;			/* ms, until the next time after that */
	bool reopening;
};

struct keyring {
	pthread_mutex_t lock;
	struct held *buckets[BUCKETS];
};

struct keyring *keyring_new(void)
{
	struct keyring *keyring = calloc(1, sizeof(*keyring));

	if (keyring)
		pthread_mutex_init(&keyring->lock, NULL);
	return keyring;
}

static void held_free(struct held *held)
{
	if (!held)
		return;
	EVP_PKEY_free(held->store.key);
	EVP_PKEY_free(held->public);
	/* which may have a PIN */
	OPENSSL_clear_free(held->uri, held->uri ? strlen(held->uri) : 0);
	OPENSSL_free(held->pin_file);
	free(held);
}

void keyring_put(struct keyring *keyring, struct held *held)
{
	unsigned int users;

	pthread_mutex_lock(&keyring->lock);
	users = --held->users;
	pthread_mutex_unlock(&keyring->lock);
	if (!users)
		held_free(held);
}

/* Where it stands, or would. Locked. */
static struct held **find(struct keyring *keyring, uint64_t number)
{
	struct held **link = &keyring->buckets[number % BUCKETS];

	while (*link && (*link)->number != number)
		link = &(*link)->next;
	return link;
}

struct held *keyring_get(struct keyring *keyring, uint64_t number)
{
	struct held *held;

	pthread_mutex_lock(&keyring->lock);
	held = *find(keyring, number);
	if (held)
		held->users++;
	pthread_mutex_unlock(&keyring->lock);
	return held;
}

void keyring_drop(struct keyring *keyring, uint64_t number)
{
	struct held **link, *held;

	pthread_mutex_lock(&keyring->lock);
	link = find(keyring, number);
	held = *link;
	if (held)
		*link = held->next;
	pthread_mutex_unlock(&keyring->lock);
	if (held)
		keyring_put(keyring, held);
}

void keyring_free(struct keyring *keyring)
{
	if (!keyring)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (keyring->buckets[i])
			keyring_drop(keyring, keyring->buckets[i]->number);
	pthread_mutex_destroy(&keyring->lock);
	free(keyring);
}

int keyring_load(struct keyring *keyring, uint64_t number, const char *uri, const char *pin_file,
		 const uint8_t *public, size_t len, bool *can_decrypt, char *why, size_t size)
{
	struct held *held = calloc(1, sizeof(*held)), **link;
	int ret;

	snprintf(why, size, "no memory for a key");
	if (!held)
		return -EPROTO;
	held->users = 1;
	held->number = number;
	held->uri = OPENSSL_strdup(uri);
	held->pin_file = pin_file ? OPENSSL_strdup(pin_file) : NULL;
	held->public = d2i_PUBKEY(NULL, &public, (long)len);
	if (!held->public)
		snprintf(why, size, "the certificate's public key cannot be read");
	if (!held->uri || !held->public || (pin_file && !held->pin_file) ||
	    store_load(&held->store, uri, pin_file, held->public, why, size)) {
		ret = held->store.pin_refused ? -EKEYREJECTED : -EPROTO;
		held_free(held);
		ERR_clear_error();
		return ret;
	}
	held->wait = REOPEN_MS;
	*can_decrypt = held->store.can_decrypt;
	keyring_drop(keyring, number);
	pthread_mutex_lock(&keyring->lock);
	link = find(keyring, number);
	*link = held;
	pthread_mutex_unlock(&keyring->lock);
	return 0;
}

/* One thread at a time, and not too often. */
static bool may_reopen(struct keyring *keyring, struct held *held)
{
	bool may;

	pthread_mutex_lock(&keyring->lock);
	may = !held->reopening && clock_now() >= held->reopen;
	held->reopening |= may;
	pthread_mutex_unlock(&keyring->lock);
	return may;
}

/* Whether the key is another one now. */
static bool reopen(struct keyring *keyring, struct held *held)
{
	struct store_key store, before;
	char shown[256], why[512];
	bool loaded;

	if (!may_reopen(keyring, held))
		return false;
	loaded = !store_load(&store, held->uri, held->pin_file, held->public, why, sizeof(why));
	uri_show(held->uri, shown, sizeof(shown));
	if (loaded)
		log_notice("signer: %s did not sign, and was opened anew", shown);
	else
		log_error("signer: %s", why);
	pthread_mutex_lock(&keyring->lock);
	before = held->store;
	if (loaded) {
		held->store = store;
		held->wait = REOPEN_MS;
	} else {
		held->wait = held->wait * 2 < REOPEN_MAX_MS ? held->wait * 2 : REOPEN_MAX_MS;
	}
	/* a token that has counted a few wrong PINs is of no use any more */
	held->reopen = !loaded && store.pin_refused ? UINT64_MAX : clock_now() + held->wait;
	held->reopening = false;
	pthread_mutex_unlock(&keyring->lock);
	if (loaded)
		EVP_PKEY_free(before.key);
	return loaded;
}

static int use(struct keyring *keyring, struct held *held, const struct sign_head *head,
	       const uint8_t *data, size_t len, uint8_t *result, size_t *result_len)
{
	struct store_key store;
	int ret = -EINVAL;

	pthread_mutex_lock(&keyring->lock);
	store = held->store;
	EVP_PKEY_up_ref(store.key);
	pthread_mutex_unlock(&keyring->lock);
	ERR_clear_error();
	if (head->type == SIGN_SIGN)
		ret = sign_sign(store.key, head, data, len, result, result_len);
	else if (store.can_decrypt)
		ret = sign_decrypt(store.key, head, data, len, result, result_len);
	EVP_PKEY_free(store.key);
	return ret;
}

int keyring_use(struct keyring *keyring, struct held *held, const struct sign_head *head,
		const uint8_t *data, size_t len, uint8_t *result, size_t *result_len, char *why,
		size_t size)
{
	size_t room = *result_len;
	int ret = use(keyring, held, head, data, len, result, result_len);
	char reasons[160], shown[96];

	if (ret == -EIO && reopen(keyring, held)) {
		*result_len = room;
		ret = use(keyring, held, head, data, len, result, result_len);
	}
	if (!ret)
		return 0;
	uri_show(held->uri, shown, sizeof(shown));
	snprintf(why, size, "the key %s %s (%s)", shown,
		 head->type == SIGN_SIGN ? "did not sign" : "did not decrypt", ret == -EINVAL ?
		 "it was asked for what it cannot do" : store_reasons(reasons, sizeof(reasons)));
	ERR_clear_error();
	return ret;
}
