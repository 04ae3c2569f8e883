// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When keys of a fleet are used (helper/rotation.h): arithmetic, names, decisions; then whole
 * fleets with a server, in simulated time, whose clocks differ.
 */
#include <stdlib.h>
#include <string.h>
#include "rotation.h"
#include "tap.h"

static const struct rotation hourly = { 3600000, 7200000 };

/* ---- arithmetic ---- */

static void epochs(void)
{
	const struct rotation odd = { 4000, 4001 };
	int64_t now = 100 * hourly.period;

	ok(rotation_epoch(&hourly, now) == 100 && rotation_epoch(&hourly, now - 1) == 99, "epochs");
	ok(rotation_newest(&hourly, now) == 101, "the next is fetched ahead");
	/* sealed by a late clock until 98.5, tickets live until 100.5, seen by an early one at 101 */
	ok(rotation_oldest(&hourly, now) == 97 && rotation_count(&hourly) == 5, "the oldest");
	ok(rotation_oldest(&odd, 4000 * 100) == 97, "a lifetime of a little more than a period");
	ok(rotation_ttl(&hourly) == 6 * hourly.period, "the server keeps them as long");
	ok(rotation_interval(&hourly) == 60000 && rotation_interval(&odd) == 400, "interval");
	ok(rotation_hold(&odd) > rotation_interval(&odd) * 2, "held back for longer than that");
}

static void ages(void)
{
	int64_t ttl = rotation_ttl(&hourly), now = 1000 * hourly.period;

	ok(rotation_since(&hourly, ttl, now) == now, "made just now");
	ok(rotation_since(&hourly, ttl - 60000, now) == now - 60000, "made a minute ago");
	ok(rotation_since(&hourly, 1, now) == now - hourly.period, "long ago");
	ok(rotation_since(&hourly, ttl + 60000, now) == now, "kept for longer than it should be");
	ok(rotation_since(&hourly, -1, now) == now - hourly.period, "kept for ever");
	ok(rotation_since(&hourly, INT64_MIN, now) == now - hourly.period &&
	   rotation_since(&hourly, INT64_MAX, now) == now, "what no server says");
}

/* ---- names ---- */

static bool round_trip(enum rotation_role role, int64_t epoch, const char *name)
{
	struct rotation_file file = { role, epoch, 0 }, again;
	char got[ROTATION_NAME_SIZE];

	rotation_name(&file, got);
	return !strcmp(got, name) && rotation_parse(got, &again) && again.role == role &&
	       again.epoch == epoch;
}

static void names(void)
{
	static const char *const not_ours[] = {
		"", "1", "kseald-keys-", "kseald-keys-seals-", "kseald-keys-seals-1",
		"kseald-keys-seals- 00000498696", "kseald-keys-seals--00000498696",
		"kseald-keys-seals-+00000498696", "kseald-keys-seals-000000498696.old",
		"kseald-keys-seals-0000000498696", "kseald-keys-opens-00000049869x",
		".kseald-keys-new", "kseald-keys-sealt-000000498696",
	};
	char a[ROTATION_NAME_SIZE], b[ROTATION_NAME_SIZE];
	struct rotation_file file;

	ok(round_trip(ROTATION_OPENS, 498696, "kseald-keys-opens-000000498696"), "a name");
	ok(round_trip(ROTATION_SEALS, 0, "kseald-keys-seals-000000000000"), "of the first epoch");
	ok(round_trip(ROTATION_SEALS, 999999999999, "kseald-keys-seals-999999999999"), "of the last");
	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++)
		ok(!rotation_parse(not_ours[i], &file), "not ours: '%s'", not_ours[i]);
	rotation_name(&(struct rotation_file){ ROTATION_SEALS, 9, 0 }, a);
	rotation_name(&(struct rotation_file){ ROTATION_OPENS, 10, 0 }, b);
	ok(strcmp(a, b) > 0, "one that seals is behind a later one that does not yet");
	rotation_name(&(struct rotation_file){ ROTATION_SEALS, 10, 0 }, b);
	ok(strcmp(a, b) < 0, "and before a later one that does");
}

/* ---- decisions ---- */

#define NOW	(100 * hourly.period + 1)
#define O(epoch, age)	{ ROTATION_OPENS, epoch, NOW - (age) }
#define S(epoch, age)	{ ROTATION_SEALS, epoch, NOW - (age) }
#define HOUR	3600000

static void next(const struct rotation_file *files, size_t n, int64_t reached, int expected,
		 const char *what)
{
	int got = rotation_next(&hourly, files, n, NOW, reached);

	if (!ok(got == expected, "%s", what))
		note("%d, not %d", got, expected);
}

static void decisions(void)
{
	const struct rotation_file
		first[] = { O(101, 0), O(100, 0), O(99, 0) },
		ahead[] = { O(101, 2 * HOUR), S(100, 1) },
		due[] = { S(99, HOUR), O(100, HOUR), O(101, 0) },
		late[] = { S(99, HOUR), O(100, HOUR / 4 - 1) },
		known[] = { S(99, HOUR), O(100, HOUR / 4) },
		old[] = { S(96, HOUR), O(100, HOUR / 4) },
		behind[] = { S(100, 0), O(99, HOUR) },
		wrong[] = { S(9000, 0), O(100, 0), O(9001, 0) },
		set[] = { S(99, HOUR), O(100, -9000 * (int64_t)HOUR) };

	next(NULL, 0, HOUR, -1, "nothing, of no keys");
	next(first, 3, -1, 1, "the first to seal is this epoch's, however new");
	next(ahead, 2, HOUR, -1, "the next epoch's does not seal yet");
	next(due, 3, HOUR, 1, "this epoch's seals once the epoch begins");
	next(late, 2, HOUR, -1, "one that came late is held back");
	next(known, 2, HOUR / 4, 1, "but not for ever");
	next(known, 2, HOUR / 4 - 1, -1, "nothing changes just after the server came back");
	next(known, 2, -1, -1, "nor while it is away");
	next(old, 2, 0, 1, "unless what seals is too old");
	next(old, 2, -1, -1, "as long as the server is away that goes on, too");
	next(behind, 2, HOUR, -1, "an older one never seals again");
	next(wrong, 3, HOUR, 1, "what a wrong clock made does not seal");
	next(set, 2, HOUR, 1, "nor is one held back whose time is that of a wrong clock");
	ok(rotation_sealing(&hourly, due, 3, NOW) == 0, "which seals");
	ok(rotation_sealing(&hourly, wrong, 3, NOW) == -1, "none does that a wrong clock made");
}

static void gone(const struct rotation_file *files, size_t n, size_t i, int64_t reached,
		 bool expected, const char *what)
{
	ok(rotation_obsolete(&hourly, files, n, i, NOW, reached) == expected, "%s", what);
}

static void removals(void)
{
	const struct rotation_file
		usual[] = { S(100, 1), S(97, HOUR), S(96, HOUR), O(97, HOUR), O(96, HOUR),
			    S(92, HOUR), S(91, HOUR), O(102, 0), O(101, 0) },
		alone[] = { S(50, HOUR), O(49, HOUR), O(101, 0) },
		wrong[] = { S(9000, 0), O(96, HOUR) };
	const int64_t steady = 5 * HOUR / 2;

	gone(usual, 9, 0, steady, false, "the one that seals stays");
	gone(usual, 9, 1, steady, false, "and those whose tickets may come");
	gone(usual, 9, 2, steady, true, "older ones go");
	gone(usual, 9, 3, steady, false, "likewise those that only open: they stay");
	gone(usual, 9, 4, steady, true, "and go");
	gone(usual, 9, 7, steady, true, "those of a wrong clock go");
	gone(usual, 9, 7, -1, true, "at once");
	gone(usual, 9, 8, steady, false, "that of the next epoch stays");
	gone(usual, 9, 2, steady - 1, false, "when the server was away older ones stay longer");
	gone(usual, 9, 2, -1, false, "likewise while it is");
	gone(usual, 9, 5, -1, false, "some of them");
	gone(usual, 9, 6, -1, true, "but not for ever");
	gone(alone, 3, 0, steady, false, "the last that seals stays whatever its age");
	gone(alone, 3, 1, steady, true, "without the older ones");
	gone(wrong, 2, 1, steady, false, "nothing goes where nothing seals");
}

/* ---- whole fleets ---- */

#define HOSTS	5
#define EPOCHS	400
#define KEPT	64
#define TICK	50

static const struct rotation fast = { 20000, 50000 };
#define PERIOD	20000

struct host {
	int64_t skew;		/* of its clock */
	int64_t from;		/* when it starts, in true time */
	int64_t fetch;		/* its next */
	bool off;
	int64_t since, last;	/* when it began to reach the server, and did last; 0: never */
	int64_t reached;
	struct rotation_file files[KEPT];
	size_t count;
};

struct fleet {
	struct host hosts[HOSTS];
	int64_t made[EPOCHS], until[EPOCHS];	/* the server's keys: when made, when they expire */
	int64_t used[EPOCHS];			/* when a host last sealed with each */
	unsigned int makers;			/* how many keys were made */
	bool away;				/* the server */
	unsigned int unknown, lost, most;	/* what went wrong; how many files there were */
};

static bool has(const struct host *host, int64_t epoch)
{
	for (size_t i = 0; i < host->count; i++)
		if (host->files[i].epoch == epoch)
			return true;
	return false;
}

/* As helper/fleet.c does it. */
static void fetch(struct fleet *fleet, struct host *host, int64_t now)
{
	int64_t local = now + host->skew, epoch;

	if (!host->last || now - host->last > rotation_gap(&fast))
		host->since = now;
	host->last = now;
	host->reached = now - host->since;
	for (epoch = rotation_oldest(&fast, local); epoch <= rotation_newest(&fast, local); epoch++) {
		bool there = has(host, epoch);

		if (fleet->until[epoch] <= now) {
			if (!there && epoch < rotation_epoch(&fast, local))
				continue;
			fleet->makers += !there;
			fleet->made[epoch] = now;
			fleet->until[epoch] = now + rotation_ttl(&fast);
		}
		if (!there)
			host->files[host->count++] = (struct rotation_file){
				ROTATION_OPENS, epoch,
				rotation_since(&fast, fleet->until[epoch] - now, local),
			};
	}
}

static void tend(struct fleet *fleet, struct host *host, int64_t now)
{
	int64_t local = now + host->skew;
	int next_one = rotation_next(&fast, host->files, host->count, local, host->reached);

	if (next_one >= 0)
		host->files[next_one].role = ROTATION_SEALS;
	for (size_t i = host->count; i-- > 0;)
		if (rotation_obsolete(&fast, host->files, host->count, i, local, host->reached))
			host->files[i] = host->files[--host->count];
	if (host->count > fleet->most)
		fleet->most = (unsigned int)host->count;
}

/* Every host opens what any has sealed. */
static void look(struct fleet *fleet, int64_t now)
{
	for (size_t i = 0; i < HOSTS; i++) {
		const struct host *host = &fleet->hosts[i];
		int sealing = rotation_sealing(&fast, host->files, host->count, now + host->skew);

		if (sealing < 0 || host->off)
			continue;
		fleet->used[host->files[sealing].epoch] = now;
		for (size_t k = 0; k < HOSTS; k++)
			if (fleet->hosts[k].count && !fleet->hosts[k].off && !has(&fleet->hosts[k], host->files[sealing].epoch))
				fleet->unknown++;
	}
	for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
		if (!fleet->used[epoch] || now - fleet->used[epoch] > fast.lifetime)
			continue;
		for (size_t k = 0; k < HOSTS; k++)
			/* who came later has what the server still has */
			if (fleet->hosts[k].count && !fleet->hosts[k].off && fleet->hosts[k].from < fleet->used[epoch] &&
			    !has(&fleet->hosts[k], epoch))
				fleet->lost++;
	}
}

static void live(struct fleet *fleet, int64_t from, int64_t to)
{
	for (int64_t now = from; now < to; now += TICK) {
		for (size_t i = 0; i < HOSTS; i++) {
			struct host *host = &fleet->hosts[i];

			if (host->off || now < host->from || now < host->fetch)
				continue;
			host->reached = -1;
			if (!fleet->away)
				fetch(fleet, host, now);
			tend(fleet, host, now);
			host->fetch = now + rotation_interval(&fast) / 2 +
				      random() % (rotation_interval(&fast) / 2);
		}
		look(fleet, now);
	}
}

/* Clocks are spread over so many ms; all hosts start at about the same time. */
static struct fleet *fleet_new(int64_t spread)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));

	for (size_t i = 0; i < HOSTS; i++) {
		fleet->hosts[i].skew = spread * (int64_t)i / (HOSTS - 1) - spread / 2;
		fleet->hosts[i].from = 20 * PERIOD + random() % 1000;
	}
	/* the first second of a fleet's life is one in which they do not know each other */
	live(fleet, 20 * PERIOD, 20 * PERIOD + 3000);
	fleet->unknown = 0;
	fleet->lost = 0;
	return fleet;
}

static void fares_well(struct fleet *fleet, const char *what)
{
	if (!ok(!fleet->unknown && !fleet->lost && fleet->most <= 2 * rotation_count(&fast), "%s", what))
		note("unknown %u, lost %u, files %u", fleet->unknown, fleet->lost, fleet->most);
	free(fleet);
}

#define START	(20 * PERIOD + 3000)
#define LATER(periods)	(START + (periods) * PERIOD)

static void fleets(void)
{
	struct fleet *fleet = fleet_new(0);

	live(fleet, START, LATER(100));
	/* 20 to 121, and no second one */
	ok(fleet->makers == 102, "each epoch's key is made once: %u", fleet->makers);
	fares_well(fleet, "clocks are right");

	fleet = fleet_new(PERIOD / 2);
	live(fleet, START, LATER(100));
	fares_well(fleet, "clocks differ by half a period");

	fleet = fleet_new(PERIOD * 3 / 2);
	live(fleet, START, LATER(100));
	ok(fleet->unknown, "by more than a period: keys seal that others do not know yet");
	free(fleet);

	fleet = fleet_new(PERIOD / 2);
	for (int i = 0; i < 10; i++) {
		live(fleet, LATER(12 * i), LATER(12 * i + 6) + i * 2000);
		fleet->away = true;
		live(fleet, LATER(12 * i + 6) + i * 2000, LATER(12 * i + 7 + i / 2));
		fleet->away = false;
		live(fleet, LATER(12 * i + 7 + i / 2), LATER(12 * i + 12));
	}
	fares_well(fleet, "the server is away for up to five periods, clocks differ");

	fleet = fleet_new(PERIOD / 2);
	for (int i = 0; i < 50; i++) {
		memset(fleet->until, 0, sizeof(fleet->until));
		live(fleet, LATER(i) + i * 400, LATER(i + 1) + (i + 1) * 400);
	}
	fares_well(fleet, "the server forgets everything once a period, clocks differ");
}

static void newcomers(void)
{
	struct fleet *fleet = fleet_new(PERIOD / 2);

	live(fleet, START, LATER(10));
	for (size_t i = 0; i < HOSTS - 1; i++) {
		/* as installed anew; the clock stays */
		fleet->hosts[i].count = 0;
		fleet->hosts[i].from = LATER(10 + 3 * (int)i) + 700 * (int)i;
		live(fleet, LATER(10 + 3 * (int)i), LATER(13 + 3 * (int)i));
	}
	fares_well(fleet, "a host comes anew");

	fleet = fleet_new(PERIOD / 2);
	live(fleet, START, LATER(10));
	fleet->hosts[2].off = true;
	live(fleet, LATER(10), LATER(60));
	fleet->hosts[2].off = false;
	fleet->hosts[2].from = LATER(60);
	fleet->hosts[2].last = 0;
	live(fleet, LATER(60), LATER(80));
	fares_well(fleet, "a host comes back with old keys");
}

int main(void)
{
	srandom(1);
	epochs();
	ages();
	names();
	decisions();
	removals();
	fleets();
	newcomers();
	return done_testing();
}
