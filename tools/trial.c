// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <kseal.h>
#include "trial.h"

#define PATIENCE_MS 5000

/* Two ends of a TCP connection. Returns 0 or -1. */
static int connect_to_self(int ends[2])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ends[1] = -1;
	if (listener >= 0 && ends[0] >= 0 && !bind(listener, (struct sockaddr *)&in, sizeof(in)) &&
	    !listen(listener, 1) && !getsockname(listener, (struct sockaddr *)&in, &len) &&
	    !connect(ends[0], (struct sockaddr *)&in, sizeof(in)))
		ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (ends[1] >= 0)
		return 0;
	close(ends[0]);
	return -1;
}

int trial_server(const char *profile, char *reason, size_t size)
{
	/* a record of a ClientHello without anything in it */
	static const unsigned char nonsense[] = { 22, 3, 1, 0, 4, 1, 0, 0, 0 };
	int ends[2], err;

	reason[0] = '\0';
	if (connect_to_self(ends))
		return 0;
	err = kseal_server(ends[1], profile);
	if (!err && write(ends[0], nonsense, sizeof(nonsense)) != sizeof(nonsense))
		err = -EIO;
	if (!err)
		err = kseal_wait(ends[1], PATIENCE_MS);
	if (err && kseal_reason(ends[1], reason, size))
		reason[0] = '\0';
	close(ends[0]);
	close(ends[1]);
	/* it came as far as the nonsense */
	return err == -EPROTO ? 0 : err;
}
