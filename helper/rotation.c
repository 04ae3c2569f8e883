// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When keys of a fleet are used; see rotation.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "rotation.h"

#define INTERVAL_MAX	60000

static const char *const roles[] = { "kseald-keys-opens-", "kseald-keys-seals-" };

/* ---- epochs ---- */

int64_t rotation_epoch(const struct rotation *rotation, int64_t now)
{
	return now / rotation->period;
}

/*
 * A key may seal for half a period longer than its epoch, by a clock that is late; then its
 * last ticket lives on.
 */
int64_t rotation_oldest(const struct rotation *rotation, int64_t now)
{
	int64_t periods = (rotation->lifetime + rotation->period - 1) / rotation->period;

	return rotation_epoch(rotation, now) - periods - 1;
}

int64_t rotation_newest(const struct rotation *rotation, int64_t now)
{
	return rotation_epoch(rotation, now) + 1;
}

size_t rotation_count(const struct rotation *rotation)
{
	return (size_t)(rotation_newest(rotation, 0) - rotation_oldest(rotation, 0) + 1);
}

int64_t rotation_ttl(const struct rotation *rotation)
{
	return ((int64_t)rotation_count(rotation) + 1) * rotation->period;
}

int64_t rotation_since(const struct rotation *rotation, int64_t left, int64_t now)
{
	int64_t ttl = rotation_ttl(rotation), age;

	/* older makes no difference, and younger than now is a mistake */
	age = left < 0 ? ttl : left < ttl ? ttl - left : 0;
	return now - (age < rotation->period ? age : rotation->period);
}

int64_t rotation_hold(const struct rotation *rotation)
{
	return rotation->period / 4;
}

int64_t rotation_gap(const struct rotation *rotation)
{
	return rotation_hold(rotation) / 2;
}

int64_t rotation_interval(const struct rotation *rotation)
{
	return rotation->period / 10 < INTERVAL_MAX ? rotation->period / 10 : INTERVAL_MAX;
}

/* ---- names ---- */

bool rotation_parse(const char *name, struct rotation_file *file)
{
	char again[ROTATION_NAME_SIZE];
	size_t len = strlen(roles[0]);

	for (int role = ROTATION_OPENS; role <= ROTATION_SEALS; role++) {
		if (strncmp(name, roles[role], len) || sscanf(name + len, "%12" SCNd64, &file->epoch) != 1)
			continue;
		file->role = (enum rotation_role)role;
		rotation_name(file, again);
		return file->epoch >= 0 && !strcmp(name, again);
	}
	return false;
}

void rotation_name(const struct rotation_file *file, char name[ROTATION_NAME_SIZE])
{
	snprintf(name, ROTATION_NAME_SIZE, "%s%012" PRId64, roles[file->role], file->epoch);
}

/* ---- decisions ---- */

/* A time that cannot be was that of a clock which has been set since. */
static int64_t age(const struct rotation *rotation, const struct rotation_file *file, int64_t now)
{
	return file->since > now + rotation->period ? INT64_MAX : now - file->since;
}

int rotation_sealing(const struct rotation *rotation, const struct rotation_file *files, size_t n,
		     int64_t now)
{
	int last = -1;

	for (size_t i = 0; i < n; i++)
		if (files[i].role == ROTATION_SEALS &&
		    files[i].epoch <= rotation_newest(rotation, now) &&
		    (last < 0 || files[i].epoch > files[last].epoch))
			last = (int)i;
	return last;
}

int rotation_next(const struct rotation *rotation, const struct rotation_file *files, size_t n,
		  int64_t now, int64_t reached)
{
	int64_t hold = rotation_hold(rotation), epoch = rotation_epoch(rotation, now);
	int sealing = rotation_sealing(rotation, files, n, now);
	int64_t first = 0;
	int next = -1;

	/* any key is better than none */
	if (sealing >= 0)
		first = files[sealing].epoch + 1;
	/* while the server is away, and just after, others may not have what we have; but what
	 * has been off for so long that others no longer have its key takes theirs
	 */
	if (sealing >= 0 && reached < hold) {
		if (reached < 0 || files[sealing].epoch >= rotation_oldest(rotation, now))
			return -1;
		first = epoch;
	}
	for (size_t i = 0; i < n; i++) {
		const struct rotation_file *file = &files[i];

		if (file->role == ROTATION_SEALS || file->epoch > epoch || file->epoch < first ||
		    (sealing >= 0 && age(rotation, file, now) < hold))
			continue;
		if (next < 0 || file->epoch > files[next].epoch)
			next = (int)i;
	}
	return next;
}

bool rotation_obsolete(const struct rotation *rotation, const struct rotation_file *files,
		       size_t n, size_t i, int64_t now, int64_t reached)
{
	int sealing = rotation_sealing(rotation, files, n, now);
	int64_t epoch = files[i].epoch, oldest = rotation_oldest(rotation, now);

	if (sealing < 0 || (size_t)sealing == i)
		return false;
	/* a clock that was wrong made it */
	if (epoch > rotation_newest(rotation, now))
		return true;
	/* until the server was back others sealed with it, perhaps; but there must be an end */
	if (reached < rotation->lifetime + rotation->period / 2)
		oldest -= (int64_t)rotation_count(rotation);
	return epoch < oldest;
}
