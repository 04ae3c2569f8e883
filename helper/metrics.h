/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters, and the text file that they are written to, in the format of
 * Prometheus: for the textfile collector of node_exporter. Any thread.
 */
#ifndef KSEALD_METRICS_H
#define KSEALD_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/kseal.h>

struct tls_failure;
struct tls_session;

/* A handshake was begun, in this role; one that was begun is over. */
void metrics_begun(enum kseal_role role);
void metrics_ended(void);

/* How: there are keys; there are none, which can be before it was begun; the kernel
 * wanted no more of it.
 */
void metrics_done(enum kseal_role role, const struct tls_session *session);
void metrics_failed(const struct tls_failure *failure);
void metrics_cancelled(void);

/* The configuration was read again; whether it was taken. */
void metrics_reloaded(bool taken);

/* All counters, as text. */
void metrics_print(FILE *out);

/*
 * Writes them beside path and renames, so that nobody reads half of them. Returns 0
 * or -errno.
 */
int metrics_write(const char *path);

#endif
