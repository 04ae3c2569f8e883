/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The opener: a process of its own that keeps the right to read any file, when kseald
 * has given it up, and nothing else. It is told to read, not what: it reads the
 * configuration itself, and hands in the files named there as descriptors. It watches
 * them too.
 */
#ifndef KSEALD_OPENER_H
#define KSEALD_OPENER_H

#include <stdbool.h>
#include "config.h"
#include "sandbox.h"

struct opener;

/*
 * Starts one for the files of config, if kseald is to become user: before any secret
 * is in memory and before there are threads. NULL, after logging why: there is none,
 * and kseald reads what its user may.
 */
struct opener *opener_start(const struct config *config, const struct sandbox_user *user);

/* Ends it; NULL is fine. */
void opener_stop(struct opener *opener);

/* Becomes readable when there is something for opener_changed(). */
int opener_fd(const struct opener *opener);

/* Whether files have changed since it last read them. *gone: it has ended. */
bool opener_changed(struct opener *opener, bool *gone);

/*
 * Has all files handed in, for files_open() and so on, until the caller calls
 * files_forget(). Returns 0; or -1 with a sentence in why, after files_forget().
 */
int opener_read(struct opener *opener, char *why, size_t size);

#endif
