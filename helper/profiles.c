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

int profiles_load(struct profiles *profiles, struct settings *settings, size_t n, char *why,
		  size_t size)
{
	struct context **at = calloc(n, sizeof(struct context *)), **before = NULL;
	size_t i, count = 0;
	char reason[512] = "no memory", name[sizeof(settings->name)] = "";

	kernel_look();
	for (i = 0; i < n; i++) {
		memcpy(name, settings[i].name, sizeof(name));
		if (at && count == i)
			at[i] = context_new(&settings[i], reason, sizeof(reason));
		else
			settings_free(&settings[i]);
		if (at && at[i])
			count++;
		else if (count == i)
			snprintf(why, size, "profile \"%s\": %s", name, reason);
	}
	if (count == n) {
		pthread_mutex_lock(&profiles->lock);
		before = profiles->at;
		profiles->at = at;
		at = before;
		i = profiles->count;
		profiles->count = count;
		count = i;
		pthread_mutex_unlock(&profiles->lock);
		drop(at, count);
		return 0;
	}
	drop(at, count);
	return -1;
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
