/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signer for tests, a process of its own as kseald has it, and a way to it that a test
 * pumps by hand. Also an engine whose key is as slow, or as wrong, as the test wants it.
 */
#ifndef KSEAL_SIGNING_H
#define KSEAL_SIGNING_H

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/engine.h>
#include "channel.h"
#include "keeper.h"
#include "loader.h"
#include "profile.h"
#include "remote.h"

#define PIN "2468"				/* wherever there is one */
#define SLOW "org.openssl.engine:slow:"		/* our engine, below */

static struct keeper keeper;
static struct config config;		/* what the signer finds there it may load */
static struct channel *channel;
static struct helper *asking;		/* whose table waits */

/* ---- an engine of ours, in the signer ---- */

static struct {
	atomic_int hold;	/* how many signatures are to wait */
	atomic_int held;	/* how many do */
	atomic_int fail;	/* how many are to fail */
	atomic_int made;
	atomic_int pid;		/* of the signer */
} *slow;

static int slow_sign(int type, const unsigned char *digest, int len, unsigned char *signature,
		     unsigned int *signature_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	int (*sign)(int, const unsigned char *, int, unsigned char *, unsigned int *,
		    const BIGNUM *, const BIGNUM *, EC_KEY *);

	slow->pid = getpid();
	slow->made++;
	if (slow->fail && slow->fail-- > 0)
		return 0;
	if (slow->hold && slow->hold-- > 0) {
		slow->held++;
		while (slow->held > 0)
			usleep(1000);
	}
	EC_KEY_METHOD_get_sign(EC_KEY_OpenSSL(), &sign, NULL, NULL);
	return sign(type, digest, len, signature, signature_len, kinv, r, key);
}

/* A file's key; one of RSA is as it is. */
static EVP_PKEY *slow_load(ENGINE *engine, const char *path, UI_METHOD *ui, void *data)
{
	static EC_KEY_METHOD *method;
	FILE *file = fopen(path, "r");
	EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
	RSA *rsa = key && EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_get1_RSA(key) : NULL;
	EC_KEY *ec = key && !rsa ? EVP_PKEY_get1_EC_KEY(key) : NULL;

	(void)engine, (void)ui, (void)data;
	EVP_PKEY_free(key);
	key = NULL;
	if (file)
		fclose(file);
	if (rsa) {
		key = EVP_PKEY_new();
		EVP_PKEY_assign_RSA(key, rsa);
	}
	if (!ec)
		return key;
	if (!method) {
		int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **);
		ECDSA_SIG *(*sign_sig)(const unsigned char *, int, const BIGNUM *, const BIGNUM *,
				       EC_KEY *);

		method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
		EC_KEY_METHOD_get_sign(method, NULL, &setup, &sign_sig);
		EC_KEY_METHOD_set_sign(method, slow_sign, setup, sign_sig);
	}
	EC_KEY_set_method(ec, method);
	key = EVP_PKEY_new();
	EVP_PKEY_assign_EC_KEY(key, ec);
	return key;
}

static inline void add_engine(void)
{
	ENGINE *engine = ENGINE_new();

	slow = mmap(NULL, sizeof(*slow), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slow == MAP_FAILED || !ENGINE_set_id(engine, "slow") || !ENGINE_set_name(engine, "slow") ||
	    !ENGINE_set_load_privkey_function(engine, slow_load) || !ENGINE_add(engine))
		abort();
	ENGINE_free(engine);
}

/* ---- the way to the signer ---- */

static inline void on_ready(void *arg, uint64_t cookie)
{
	(void)arg;
	request_continue(asking->table, cookie, 1000);
}

static inline void send_all(void)
{
	const void *bytes;
	size_t len;

	while ((len = channel_output(channel, &bytes))) {
		if (send(keeper.workers[0], bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
			abort();
		channel_sent(channel);
	}
}

/* One message of the signer; false: none within ms. */
static inline bool pump(int ms)
{
	static struct sign_message message;
	struct pollfd fd = { keeper.workers[0], POLLIN, 0 };
	ssize_t len;

	send_all();
	if (poll(&fd, 1, ms) != 1)
		return false;
	len = recv(fd.fd, &message, sizeof(message), 0);
	channel_input(channel, &message, len < 0 ? 0 : (size_t)len);
	send_all();
	return true;
}

/* An end and its peer until neither has anything to say, nor the signer. */
static inline void relay_signed(struct helper *a_helper, struct relay_end *a, struct helper *b_helper,
				struct relay_end *b)
{
	ends[0] = a;
	ends[1] = b;
	relay_connect(a, b);
	for (;;) {
		bool went_on = false;

		asking = a_helper;
		while (give(a_helper, a) || (request_count(a_helper->table) && a->asked && pump(5000)))
			went_on = true;
		asking = b_helper;
		while (give(b_helper, b) || (request_count(b_helper->table) && b->asked && pump(5000)))
			went_on = true;
		if (!went_on)
			break;
	}
}

/* ---- its life ---- */

/* The key of a pair of profile.h as a URI. */
static inline const char *key_uri(const char *scheme, const char *name)
{
	static char uri[4][256];
	static int at;

	at = (at + 1) % 4;
	snprintf(uri[at], sizeof(uri[at]), "%s%s", scheme, path_of(name, ".key"));
	return uri[at];
}

static inline struct settings_cert *add_uri(struct settings *settings, const char *cert, const char *uri)
{
	struct settings_cert *pair = settings_add_cert(settings);

	pair->chain = strdup(path_of(cert, ".pem"));
	pair->key = strdup(uri);
	return pair;
}

/* profile() with a key in the signer. */
static inline struct settings profile_uri(const char *cert, const char *uri)
{
	struct settings settings = profile(NULL);

	add_uri(&settings, cert, uri);
	return settings;
}

static inline void begin_signer(void)
{
	struct conf conf;
	char why[512];

	if (config_read(&config, &conf, why, sizeof(why)) || keeper_start(&keeper, &config, &conf) ||
	    loader_open(keeper.loader, why, sizeof(why))) {
		note("%s", why);
		abort();
	}
	conf_free(&conf);
	channel = channel_new(on_ready, NULL);
	channel_use(channel);
}

/* Whether it ended well, which valgrind sees to. */
static inline bool end_signer(void)
{
	channel_use(NULL);
	channel_free(channel);
	loader_close();
	remote_end();
	return !keeper_end(&keeper);
}

/* ---- handshakes that wait for it ---- */

static inline void shake_signed(struct settings serving, struct settings connecting, struct both *b)
{
	b->serving = helper_with(&serving);
	b->connecting = helper_with(&connecting);
	b->server = relay_new(KSEAL_ROLE_SERVER, NULL);
	b->client = relay_new(KSEAL_ROLE_CLIENT, NAME);
	relay_signed(b->connecting, b->client, b->serving, b->server);
}

static inline void await(atomic_int *count, int value)
{
	for (int i = 0; i < 5000 && *count != value; i++)
		usleep(1000);
}

static inline void forget(struct relay_end *end)
{
	for (size_t i = 0; i < 8; i++)
		if (ends[i] == end)
			ends[i] = NULL;
	relay_free(end);
}

/* A server that has been asked, with a client's first flight. */
static inline struct relay_end *ask_server(struct helper *serving, struct helper *connecting,
				    struct relay_end **client, size_t at)
{
	struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);

	*client = relay_new(KSEAL_ROLE_CLIENT, NAME);
	ends[at] = server;
	ends[at + 1] = *client;
	relay_connect(server, *client);
	asking = serving;
	give(connecting, *client);
	give(serving, server);
	send_all();
	return server;
}

/* What is held goes on, and what comes of it is thrown away. */
static inline void let_go(void)
{
	slow->held = 0;
	while (pump(200))
		;
}

/* ---- what cannot be loaded ---- */

/* Loading fails, with these words; and never with the PIN. */
static inline void refused(struct settings settings, const char *words, const char *what)
{
	struct profiles *profiles = profiles_new();
	char why[1024] = "";

	if (!ok(profiles_load(profiles, &settings, 1, why, sizeof(why)) && strstr(why, words) &&
		!strstr(why, PIN), "%s: refused", what))
		note("%s", why);
	profiles_free(profiles);
}

#endif
