// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <linux/kseal.h>
#include "lookups.h"

#define ADDRESSES 256		/* the oldest is forgotten */

static struct lookup {
	struct in6_addr address;	/* IPv4: mapped; zero: none */
	char name[KSEAL_NAME_MAX + 1];
} lookups[ADDRESSES];
static unsigned int next;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool as_in6(const struct sockaddr *sa, struct in6_addr *address)
{
	memset(address, 0, sizeof(*address));
	if (sa->sa_family == AF_INET6) {
		*address = ((const struct sockaddr_in6 *)sa)->sin6_addr;
		return true;
	}
	if (sa->sa_family != AF_INET)
		return false;
	address->s6_addr[10] = 0xff;
	address->s6_addr[11] = 0xff;
	memcpy(&address->s6_addr[12], &((const struct sockaddr_in *)sa)->sin_addr, 4);
	return true;
}

static struct lookup *find(const struct in6_addr *address)
{
	unsigned int i;

	for (i = 0; i < ADDRESSES; i++)
		if (lookups[i].name[0] && !memcmp(&lookups[i].address, address, sizeof(*address)))
			return &lookups[i];
	return NULL;
}

void lookups_add(const struct sockaddr *sa, const char *name)
{
	struct in6_addr address;
	struct lookup *lookup;

	if (!as_in6(sa, &address) || strlen(name) > KSEAL_NAME_MAX)
		return;
	pthread_mutex_lock(&lock);
	lookup = find(&address);
	if (!lookup)
		lookup = &lookups[next++ % ADDRESSES];
	lookup->address = address;
	snprintf(lookup->name, sizeof(lookup->name), "%s", name);
	pthread_mutex_unlock(&lock);
}

void lookups_find(const struct sockaddr *sa, char *name, size_t size)
{
	struct in6_addr address;
	const struct lookup *lookup;

	name[0] = '\0';
	if (!as_in6(sa, &address))
		return;
	pthread_mutex_lock(&lock);
	lookup = find(&address);
	if (lookup)
		snprintf(name, size, "%s", lookup->name);
	pthread_mutex_unlock(&lock);
}
