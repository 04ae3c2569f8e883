// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The profiles; see profiles.h.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "profiles.h"

struct profiles {
	pthread_mutex_t lock;
	struct context **at;
	size_t count;
};

struct profiles *profiles_new(void)
{
	struct profiles *profiles = calloc(1, sizeof(*profiles));

	if (profiles)
		pthread_mutex_init(&profiles->lock, NULL);
	return profiles;
}

static void drop(struct context **at, size_t count)
{
	while (count)
		context_unref(at[--count]);
	free(at);
}

void profiles_free(struct profiles *profiles)
{
	if (!profiles)
		return;
	drop(profiles->at, profiles->count);
	pthread_mutex_destroy(&profiles->lock);
	free(profiles);
}

/* Each profile's context, or NULL with why. All settings are taken over in any case. */
static struct context **make_contexts(struct settings *settings, size_t n, char *why, size_t size)
{
	struct context **at = calloc(n, sizeof(struct context *));
	size_t i, made = 0;

	snprintf(why, size, "no memory for the profiles");
	for (i = 0; i < n; i++) {
		char name[sizeof(settings->name)], reason[512];

		if (!at || made < i) {
			settings_free(&settings[i]);
			continue;
		}
		memcpy(name, settings[i].name, sizeof(name));
		at[i] = context_new(&settings[i], reason, sizeof(reason));
		if (at[i])
			made++;
		else
			snprintf(why, size, "profile \"%s\": %s", name, reason);
	}
	if (at && made == n)
		return at;
	drop(at, made);
	return NULL;
}

int profiles_load(struct profiles *profiles, struct settings *settings, size_t n, char *why,
		  size_t size)
{
	struct context **at, **before;
	size_t count;

	kernel_look();
	at = make_contexts(settings, n, why, size);
	if (!at)
		return -1;
	pthread_mutex_lock(&profiles->lock);
	before = profiles->at;
	count = profiles->count;
	profiles->at = at;
	profiles->count = n;
	pthread_mutex_unlock(&profiles->lock);
	drop(before, count);
	return 0;
}

struct context *profiles_get(struct profiles *profiles, const char *name)
{
	struct context *found = NULL;
	size_t i;

	pthread_mutex_lock(&profiles->lock);
	for (i = 0; i < profiles->count && !found; i++)
		if (!strcmp(context_name(profiles->at[i]), name))
			found = context_ref(profiles->at[i]);
	pthread_mutex_unlock(&profiles->lock);
	return found;
}

bool profiles_serve(struct profiles *profiles)
{
	bool serve = false;
	size_t i;

	pthread_mutex_lock(&profiles->lock);
	for (i = 0; i < profiles->count; i++)
		serve |= context_can(profiles->at[i], KSEAL_ROLE_SERVER);
	pthread_mutex_unlock(&profiles->lock);
	return serve;
}

void profiles_describe(struct profiles *profiles, FILE *out)
{
	size_t i;

	pthread_mutex_lock(&profiles->lock);
	for (i = 0; i < profiles->count; i++)
		context_describe(profiles->at[i], out);
	pthread_mutex_unlock(&profiles->lock);
}
