// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/foresee.c: which clients' Finished are foreseen. That each is the one that then
 * comes is seen in every handshake of these tests: sealed.h compares.
 */
#include <sys/stat.h>
#include "metrics.h"
#include "profile.h"
#include "talk.h"
#include "tickets.h"
#include "visitor.h"

static const char *name_of(uint16_t version)
{
	return version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2";
}

/* Returns whether it was resumed. */
static bool visit(struct settings settings, uint16_t version, bool foreseen, const char *what)
{
	bool behind = foreseen && settings.tickets && version == TLS1_3_VERSION;
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	bool resumed = come(&plain, helper, end, version, got);

	if (!ok(end->done && !end->error && !end->wrong && !!end->finished_len == foreseen && talks(&plain, end),
		"%s, %s%s: %s", name_of(version), what, resumed ? ", resumed" : "",
		foreseen ? "foreseen" : "waited for"))
		note("done %d error %d %s, %zu bytes", end->done, end->error, end->reason, end->finished_len);
	ok(!!end->behind_len == behind, "%zu bytes of tickets wait for it", end->behind_len);
	go(&plain, helper, end, version);
	return resumed;
}

static struct settings with_tickets(void)
{
	struct settings settings = profile("ec");

	settings.tickets = true;
	settings.ticket_keys = strdup(path_of("tickets", ""));
	return settings;
}

static void servers(uint16_t version)
{
	uint8_t key[TICKETS_FILE_LEN] = { 5 };
	struct settings settings;

	mkdir(path_of("tickets", ""), 0700);
	write_bytes(path_of("tickets/5", ""), key, sizeof(key));
	visit(with_tickets(), version, version == TLS1_3_VERSION, "a server");
	ok(visit(with_tickets(), version, true, "a server"), "it is resumed");
	forget();
	visit(profile("ec"), version, version == TLS1_3_VERSION, "without tickets");
	forget();

	settings = with_tickets();
	settings.clients = SETTINGS_CLIENTS_OPTIONAL;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	visit(settings, version, false, "one that asks for a certificate");
	remove(path_of("tickets/5", ""));
	forget();
}

/* A story is told in its order. */
static void told(void)
{
	struct settings settings = profile("ec");
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	end->explain = true;
	against(&plain, helper, end);
	ok(end->done && !end->error && !end->finished_len && strstr(end->story, "-> Finished (20)") &&
	   strstr(end->story, "<- Finished (20)"), "who is told of it waits for it");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* The client finds our certificate no good, which the kernel is the first to know. */
static void refused(void)
{
	struct settings settings = profile("ec");
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct helper_cancel cancel = {
		.cookie = end->cookie, .error = EKEYREJECTED, .has_alert = true, .alert = 48,
		.reason = "the peer refused: alert unknown_ca (48)",
	};
	char *text = NULL;
	size_t len;
	FILE *out;

	SSL_set_verify(plain.ssl, SSL_VERIFY_PEER, NULL);
	against(&plain, helper, end);
	expect_failure(end, EKEYREJECTED, 48, "alert unknown_ca", "a client that does not trust us");
	ok(!request_count(helper->table), "kseald has forgotten it");
	request_cancel(helper->table, &cancel);
	out = open_memstream(&text, &len);
	metrics_print(out);
	fclose(out);
	ok(strstr(text, "handshakes_failed_total{error=\"EKEYREJECTED\",alert=\"unknown_ca\"} 1"),
	   "and counts it when it is told");
	cancel.reason[0] = '\0';
	request_cancel(helper->table, &cancel);
	free(text);
	out = open_memstream(&text, &len);
	metrics_print(out);
	fclose(out);
	ok(strstr(text, "alert=\"unknown_ca\"} 1"), "but not one that nobody says more of");
	free(text);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

int main(void)
{
	shake_init("DNS:" NAME);
	make_files();
	servers(TLS1_3_VERSION);
	servers(TLS1_2_VERSION);
	told();
	refused();
	return remove_files() || done_testing();
}
