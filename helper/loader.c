// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of stores; see loader.h. From above: the list of keys, talking with the signer,
 * loading.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include "clock.h"
#include "loader.h"
#include "log.h"
#include "remote.h"
#include "sign.h"
#include "uri.h"

#define LIMIT_MS	30000	/* for one answer: there may be a network behind a token */
#define NEWS_MAX	16	/* messages at a time that nobody asked for */

/* One that profiles have; in the list until the signer is told that it is not used. */
struct key {
	struct key *next;
	uint64_t number;
	atomic_bool gone;
	size_t len;
	uint8_t named[];	/* the data of SIGN_LOAD, may have a PIN */
};

static struct loader {
	pthread_mutex_t lock;	/* of the list */
	struct key *keys;
	uint64_t numbers;	/* that were given */
	int fd;			/* -1: there is no signer */
	uint64_t ids;		/* of what was asked */
	bool lost;		/* it has died, and no other one is there */
	bool started;		/* another one is, which has no keys yet */
	bool pin_refused;
	struct sign_message in;
} loader = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- the list ---- */

static struct key *new_key(const struct settings_cert *cert, EVP_PKEY *public)
{
	const char *pin = cert->pin ?: "";
	size_t uri_len = strlen(cert->key) + 1, pin_len = strlen(pin) + 1;
	int len = i2d_PUBKEY(public, NULL);
	struct key *key = len > 0 ? OPENSSL_zalloc(sizeof(*key) + uri_len + pin_len + (size_t)len) :
				    NULL;
	uint8_t *at;

	if (!key)
		return NULL;
	memcpy(key->named, cert->key, uri_len);
	memcpy(key->named + uri_len, pin, pin_len);
	at = key->named + uri_len + pin_len;
	i2d_PUBKEY(public, &at);
	key->len = (size_t)(at - key->named);
	return key;
}

static void free_key(struct key *key)
{
	OPENSSL_clear_free(key, sizeof(*key) + key->len);
}

static void add_key(struct key *key)
{
	pthread_mutex_lock(&loader.lock);
	key->next = loader.keys;
	loader.keys = key;
	pthread_mutex_unlock(&loader.lock);
}

/* Any thread: the last handshake with old keys ends where it ends. */
static void on_gone(uint64_t number)
{
	pthread_mutex_lock(&loader.lock);
	for (struct key *key = loader.keys; key; key = key->next)
		if (key->number == number)
			key->gone = true;
	pthread_mutex_unlock(&loader.lock);
}

/* Takes one that is gone out of the list. */
static struct key *take_gone(void)
{
	struct key **link = &loader.keys, *key;

	pthread_mutex_lock(&loader.lock);
	while (*link && !(*link)->gone)
		link = &(*link)->next;
	key = *link;
	if (key)
		*link = key->next;
	pthread_mutex_unlock(&loader.lock);
	return key;
}

/* ---- talking with the signer ---- */

/* Nobody will answer any more, and its keeper is gone, too. */
static void give_up(void)
{
	log_error("the signer is gone for good: restart kseald");
	loader_close();
}

static int send_to(const struct sign_head *head, const void *data, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)head, sizeof(*head) },
				{ (void *)(uintptr_t)data, len } };
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	int ret = sendmsg(loader.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;

	if (ret == -EPIPE || ret == -ECONNRESET)
		give_up();
	return ret;
}

/* The next message, or NULL: none before limit (clock_now()). *len: bytes of its data. */
static const struct sign_message *next_message(uint64_t limit, size_t *len)
{
	struct pollfd fd = { loader.fd, POLLIN, 0 };
	struct sign_message *message = &loader.in;
	ssize_t ret;

	for (;;) {
		uint64_t now = clock_now();
		int ready = poll(&fd, 1, limit > now ? (int)(limit - now) : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return NULL;
		ret = recv(loader.fd, message, sizeof(*message), MSG_DONTWAIT | MSG_TRUNC);
		if (ret == 0 || (ret < 0 && errno != EAGAIN && errno != EINTR)) {
			give_up();
			return NULL;
		}
		if (ret >= (ssize_t)sizeof(message->head) && ret <= (ssize_t)sizeof(*message))
			break;
	}
	*len = (size_t)ret - sizeof(message->head);
	/* its sentences go to the log, a line each */
	log_flatten((char *)message->data, *len);
	return message;
}

/* What nobody asked for. */
static void take_news(const struct sign_message *message, size_t len)
{
	if (message->head.type == SIGN_LOST) {
		loader.lost = true;
		loader.started = false;
	} else if (message->head.type == SIGN_STARTED) {
		loader.lost = false;
		loader.started = true;
	} else if (message->head.type == SIGN_FAILED && !message->head.id) {
		log_error("the signer does not start: %.*s", (int)len, (const char *)message->data);
	}
}

/* What to say when there is no answer. */
static void explain(char *why, size_t size)
{
	if (loader.fd < 0)
		snprintf(why, size, "there is no signer: it begins with kseald, if keys of stores are named then: restart kseald");
	else if (loader.lost || loader.started)
		snprintf(why, size, "the signer has died, another one is being started: try again in a moment");
	else
		snprintf(why, size, "the signer has not answered for %d s: does the key's store?",
			 LIMIT_MS / 1000);
}

/* Asks, and waits. Returns NULL with why. */
static const struct sign_message *call(struct sign_head head, const void *data, size_t len,
				       char *why, size_t size)
{
	uint64_t limit = clock_now() + LIMIT_MS;
	const struct sign_message *message = NULL;
	int ret = 0;

	head.id = ++loader.ids;
	if (loader.fd >= 0 && !loader.lost)
		ret = send_to(&head, data, len);
	while (loader.fd >= 0 && !loader.lost && !loader.started && !ret) {
		message = next_message(limit, &len);
		if (!message || message->head.id == head.id)
			break;
		take_news(message, len);
	}
	if (loader.fd >= 0 && ret) {
		snprintf(why, size, "the signer could not be asked: %s", strerror(-ret));
	} else if (loader.fd < 0 || !message || message->head.id != head.id) {
		explain(why, size);
	} else if (message->head.type == SIGN_DONE) {
		return message;
	} else {
		snprintf(why, size, "%.*s", (int)len, (const char *)message->data);
		loader.pin_refused |= message->head.error == EKEYREJECTED;
	}
	return NULL;
}

/* ---- loading ---- */

int loader_open(int fd, char *why, size_t size)
{
	const struct sign_message *message;
	size_t len;

	if (remote_init(why, size))
		return -1;
	loader.fd = fd;
	loader.lost = loader.started = false;
	message = next_message(clock_now() + LIMIT_MS, &len);
	if (message && message->head.type == SIGN_STARTED)
		return 0;
	snprintf(why, size, "the signer does not start%s%.*s", message ? ": " : "",
		 message ? (int)len : 0, message ? (const char *)message->data : "");
	loader_close();
	return -1;
}

void loader_close(void)
{
	loader.fd = -1;
	pthread_mutex_lock(&loader.lock);
	while (loader.keys) {
		struct key *next = loader.keys->next;

		free_key(loader.keys);
		loader.keys = next;
	}
	pthread_mutex_unlock(&loader.lock);
}

bool loader_pin_refused(void)
{
	return loader.pin_refused;
}

int loader_fd(void)
{
	return loader.fd;
}

static void read_conf(void)
{
	const struct sign_head head = { .type = SIGN_READ };
	char why[512];

	if (loader.fd >= 0 && !call(head, NULL, 0, why, sizeof(why)))
		log_warning("the signer keeps to the configuration that it has: %s", why);
}

void loader_read(void)
{
	/* one that died has to be known, and its successor to have its keys */
	loader_tend();
	if (!loader.lost)
		read_conf();
}

EVP_PKEY *loader_load(const struct settings_cert *cert, EVP_PKEY *public, bool decrypts, char *why,
		      size_t size)
{
	struct sign_head head = { .type = SIGN_LOAD, .key = ++loader.numbers };
	const struct sign_message *answer;
	struct key *key = new_key(cert, public);
	EVP_PKEY *remote = NULL;

	snprintf(why, size, "no memory for a key");
	if (!key)
		return NULL;
	key->number = head.key;
	snprintf(why, size, "the URI of the key of %s is too long", cert->chain);
	answer = key->len > SIGN_DATA_MAX ? NULL : call(head, key->named, key->len, why, size);
	if (answer && decrypts && !answer->head.can_decrypt) {
		char shown[256];

		uri_show(cert->key, shown, sizeof(shown));
		snprintf(why, size, "rsa-key-transport: %s would have to decrypt, and nobody knows whether its store takes the same time for what is right and wrong, which gives the secrets away: leave rsa-key-transport out, or take an ECDSA key",
			 shown);
		answer = NULL;
	}
	if (answer) {
		add_key(key);
		snprintf(why, size, "kseald takes RSA, ECDSA and Ed25519 keys from stores");
		remote = remote_key(head.key, public, on_gone);
		key->gone = !remote;
		return remote;
	}
	/* it may have come too late */
	head.type = SIGN_UNLOAD;
	if (loader.fd >= 0)
		send_to(&head, NULL, 0);
	free_key(key);
	return NULL;
}

/* Into a signer that has none of them. */
static void load_again(void)
{
	struct sign_head head = { .type = SIGN_LOAD };
	unsigned int loaded = 0, missing = 0;
	char why[1024];

	loader.started = false;
	read_conf();
	for (struct key *key = loader.keys; key && loader.fd >= 0; key = key->next) {
		if (key->gone)
			continue;
		head.key = key->number;
		if (call(head, key->named, key->len, why, sizeof(why))) {
			loaded++;
			continue;
		}
		/* without the list, maybe, or with another signer to begin with */
		if (loader.fd < 0 || loader.lost || loader.started)
			return;
		missing++;
		log_error("%s", why);
	}
	head.type = SIGN_SERVE;
	if (loader.fd >= 0 && call(head, NULL, 0, why, sizeof(why)))
		log_notice("another signer is there, with %u key%s%s", loaded, loaded == 1 ? "" : "s",
			   missing ? "; others are missing, see above" : "");
}

void loader_tend(void)
{
	struct sign_head head = { .type = SIGN_UNLOAD };
	const struct sign_message *message;
	struct key *key;
	size_t len;

	for (int i = 0; i < NEWS_MAX && loader.fd >= 0 && (message = next_message(0, &len)); i++)
		take_news(message, len);
	if (loader.fd >= 0 && loader.started)
		load_again();
	while (loader.fd >= 0 && (key = take_gone())) {
		head.key = key->number;
		/* a signer that does not read begins anew without it, sooner or later */
		send_to(&head, NULL, 0);
		free_key(key);
	}
}
