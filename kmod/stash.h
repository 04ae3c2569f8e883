/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers that hold a record each, sealed or opened, while one is at work on it.
 * A session that waits has none: there may be a million of those. A few stay with
 * each CPU, so that a call seldom allocates.
 */
#ifndef KSEAL_STASH_H
#define KSEAL_STASH_H

#include "receive.h"
#include "record.h"

/* of any of the three, and a pointer; whole pages */
#define KSEAL_STASH_SIZE \
	PAGE_ALIGN(sizeof(void *) + \
		   max_t(size_t, KSEAL_OPENED_SIZE, \
			 max_t(size_t, KSEAL_RECORD_MAX, KSEAL_INNER_MAX)))

/* Process context. What is in it means nothing. NULL: no memory. */
void *kseal_stash_get(void);

/* Any context; NULL is none. What is in it stays there, for whoever is next. */
void kseal_stash_put(void *buf);

/* Likewise, of a session that ends: it is wiped first. */
void kseal_stash_wipe(void *buf);

/* When the module goes, and nobody has a buffer. */
void kseal_stash_exit(void);

#endif
