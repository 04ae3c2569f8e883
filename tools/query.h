/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question to the module by generic netlink, and what is said when there is no answer. */
#ifndef QUERY_H
#define QUERY_H

#include <stddef.h>
#include "libkseal/genl.h"

/*
 * Opens g. Returns 0 or -errno (-ENOPKG: the module is not loaded) and then a
 * text in error.
 */
int query_open(struct kseal_genl *g, char *error, size_t size);

/*
 * Sends nlh, which was begun for g, calls cb with each answer, and closes g.
 * Returns as query_open() does, with the kernel's own text where it has one.
 */
int query(struct kseal_genl *g, struct nlmsghdr *nlh, mnl_cb_t cb, void *data, char *error,
	  size_t size);

#endif
