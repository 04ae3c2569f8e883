// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "condition.h"

void condition_validators(const struct stat *st, struct validators *v)
{
	struct tm tm;

	v->mtime = st->st_mtime;
	snprintf(v->etag, sizeof(v->etag), "\"%lx-%llx-%llx.%lx\"", (unsigned long)st->st_ino,
		 (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		 (unsigned long)st->st_mtim.tv_nsec);
	if (!gmtime_r(&st->st_mtime, &tm) ||
	    !strftime(v->modified, sizeof(v->modified), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		v->modified[0] = '\0';
}

/* RFC 9110 5.6.7: three forms, all of which have to be read */
static bool read_date(const char *text, time_t *date)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};
	const char *end;
	struct tm tm;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, forms[i], &tm);
		if (end && !*end) {
			*date = timegm(&tm);
			return true;
		}
	}
	return false;
}

/*
 * Whether the list of entity tags names etag. RFC 9110 8.8.3.2: by strong comparison a
 * weak tag matches nothing; by weak comparison "W/" does not matter.
 */
static bool names_tag(const char *list, const char *etag, bool strong)
{
	size_t len;
	bool weak;

	for (;;) {
		list += strspn(list, " \t,");
		if (*list == '*')
			return true;
		weak = !strncmp(list, "W/", 2);
		list += weak ? 2 : 0;
		if (*list != '"' || !strchr(list + 1, '"'))
			return false;
		len = (size_t)(strchr(list + 1, '"') - list) + 1;
		if (!(weak && strong) && strlen(etag) == len && !memcmp(list, etag, len))
			return true;
		list += len;
	}
}

/* In the order of RFC 9110 13.2.2. */
unsigned int condition_check(const struct conditions *c, const struct validators *v)
{
	time_t date;

	if (c->match) {
		if (!names_tag(c->match, v->etag, true))
			return 412;
	} else if (c->unmodified_since && read_date(c->unmodified_since, &date)) {
		if (v->mtime > date)
			return 412;
	}
	if (c->none_match)
		return names_tag(c->none_match, v->etag, false) ? 304 : 0;
	if (c->modified_since && read_date(c->modified_since, &date) && v->mtime <= date)
		return 304;
	return 0;
}

bool condition_range(const struct conditions *c, const struct validators *v)
{
	if (!c->range)
		return true;
	if (c->range[0] == '"')
		return !strcmp(c->range, v->etag);
	/* RFC 9110 13.1.5: a date has to be the very one; a weak tag never does */
	return v->modified[0] && !strcmp(c->range, v->modified);
}
