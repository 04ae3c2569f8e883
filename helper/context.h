/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the handshakes of a profile share, loaded from its settings: certificates,
 * trust, versions, suites. Read only once made, for any thread, and counted: a
 * handshake that began before a reload ends with what it began with.
 */
#ifndef KSEALD_CONTEXT_H
#define KSEALD_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <openssl/ssl.h>
#include "settings.h"

struct context;
struct sessions;

/*
 * Loads all files that the settings name, and checks that they fit each other.
 * Takes the settings over, in any case: what is left there is empty. Returns NULL
 * with a sentence for a person in why.
 */
struct context *context_new(struct settings *settings, char *why, size_t size);

/* The profile's name. */
const char *context_name(const struct context *context);

/* Whom its clients connect to if the socket does not say so; NULL: nobody. */
const char *context_server_name(const struct context *context);

/* One more user. Returns context. */
struct context *context_ref(struct context *context);

/* One less; the last frees it. NULL is fine. */
void context_unref(struct context *context);

/* Whether there are server or client handshakes. */
bool context_can(const struct context *context, enum kseal_role role);

/*
 * An SSL for one handshake of a role that there is, which holds what it needs of
 * the context. NULL: no memory.
 */
SSL *context_ssl(const struct context *context, enum kseal_role role);

/* Where its clients keep sessions to be resumed; NULL: nowhere. */
struct sessions *context_sessions(const struct context *context);

/* How its sessions make their records. */
const struct record_shape *context_shape(const struct context *context);

/* What is used where OpenSSL has it, and this one has not; NULL: nothing. */
const char *context_lacks(void);

/* A few lines for --check: certificates with names and dates, whom it trusts. */
void context_describe(const struct context *context, FILE *out);

#endif
