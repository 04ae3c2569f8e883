// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions that are resumed: the tickets of our servers, early data, which they pass
 * over, and what our clients keep of other servers'.
 */
#include <errno.h>
#include <time.h>
#include <sys/stat.h>
#include "profile.h"
#include "sessions.h"
#include "talk.h"
#include "tickets.h"
#include "visitor.h"

/* ---- tickets ---- */

/* A client that keeps what it gets, and comes with what it has. Returns whether it
 * was resumed.
 */
static bool visit(struct settings settings, uint16_t version, uint64_t *seq)
{
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	bool resumed = come(&plain, helper, end, version, got);

	ok(end->done && !end->error && talks(&plain, end), "TLS %s, %s: data in both directions",
	   version == TLS1_3_VERSION ? "1.3" : "1.2", resumed ? "resumed" : "in full");
	*seq = end->tx.seq - 1;
	go(&plain, helper, end, version);
	return resumed;
}

static struct settings with_tickets(const char *directory)
{
	struct settings settings = profile("ec");

	settings.tickets = true;
	if (directory)
		settings.ticket_keys = strdup(path_of(directory, ""));
	return settings;
}

static void tickets(uint16_t version)
{
	uint8_t key[TICKETS_FILE_LEN];
	uint64_t seq;

	mkdir(path_of("tickets", ""), 0700);
	memset(key, 1, sizeof(key));
	write_bytes(path_of("tickets/1", ""), key, sizeof(key));
	ok(!visit(with_tickets("tickets"), version, &seq) && got, "a ticket is given");
	ok(seq == (version == TLS1_3_VERSION ? 2 : 1), "the sequence number counts them: %llu",
	   (unsigned long long)seq);
	/* another host: another helper with the same files */
	ok(visit(with_tickets("tickets"), version, &seq), "and taken by another host");
	/* a new key seals, the old one opens */
	memset(key, 2, sizeof(key));
	write_bytes(path_of("tickets/2", ""), key, sizeof(key));
	ok(visit(with_tickets("tickets"), version, &seq), "after a new key was added");
	remove(path_of("tickets/1", ""));
	ok(visit(with_tickets("tickets"), version, &seq), "the new ticket is of the new key");
	ok(!visit(with_tickets(NULL), version, &seq), "who has not the key does it in full");
	remove(path_of("tickets/2", ""));
	forget();
}

/* Who came without a certificate cannot stay without one where it is required. */
static void ticket_of_a_stranger(uint16_t version)
{
	struct settings settings;
	struct helper *helper;
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	uint8_t key[TICKETS_FILE_LEN] = { 3 };
	uint64_t seq;

	write_bytes(path_of("tickets/3", ""), key, sizeof(key));
	visit(with_tickets("tickets"), version, &seq);
	settings = with_tickets("tickets");
	settings.clients = SETTINGS_CLIENTS_REQUIRED;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	helper = helper_with(&settings);
	SSL_set_max_proto_version(plain.ssl, version);
	SSL_set_session(plain.ssl, got);
	against(&plain, helper, end);
	expect_failure(end, EKEYREJECTED, version == TLS1_3_VERSION ? 116 : 40, "",
		       "a ticket is no client certificate");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
	remove(path_of("tickets/3", ""));
	forget();
}

/* A ticket with the client's certificate in it, in records of 512 bytes: the sequence
 * number counts records.
 */
static void ticket_in_parts(void)
{
	struct settings settings = with_tickets(NULL);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct helper *helper;
	char text[64];

	settings.clients = SETTINGS_CLIENTS_REQUIRED;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	helper = helper_with(&settings);
	SSL_use_certificate_file(plain.ssl, path_of("client", ".pem"), SSL_FILETYPE_PEM);
	SSL_use_PrivateKey_file(plain.ssl, path_of("client", ".key"), SSL_FILETYPE_PEM);
	SSL_set_tlsext_max_fragment_length(plain.ssl, TLSEXT_max_fragment_length_512);
	against(&plain, helper, end);
	SSL_read(plain.ssl, text, sizeof(text));
	ok(end->done && !end->error && end->tx.seq > 2 && talks(&plain, end),
	   "tickets in %llu records", (unsigned long long)end->tx.seq);
	ok(end->record_limit == 512, "the peer takes %u bytes in a record", end->record_limit);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* ---- early data ---- */

/* A client that believes it may send some, which we do not take: it is passed over, up
 * to the Finished (RFC 8446 4.2.10). retry: it has to say its hello twice.
 */
static void early_data(bool retry)
{
	struct settings settings = with_tickets("tickets");
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	uint8_t key[TICKETS_FILE_LEN] = { 4 };
	struct helper *helper;
	uint64_t seq;
	size_t n;

	write_bytes(path_of("tickets/4", ""), key, sizeof(key));
	visit(with_tickets("tickets"), TLS1_3_VERSION, &seq);
	if (retry) {
		string_list_add(&settings.groups, "P-256");
		SSL_set1_groups_list(plain.ssl, "X25519:P-256");
	}
	helper = helper_with(&settings);
	SSL_SESSION_set_max_early_data(got, 16384);
	SSL_set_session(plain.ssl, got);
	ok(SSL_write_early_data(plain.ssl, "GET / HTTP/1.0", 14, &n) == 1 && n == 14,
	   "early data is sent%s", retry ? ", before a HelloRetryRequest" : "");
	against(&plain, helper, end);
	ok(end->done && !end->error && !end->wrong && talks(&plain, end), "it is passed over: %s",
	   end->error ? end->reason : end->suite);
	ok(SSL_get_early_data_status(plain.ssl) == SSL_EARLY_DATA_REJECTED, "the client is told");
	ok(SSL_session_reused(plain.ssl), "and its session is resumed");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
	remove(path_of("tickets/4", ""));
	forget();
}

/* ---- our clients ---- */

static SSL_CTX *server_ctx;		/* whose tickets are good as long as it lives */
static bool no_lifetime;		/* what they say of it: 0 s */

/* What the kernel would hand on: each message in the records that follow the handshake. */
static void hand_on(struct helper *helper, struct relay_end *end)
{
	uint8_t text[RELAY_IN_MAX / 16];
	const uint8_t *record = end->in;

	while (record + 5 < end->in + end->in_len) {
		size_t size = 5 + (size_t)(record[3] << 8 | record[4]);
		int n = open_record(end, &end->rx, record, size, text);

		record += size;
		for (uint8_t *at = text; n > 1 && text[n - 1] == SSL3_RT_HANDSHAKE && at < text + n - 1;) {
			struct helper_late late = {
				.cookie = end->cookie, .bytes = at,
				.len = 4 + (size_t)(at[1] << 16 | at[2] << 8 | at[3]),
			};

			if (no_lifetime)
				memset(at + 4, 0, 4);
			request_message(helper->table, &late);
			at += late.len;
		}
	}
}

static char identity[KSEAL_NAME_MAX + 1];	/* of the server, as the last call() had it */

/* A handshake with the server; what: tickets are handed on. Returns whether it was resumed. */
static bool call(struct helper *helper, const char *name, uint16_t version, bool tickets_too)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, name);
	struct plain plain = plain_new(true);
	bool resumed;

	SSL_free(plain.ssl);
	SSL_CTX_free(plain.ctx);
	SSL_CTX_up_ref(server_ctx);
	plain.ctx = server_ctx;
	plain.ssl = SSL_new(server_ctx);
	SSL_set_bio(plain.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_accept_state(plain.ssl);
	SSL_set_max_proto_version(plain.ssl, version);
	against(&plain, helper, end);
	resumed = SSL_session_reused(plain.ssl);
	snprintf(identity, sizeof(identity), "%s", end->peer_identity);
	if (tickets_too)
		hand_on(helper, end);
	else if (version == TLS1_3_VERSION)
		/* they are read all the same */
		end->rx.seq += SSL_get_num_tickets(plain.ssl) >> resumed;
	ok(end->done && !end->error && !end->wrong && talks(&plain, end) &&
	   !strcmp(end->server_name, name), "a client, TLS %s, %s",
	   version == TLS1_3_VERSION ? "1.3" : "1.2", end->error ? end->reason :
	   resumed ? "resumes" : "in full");
	SSL_set_shutdown(plain.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	plain_free(&plain);
	relay_free(end);
	return resumed;
}

static struct helper *caller(bool tickets_too)
{
	struct settings settings = profile(NULL);

	settings.tickets = tickets_too;
	return helper_with(&settings);
}

static void serve(const char *cert)
{
	struct plain plain = plain_new(true);

	server_ctx = plain.ctx;
	SSL_free(plain.ssl);
	SSL_CTX_use_certificate_file(server_ctx, path_of(cert, ".pem"), SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(server_ctx, path_of(cert, ".key"), SSL_FILETYPE_PEM);
	SSL_CTX_set_session_id_context(server_ctx, (const uint8_t *)"x", 1);
}

static void stop_serving(void)
{
	SSL_CTX_free(server_ctx);
	server_ctx = NULL;
}

static void client_resumes(uint16_t version)
{
	struct helper *helper = caller(true), *without = caller(false);

	serve("ec");
	ok(!call(helper, NAME, version, true) && request_count(helper->table) == 0, "the first time");
	ok(call(helper, NAME, version, true), "the second time it is resumed");
	ok(call(helper, NAME, version, true), "the third as well");
	ok(!call(without, NAME, version, true) && !call(without, NAME, version, true),
	   "not without tickets = yes");
	stop_serving();
	/* another server of this name, which knows nothing of it */
	serve("rsa");
	ok(!call(helper, NAME, version, true), "another server's ticket is no harm");
	stop_serving();
	helper_free(helper);
	helper_free(without);
}

/* Who a certificate says its owner is was looked at, or it is no identity; also later. */
static void whose_it_was(uint16_t version)
{
	const char *protocol = version == TLS1_3_VERSION ? "1.3" : "1.2";
	struct helper *trusting = caller(true), *pinning;
	struct settings settings;

	settings_default(&settings, "default");
	string_list_add(&settings.pins, pin_of("ec"));
	pinning = helper_with(&settings);
	serve("ec");
	call(trusting, NAME, version, true);
	ok(call(trusting, NAME, version, true) && !strcmp(identity, "CN=ec"),
	   "TLS %s, resumed: the identity that was verified: %s", protocol, identity);
	ok(!call(pinning, NAME, version, true) && !identity[0], "with a pin alone there is none");
	ok(call(pinning, NAME, version, true) && !identity[0], "nor when that is resumed: '%s'", identity);
	stop_serving();
	helper_free(trusting);
	helper_free(pinning);
}

static void ticket_is_used_once(void)
{
	struct helper *helper = caller(true);
	int resumed = 0;

	serve("ec");
	call(helper, NAME, TLS1_3_VERSION, true);
	/* a server gives two */
	for (int i = 0; i < 3; i++)
		resumed += call(helper, NAME, TLS1_3_VERSION, false);
	ok(resumed == 2, "two tickets are used once each: %d", resumed);
	call(helper, NAME, TLS1_3_VERSION, true);
	request_expire(helper->table, 1000 + 60000);
	ok(call(helper, NAME, TLS1_3_VERSION, false), "what was kept stays");
	stop_serving();
	serve("other");
	ok(!call(helper, "other.example.org", TLS1_3_VERSION, true) &&
	   call(helper, "other.example.org", TLS1_3_VERSION, false), "each name has its own");
	stop_serving();
	helper_free(helper);
}

/* RFC 8446 4.6.1: a lifetime of 0 is that of no ticket at all. */
static void ticket_for_nothing(void)
{
	struct helper *helper = caller(true);

	serve("ec");
	no_lifetime = true;
	call(helper, NAME, TLS1_3_VERSION, true);
	no_lifetime = false;
	ok(!call(helper, NAME, TLS1_3_VERSION, false), "a ticket that lives for 0 s is not kept");
	stop_serving();
	helper_free(helper);
}

/* A message too late, of nobody, of no good form. */
static void bad_messages(void)
{
	static const uint8_t broken[] = { SSL3_MT_NEWSESSION_TICKET, 0, 0, 2, 1, 2 };
	static const uint8_t hello[] = { SSL3_MT_HELLO_REQUEST, 0, 0, 0 };
	struct helper *helper = caller(true);

	serve("ec");
	for (int i = 0; i < 3; i++) {
		struct relay_end *end = relay_new(KSEAL_ROLE_CLIENT, NAME);
		struct plain plain = { server_ctx, SSL_new(server_ctx) };
		struct helper_late late = { end->cookie, i == 1 ? hello : broken,
					    i == 1 ? sizeof(hello) : sizeof(broken) };

		SSL_CTX_up_ref(server_ctx);
		SSL_set_bio(plain.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
		SSL_set_accept_state(plain.ssl);
		against(&plain, helper, end);
		if (i == 2)
			request_expire(helper->table, 1000 + 60000);
		else
			request_message(helper->table, &late);
		/* nobody is there any more */
		hand_on(helper, end);
		ok(end->done && !end->error && !call(helper, NAME, TLS1_3_VERSION, false),
		   i == 0 ? "a broken ticket ends it" : i == 1 ? "so does a HelloRequest" :
		   "too late a ticket is not kept");
		plain_free(&plain);
		relay_free(end);
	}
	stop_serving();
	helper_free(helper);
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* Linux's time(2) goes by the tick, and is behind other clocks by some milliseconds: here
 * by as much as is said.
 */
static time_t behind;

time_t time(time_t *at)
{
	time_t now = seconds() - behind;

	if (at)
		*at = now;
	return now;
}

/* One that is as it would be age seconds after it was begun; the rest is of a real one. */
static SSL_SESSION *make_session(SSL_SESSION *real, long age)
{
	SSL_SESSION *session = SSL_SESSION_dup(real);

#if OPENSSL_VERSION_NUMBER >= 0x30400000L
	SSL_SESSION_set_time_ex(session, seconds() - age);
#else
	SSL_SESSION_set_time(session, (long)seconds() - age);
#endif
	return session;
}

/* What is kept, without handshakes around it. */
static void bounds(void)
{
	struct sessions *sessions = sessions_new();
	SSL_SESSION *real, *session;
	uint64_t seq;
	char name[32];
	int kept = 0;

	visit(with_tickets(NULL), TLS1_3_VERSION, &seq);
	real = got;
	sessions_put(sessions, NAME, make_session(real, 0));
	session = sessions_take(sessions, NAME);
	ok(session && !sessions_take(sessions, NAME), "a session is given once");
	SSL_SESSION_free(session);
	/* OpenSSL 3.5 gives it a time by another clock */
	behind = 1;
	sessions_put(sessions, NAME, make_session(real, 0));
	session = sessions_take(sessions, NAME);
	behind = 0;
	ok(session, "one of this second, too, where time() is still in the last");
	SSL_SESSION_free(session);
	sessions_put(sessions, NAME, make_session(real, (long)SSL_SESSION_get_ticket_lifetime_hint(real)));
	ok(!sessions_take(sessions, NAME), "not after its lifetime");
	session = make_session(real, 8 * 86400);
	SSL_SESSION_up_ref(session);
	sessions_put(sessions, NAME, session);
	sessions_put(sessions, NAME, make_session(session, 0));
	SSL_SESSION_free(session);
	ok(!sessions_take(sessions, NAME), "nor renewed, a week after the full handshake");
	for (int i = 0; i < 2 * SESSIONS_NAME; i++)
		sessions_put(sessions, NAME, make_session(real, 0));
	while ((session = sessions_take(sessions, NAME))) {
		SSL_SESSION_free(session);
		kept++;
	}
	ok(kept == SESSIONS_NAME, "no more than %d of a server: %d", SESSIONS_NAME, kept);
	for (int i = 0; i < SESSIONS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "host%d", i);
		sessions_put(sessions, name, make_session(real, 0));
	}
	ok(!sessions_take(sessions, "host9"), "the oldest go");
	session = sessions_take(sessions, "host10");
	ok(session, "and no others");
	SSL_SESSION_free(session);
	sessions_free(sessions);
	forget();
}

int main(void)
{
	make_files();
	tickets(TLS1_3_VERSION);
	tickets(TLS1_2_VERSION);
	ticket_of_a_stranger(TLS1_3_VERSION);
	ticket_of_a_stranger(TLS1_2_VERSION);
	ticket_in_parts();
	early_data(false);
	early_data(true);
	client_resumes(TLS1_3_VERSION);
	client_resumes(TLS1_2_VERSION);
	whose_it_was(TLS1_3_VERSION);
	whose_it_was(TLS1_2_VERSION);
	ticket_is_used_once();
	ticket_for_nothing();
	bad_messages();
	bounds();
	return remove_files() || done_testing();
}
