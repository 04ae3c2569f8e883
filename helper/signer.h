/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The signer: the process that has the private keys of stores, and signs for the others
 * (sign.h). keeper.h starts it. It is asked for keys by URI, but takes those alone that it
 * finds in the configuration when it reads that itself: who has got hold of kseald can have
 * signatures, but not other keys, nor a store's code from where he likes (RFC 7512's
 * module-path).
 */
#ifndef KSEALD_SIGNER_H
#define KSEALD_SIGNER_H

#include "config.h"

struct signer_setup {
	const struct config *config;	/* where the configuration is */
	struct conf *conf;		/* as it was at the start; gone afterwards */
	int loader;			/* the socket of who loads keys */
	const int *workers;		/* those of the workers */
	unsigned int n_workers;
};

/*
 * Serves until the loader's other end is closed. Returns 0; or -1 if it cannot start,
 * after telling the loader why. In a process of its own, without other threads.
 */
int signer_run(const struct signer_setup *setup);

#endif
