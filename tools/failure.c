// SPDX-License-Identifier: GPL-2.0-or-later
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <netinet/in.h>
#include <kseal.h>
#include "address.h"
#include "command.h"
#include "failure.h"
#include "text.h"

static struct {
	pthread_mutex_t lock;
	time_t said;			/* when the last line was printed */
	unsigned long count;		/* failures since then */
	char peer[NI_MAXHOST + 16];	/* the last one's */
	char reason[KSEAL_REASON_MAX + 1];
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void say(bool end)
{
	char *safe;

	if (!state.count || (!end && now() == state.said))
		return;
	safe = text_escape(state.reason);
	if (safe && state.count == 1)
		fail("handshake with %s failed: %s", state.peer, safe);
	else if (safe)
		fail("%lu handshakes failed, the last one with %s: %s", state.count, state.peer,
		     safe);
	free(safe);
	state.said = now();
	state.count = 0;
}

void failure_note(int fd, const struct sockaddr *peer)
{
	char reason[sizeof(state.reason)];
	struct kseal_info info;
	socklen_t len;

	/* with a version there were keys: what failed was not the handshake */
	if (kseal_info(fd, &info) || info.state != KSEAL_STATE_DEAD || info.version)
		return;
	if (kseal_reason(fd, reason, sizeof(reason)) || !reason[0])
		snprintf(reason, sizeof(reason), "%s", explain(info.error));
	len = peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					    sizeof(struct sockaddr_in);
	pthread_mutex_lock(&state.lock);
	state.count++;
	snprintf(state.reason, sizeof(state.reason), "%s", reason);
	if (address_text(peer, len, state.peer, sizeof(state.peer)))
		snprintf(state.peer, sizeof(state.peer), "?");
	say(false);
	pthread_mutex_unlock(&state.lock);
}

void failure_flush(bool end)
{
	pthread_mutex_lock(&state.lock);
	say(end);
	pthread_mutex_unlock(&state.lock);
}
