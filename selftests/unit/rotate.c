// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What time does to tickets that are sealed with kseald's own keys (helper/tickets.c): a
 * new key every lifetime, how long a ticket lives, and how long renewals keep a session
 * alive. The time is told here, kseald's in place of clock.c and OpenSSL's apart from it.
 */
#include <sys/time.h>
#include <time.h>
#include "clock.h"
#include "profile.h"
#include "visitor.h"

#define DAY	86400
#define LIFE	100	/* seconds */

static uint64_t told = 1000;		/* ms */
static int64_t wall_told;		/* seconds since 1970 */
static time_t ahead;			/* OpenSSL's, of what it is */

uint64_t clock_now(void)
{
	return told;
}

uint64_t clock_kept(void)
{
	return told;
}

int64_t clock_wall(void)
{
	return wall_told;
}

static time_t real_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

time_t time(time_t *at)
{
	time_t now = real_seconds() + ahead;

	if (at)
		*at = now;
	return now;
}

/* OpenSSL 3.5 asks this one */
int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
	(void)zone;
	*at = (struct timeval){ .tv_sec = time(NULL) };
	return 0;
}

static void pass(int64_t seconds)
{
	told += (uint64_t)seconds * 1000;
	wall_told += seconds;
}

/* ---- one kseald, and who comes to it ---- */

static struct helper *open_for(uint32_t lifetime)
{
	struct settings settings = profile("ec");

	settings.tickets = true;
	settings.ticket_lifetime = lifetime;
	wall_told = time(NULL);
	return helper_with(&settings);
}

/* Comes with a copy of session, which OpenSSL changes, or NULL; what it is given is in got.
 * Returns whether it was resumed.
 */
static bool visit(struct helper *helper, uint16_t version, SSL_SESSION *session)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	SSL_SESSION *copy = session ? SSL_SESSION_dup(session) : NULL;
	bool resumed = come(&plain, helper, end, version, copy);

	SSL_SESSION_free(copy);
	if (!end->done || end->error || end->wrong)
		ok(false, "a visit: %s", end->reason);
	go_from(&plain, end, version);
	return resumed;
}

/* Comes with the last ticket. */
static bool return_to(struct helper *helper, uint16_t version)
{
	return visit(helper, version, got);
}

/* The name of the key that a session's ticket is sealed with: its first 16 bytes. */
static bool same_key(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const unsigned char *tickets[2];
	size_t len[2];

	SSL_SESSION_get0_ticket(a, &tickets[0], &len[0]);
	SSL_SESSION_get0_ticket(b, &tickets[1], &len[1]);
	return len[0] > 16 && len[1] > 16 && !memcmp(tickets[0], tickets[1], 16);
}

/* got, to come with again; for the caller to free. */
static SSL_SESSION *keep(void)
{
	SSL_SESSION_up_ref(got);
	return got;
}

static const char *name_of(uint16_t version)
{
	return version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2";
}

/* ---- keys ---- */

static void keys_change(uint16_t version)
{
	struct helper *helper = open_for(LIFE);
	SSL_SESSION *first, *second;

	ok(!visit(helper, version, NULL) && got, "%s: a ticket is given", name_of(version));
	first = keep();
	pass(LIFE - 1);
	ok(visit(helper, version, first) && same_key(got, first),
	   "it is taken, and the key still the same after %d s", LIFE - 1);
	pass(1);
	ok(visit(helper, version, first), "after %d s the key before opens it", LIFE);
	second = keep();
	ok(!same_key(second, first), "and it is renewed, under a new key");
	pass(LIFE - 1);
	ok(visit(helper, version, first), "and once more, up to the next change");
	pass(1);
	ok(!visit(helper, version, first) && got && !same_key(got, first) && !same_key(got, second),
	   "two keys later nothing opens it, and there is a ticket of the newest");
	ok(visit(helper, version, second) && !same_key(got, second), "what it was renewed with lives on");
	ok(return_to(helper, version), "and so does what that was renewed with");
	SSL_SESSION_free(first);
	SSL_SESSION_free(second);
	forget();
	helper_free(helper);
}

/* Nobody came while keys should have changed: no key is kept longer for it. */
static void silence(uint16_t version)
{
	struct helper *helper = open_for(LIFE);

	visit(helper, version, NULL);
	pass(2 * LIFE - 1);
	ok(return_to(helper, version), "%s: nobody came for less than two lifetimes",
	   name_of(version));
	pass(2 * LIFE);
	ok(!return_to(helper, version), "for two: nothing opens a ticket of before");
	ok(return_to(helper, version), "but one of now");
	forget();
	helper_free(helper);
}

/* ---- tickets ---- */

static void set_time(SSL_SESSION *session)
{
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
	SSL_SESSION_set_time_ex(session, time(NULL));
#else
	SSL_SESSION_set_time(session, (long)time(NULL));
#endif
}

/* The client is told, and forgets; here it does not. */
static void lifetime(uint16_t version)
{
	struct helper *helper = open_for(LIFE);
	SSL_SESSION *first;

	visit(helper, version, NULL);
	ok(SSL_SESSION_get_ticket_lifetime_hint(got) == LIFE, "%s: a client is told %lu s",
	   name_of(version), SSL_SESSION_get_ticket_lifetime_hint(got));
	first = keep();
	ahead = LIFE - 2;
	set_time(first);
	ok(visit(helper, version, first), "its ticket is taken after %d s", LIFE - 2);
	ahead = LIFE + 2;
	set_time(first);
	ok(!visit(helper, version, first), "and not after %d s", LIFE + 2);
	ahead = 0;
	SSL_SESSION_free(first);
	forget();
	helper_free(helper);
}

/* A session that is resumed every day, each time with the last ticket. */
static void week(uint16_t version)
{
	struct helper *helper = open_for(DAY);
	int days = 0;

	visit(helper, version, NULL);
	do
		pass(DAY);
	while (return_to(helper, version) && ++days < 30);
	ok(days == 7, "%s: renewed every day, a session lives for %d days", name_of(version), days);
	pass(DAY);
	ok(return_to(helper, version), "the full handshake on the next began another");
	forget();
	helper_free(helper);
}

/* Up to the second, and what a clock that was set back may make of it. */
static void bounds(uint16_t version)
{
	struct helper *helper = open_for(DAY);
	int64_t began = wall_told;
	SSL_SESSION *first;

	visit(helper, version, NULL);
	first = keep();
	wall_told = began + 7 * DAY;
	ok(visit(helper, version, first), "%s: a week is not too long", name_of(version));
	wall_told++;
	ok(!visit(helper, version, first), "a second more is");
	wall_told = began - 60;
	ok(visit(helper, version, first), "a minute before it was made it is taken");
	wall_told--;
	ok(!visit(helper, version, first), "not earlier");
	SSL_SESSION_free(first);
	forget();
	helper_free(helper);
}

int main(void)
{
	make_files();
	for (uint16_t version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		keys_change(version);
		silence(version);
		lifetime(version);
		week(version);
		bounds(version);
	}
	return remove_files() || done_testing();
}
