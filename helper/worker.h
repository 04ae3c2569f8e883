/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: one thread with one registered netlink socket, one loop and one
 * table of requests. Workers share nothing but the profiles.
 */
#ifndef KSEALD_WORKER_H
#define KSEALD_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "profiles.h"
#include "genl.h"

struct worker;

/*
 * Opens a netlink socket and registers it as a helper of this network
 * namespace. Returns 0, or -errno with a sentence for a person in why:
 * -ENOENT no module, -EPERM no CAP_NET_ADMIN. Close with worker_unregister().
 */
int worker_register(struct kseal_genl *genl, char *why, size_t size);

/*
 * Closes it. The kernel takes it for a worker no more when this returns, however long
 * the rest of a ring still holds the socket.
 */
void worker_unregister(struct kseal_genl *genl);

/*
 * Makes a worker on socket fd; limit: handshakes under way at once; family: the kseal
 * family's id; signer: a socket to the signer, see keeper.h, -1: there is none. The
 * sockets stay the caller's. poll: without io_uring. Returns 0 or -errno.
 */
int worker_new(struct worker **worker, struct profiles *profiles, unsigned int limit, int fd,
	       uint16_t family, int signer, bool poll);

/* Starts its thread. Returns 0 or -errno. */
int worker_start(struct worker *worker);

/*
 * Stops the thread, if there is one, and frees everything. Returns 0, or the
 * -errno with which the worker had ended by itself (SIGTERM was then sent to
 * this process).
 */
int worker_stop(struct worker *worker);

/* What its loop runs on: "io_uring" or "poll". */
const char *worker_backend(const struct worker *worker);

#endif
