/* SPDX-License-Identifier: GPL-2.0-only */
/* The TCP listeners of a network namespace that somebody wants to have. */
#ifndef KSEAL_LISTENERS_H
#define KSEAL_LISTENERS_H

#include <net/sock.h>

struct kseal_listeners {
	struct sock **sk;	/* held */
	unsigned int n;
	unsigned int room;
};

/**
 * kseal_listeners_find - look through all of a namespace
 * @net: the namespace
 * @wanted: called with a hash bucket's lock held
 * @arg: for @wanted
 * @l: filled; empty after an error
 *
 * Process context, for as long as all buckets of the host take. Return: 0, or
 * -ENOMEM.
 */
int kseal_listeners_find(struct net *net,
			 bool (*wanted)(const struct sock *sk, const void *arg),
			 const void *arg, struct kseal_listeners *l);

/* Also of one that is empty, also twice. */
void kseal_listeners_put(struct kseal_listeners *l);

#endif
