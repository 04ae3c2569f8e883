// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "helper.h"
#include "session.h"

#define PAUSE_MS 50

struct helpers {
	bool told;
	uint64_t count;
};

static void read_stat(const char *name, uint64_t value, void *data)
{
	struct helpers *h = data;

	if (strcmp(name, "helpers"))
		return;
	h->told = true;
	h->count = value;
}

static int look(void)
{
	struct helpers h = { 0 };
	char error[256];
	int err;

	err = session_stats(read_stat, &h, error, sizeof(error));
	if (err)
		return err == -ENOPKG ? err : 0;
	return h.told && !h.count ? -EUNATCH : 0;
}

int helper_await(int limit_ms)
{
	int waited, err;

	err = look();
	if (err != -EUNATCH || limit_ms <= 0)
		return err;
	fprintf(stderr, "kseal: no helper is registered yet; waiting up to %.1f s for kseald\n",
		limit_ms / 1000.0);
	for (waited = 0; err == -EUNATCH && waited < limit_ms; waited += PAUSE_MS) {
		poll(NULL, 0, PAUSE_MS);
		err = look();
	}
	return err;
}
