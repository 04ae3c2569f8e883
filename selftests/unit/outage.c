// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A signer (helper/signer.h) that dies, or gets or sends messages that are none; and keys
 * that come and go while handshakes use them. What else it does is in signer.c.
 */
/* for an engine, which is what Debian 12 has for tokens */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include "signing.h"

/* ---- a signer that dies, and what it had ---- */

/* Asks by hand, with an id that the channel does not know; the error, 0: it was done. */
static int ask_by_hand(uint64_t key)
{
	struct sign_message message = { .head = {
		.type = SIGN_SIGN, .scheme = SIGN_ECDSA, .hash = SIGN_SHA256, .id = 1, .key = key,
	} };

	if (send(keeper.workers[0], &message, sizeof(message.head) + 32, 0) < 0)
		abort();
	do {
		if (recv(keeper.workers[0], &message, sizeof(message), 0) <= 0)
			abort();
	} while (message.head.id != 1);
	return message.head.type == SIGN_FAILED ? (int)message.head.error : 0;
}

/* How many keys of the first so many the signer has. */
static size_t held_keys(uint64_t numbers)
{
	size_t n = 0;

	loader_tend();
	/* which is done after what was said before */
	loader_read();
	for (uint64_t i = 1; i <= numbers; i++)
		n += ask_by_hand(i) != ENOKEY;
	return n;
}

static void reload(void)
{
	struct settings settings = profile_uri("ec", key_uri(SLOW, "ec")), again;
	struct helper *serving = helper_with(&settings), *connecting;
	struct relay_end *server, *client;
	char why[512];

	settings = profile(NULL);
	connecting = helper_with(&settings);
	/* twice, for servers and for clients */
	ok(held_keys(100) == 2, "the signer has the key");
	slow->hold = 1;
	server = ask_server(serving, connecting, &client, 0);
	await(&slow->held, 1);
	again = profile_uri("rsa", key_uri("file:", "rsa"));
	loader_read();
	ok(!profiles_load(serving->profiles, &again, 1, why, sizeof(why)), "another one is loaded");
	ok(held_keys(100) == 4, "both are there while the first is in use");
	slow->held = 0;
	while (give(connecting, client) | give(serving, server) || (server->asked && pump(5000)))
		;
	ok(relay_agrees(server, client) && !strcmp(client->peer_identity, "CN=ec"),
	   "what began with it ends with it");
	ok(held_keys(100) == 2, "then it goes");
	forget(server);
	forget(client);
	helper_free(connecting);
	helper_free(serving);
	ok(held_keys(100) == 0, "and so does the other");
}

static void death(void)
{
	struct settings settings = profile_uri("ec", key_uri(SLOW, "ec"));
	struct helper *serving = helper_with(&settings), *connecting;
	struct relay_end *server, *client;
	struct both b = { 0 };
	char why[512];

	settings = profile(NULL);
	connecting = helper_with(&settings);
	slow->hold = 1;
	server = ask_server(serving, connecting, &client, 0);
	await(&slow->held, 1);
	kill(slow->pid, SIGKILL);
	while (!server->done && pump(5000))
		;
	expect_failure(server, EOWNERDEAD, 80, "the signer has died", "the signer dies under a handshake");
	forget(server);
	forget(client);
	slow->held = 0;
	server = ask_server(serving, connecting, &client, 0);
	expect_failure(server, EOWNERDEAD, 80, "another one is being started", "the next fails at once");
	forget(server);
	forget(client);

	for (int i = 0; i < 100 && poll(&(struct pollfd){ loader_fd(), POLLIN, 0 }, 1, 100) >= 0; i++) {
		loader_tend();
		if (pump(0))
			break;
	}
	b = (struct both){ serving, connecting, relay_new(KSEAL_ROLE_SERVER, NULL),
			   relay_new(KSEAL_ROLE_CLIENT, NAME) };
	relay_signed(connecting, b.client, serving, b.server);
	succeeds(b, "another signer comes, with the same keys");
	forget(b.server);
	forget(b.client);

	/* for which nobody is there any more who could start another one */
	kill(keeper.pid, SIGKILL);
	while (recv(keeper.workers[0], why, sizeof(why), 0) > 0)
		;
	channel_input(channel, NULL, 0);
	loader_tend();
	server = ask_server(serving, connecting, &client, 0);
	expect_failure(server, EOWNERDEAD, 80, "gone for good: restart kseald", "its keeper dies, too");
	forget(server);
	forget(client);
	refused(profile_uri("ec", key_uri(SLOW, "ec")), "restart kseald", "and nothing is loaded then");
	helper_free(serving);
	helper_free(connecting);
}

/* ---- messages that are none ---- */

static uint32_t chance(uint32_t below)
{
	static uint32_t state = 12345;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static void scramble(struct sign_message *message, size_t len)
{
	uint8_t *bytes = (uint8_t *)message;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)chance(256);
	/* that it is not thrown away at once */
	message->head.type = chance(14);
	message->head.scheme = (uint16_t)chance(6);
	message->head.hash = (uint16_t)chance(5);
	message->head.key = chance(20);
	/* of nobody, but in the places of those that are there */
	message->head.id = (1ULL << 40) + chance(100);
}

static void nonsense(void)
{
	static struct sign_message message;
	struct settings serving;
	struct both b;

	for (int i = 0; i < 400; i++) {
		size_t len = chance(2) ? chance(200) + 1 : sizeof(message.head) + 32 * chance(3);

		scramble(&message, sizeof(message.head) + 200);
		if (send(i % 2 ? keeper.workers[0] : keeper.loader, &message, len, MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			break;
		while (pump(0))
			;
		loader_tend();
	}
	while (pump(100))
		;
	serving = profile_uri("ed", key_uri("file:", "ed"));
	shake_signed(serving, profile(NULL), &b);
	succeeds(b, "after 400 messages that are none the signer is well");
	both_free(&b);
}

/* The signer as an enemy: a handshake waits for it. */
static void enemy(const char *what, uint32_t type, const void *data, size_t len, const char *words)
{
	static struct sign_message message;
	struct settings settings = profile_uri("ec", key_uri("file:", "ec"));
	struct helper *serving = helper_with(&settings), *connecting;
	struct relay_end *server, *client;
	const struct sign_message *sent;
	const void *bytes;

	settings = profile(NULL);
	connecting = helper_with(&settings);
	server = relay_new(KSEAL_ROLE_SERVER, NULL);
	client = relay_new(KSEAL_ROLE_CLIENT, NAME);
	ends[0] = server;
	ends[1] = client;
	relay_connect(server, client);
	asking = serving;
	give(connecting, client);
	give(serving, server);
	if (!channel_output(channel, &bytes))
		abort();
	sent = bytes;
	for (int i = 0; i < 30; i++) {
		scramble(&message, sizeof(message));
		/* behind these are news, which would end it */
		message.head.type %= SIGN_STARTED;
		channel_input(channel, &message, chance(300) + 1);
		/* an answer to what had the same place in the table */
		message.head.type = i % 2 ? SIGN_DONE : SIGN_FAILED;
		message.head.id = sent->head.id + (chance(5) + 1) * CHANNEL_MAX;
		channel_input(channel, &message, sizeof(message.head) + 70);
	}
	ok(server->asked, "%s: what has another id changes nothing", what);
	message.head = (struct sign_head){ .type = type, .id = sent->head.id };
	memcpy(message.data, data, len);
	channel_sent(channel);
	channel_input(channel, &message, sizeof(message.head) + len);
	channel_input(channel, &message, sizeof(message.head) + len);
	while (give(connecting, client) | give(serving, server))
		;
	if (!ok(server->done && server->error && strstr(server->reason, words), "%s: refused", what))
		note("%d %s", server->error, server->reason);
	forget(server);
	forget(client);
	helper_free(serving);
	helper_free(connecting);
}

static void enemies(void)
{
	static const uint8_t zeros[SIGN_RESULT_MAX + 1];

	enemy("no signature", SIGN_DONE, zeros, 0, "0 bytes, which cannot be");
	enemy("one that is too long", SIGN_DONE, zeros, 73, "73 bytes, which cannot be");
	enemy("one that is far too long", SIGN_DONE, zeros, sizeof(zeros), "which cannot be");
	enemy("one that is none", SIGN_DONE, zeros, 70, "alert decrypt_error");
	enemy("no reason", SIGN_FAILED, zeros, 0, "does not say why");
	enemy("a reason with more than words", SIGN_FAILED, "a\nb\033[31mc", 9, "a?b?[31mc");
	enemy("a long reason", SIGN_FAILED, memset((uint8_t[1000]){ 0 }, 'x', 1000), 1000, "xxxxxxxx");
}

/* What the signer may load. */
static void configure(void)
{
	static const char *const names[] = { "ec", "rsa", "ed" };

	settings_default(&config.settings, "default");
	config.workers = 1;
	for (size_t i = 0; i < 3; i++)
		add_uri(&config.settings, names[i], key_uri("file:", names[i]));
	add_uri(&config.settings, "ec", key_uri(SLOW, "ec"));
}

int main(void)
{
	make_files();
	add_engine();
	configure();
	begin_signer();
	reload();
	nonsense();
	enemies();
	ok(end_signer(), "the signer ends when it is told to");
	begin_signer();
	death();
	ok(!end_signer(), "this one did not end by itself");
	settings_free(&config.settings);
	ok(!remove_files(), "the files are gone");
	return done_testing();
}
