// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "address.h"
#include "command.h"
#include "target.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* ---- parse ---- */

static bool is_descriptor(const char *text, struct target *target)
{
	const char *colon = strchr(text, ':');
	char pid[16];
	long number;

	if (!colon || (size_t)(colon - text) >= sizeof(pid))
		return false;
	memcpy(pid, text, (size_t)(colon - text));
	pid[colon - text] = '\0';
	if (parse_number(pid, 1, INT32_MAX, &number))
		return false;
	target->pid = (pid_t)number;
	if (parse_number(colon + 1, 0, INT32_MAX, &number))
		return false;
	target->number = (int)number;
	return true;
}

static int resolve(const char *host, const char *port, struct rule_address *address)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST, .ai_socktype = SOCK_STREAM,
		.ai_family = host ? AF_UNSPEC : AF_INET,
	};
	struct addrinfo *found;
	int err = getaddrinfo(host, port, &hints, &found);

	if (err)
		return -1;
	memcpy(&address->sa, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

int target_parse(const char *text, struct target *target)
{
	char *copy = strdup(text), *host = NULL, *port = copy;
	int ret = -1;

	memset(target, 0, sizeof(*target));
	target->is_descriptor = is_descriptor(text, target);
	if (target->is_descriptor || !copy) {
		free(copy);
		return copy ? 0 : fail("%s", strerror(ENOMEM));
	}
	if ((!strchr(text, ':') || !address_split(copy, &host, &port)) &&
	    address_is_port(port, false)) {
		target->address.any = !host || !strcmp(host, "*");
		ret = resolve(target->address.any ? NULL : host, port, &target->address);
	}
	if (ret)
		fail("'%s' is no port, no address with a port (0.0.0.0:80, [::]:80), "
		     "and no process's descriptor (PID:FD)", text);
	free(copy);
	return ret;
}

/* ---- open ---- */

static int copy_descriptor(const struct target *target)
{
	int process = (int)syscall(SYS_pidfd_open, target->pid, 0), fd;

	if (process < 0) {
		fail("there is no process %d", (int)target->pid);
		return -1;
	}
	fd = (int)syscall(SYS_pidfd_getfd, process, target->number, 0);
	if (fd < 0 && errno == EBADF)
		fail("process %d has no descriptor %d: see /proc/%d/fd", (int)target->pid,
		     target->number, (int)target->pid);
	else if (fd < 0 && errno == EPERM)
		fail("process %d is not yours to change (ptrace(2) says who may): run this as root",
		     (int)target->pid);
	else if (fd < 0)
		fail("descriptor %d of process %d: %s", target->number, (int)target->pid,
		     strerror(errno));
	close(process);
	return fd;
}

static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

int target_open(const struct target *target)
{
	int fd = copy_descriptor(target), family, protocol;
	const char *why = NULL;

	if (fd < 0)
		return -1;
	family = option(fd, SO_DOMAIN);
	protocol = option(fd, SO_PROTOCOL);
	if (protocol == IPPROTO_MPTCP)
		why = "is an MPTCP socket, which carries no TLS: have the program use TCP "
		      "(Go: GODEBUG=multipathtcp=0)";
	else if ((family != AF_INET && family != AF_INET6) || protocol != IPPROTO_TCP)
		why = "is no TCP socket";
	else if (option(fd, SO_ACCEPTCONN) != 1)
		why = "does not listen: only listening sockets are wrapped";
	if (!why)
		return fd;
	fail("descriptor %d of process %d %s", target->number, (int)target->pid, why);
	close(fd);
	return -1;
}
