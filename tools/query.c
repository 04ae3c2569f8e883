// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "query.h"

int query_open(struct kseal_genl *g, char *error, size_t size)
{
	int err = kseal_genl_open(g);

	if (err == -ENOENT)
		err = -ENOPKG;
	if (err)
		snprintf(error, size, "%s", strerror(-err));
	return err;
}

int query(struct kseal_genl *g, struct nlmsghdr *nlh, mnl_cb_t cb, void *data, char *error,
	  size_t size)
{
	int err = kseal_genl_talk(g, nlh, cb, data);

	if (err)
		snprintf(error, size, "%s", g->error[0] ? g->error : strerror(-err));
	kseal_genl_close(g);
	return err;
}
