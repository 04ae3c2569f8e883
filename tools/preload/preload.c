// SPDX-License-Identifier: MIT
/*
 * What kseal run and kseal wrap put in front of a program's libc: connect(), listen(), and what
 * looks up names. A socket that was to be TLS and cannot be is shut down: it never goes on in clear.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <kseal.h>
#include "lookups.h"
#include "rules.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* ---- what was said ---- */

/* Copies: a program may change its environment. */
static char *profile, *to, *certificate_name;
static bool listens;

static char *copy_of(const char *variable)
{
	const char *value = getenv(variable);

	return value ? strdup(value) : NULL;
}

__attribute__((constructor)) static void read_rules(void)
{
	profile = copy_of(RULES_PROFILE);
	to = copy_of(RULES_TO);
	certificate_name = copy_of(RULES_NAME);
	listens = getenv(RULES_LISTEN);
}

static void *behind_us(const char *function)
{
	void *found = dlsym(RTLD_NEXT, function);

	if (!found) {
		fprintf(stderr, "kseal: %s: there is no %s() behind the preload library\n",
			program_invocation_short_name, function);
		abort();
	}
	return found;
}

/* ---- sockets ---- */

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

static bool is_tcp(int fd)
{
	int protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);

	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

static void complain(int fd, const char *what, int err)
{
	char reason[KSEAL_REASON_MAX + 1];

	if (kseal_reason(fd, reason, sizeof(reason)) || !reason[0])
		snprintf(reason, sizeof(reason), "%s", err == -ENOPKG ?
			 "kseal.ko is not loaded: modprobe kseal" : strerror(-err));
	fprintf(stderr, "kseal: %s: %s: %s\n", program_invocation_short_name, what, reason);
}

/* Nothing goes over it any more. Returns -1 with errno. */
static int give_up(int fd, const char *what, int err)
{
	complain(fd, what, err);
	shutdown(fd, SHUT_RDWR);
	errno = -err;
	return -1;
}

/* ---- connect ---- */

struct destination {
	char name[KSEAL_NAME_MAX + 1];		/* "" if it is not known */
	char address[INET6_ADDRSTRLEN];
	uint16_t port;
};

static bool read_destination(const struct sockaddr *sa, socklen_t len, struct destination *d)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

	if (!sa || len < sizeof(sa->sa_family))
		return false;
	if (sa->sa_family == AF_INET && len >= sizeof(*in)) {
		inet_ntop(AF_INET, &in->sin_addr, d->address, sizeof(d->address));
		d->port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(*in6)) {
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], d->address,
				  sizeof(d->address));
		else
			inet_ntop(AF_INET6, &in6->sin6_addr, d->address, sizeof(d->address));
		d->port = ntohs(in6->sin6_port);
	} else {
		return false;
	}
	lookups_find(sa, d->name, sizeof(d->name));
	return true;
}

/* connected: connect() waited for the connection, so it waits for the handshake too. */
static int begin(int fd, const struct destination *d, bool connected)
{
	const char *name = certificate_name ? certificate_name :
			   d->name[0] ? d->name : d->address;
	char what[sizeof(d->name) + sizeof(d->address) + 32];
	int err = kseal_connect(fd, name, profile);

	/* refused already; the program will ask how it went */
	if (err == -ENOTCONN && !connected)
		return 0;
	/* a second connect(), which asks whether the first is through */
	if (err == -EALREADY) {
		err = kseal_wait(fd, 0);
		if (err == -EAGAIN) {
			errno = EALREADY;
			return -1;
		}
		if (!err)
			return 0;
	}
	if (!err && connected)
		err = kseal_wait(fd, -1);
	if (!err)
		return 0;
	snprintf(what, sizeof(what), "connection to %s (%s) port %u", name, d->address, d->port);
	return give_up(fd, what, err);
}

int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	struct destination d;
	int ret, err, off = 0;

	if (!next)
		next = behind_us("connect");
	if (listens || !read_destination(sa, len, &d) || !is_tcp(fd) ||
	    !rules_choose(to, d.name[0] ? d.name : NULL, d.address, d.port))
		return next(fd, sa, len);
	/* else the connection would begin with the first bytes that are written */
	setsockopt(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof(off));
	ret = next(fd, sa, len);
	err = ret ? errno : 0;
	if (err && err != EINPROGRESS && err != EINTR)
		return ret;
	if (begin(fd, &d, !err))
		return -1;
	errno = err;
	return ret;
}

/* A connection that begins with its bytes. */
static bool is_fast_open(int fd, int flags, const struct sockaddr *sa, socklen_t len)
{
	struct destination d;

	return flags & MSG_FASTOPEN && !listens && read_destination(sa, len, &d) && is_tcp(fd) &&
	       rules_choose(to, d.name[0] ? d.name : NULL, d.address, d.port);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *sa,
	       socklen_t len)
{
	static ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

	if (!next)
		next = behind_us("sendto");
	if (is_fast_open(fd, flags, sa, len)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return next(fd, data, size, flags, sa, len);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static ssize_t (*next)(int, const struct msghdr *, int);

	if (!next)
		next = behind_us("sendmsg");
	if (flags & MSG_FASTOPEN && is_fast_open(fd, flags, msg->msg_name, msg->msg_namelen)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return next(fd, msg, flags);
}

/* All or none: that some were sent would have to be said, and they are not. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags)
{
	static int (*next)(int, struct mmsghdr *, unsigned int, int);
	unsigned int i;

	if (!next)
		next = behind_us("sendmmsg");
	for (i = 0; flags & MSG_FASTOPEN && i < n; i++) {
		const struct msghdr *msg = &messages[i].msg_hdr;

		if (is_fast_open(fd, flags, msg->msg_name, msg->msg_namelen)) {
			errno = EOPNOTSUPP;
			return -1;
		}
	}
	return next(fd, messages, n, flags);
}

/* ---- names ---- */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const struct addrinfo *one;
	int ret;

	if (!next)
		next = behind_us("getaddrinfo");
	ret = next(name, service, hints, found);
	if (!ret && name)
		for (one = *found; one; one = one->ai_next)
			lookups_add(one->ai_addr, name);
	return ret;
}

static void note(const struct hostent *found, const char *name)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	char **address;

	if (!found || !name)
		return;
	for (address = found->h_addr_list; *address; address++) {
		memcpy(found->h_addrtype == AF_INET6 ? (void *)&in6.sin6_addr : &in.sin_addr,
		       *address, (size_t)found->h_length);
		lookups_add(found->h_addrtype == AF_INET6 ? (struct sockaddr *)&in6 :
							    (struct sockaddr *)&in, name);
	}
}

struct hostent *gethostbyname(const char *name)
{
	static struct hostent *(*next)(const char *);
	struct hostent *found;

	if (!next)
		next = behind_us("gethostbyname");
	found = next(name);
	note(found, name);
	return found;
}

struct hostent *gethostbyname2(const char *name, int family)
{
	static struct hostent *(*next)(const char *, int);
	struct hostent *found;

	if (!next)
		next = behind_us("gethostbyname2");
	found = next(name, family);
	note(found, name);
	return found;
}

int gethostbyname_r(const char *name, struct hostent *place, char *buf, size_t size,
		    struct hostent **found, int *why)
{
	static int (*next)(const char *, struct hostent *, char *, size_t, struct hostent **, int *);
	int ret;

	if (!next)
		next = behind_us("gethostbyname_r");
	ret = next(name, place, buf, size, found, why);
	if (!ret)
		note(*found, name);
	return ret;
}

/* ---- listen ---- */

int listen(int fd, int backlog)
{
	static int (*next)(int, int);
	int ret, err;

	if (!next)
		next = behind_us("listen");
	ret = next(fd, backlog);
	if (ret || !listens || !is_tcp(fd))
		return ret;
	err = kseal_server(fd, profile);
	/* a second listen() changes the backlog */
	if (!err || err == -EALREADY)
		return 0;
	return give_up(fd, "listen()", err);
}
