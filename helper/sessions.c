// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions of clients; see sessions.h. A ring by age, and OpenSSL's hash table over
 * the names in it.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/lhash.h>
#include <openssl/x509.h>
#include "sessions.h"

#define LIFETIME_MAX	604800	/* seconds, RFC 8446 4.6.1 */

/* A server's, newest last. */
struct server {
	char *name;
	SSL_SESSION *at[SESSIONS_NAME];
	size_t count;
	struct server *older, *newer;	/* by when one was put */
};

struct sessions {
	pthread_mutex_t lock;
	OPENSSL_LHASH *servers;
	struct server *oldest, *newest;
	size_t count;			/* of sessions */
};

/* ---- age ---- */

static time_t begun(const SSL_SESSION *session)
{
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
	return SSL_SESSION_get_time_ex(session);
#else
	return SSL_SESSION_get_time(session);
#endif
}

/* By the clock of OpenSSL 3.5: that of time() is behind it by up to a tick, and what was
 * kept this second would be of the future.
 */
static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* Where a session has the time of its full handshake, and those that it was renewed to. */
static int since_index = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
	since_index = SSL_SESSION_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static time_t since(const SSL_SESSION *session)
{
	return (time_t)(intptr_t)SSL_SESSION_get_ex_data(session, since_index);
}

/* A ticket that came with a resumption is a copy of what was resumed. */
static bool mark(SSL_SESSION *session)
{
	return since(session) ||
	       SSL_SESSION_set_ex_data(session, since_index, (void *)(intptr_t)begun(session));
}

/* ---- servers ---- */

static unsigned long hash(const void *server)
{
	return OPENSSL_LH_strhash(((const struct server *)server)->name);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct server *)a)->name, ((const struct server *)b)->name);
}

struct sessions *sessions_new(void)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return NULL;
	pthread_once(&once, make_index);
	sessions->servers = OPENSSL_LH_new(hash, compare);
	if (!sessions->servers || since_index < 0) {
		OPENSSL_LH_free(sessions->servers);
		free(sessions);
		return NULL;
	}
	pthread_mutex_init(&sessions->lock, NULL);
	return sessions;
}

static struct server *find(const struct sessions *sessions, const char *name)
{
	const struct server wanted = { .name = (char *)(uintptr_t)name };

	return OPENSSL_LH_retrieve(sessions->servers, &wanted);
}

static void unlink_server(struct sessions *sessions, struct server *server)
{
	*(server->older ? &server->older->newer : &sessions->oldest) = server->newer;
	*(server->newer ? &server->newer->older : &sessions->newest) = server->older;
	server->older = server->newer = NULL;
}

static void link_newest(struct sessions *sessions, struct server *server)
{
	server->older = sessions->newest;
	*(sessions->newest ? &sessions->newest->newer : &sessions->oldest) = server;
	sessions->newest = server;
}

static struct server *add_server(struct sessions *sessions, const char *name)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->name = strdup(name);
	if (server->name)
		OPENSSL_LH_insert(sessions->servers, server);
	if (!server->name || OPENSSL_LH_error(sessions->servers)) {
		free(server->name);
		free(server);
		return NULL;
	}
	link_newest(sessions, server);
	return server;
}

/* Of which there are no sessions left. */
static void drop_server(struct sessions *sessions, struct server *server)
{
	unlink_server(sessions, server);
	OPENSSL_LH_delete(sessions->servers, server);
	free(server->name);
	free(server);
}

static void drop_oldest(struct sessions *sessions, struct server *server)
{
	SSL_SESSION_free(server->at[0]);
	server->count--;
	sessions->count--;
	memmove(server->at, server->at + 1, server->count * sizeof(*server->at));
}

/* ---- what others call ---- */

void sessions_put(struct sessions *sessions, const char *name, SSL_SESSION *session)
{
	struct server *server, *oldest;

	if (!mark(session)) {
		SSL_SESSION_free(session);
		return;
	}
	pthread_mutex_lock(&sessions->lock);
	if (sessions->count == SESSIONS_MAX) {
		oldest = sessions->oldest;
		drop_oldest(sessions, oldest);
		if (!oldest->count)
			drop_server(sessions, oldest);
	}
	server = find(sessions, name) ?: add_server(sessions, name);
	if (server) {
		if (server->count == SESSIONS_NAME)
			drop_oldest(sessions, server);
		unlink_server(sessions, server);
		link_newest(sessions, server);
		server->at[server->count++] = session;
		sessions->count++;
	} else {
		SSL_SESSION_free(session);
	}
	pthread_mutex_unlock(&sessions->lock);
}

static bool is_good(const SSL_SESSION *session)
{
	X509 *peer = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session);
	unsigned long lifetime = SSL_SESSION_get_ticket_lifetime_hint(session);
	time_t now = seconds(), age = now - begun(session);

	/* RFC 5077 3.3: 0 says nothing about it; RFC 8446 4.6.1: it is not to be kept */
	if (SSL_SESSION_get_protocol_version(session) == TLS1_2_VERSION && !lifetime)
		lifetime = LIFETIME_MAX;
	if (lifetime > LIFETIME_MAX)
		lifetime = LIFETIME_MAX;
	return age >= 0 && (unsigned long)age < lifetime && now - since(session) < LIFETIME_MAX &&
	       SSL_SESSION_is_resumable(session) && peer && X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

SSL_SESSION *sessions_take(struct sessions *sessions, const char *name)
{
	SSL_SESSION *found = NULL;
	struct server *server;

	pthread_mutex_lock(&sessions->lock);
	server = find(sessions, name);
	while (server && server->count && !found) {
		found = server->at[--server->count];
		sessions->count--;
		if (!is_good(found)) {
			SSL_SESSION_free(found);
			found = NULL;
		}
	}
	if (server && !server->count)
		drop_server(sessions, server);
	pthread_mutex_unlock(&sessions->lock);
	return found;
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	while (sessions->oldest) {
		while (sessions->oldest->count)
			drop_oldest(sessions, sessions->oldest);
		drop_server(sessions, sessions->oldest);
	}
	OPENSSL_LH_free(sessions->servers);
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}
