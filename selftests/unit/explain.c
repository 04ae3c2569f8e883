// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/explain.c: the stories of whole handshakes, how they end, and who is told. What a
 * hostile peer may put into them is in message.c.
 */
#include <errno.h>
#include <unistd.h>
#include "log.h"
#include "profile.h"
#include "story.h"

/* ---- stories ---- */

/* "-> ClientHello (1) c" of a headline: c in clear, h under handshake keys, a under those of
 * the data.
 */
static void shorten(const char *line, char step[64])
{
	const char *end = strstr(line + 3, "  "), *way;

	if (!end) {
		snprintf(step, 64, "no columns");
		return;
	}
	way = end + strspn(end, " ");
	snprintf(step, 64, "%.*s %c", (int)(end - line), line, !strncmp(way, "in clear ", 9) ? 'c' :
		 !strncmp(way, "encrypted, handshake keys ", 26) ? 'h' :
		 !strncmp(way, "encrypted, application keys ", 28) ? 'a' : '?');
}

/* Whether these are its steps, and no others. */
static bool steps_are(const char *story, const char *const *steps)
{
	char step[64];

	for (; story && *story; story = strchr(story, '\n') + 1) {
		if (strncmp(story, "-> ", 3) && strncmp(story, "<- ", 3))
			continue;
		shorten(story, step);
		if (!*steps || strcmp(step, *steps)) {
			note("%s, not %s", step, *steps ? *steps : "the end");
			return false;
		}
		steps++;
	}
	if (*steps)
		note("%s is missing", *steps);
	return !*steps;
}

#define STEPS(...) (const char *const[]){ __VA_ARGS__, NULL }

/* As shake(), with both ends asking. */
static struct both shake_and_tell(struct settings serving, struct settings connecting, const char *name)
{
	struct both b = {
		helper_with(&serving), helper_with(&connecting),
		relay_new(KSEAL_ROLE_SERVER, NULL), relay_new(KSEAL_ROLE_CLIENT, name),
	};

	b.server->explain = b.client->explain = true;
	relay(b.connecting, b.client, b.serving, b.server);
	return b;
}

static void tls13(void)
{
	struct settings serving = profile("ec"), connecting = profile(NULL);
	struct both b;

	string_list_add(&serving.alpn, "h2");
	string_list_add(&connecting.alpn, "http/1.1");
	string_list_add(&connecting.alpn, "h2");
	/* the default is not the same with every OpenSSL */
	string_list_add(&connecting.groups, "X25519");
	string_list_add(&connecting.groups, "P-256");
	string_list_add(&connecting.groups, "P-384");
	b = shake_and_tell(serving, connecting, NAME);
	succeeds(b, "TLS 1.3");
	ok(steps_are(b.client->story, STEPS(
		"-> ClientHello (1) c", "<- ServerHello (2) c", "<- ChangeCipherSpec c",
		"<- EncryptedExtensions (8) h", "<- Certificate (11) h", "<- CertificateVerify (15) h",
		"<- Finished (20) h", "-> ChangeCipherSpec c", "-> Finished (20) h")), "the client's steps");
	ok(steps_are(b.server->story, STEPS(
		"<- ClientHello (1) c", "-> ServerHello (2) c", "-> ChangeCipherSpec c",
		"-> EncryptedExtensions (8) h", "-> Certificate (11) h", "-> CertificateVerify (15) h",
		"-> Finished (20) h", "<- ChangeCipherSpec c", "<- Finished (20) h")), "the server's");
	ok(tells(b.server->story, " versions TLS 1.3, TLS 1.2 ") &&
	   tells(b.server->story, " suites TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, ") &&
	   tells(b.server->story, " groups x25519, secp256r1, secp384r1 ") &&
	   tells(b.server->story, " key shares x25519 ") &&
	   tells(b.server->story, "ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ") &&
	   tells(b.server->story, " server name \"" NAME "\" ") &&
	   tells(b.server->story, " ALPN \"http/1.1\", \"h2\" "), "what the ClientHello offers");
	ok(tells(b.client->story, " suite TLS_AES_256_GCM_SHA384 version TLS 1.3 group x25519 "),
	   "what the ServerHello chose");
	ok(tells(b.client->story, " subject CN=ec issuer CN=authority for DNS:" NAME " valid 20") &&
	   tells(b.client->story, " key EC prime256v1, 256 bits chain 1 certificate ") &&
	   tells(b.client->story, " signature ecdsa_secp256r1_sha256 "), "the certificate");
	ok(tells(b.client->story, "== done: TLS 1.3, TLS_AES_256_GCM_SHA384, x25519 protect the data ") &&
	   tells(b.client->story, " session new server CN=ec, verified for " NAME
		 ", trusted because of CN=authority ALPN \"h2\" "), "the client's end");
	ok(tells(b.server->story, " client not known: it was not asked for a certificate "),
	   "the server's end");
	both_free(&b);
}

static void tls12(void)
{
	struct settings serving = profile("rsa"), connecting = profile(NULL);
	struct both b;

	serving.version_max = KSEAL_VERSION_1_2;
	string_list_add(&serving.alpn, "h2");
	string_list_add(&connecting.alpn, "h2");
	b = shake_and_tell(serving, connecting, NAME);
	succeeds(b, "TLS 1.2");
	ok(steps_are(b.client->story, STEPS(
		"-> ClientHello (1) c", "<- ServerHello (2) c", "<- Certificate (11) c",
		"<- ServerKeyExchange (12) c", "<- ServerHelloDone (14) c",
		"-> ClientKeyExchange (16) c", "-> ChangeCipherSpec c", "-> Finished (20) a",
		"<- ChangeCipherSpec c", "<- Finished (20) a")), "the client's steps");
	ok(steps_are(b.server->story, STEPS(
		"<- ClientHello (1) c", "-> ServerHello (2) c", "-> Certificate (11) c",
		"-> ServerKeyExchange (12) c", "-> ServerHelloDone (14) c",
		"<- ClientKeyExchange (16) c", "<- ChangeCipherSpec c", "<- Finished (20) a",
		"-> ChangeCipherSpec c", "-> Finished (20) a")), "the server's");
	ok(tells(b.client->story, " version TLS 1.2 suite TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 ALPN \"h2\" ") &&
	   tells(b.client->story, " key RSA, 2048 bits chain 1 certificate ") &&
	   tells(b.client->story, " group x25519 signature rsa_pss_rsae_sha256 ") &&
	   tells(b.client->story, " what follows from the peer is encrypted ") &&
	   tells(b.client->story, "== done: TLS 1.2, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, x25519 "),
	   "what it says");
	both_free(&b);
}

static void retried(void)
{
	struct settings serving = profile("ec"), connecting = profile(NULL);
	struct both b;

	string_list_add(&serving.groups, "P-384");
	b = shake_and_tell(serving, connecting, NAME);
	succeeds(b, "HelloRetryRequest");
	ok(steps_are(b.client->story, STEPS(
		"-> ClientHello (1) c", "<- HelloRetryRequest (2) c", "-> ChangeCipherSpec c",
		"-> ClientHello (1) c", "<- ChangeCipherSpec c", "<- ServerHello (2) c",
		"<- EncryptedExtensions (8) h", "<- Certificate (11) h", "<- CertificateVerify (15) h",
		"<- Finished (20) h", "-> Finished (20) h")), "is told as such");
	ok(tells(b.server->story, " group secp384r1 ") &&
	   tells(b.server->story, " again as the first one, but for: key shares secp384r1 -> ServerHello"),
	   "and what the second ClientHello changes");
	both_free(&b);
}

static void client_certificates(uint16_t version)
{
	struct settings serving = profile("ec"), connecting = profile("client");
	struct both b;

	serving.version_max = version;
	serving.clients = SETTINGS_CLIENTS_OPTIONAL;
	string_list_add(&serving.client_ca, path_of("ca", ".pem"));
	b = shake_and_tell(serving, connecting, NAME);
	succeeds(b, version == KSEAL_VERSION_1_3 ? "a client's certificate" : "likewise, TLS 1.2");
	ok(tells(b.client->story, " CertificateRequest (13) ") &&
	   tells(b.client->story, " authorities 1 named, ") &&
	   /* from OpenSSL 3.2 on TLS 1.3 compresses them (RFC 8879) */
	   tells(b.client->story, version == KSEAL_VERSION_1_3 ?
		 "Certificate (11) encrypted, handshake keys" : "-> Certificate (11) in clear") &&
	   tells(b.client->story, " subject CN=client issuer CN=authority ") &&
	   tells(b.server->story, " subject CN=client issuer CN=authority ") &&
	   tells(b.client->story, "-> CertificateVerify (15) ") &&
	   tells(b.server->story, " client CN=client, verified, trusted because of CN=authority "),
	   "its story");
	both_free(&b);

	serving = profile("ec");
	serving.version_max = version;
	serving.clients = SETTINGS_CLIENTS_OPTIONAL;
	string_list_add(&serving.client_ca, path_of("ca", ".pem"));
	b = shake_and_tell(serving, profile(NULL), NAME);
	succeeds(b, "a client that has none");
	ok(tells(b.server->story, " chain empty: there is no certificate ") &&
	   tells(b.server->story, " client not known: it has not sent a certificate "), "its story");
	both_free(&b);
}

static void external_key(void)
{
	static const char key[] = "host \"a\":000102030405060708090a0b0c0d0e0f\n";
	struct settings serving, connecting;
	struct both b;

	write_bytes(path_of("one", ".psk"), key, sizeof(key) - 1);
	settings_default(&serving, "default");
	settings_default(&connecting, "default");
	serving.tickets = false;
	serving.psk = strdup(path_of("one", ".psk"));
	connecting.psk = strdup(path_of("one", ".psk"));
	b = shake_and_tell(serving, connecting, NAME);
	succeeds(b, "an external key");
	ok(steps_are(b.client->story, STEPS(
		"-> ClientHello (1) c", "<- ServerHello (2) c", "<- ChangeCipherSpec c",
		"<- EncryptedExtensions (8) h", "<- Finished (20) h", "-> ChangeCipherSpec c",
		"-> Finished (20) h")), "its steps");
	ok(tells(b.client->story, " PSK 1 offered ") && tells(b.client->story, " PSK number 1 of those ") &&
	   tells(b.client->story, " server has the external key \"host \\x22a\\x22\", and no certificate ") &&
	   tells(b.server->story, " client has the external key \"host \\x22a\\x22\", and no certificate ") &&
	   !strstr(b.server->story, "0001020304"), "its story");
	both_free(&b);
}

/* ---- sessions ---- */

/* OpenSSL's client comes twice, with the ticket of the first time. */
static void resumed(uint16_t version)
{
	struct settings settings = profile("ec");
	SSL_SESSION *session = NULL;
	struct helper *helper;
	char text[16];

	settings.tickets = true;
	helper = helper_with(&settings);
	for (int i = 0; i < 2; i++) {
		struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
		struct plain plain = plain_new(false);

		end->explain = true;
		SSL_set_max_proto_version(plain.ssl, version);
		if (session)
			SSL_set_session(plain.ssl, session);
		against(&plain, helper, end);
		SSL_read(plain.ssl, text, sizeof(text));
		SSL_SESSION_free(session);
		session = SSL_get1_session(plain.ssl);
		ok(!end->error && tells(end->story, i ? " session resumed " : " session new ") &&
		   tells(end->story, i ? version == TLS1_3_VERSION ? " PSK number 1 of those offered is taken " :
				      " ticket offered, of TLS 1.2, " : "-> NewSessionTicket (4) ") &&
		   tells(end->story, version == TLS1_3_VERSION ?
			 "-> NewSessionTicket (4) encrypted, application keys " : " in clear ") &&
		   !strstr(end->story, i ? "Certificate" : "PSK"), "TLS %s, %s",
		   version == TLS1_3_VERSION ? "1.3" : "1.2", i ? "resumed" : "the first time");
		SSL_set_shutdown(plain.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		plain_free(&plain);
		relay_free(end);
	}
	SSL_SESSION_free(session);
	helper_free(helper);
}

/* A client of ours: whom it believes although no certificate comes. */
static void client_resumed(void)
{
	struct settings serving = profile("ec"), connecting = profile(NULL);
	struct helper *server, *client;

	serving.tickets = connecting.tickets = true;
	serving.version_max = KSEAL_VERSION_1_2;
	server = helper_with(&serving);
	client = helper_with(&connecting);
	for (int i = 0; i < 2; i++) {
		struct relay_end *a = relay_new(KSEAL_ROLE_CLIENT, NAME);
		struct relay_end *b = relay_new(KSEAL_ROLE_SERVER, NULL);

		a->explain = true;
		relay(client, a, server, b);
		ok(!a->error && tells(a->story, i ? " server CN=ec, verified for " NAME " when the session began " :
				      "<- NewSessionTicket (4) in clear ") &&
		   tells(a->story, i ? " session resumed " : " session new ") && !b->story[0],
		   "our client, %s", i ? "resumed" : "the first time");
		relay_free(a);
		relay_free(b);
	}
	helper_free(server);
	helper_free(client);
}

/* ---- refusals ---- */

static void refused_here(void)
{
	struct settings connecting = profile(NULL);
	struct both b = shake_and_tell(profile("ec"), connecting, "wrong.example.org");

	fails(b, b.client, EKEYREJECTED, 42, "hostname mismatch", "the wrong name");
	ok(tells(b.client->story, "-> Alert in clear 2 bytes alert bad_certificate (42), fatal, by this end ") &&
	   tells(b.client->story, "== failed: refused by this end why certificate of wrong.example.org was "
		 "not accepted: hostname mismatch (X509 error 62) alert bad_certificate (42), sent errno "
		 "EKEYREJECTED what to do ask for a name that the certificate is for "), "who refused, and why");
	ok(tells(b.server->story, "<- Alert in clear 2 bytes alert bad_certificate (42), fatal, by the peer ") &&
	   tells(b.server->story, "== failed: refused by the peer why the peer refused: alert "
		 "bad_certificate (42) alert bad_certificate (42), received errno EKEYREJECTED what to do "
		 "the peer does not take this end's certificate"), "and as the other end sees it");
	both_free(&b);

	settings_default(&connecting, "default");
	string_list_add(&connecting.ca, path_of("other", ".pem"));
	b = shake_and_tell(profile("ec"), connecting, NAME);
	fails(b, b.client, EKEYREJECTED, 48, "X509 error 20", "an unknown authority");
	ok(tells(b.client->story, " what to do if its issuer is to be trusted, name it: kseald --ca, ") &&
	   tells(b.server->story, " what to do the peer has to trust the issuer of this end's certificate;"),
	   "what both can do");
	both_free(&b);

	b = shake_and_tell(profile("must"), profile(NULL), NAME);
	fails(b, b.client, EKEYREJECTED, 113, "came without", "no staple, and there has to be one");
	ok(tells(b.client->story, " what to do the server needs a new OCSP staple, "), "what is needed");
	both_free(&b);
}

/* Under the keys of the data: a server has sent its Finished, a client comes without certificate. */
static void refused_late(void)
{
	struct settings serving = profile("ec");
	struct both b;

	serving.clients = SETTINGS_CLIENTS_REQUIRED;
	string_list_add(&serving.client_ca, path_of("ca", ".pem"));
	b = shake_and_tell(serving, profile(NULL), NAME);
	expect_failure(b.server, EKEYREJECTED, 116, "", "no certificate of the client");
	ok(tells(b.server->story, "-> Alert encrypted, application keys 2 bytes alert certificate_required (116), ") &&
	   tells(b.server->story, " what to do this profile wants clients to have a certificate"),
	   "the alert is encrypted");
	both_free(&b);
}

static void nothing_in_common(void)
{
	struct settings serving = profile("ec"), connecting = profile(NULL);
	struct both b;

	serving.version_max = KSEAL_VERSION_1_2;
	connecting.version_min = KSEAL_VERSION_1_3;
	b = shake_and_tell(serving, connecting, NAME);
	fails(b, b.server, EPROTO, 70, "", "no version in common");
	ok(tells(b.server->story, " versions TLS 1.3 ") &&
	   tells(b.server->story, " what to do the ends have no version in common: ") &&
	   tells(b.client->story, "<- Alert in clear ") &&
	   tells(b.client->story, "== failed: refused by the peer "), "both stories");
	both_free(&b);

	serving = profile("ec");
	connecting = profile(NULL);
	string_list_add(&serving.alpn, "h2");
	string_list_add(&connecting.alpn, "smtp");
	b = shake_and_tell(serving, connecting, NAME);
	fails(b, b.server, EPROTO, 120, "", "no protocol in common");
	ok(tells(b.server->story, " ALPN \"smtp\" ") && tells(b.server->story, ": compare ALPN above ") &&
	   tells(b.client->story, ": see alpn in kseald.conf"), "its story");
	both_free(&b);
}

static void not_tls(void)
{
	struct settings settings = profile("ec");
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);

	end->explain = true;
	end->chunk = 100;
	ends[0] = end;
	ends[1] = NULL;
	relay_receive(end, "GET / HTTP/1.1\r\n\r\n", 18);
	give(helper, end);
	ok(end->error == EPROTO && tells(end->story, "== failed: refused by this end why the handshake failed: ") &&
	   tells(end->story, " errno EPROTO "), "HTTP instead of TLS");
	relay_free(end);
	helper_free(helper);
}

/* ---- who is told ---- */

static bool log_has(const char *path, const char *words)
{
	char line[1024];
	FILE *file = fopen(path, "r");
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, words);
	fclose(file);
	return found;
}

/* Neither: nothing is made. The log alone: nothing goes to the kernel. */
static void who_is_told(void)
{
	char path[160];
	struct both b;
	char words[64];
	SSL_CTX *ctx;
	SSL *ssl = an_ssl(&ctx);
	int out = dup(2);

	snprintf(path, sizeof(path), "%s", path_of("log", ""));
	ok(!explain_new(ssl, KSEAL_ROLE_CLIENT, 1, false), "nobody asks: there is no story");
	explain_message(NULL, true, SSL3_RT_HANDSHAKE, (const uint8_t[4]){ 0 }, 4);
	explain_end(NULL, NULL, NULL);
	explain_free(NULL);
	ok(!explain_take(NULL), "and that is no harm");
	b = shake(profile("ec"), profile(NULL), NAME);
	ok(!b.server->story[0] && !b.client->story[0] && !b.server->wrong, "nor is one sent");
	both_free(&b);

	if (!freopen(path, "w", stderr))
		abort();
	log_set_level(LOG_LEVEL_DEBUG);
	b = shake(profile("ec"), profile(NULL), NAME);
	snprintf(words, sizeof(words), "kseald: %016llx: -> ClientHello (1)  ", (unsigned long long)b.client->cookie);
	fflush(stderr);
	dup2(out, 2);
	log_set_level(LOG_LEVEL_INFO);
	ok(log_has(path, words) && log_has(path, ":      server name   \"" NAME "\"") &&
	   log_has(path, ": == done: TLS 1.3, ") && !b.server->story[0] && !b.client->story[0],
	   "the log has it, with the request's cookie");
	both_free(&b);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(out);
}

int main(void)
{
	make_files();
	tls13();
	tls12();
	retried();
	client_certificates(KSEAL_VERSION_1_3);
	client_certificates(KSEAL_VERSION_1_2);
	external_key();
	resumed(TLS1_3_VERSION);
	resumed(TLS1_2_VERSION);
	client_resumed();
	refused_here();
	refused_late();
	nothing_in_common();
	not_tls();
	who_is_told();
	return remove_files() || done_testing();
}
