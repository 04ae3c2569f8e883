/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions that a profile's clients can resume (RFC 8446 2.2, RFC 5077), by the
 * server's name. They go with the profile: what was verified under another
 * configuration is not resumed. Any thread.
 */
#ifndef KSEALD_SESSIONS_H
#define KSEALD_SESSIONS_H

#include <stddef.h>
#include <openssl/ssl.h>

#define SESSIONS_MAX	1024	/* then the oldest go */
#define SESSIONS_NAME	8	/* of one server */

struct sessions;

/* NULL: no memory. */
struct sessions *sessions_new(void);

/* Frees and wipes; NULL is fine. */
void sessions_free(struct sessions *sessions);

/* Keeps session, which is taken over in any case, for the server of this name. */
void sessions_put(struct sessions *sessions, const char *name, SSL_SESSION *session);

/*
 * The newest for this server, for the caller to free; NULL: none that is still good,
 * by its lifetime and by the server's certificate. A week after the full handshake, with
 * which it all began, none is. RFC 8446 C.4: it is not given again.
 */
SSL_SESSION *sessions_take(struct sessions *sessions, const char *name);

#endif
