// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/message.c, quote.c, and the bounds of explain.c: what a hostile peer may put into
 * the story of a handshake, and how long it gets.
 */
#include <errno.h>
#include <openssl/err.h>
#include "profile.h"
#include "quote.h"
#include "story.h"
#include "seen.h"

/* ---- names of a peer's choice: relay.h looks at every byte ---- */

static void hostile_client(void)
{
	static const char name[] = "evil\x1b[31m\nname\xff\"\\";
	static const unsigned char protocols[] = "\x05\x1b[2J\n\x02h2\x04\xc3\xa9\"\\\x01\x7f";
	struct settings settings = profile("ec");
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	end->explain = true;
	SSL_set_tlsext_host_name(plain.ssl, name);
	SSL_set_alpn_protos(plain.ssl, protocols, sizeof(protocols) - 1);
	against(&plain, helper, end);
	ok(end->done && !end->error && !end->wrong, "a client with hostile names %s", end->reason);
	ok(tells(end->story, " server name \"evil\\x1b[31m\\x0aname\\xff\\x22\\x5c\" ") &&
	   tells(end->story, " ALPN \"\\x1b[2J\\x0a\", \"h2\", \"\\xc3\\xa9\\x22\\x5c\", \"\\x7f\" "), "is quoted");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void hostile_server(void)
{
	static const char subject[] = "a\x1b[2J\n== done: all is well\xc3\xa9\x7f";
	struct settings settings = profile(NULL);
	struct helper *helper;
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, NAME);
	struct plain plain = plain_new(true);
	EVP_PKEY *key = certs_key();
	X509 *cert = certs_new(subject, "DNS:" NAME ",email:\x1b[31m@x", key, ca, ca_key);

	string_list_add(&settings.groups, "X25519");
	helper = helper_with(&settings);
	end->explain = true;
	SSL_use_certificate(plain.ssl, cert);
	SSL_use_PrivateKey(plain.ssl, key);
	against(&plain, helper, end);
	ok(end->done && !end->error && !end->wrong, "a server with hostile names %s", end->reason);
	ok(tells(end->story, " subject CN=a\\1B[2J\\0A== done: all is well\\C3\\A9\\7F ") &&
	   tells(end->story, " for DNS:" NAME ", email:.[31m@x ") &&
	   tells(end->story, "x25519 protect the data from here on session new server CN=a\\1B[2J\\0A== done: "),
	   "is escaped");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void long_names(void)
{
	char text[QUOTE_MAX], bytes[300];

	memset(bytes, 0xff, sizeof(bytes));
	quote_bytes(text, bytes, sizeof(bytes));
	ok(strlen(text) < QUOTE_MAX && !strncmp(text, "\"\\xff", 5) &&
	   !strcmp(text + strlen(text) - 8, "\\xff...\""), "a long name is cut: %zu", strlen(text));
	memset(bytes, 'x', sizeof(bytes));
	quote_bytes(text, bytes, 255);
	ok(strlen(text) < QUOTE_MAX && strstr(text, "xxx...\""), "also one without escapes");
	quote_bytes(text, "", 0);
	ok(!strcmp(text, "\"\""), "none is there as well");
}

/* ---- how long it gets, and what is not whole ---- */

static const uint8_t hello_request[4];

static void bound(void)
{
	struct tls_failure failure;
	struct explain *explain;
	char story[2 * KSEAL_EXPLAIN_MAX] = "";
	unsigned int parts = 0;
	const char *part;
	SSL_CTX *ctx;
	SSL *ssl = an_ssl(&ctx);

	tls_fail(&failure, EPROTO, "%0255d", 0);
	explain = explain_new(ssl, KSEAL_ROLE_CLIENT, 1, true);
	ok(explain && !explain_take(explain), "nothing is told at first");
	for (int i = 0; i < 1000; i++) {
		explain_message(explain, false, SSL3_RT_HANDSHAKE, hello_request, sizeof(hello_request));
		if (i % 20)
			continue;
		part = explain_take(explain);
		if (part)
			strcat(story, part);
		parts += !!part;
	}
	explain_end(explain, NULL, &failure);
	part = explain_take(explain);
	strcat(story, part ? part : "");
	ok(!explain_take(explain) && parts > 3, "in %u parts, each of them once", parts);
	ok(strlen(story) <= KSEAL_EXPLAIN_MAX - 64 && strlen(story) > KSEAL_EXPLAIN_MAX / 2,
	   "1000 messages have %zu bytes", strlen(story));
	ok(tells(story, "<- HelloRequest (0) in clear 4 bytes (more was said than is kept here: kseald -v logs "
		 "all of it) == failed: refused by this end why 000000") && tells(story, " errno EPROTO "),
	   "it is said that there was more, and the end is there");
	explain_message(explain, false, SSL3_RT_HANDSHAKE, hello_request, sizeof(hello_request));
	ok(!explain_take(explain), "nothing comes behind it");
	explain_free(explain);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* A list too long for a line's worth of items. */
static void long_list(void)
{
	uint8_t hello[4 + 2 + 32 + 1 + 2 + 200 + 2] = { 1 };
	struct explain *explain;
	const char *story;
	SSL_CTX *ctx;
	SSL *ssl = an_ssl(&ctx);

	hello[4] = 3;
	hello[5] = 1;
	hello[40] = 200;
	for (int i = 0; i < 100; i++) {
		hello[41 + 2 * i] = i ? 0xee : 0x5a;
		hello[42 + 2 * i] = i ? (uint8_t)i : 0x5a;
	}
	hello[241] = 1;
	explain = explain_new(ssl, KSEAL_ROLE_SERVER, 1, true);
	explain_message(explain, false, SSL3_RT_HANDSHAKE, hello, sizeof(hello));
	story = explain_take(explain);
	ok(tells(story, " version TLS 1.0 suites GREASE, 0xee01, 0xee02, ") &&
	   tells(story, ", 0xee1d, and 70 more "), "what has no name is a number, what is too much is counted");
	explain_free(explain);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void cut(uint16_t version)
{
	struct settings settings = profile("ec");
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	unsigned int whole = 0, malformed = 0;
	struct helper *helper;

	settings.tickets = true;
	settings.clients = SETTINGS_CLIENTS_OPTIONAL;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	helper = helper_with(&settings);
	SSL_use_certificate_file(plain.ssl, path_of("client", ".pem"), SSL_FILETYPE_PEM);
	SSL_use_PrivateKey_file(plain.ssl, path_of("client", ".key"), SSL_FILETYPE_PEM);
	SSL_set_max_proto_version(plain.ssl, version);
	SSL_set_msg_callback(plain.ssl, see);
	against(&plain, helper, end);
	for (size_t i = 0; i < n_seen; i++) {
		for (size_t len = 1; len <= seen[i].len; len++) {
			struct explain *explain = explain_new(plain.ssl, KSEAL_ROLE_CLIENT, 1, true);
			uint8_t *copy = malloc(len);
			const char *story;

			/* of its very size, for ASan to see what is read behind it */
			memcpy(copy, seen[i].bytes, len);
			explain_message(explain, true, SSL3_RT_HANDSHAKE, copy, len);
			free(copy);
			story = explain_take(explain);
			whole += len == seen[i].len && !strstr(story, "malformed");
			malformed += !!strstr(story, "malformed");
			explain_free(explain);
		}
		free(seen[i].bytes);
	}
	ok(n_seen > 8 && whole == n_seen && malformed > 1000 && !ERR_peek_error(),
	   "TLS %s: %zu messages cut at every length, of which %u were noticed", version == TLS1_3_VERSION ?
	   "1.3" : "1.2", n_seen, malformed);
	n_seen = 0;
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* Of a certificate that is none OpenSSL has its own opinion, which has to come through. */
static void errors_stay(void)
{
	static const uint8_t certificate[] = { 11, 0, 0, 11, 0, 0, 0, 7, 0, 0, 2, 0x30, 0x80, 0, 0 };
	struct explain *explain;
	SSL_CTX *ctx;
	SSL *ssl = an_ssl(&ctx);

	ERR_clear_error();
	ERR_raise(ERR_LIB_SSL, SSL_R_BAD_PACKET);
	explain = explain_new(ssl, KSEAL_ROLE_CLIENT, 1, true);
	explain_message(explain, false, SSL3_RT_HANDSHAKE, certificate, sizeof(certificate));
	ok(tells(explain_take(explain), " malformed, ") && ERR_GET_REASON(ERR_get_error()) == SSL_R_BAD_PACKET &&
	   !ERR_get_error(), "OpenSSL's errors are as they were");
	explain_free(explain);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

int main(void)
{
	make_files();
	hostile_client();
	hostile_server();
	long_names();
	bound();
	long_list();
	cut(TLS1_3_VERSION);
	cut(TLS1_2_VERSION);
	errors_stay();
	return remove_files() || done_testing();
}
