// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a peer says that is no handshake, and how it is refused: errno and words for the
 * socket, and the alert that goes out, if one does.
 */
#include <errno.h>
#include <openssl/err.h>
#include "record.h"
#include "shake.h"

#define NAME	"www.example.org"
#define NONE	(-1)

/* This alert was the last that went out, as it is; NONE: nothing did. */
static bool sent(const struct relay_end *end, int alert)
{
	if (alert == NONE)
		return !end->last_len;
	return end->last_len == 7 && !memcmp(end->last, "\x15\x03", 2) &&
	       !memcmp(end->last + 3, "\x00\x02\x02", 3) && end->last[6] == alert;
}

/* A server's is begun by what it gets, a client's has said its hello. */
static struct relay_end *begun(struct helper *helper, enum kseal_role role)
{
	struct relay_end *end = relay_new(role, role == KSEAL_ROLE_CLIENT ? NAME : NULL);

	end->chunk = KSEAL_BYTES_MAX;
	if (role == KSEAL_ROLE_CLIENT)
		one_message(helper, end, NULL, 0);
	return end;
}

/* ---- the first bytes ---- */

struct beginning {
	const char *what, *bytes;
	size_t len;
	int alert;
	const char *words;
};

#define BYTES(text)	text, sizeof(text) - 1
#define UNEXPECTED	10, "unexpected message; alert unexpected_message (10) was sent"
#define OVERFLOW	22, "length too long; alert record_overflow (22) was sent"
#define RANDOM		"0123456789abcdef0123456789abcdef"

/* What is no TLS is not answered in TLS. */
static const struct beginning either[] = {
	{ "HTTP instead of TLS", BYTES("GET / HTTP/1.1\r\n\r\n"), NONE, "failed: http request" },
	{ "HTTP with a body", BYTES("POST / HTTP/1.1\r\n\r\n"), NONE, "failed: http request" },
	{ "HTTP for a proxy", BYTES("CONNECT a:443 HTTP/1.1\r\n\r\n"), NONE, "failed: https proxy request" },
	{ "SSH", BYTES("SSH-2.0-OpenSSH_9.2\r\n"), NONE, "failed: wrong version number" },
	{ "zeros", BYTES("\0\0\0\0\0\0\0\0\0\0\0"), NONE, "failed: wrong version number" },
	{ "ones", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"), NONE, "failed: wrong version number" },
	{ "a record of version 4", BYTES("\x16\x04\x00\x00\x04\x01\x00\x00\x00"), NONE,
	  "failed: wrong version number" },
	{ "a record of 65535 bytes", BYTES("\x16\x03\x01\xff\xff\x01\x00\x00\x00"), OVERFLOW },
	{ "a record of no known type", BYTES("\x18\x03\x03\x00\x05" "12345"), UNEXPECTED },
	{ "a record of garbage", BYTES("\x16\x03\x01\x00\x08garbage!"), UNEXPECTED },
	{ "application data first", BYTES("\x17\x03\x03\x00\x05" "12345"), UNEXPECTED },
	{ "a ChangeCipherSpec first", BYTES("\x14\x03\x03\x00\x01\x01"), UNEXPECTED },
	{ "a Finished first", BYTES("\x16\x03\x03\x00\x04\x14\x00\x00\x00"), UNEXPECTED },
	{ "an alert cut short", BYTES("\x15\x03\x03\x00\x01\x02"), 10,
	  "alert unexpected_message (10) was sent" },
};

/* The hellos have a session of no bytes, then ciphers; SSL 2 says how long each part is.
 * SSL 3 has no alert for versions.
 */
static const struct beginning at_server[] = {
	{ "a ClientHello without contents", BYTES("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), 50,
	  "length too short; alert decode_error (50) was sent" },
	{ "a ClientHello of 16 MiB", BYTES("\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00"), 47,
	  "excessive message size; alert illegal_parameter (47) was sent" },
	{ "close_notify first", BYTES("\x15\x03\x03\x00\x02\x01\x00"), UNEXPECTED },
	{ "a fatal alert first", BYTES("\x15\x03\x03\x00\x02\x02\x50"), UNEXPECTED },
	{ "a ClientHello of SSL 3", BYTES("\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00" RANDOM
					  "\x00\x00\x02\x00\x2f\x01\x00"), 40,
	  "version too low; alert handshake_failure (40) was sent" },
	{ "a ClientHello of SSL 2", BYTES("\x80\x1f\x01\x00\x02\x00\x06\x00\x00\x00\x10"
					  "\x07\x00\xc0\x03\x00\x80" "0123456789abcdef"), 70,
	  "unknown protocol; alert protocol_version (70) was sent" },
	{ "one of SSL 3 in the form of SSL 2", BYTES("\x80\x1f\x01\x03\x00\x00\x06\x00\x00\x00\x10"
						     "\x00\x00\x2f\x00\x00\x35" "0123456789abcdef"),
	  40, "version too low; alert handshake_failure (40) was sent" },
};

static const struct beginning at_client[] = {
	{ "a ServerHello without contents", BYTES("\x16\x03\x03\x00\x04\x02\x00\x00\x00"), 50,
	  "length mismatch; alert decode_error (50) was sent" },
	{ "a ServerHello of 16 MiB", BYTES("\x16\x03\x03\x00\x05\x02\xff\xff\xff\x00"), 47,
	  "excessive message size; alert illegal_parameter (47) was sent" },
	{ "a ServerHello of SSL 3", BYTES("\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" RANDOM
					  "\x00\x00\x2f\x00"), 70, "alert protocol_version (70) was sent" },
	{ "a ClientHello", BYTES("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), UNEXPECTED },
	{ "close_notify", BYTES("\x15\x03\x03\x00\x02\x01\x00"), NONE,
	  "the peer closed the connection before the handshake was done" },
	{ "an alert of no known level", BYTES("\x15\x03\x03\x00\x02\x03\x50"), 47,
	  "unknown alert type; alert illegal_parameter (47) was sent" },
};

static void refuses(struct helper *helper, enum kseal_role role, const struct beginning *cases,
		    size_t count)
{
	const char *who = role == KSEAL_ROLE_CLIENT ? "a client" : "a server";
	char what[96];

	for (size_t i = 0; i < count; i++) {
		struct relay_end *end = begun(helper, role);

		/* what went out before is not it */
		end->last_len = 0;
		one_message(helper, end, cases[i].bytes, cases[i].len);
		snprintf(what, sizeof(what), "%s gets %s: is told", who, cases[i].what);
		expect_failure(end, EPROTO, cases[i].alert, cases[i].words, what);
		ok(sent(end, cases[i].alert) && !request_count(helper->table),
		   "%s gets %s: answers with %s %d", who, cases[i].what,
		   cases[i].alert == NONE ? "no alert" : "alert", cases[i].alert);
		relay_free(end);
	}
}

/* An alert is heard, and not answered. */
static void alerts(struct helper *helper)
{
	struct relay_end *end = begun(helper, KSEAL_ROLE_CLIENT);

	one_message(helper, end, "\x15\x03\x03\x00\x02\x02\x50", 7);
	expect_failure(end, EPROTO, 80, "the peer refused: alert internal_error (80)",
		       "a client gets a fatal alert: is told");
	ok(sent(end, NONE), "and does not answer it");
	relay_free(end);
}

/* ---- what stops ---- */

/*
 * The first bytes of a flight, and then TCP ends: that is the kernel's to see, which takes
 * the request back. Nothing is said to anyone.
 */
static void cut_off(enum kseal_role role)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end = relay_new(role, role == KSEAL_ROLE_CLIENT ? NAME : NULL);
	struct helper_cancel cancel = { .cookie = end->cookie, .error = ECONNRESET };
	struct plain plain = plain_new(role == KSEAL_ROLE_CLIENT);
	struct relay_end *wire = relay_new(role, NULL), *whole = relay_new(role, NULL);

	end->chunk = KSEAL_BYTES_MAX;
	end->peer = wire;
	if (role == KSEAL_ROLE_CLIENT)
		one_message(helper, end, NULL, 0);
	plain_step(&plain, whole, wire);
	one_message(helper, end, whole->in, whole->in_len / 2);
	ok(!end->done && !end->asked && !end->wrong && !end->in_len && !wire->in_len &&
	   request_count(helper->table) == 1, "half of the peer's %zu bytes: it waits for more",
	   whole->in_len);
	request_cancel(helper->table, &cancel);
	ok(!end->done && !request_count(helper->table), "the peer is gone: so is the request");
	relay_free(wire);
	relay_free(whole);
	relay_free(end);
	plain_free(&plain);
	helper_free(helper);
}

/* ---- what does not stop ---- */

#define TOO_MANY "the peer sent more than 524288 bytes without finishing its handshake"

/* ClientHello as long as OpenSSL takes, a byte a record: six times its size on the wire. */
static void flood(void)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	uint8_t record[6] = { 22, 3, 1, 0, 1 };
	static const uint8_t start[4] = { 1, 1, 255, 255 };
	size_t total = 0;

	ends[0] = end;
	for (size_t i = 0; !end->done && total < 2 * REQUEST_BYTES_MAX; i++) {
		record[5] = i < 4 ? start[i] : 0;
		relay_receive(end, record, 6);
		total += 6;
		if (i % 5000 == 4999)
			give(helper, end);
	}
	expect_failure(end, EPROTO, 22, TOO_MANY, "a ClientHello without end");
	ok(total <= REQUEST_BYTES_MAX + KSEAL_BYTES_MAX, "ends after %zu bytes", total);
	ok(sent(end, 22), "and the peer gets an alert");
	relay_free(end);
	helper_free(helper);
}

/* What the peer seals its handshake messages with, from its key log. */
static struct keys peer_keys;

static void on_secret(const SSL *ssl, const char *line)
{
	static const char *const labels[] = { "CLIENT_HANDSHAKE_TRAFFIC_SECRET ",
					      "SERVER_HANDSHAKE_TRAFFIC_SECRET " };
	const char *label = labels[SSL_is_server(ssl)];
	long len;
	uint8_t *secret;

	if (strncmp(line, label, strlen(label)))
		return;
	secret = OPENSSL_hexstr2buf(strrchr(line, ' ') + 1, &len);
	if (!secret || keys_derive(&peer_keys, keys_suite(SSL_CIPHER_get_protocol_id(
			SSL_get_current_cipher(ssl))), secret))
		abort();
	OPENSSL_free(secret);
}

static void receive_sealed(struct relay_end *end, const void *content, size_t len)
{
	uint8_t record[64 + RECORD_OVERHEAD];

	relay_receive(end, record, record_seal(&peer_keys, SSL3_RT_HANDSHAKE, content, len, record));
}

/* The peer's part up to where its certificate comes. */
static void before_certificate(struct plain *plain, struct helper *helper, struct relay_end *end)
{
	if (end->role == KSEAL_ROLE_SERVER) {
		plain_step(plain, end, end->peer);
		give(helper, end);
		plain_step(plain, end, end->peer);
		end->in_len = 0;
		return;
	}
	give(helper, end);
	plain_step(plain, end, end->peer);
	/* no more than its ServerHello */
	end->in_len = 5 + ((size_t)end->in[3] << 8 | end->in[4]);
	receive_sealed(end, "\x08\x00\x00\x02\x00\x00", 6);
	give(helper, end);
}

/* A certificate of 64 KiB, a byte a record: past the hellos, so that each is sealed, and a
 * server's alert as well. A client's keys come with its certificate.
 */
static void sealed_flood(enum kseal_role role)
{
	struct plain plain = plain_new(role == KSEAL_ROLE_CLIENT);
	struct relay_end *end = relay_new(role, role == KSEAL_ROLE_CLIENT ? NAME : NULL);
	struct settings settings;
	struct helper *helper;
	char none;

	relay_settings(&settings, files.cert, files.key, files.ca);
	settings.clients = SETTINGS_CLIENTS_OPTIONAL;
	string_list_add(&settings.client_ca, files.ca);
	helper = helper_with(&settings);
	SSL_CTX_set_keylog_callback(plain.ctx, on_secret);
	ends[0] = end;
	ends[1] = NULL;
	end->peer = relay_new(role, NULL);
	before_certificate(&plain, helper, end);
	for (size_t i = 0; !end->done && i < 65536; i++) {
		receive_sealed(end, i == 0 ? "\x0b" : i == 1 ? "\x01" : "\x00", 1);
		if (i % 1000 == 999)
			give(helper, end);
	}
	expect_failure(end, EPROTO, 22, TOO_MANY, role == KSEAL_ROLE_CLIENT ?
		       "a server's certificate without end" : "a client's certificate without end");
	ERR_clear_error();
	BIO_write(SSL_get_rbio(plain.ssl), end->peer->in, (int)end->peer->in_len);
	ok(SSL_read(plain.ssl, &none, 1) <= 0 &&
	   ERR_GET_REASON(ERR_peek_error()) == SSL_R_TLSV1_ALERT_RECORD_OVERFLOW,
	   "and the peer can read the alert");
	ok(end->last_len == (role == KSEAL_ROLE_SERVER ? 5 + 2 + 1 + 16 : 5 + 2),
	   "in a record of %zu bytes", end->last_len);
	ERR_clear_error();
	relay_free(end->peer);
	relay_free(end);
	plain_free(&plain);
	helper_free(helper);
}

/* ---- more than there is room for ---- */

static void no_room(void)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct helper_cancel cancel = { .error = ECONNRESET };
	struct relay_end *all[4];

	request_table_free(helper->table);
	helper->table = request_table_new(helper->profiles, 3, &sink);
	for (size_t i = 0; i < 4; i++) {
		all[i] = ends[i] = relay_new(KSEAL_ROLE_CLIENT, NAME);
		give(helper, all[i]);
	}
	ok(!all[0]->done && !all[1]->done && !all[2]->done && request_count(helper->table) == 3,
	   "as many handshakes as there may be");
	expect_failure(all[3], EPROTO, NONE, "kseald has too many handshakes under way",
		       "one more is refused");
	ok(sent(all[3], NONE), "and its peer hears nothing");
	all[3]->done = all[3]->begun = false;
	give(helper, all[3]);
	ok(all[3]->done && all[3]->error, "while they last");
	cancel.cookie = all[1]->cookie;
	request_cancel(helper->table, &cancel);
	all[3]->done = all[3]->begun = false;
	give(helper, all[3]);
	ok(!all[3]->done && request_count(helper->table) == 3, "one ends: there is room for one");
	for (size_t i = 0; i < 4; i++) {
		relay_free(all[i]);
		ends[i] = NULL;
	}
	helper_free(helper);
}

int main(void)
{
	struct helper *helper;

	shake_init("DNS:" NAME);
	helper = helper_new(files.cert, files.ca);
	refuses(helper, KSEAL_ROLE_SERVER, either, sizeof(either) / sizeof(*either));
	refuses(helper, KSEAL_ROLE_CLIENT, either, sizeof(either) / sizeof(*either));
	refuses(helper, KSEAL_ROLE_SERVER, at_server, sizeof(at_server) / sizeof(*at_server));
	refuses(helper, KSEAL_ROLE_CLIENT, at_client, sizeof(at_client) / sizeof(*at_client));
	alerts(helper);
	helper_free(helper);
	cut_off(KSEAL_ROLE_SERVER);
	cut_off(KSEAL_ROLE_CLIENT);
	flood();
	sealed_flood(KSEAL_ROLE_SERVER);
	sealed_flood(KSEAL_ROLE_CLIENT);
	no_room();
	relay_files_free(&files);
	return done_testing();
}
