/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keeper: a process that starts the signer (signer.h), and another one when that dies.
 * It is forked while kseald still has its privileges, takes on the signer's user and
 * nothing else, and does nothing but wait; kseald itself could start no process any more.
 * The signer's ends of the sockets stay open in it, so those of kseald remain what they are.
 */
#ifndef KSEALD_KEEPER_H
#define KSEALD_KEEPER_H

#include <sys/types.h>
#include "config.h"

struct keeper {
	pid_t pid;
	int loader;		/* kseald's end of the socket for who loads keys */
	int *workers;		/* those for workers */
	unsigned int n_workers;
};

/*
 * Starts both, with conf->workers sockets. Before there are threads, and before privileges
 * are given up. conf is what config said just now. Returns 0, or -1 after logging what
 * failed; that the signer is there, or why not, comes by the loader's socket.
 */
int keeper_start(struct keeper *keeper, const struct config *config, const struct conf *conf);

/*
 * Ends both, waits for them, and closes the sockets. One that was not started is fine.
 * Returns 0, or -1: they did not end as they should.
 */
int keeper_end(struct keeper *keeper);

#endif
