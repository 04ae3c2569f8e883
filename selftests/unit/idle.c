// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/idle.c: handshakes that wait give memory back, and go on as if they had not.
 */
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include "context.h"
#include "idle.h"
#include "profile.h"
#include "tls.h"

#define HANDSHAKES	200
#define BUFFERS		128	/* bytes: half a hello, or the hello and the flight */
#define LEAST		8192	/* bytes: two pages of zeros, wherever the buffer lies */

static struct pair {
	SSL *client;
	struct tls *server;
	uint8_t hello[16384];
	size_t hello_len;
} pairs[HANDSHAKES];

/* Bytes of memory that are this process's and nobody else's. */
static long anonymous(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Anonymous: %ld kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

/* In bytes; a checker's own malloc() does not count. */
static long allocated(void)
{
	return (long)mallinfo2().uordblks;
}

static bool counts(void)
{
	long before = allocated();
	void *volatile at = malloc(1000);
	bool moved = allocated() - before >= 1000;

	free(at);
	return moved;
}

static void say_hello(struct pair *pair, SSL_CTX *ctx)
{
	pair->client = SSL_new(ctx);
	SSL_set_bio(pair->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(pair->client);
	SSL_do_handshake(pair->client);
	pair->hello_len = (size_t)BIO_read(SSL_get_wbio(pair->client), pair->hello,
					   sizeof(pair->hello));
}

/* From bytes of the client to those for it. */
static enum tls_step feed(struct pair *pair, const uint8_t *bytes, size_t len)
{
	struct tls_failure failure = { 0 };
	const uint8_t *out;
	size_t consumed;
	enum tls_step step = tls_feed(pair->server, bytes, len, &consumed, &failure);

	len = tls_output(pair->server, &out);
	if (len)
		BIO_write(SSL_get_rbio(pair->client), out, (int)len);
	if (step == TLS_STEP_FAILED)
		note("%s", failure.reason);
	return step;
}

static bool finish(struct pair *pair)
{
	uint8_t bytes[16384];
	int len;

	if (SSL_do_handshake(pair->client) != 1)
		return false;
	len = BIO_read(SSL_get_wbio(pair->client), bytes, sizeof(bytes));
	return len > 0 && feed(pair, bytes, (size_t)len) == TLS_STEP_DONE;
}

/* half: what has come is half a hello; else all of it, and the flight has gone */
static void wait_and_go_on(const struct context *context, SSL_CTX *ctx, bool half)
{
	const char *what = half ? "half a hello" : "a flight";
	const struct tls_wishes wishes = { 0 };
	struct tls_failure failure;
	unsigned int waiting = 0, done = 0;
	long before, after, used;

	for (size_t i = 0; i < HANDSHAKES; i++) {
		struct pair *pair = &pairs[i];

		say_hello(pair, ctx);
		pair->server = tls_new(context, KSEAL_ROLE_SERVER, &wishes, i + 1, &failure);
		waiting += feed(pair, pair->hello, half ? pair->hello_len / 2 : pair->hello_len) ==
			   TLS_STEP_MORE;
	}
	ok(waiting == HANDSHAKES, "%s: %u wait", what, waiting);
	before = anonymous();
	used = allocated();
	for (size_t i = 0; i < HANDSHAKES; i++)
		tls_give_back(pairs[i].server);
	after = anonymous();
	used -= allocated();
	ok(!counts() || used >= HANDSHAKES * BUFFERS, "%s: %ld bytes each are free for others", what,
	   used / HANDSHAKES);
	ok(before - after >= HANDSHAKES * LEAST, "%s: %ld bytes each are given back", what,
	   (before - after) / HANDSHAKES);
	for (size_t i = 0; i < HANDSHAKES; i++) {
		struct pair *pair = &pairs[i];
		size_t given = pair->hello_len / 2;

		if (half && feed(pair, pair->hello + given, pair->hello_len - given) != TLS_STEP_MORE)
			continue;
		tls_give_back(pair->server);
		done += finish(pair);
		/* when there is nothing to give */
		tls_give_back(pair->server);
	}
	ok(done == HANDSHAKES, "%s: %u go on to their end", what, done);
	for (size_t i = 0; i < HANDSHAKES; i++) {
		tls_free(pairs[i].server);
		SSL_free(pairs[i].client);
	}
}

int main(void)
{
	struct context *context;
	struct profiles *profiles;
	struct settings settings;
	char why[512];
	SSL_CTX *ctx;

	ok(idle_watch(), "OpenSSL's allocations come by");
	/* as kseald does; who may not goes without */
	(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	profiles = profiles_new();
	make_files();
	settings = profile("ec");
	/* else the kernel waits for the client's last messages, and not the helper */
	settings.clients = SETTINGS_CLIENTS_OPTIONAL;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	ok(!profiles_load(profiles, &settings, 1, why, sizeof(why)), "a profile");
	ctx = SSL_CTX_new(TLS_client_method());
	context = profiles_get(profiles, "default");
	wait_and_go_on(context, ctx, false);
	wait_and_go_on(context, ctx, true);
	context_unref(context);
	SSL_CTX_free(ctx);
	settings_free(&settings);
	profiles_free(profiles);
	return remove_files() || done_testing();
}
