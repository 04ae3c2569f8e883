// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/request.c (and tls.c, keys.c, verify.c below it) through whole
 * handshakes: the test is the kernel, see relay.h.
 */
#include <errno.h>
#include "shake.h"

/* what is chosen where both have everything */
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
#define FIRST_GROUP "X25519MLKEM768"
#else
#define FIRST_GROUP "x25519"
#endif

/* ---- what succeeds ---- */

static void success(const char *what, const char *cert, const char *name, size_t chunk)
{
	struct helper *helper = helper_new(cert, files.ca);
	struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct relay_end *client = relay_new(KSEAL_ROLE_CLIENT, name);
	bool address = name[0] == '1' || strchr(name, ':');

	server->chunk = client->chunk = chunk;
	relay(helper, client, helper, server);
	if (!ok(relay_agrees(server, client), "%s: keys agree crosswise", what))
		note("client %d %s, server %d %s", client->error, client->reason, server->error,
		     server->reason);
	ok(!server->in_len && !client->in_len && !request_count(helper->table),
	   "%s: nothing is left over", what);
	ok(!strcmp(client->suite, "TLS_AES_256_GCM_SHA384") && !strcmp(server->suite, client->suite) &&
	   !strcmp(client->group, FIRST_GROUP) && !strcmp(server->group, client->group),
	   "%s: suite %s and group %s", what, client->suite, client->group);
	ok(!strcmp(server->server_name, address ? "" : "www.example.org") &&
	   !strcmp(client->peer_identity, "CN=server of the test") && !server->peer_identity[0],
	   "%s: names", what);
	if (cert == files.long_cert)
		ok(server->parts > 0, "%s: in %u parts", what, server->parts + 1);
	else
		ok(!server->parts && !client->parts, "%s: in one part", what);
	if (!chunk)
		ok(server->messages == 1, "%s: the server was asked once, got %u", what,
		   server->messages);
	relay_free(server);
	relay_free(client);
	helper_free(helper);
}

/* The client writes behind its Finished: that is not the helper's. */
static void early_data_of_client(size_t chunk)
{
	static const uint8_t record[] = "\x17\x03\x03\x00\x20" "0123456789abcdef0123456789abcdef";
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct relay_end *client = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");

	server->chunk = chunk;
	client->early = record;
	client->early_len = sizeof(record) - 1;
	relay(helper, client, helper, server);
	ok(relay_agrees(server, client), "data behind Finished, %zu at once: keys agree", chunk);
	ok(server->in_len == sizeof(record) - 1 && !memcmp(server->in, record, sizeof(record) - 1),
	   "data behind Finished, %zu at once: is not consumed", chunk);
	relay_free(server);
	relay_free(client);
	helper_free(helper);
}

/* ---- against OpenSSL's own client and server ---- */

static void openssl_client(const char *suites, const char *groups, uint16_t cipher,
			   const char *group, unsigned int messages)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	SSL_set_ciphersuites(plain.ssl, suites);
	SSL_set1_groups_list(plain.ssl, groups);
	against(&plain, helper, end);
	ok(end->done && !end->error && !end->wrong && SSL_is_init_finished(plain.ssl),
	   "OpenSSL's client, %s, %s", suites, groups);
	ok(end->cipher == cipher && !strcmp(end->group, group) && end->messages == messages,
	   "cipher %u, group %s, %u messages", end->cipher, end->group, end->messages);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* Its two tickets come under the application key and are the kernel's to read. */
static void openssl_server(void)
{
	struct helper *helper = helper_new(NULL, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");
	struct plain plain = plain_new(true);
	size_t records = 0;

	against(&plain, helper, end);
	ok(end->done && !end->error && !end->wrong && SSL_is_init_finished(plain.ssl),
	   "OpenSSL's server");
	for (size_t at = 0; at + 5 <= end->in_len; records++) {
		if (end->in[at] != 23)
			break;
		at += 5 + ((size_t)end->in[at + 3] << 8 | end->in[at + 4]);
	}
	ok(records == 2 && !end->rx.seq, "its tickets are not consumed: %zu records", records);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void old_client(void)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	SSL_set_security_level(plain.ssl, 0);
	SSL_set_min_proto_version(plain.ssl, TLS1_VERSION);
	SSL_set_max_proto_version(plain.ssl, TLS1_1_VERSION);
	against(&plain, helper, end);
	expect_failure(end, EPROTO, 70, "protocol_version", "a client of TLS 1.1 only: refused");
	ok(end->last_len == 7 && end->last[0] == 21 && end->last[5] == 2 && end->last[6] == 70,
	   "a client of TLS 1.1 only: is sent the alert");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void no_common_suite(void)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	/* which OpenSSL itself offers at no other */
	SSL_set_security_level(plain.ssl, 0);
	SSL_set_min_proto_version(plain.ssl, TLS1_3_VERSION);
	SSL_set_ciphersuites(plain.ssl, "TLS_AES_128_CCM_8_SHA256");
	against(&plain, helper, end);
	expect_failure(end, EPROTO, 40, "handshake_failure", "a client with short tags only");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* The same bytes as an old client's refusal, but met by ours. */
static void old_server(void)
{
	struct helper *helper = helper_new(NULL, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");
	struct plain plain = plain_new(true);

	SSL_set_security_level(plain.ssl, 0);
	SSL_set_min_proto_version(plain.ssl, TLS1_VERSION);
	SSL_set_max_proto_version(plain.ssl, TLS1_1_VERSION);
	against(&plain, helper, end);
	expect_failure(end, EPROTO, 70, "the peer refused: alert protocol_version (70)",
		       "a server of TLS 1.1 only");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* ---- certificates and names ---- */

static void trust(void)
{
	struct helper *serving = helper_new(files.cert, files.ca);
	struct helper *distrusting = helper_new(NULL, files.other_ca);
	struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct relay_end *client = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");

	relay(distrusting, client, serving, server);
	expect_failure(client, EKEYREJECTED, 48, "certificate of www.example.org was not accepted",
		       "another authority: the client refuses");
	ok(strstr(client->reason, "(X509 error 20)") && strstr(client->reason, "--ca, or ca in kseald.conf"),
	   "another authority: %s", client->reason);
	expect_failure(server, EKEYREJECTED, 48, "the peer refused: alert unknown_ca (48)",
		       "another authority: the server hears of it");
	ok(!request_count(serving->table) && !request_count(distrusting->table),
	   "another authority: nothing is kept");
	relay_free(server);
	relay_free(client);
	helper_free(serving);
	helper_free(distrusting);
}

/* error 0: accepted */
static void name(const char *asked, int error, const char *words)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct relay_end *client = relay_new(KSEAL_ROLE_CLIENT, asked);

	relay(helper, client, helper, server);
	if (!error)
		ok(relay_agrees(server, client), "name \"%s\" is accepted", asked);
	else if (!ok(client->done && client->error == error && strstr(client->reason, words),
		     "name \"%s\" is refused: %s", asked ? asked : "", words))
		note("%d: %s", client->error, client->reason);
	if (error && error != EKEYREJECTED)
		ok(!server->begun, "and nothing was sent");
	relay_free(server);
	relay_free(client);
	helper_free(helper);
}

static void names(void)
{
	name("www.example.org", 0, NULL);
	name("WWW.Example.ORG.", 0, NULL);
	name("a.wild.example.org", 0, NULL);
	name("192.0.2.7", 0, NULL);
	name("2001:db8::7", 0, NULL);
	name("a.b.wild.example.org", EKEYREJECTED, "X509 error 62");
	name("partial1.example.org", EKEYREJECTED, "X509 error 62");
	name("example.org", EKEYREJECTED, "X509 error 62");
	name("server of the test", EINVAL, "neither an address nor a DNS name");
	name(".example.org", EINVAL, "neither an address nor a DNS name");
	name("*.wild.example.org", EINVAL, "neither an address nor a DNS name");
	name("192.0.2.8", EKEYREJECTED, "X509 error 64");
	name("", EDESTADDRREQ, "no server name");
	name(".", EDESTADDRREQ, "no server name");
	name(NULL, EDESTADDRREQ, "no server name");
}

/* ---- what goes wrong otherwise ---- */

static void profiles(void)
{
	struct helper *helper = helper_new(NULL, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");

	end->profile = "web";
	one_message(helper, end, NULL, 0);
	expect_failure(end, EINVAL, -1, "profile \"web\" is not known to kseald",
		       "an unknown profile");
	relay_free(end);

	end = relay_new(KSEAL_ROLE_SERVER, NULL);
	one_message(helper, end, "\x16\x03\x01\x00\x01\x01", 6);
	expect_failure(end, EINVAL, -1, "has no certificate", "a server without certificate");
	ok(!request_count(helper->table), "no request is kept");
	relay_free(end);
	helper_free(helper);
}

static void deadlines(void)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end[3];
	static const uint32_t limits[3] = { 500, 0, 200 };

	ok(request_next_deadline(helper->table) == 0, "no request, no deadline");
	for (size_t i = 0; i < 3; i++) {
		end[i] = ends[i] = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");
		end[i]->timeout_ms = limits[i];
		give(helper, end[i]);
	}
	ok(request_next_deadline(helper->table) == 1200, "the earliest comes first");
	request_expire(helper->table, 1199);
	ok(request_count(helper->table) == 3 && !end[2]->done, "nothing happens before");
	request_expire(helper->table, 1200);
	expect_failure(end[2], ETIMEDOUT, -1, "longer than 200 ms", "it is over in time");
	ok(request_next_deadline(helper->table) == 1500 && !end[0]->done, "then the next");
	request_expire(helper->table, 1000 + REQUEST_TIMEOUT_MS);
	ok(end[0]->error == ETIMEDOUT && end[1]->error == ETIMEDOUT &&
	   strstr(end[1]->reason, "30000 ms") && !request_count(helper->table),
	   "30 s without a limit of the kernel's");
	for (size_t i = 0; i < 3; i++) {
		relay_free(end[i]);
		ends[i] = NULL;
	}
	helper_free(helper);
}

static void kernel_says_no(void)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, "www.example.org");
	struct helper_cancel cancel = { .cookie = end->cookie, .error = ECONNRESET };

	ends[0] = end;
	give(helper, end);
	ok(request_count(helper->table) == 1, "a request is under way");
	request_cancel(helper->table, &cancel);
	request_cancel(helper->table, &cancel);
	ok(!request_count(helper->table) && !end->done, "cancelled, without an answer");

	relay_receive(end, "\x16\x03\x03\x00\x01\x02", 6);
	give(helper, end);
	expect_failure(end, EPROTO, -1, "does not know", "a message for a request that is gone");

	end->done = end->begun = false;
	end->in_len = 0;
	give(helper, end);
	request_refused(helper->table, end->cookie, -ESTALE, "gone", false);
	ok(!request_count(helper->table) && !end->done, "refused as stale: dropped in silence");

	end->begun = end->asked = false;
	give(helper, end);
	end->asked = true;
	request_refused(helper->table, end->cookie, -EINVAL, "BYTES: no", false);
	expect_failure(end, EPROTO, -1, "BYTES: no", "refused as invalid: the socket is told");
	end->done = end->wrong = false;
	request_refused(helper->table, end->cookie, -EINVAL, "again", true);
	ok(!end->done, "but not twice");

	end->begun = end->asked = false;
	sink_error = -ENOMEM;
	give(helper, end);
	sink_error = 0;
	ok(!request_count(helper->table), "an answer that cannot be sent ends the request");
	end->asked = true;
	request_garbled(helper->table, end->cookie);
	expect_failure(end, EPROTO, -1, "could not read", "a message that cannot be read");
	relay_free(end);
	helper_free(helper);
}

/* Many at once in one table, their messages interleaved; the table goes with some unfinished. */
static void many(void)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *all[8];
	bool agree = true;

	for (size_t i = 0; i < 8; i++)
		all[i] = ends[i] = relay_new(i % 2 ? KSEAL_ROLE_SERVER : KSEAL_ROLE_CLIENT,
					     i % 2 ? NULL : "www.example.org");
	for (size_t i = 0; i < 8; i += 2)
		relay_connect(all[i], all[i + 1]);
	for (size_t round = 0; round < 4; round++)
		for (size_t i = 0; i < 8; i++)
			if (i < 6 || round < 1)
				give(helper, all[i]);
	for (size_t i = 0; i < 6; i += 2)
		agree &= relay_agrees(all[i], all[i + 1]);
	ok(agree, "three handshakes interleaved");
	ok(!relay_keys_equal(&all[0]->tx, &all[2]->tx), "with keys of their own");
	ok(request_count(helper->table) == 1 && all[7]->finished_len && !all[7]->done,
	   "a fourth is left unfinished, its server's part by the kernel");
	for (size_t i = 0; i < 8; i++) {
		relay_free(all[i]);
		ends[i] = NULL;
	}
	helper_free(helper);
}

/* One step of the peer: no more than *left records of what it says arrive. */
static bool stalling_step(struct plain *plain, struct relay_end *end, unsigned int *left)
{
	static uint8_t bytes[65536];
	size_t at = 0, len;
	int got;

	if (end->peer->in_len)
		BIO_write(SSL_get_rbio(plain->ssl), end->peer->in, (int)end->peer->in_len);
	end->peer->in_len = 0;
	SSL_do_handshake(plain->ssl);
	got = BIO_read(SSL_get_wbio(plain->ssl), bytes, sizeof(bytes));
	for (; (int)at < got && *left; at += len, --*left) {
		len = 5 + (size_t)(bytes[at + 3] << 8 | bytes[at + 4]);
		relay_receive(end, bytes + at, len);
	}
	return at;
}

/* Returns whether the handshake came to its end, which it does if enough records come. */
static bool stalls_after(unsigned int records, enum kseal_role role, int version)
{
	struct helper *helper = helper_new(files.cert, files.ca);
	struct relay_end *end = relay_new(role, role == KSEAL_ROLE_CLIENT ? "www.example.org" : NULL);
	struct plain plain = plain_new(role == KSEAL_ROLE_CLIENT);
	unsigned int left = records;
	bool done;

	SSL_set_max_proto_version(plain.ssl, version);
	ends[0] = end;
	ends[1] = NULL;
	end->peer = relay_new(role, NULL);
	while (stalling_step(&plain, end, &left) | give(helper, end))
		;
	done = end->done;
	request_expire(helper->table, 1000 + 3600 * 1000);
	/* without its first record a server's handshake has not begun; when only Finished
	 * is to come, the kernel waits
	 */
	if (!done && !end->finished_len && (records || role == KSEAL_ROLE_CLIENT))
		expect_failure(end, ETIMEDOUT, -1, "took longer", "a peer that stalls");
	ok(!request_count(helper->table), "%s, %s: after %u records of the peer: %s",
	   role == KSEAL_ROLE_CLIENT ? "a client" : "a server", SSL_get_version(plain.ssl), records,
	   done && !end->error ? "done" : strerror(end->error));
	relay_free(end->peer);
	end->peer = NULL;
	relay_free(end);
	plain_free(&plain);
	helper_free(helper);
	return done;
}

static void stalls(void)
{
	for (int role = KSEAL_ROLE_SERVER; role <= KSEAL_ROLE_CLIENT; role++) {
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			unsigned int records = 0;

			while (!stalls_after(records, (enum kseal_role)role, version) && records < 10)
				records++;
			ok(records > 1 && records < 10, "%u records are enough", records);
		}
	}
}

int main(void)
{
	shake_init("DNS:www.example.org,DNS:*.wild.example.org,DNS:partial*.example.org,IP:192.0.2.7,IP:2001:db8::7");

	success("a handshake", files.cert, "www.example.org", 0);
	success("by address", files.cert, "192.0.2.7", 0);
	success("a chain of 121 certificates", files.long_cert, "www.example.org", 0);
	success("byte by byte", files.cert, "www.example.org", 1);
	success("7 bytes at a time", files.cert, "www.example.org", 7);
	success("1000 bytes at a time", files.long_cert, "www.example.org", 1000);
	early_data_of_client(0);
	early_data_of_client(1);
	early_data_of_client(100);
	openssl_client("TLS_AES_128_GCM_SHA256", "X25519", KSEAL_CIPHER_AES_GCM_128, "x25519", 1);
	openssl_client("TLS_AES_256_GCM_SHA384", "P-256", KSEAL_CIPHER_AES_GCM_256, "secp256r1", 1);
	openssl_client("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", "X448:P-384",
		       KSEAL_CIPHER_AES_GCM_128, "secp384r1", 2);
	openssl_server();
	old_client();
	no_common_suite();
	old_server();
	trust();
	names();
	profiles();
	deadlines();
	stalls();
	kernel_says_no();
	many();

	relay_files_free(&files);
	return done_testing();
}
