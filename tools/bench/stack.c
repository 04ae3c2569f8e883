// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include "bench/stack.h"

#define BUFFER (8 << 20)	/* so that what one call sends fits, however it is cut up */
#define BACKLOG 1024

const struct stack *const stacks[STACKS] = {
	[STACK_KSEAL] = &stack_kseal, [STACK_TLS] = &stack_tls, [STACK_TCP] = &stack_tcp,
	[STACK_OPENSSL] = &stack_openssl, [STACK_STUNNEL] = &stack_stunnel,
};

/* 0: none yet. A port for each stack: 30,000 connections to one port are too many. */
static int listeners[STACKS];

int stack_find(const char *name)
{
	int i;

	for (i = 0; i < STACKS; i++)
		if (!strcmp(stacks[i]->name, name))
			return i;
	return -1;
}

int stack_refuse(char *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_MAX, fmt, ap);
	va_end(ap);
	return err;
}

long long stack_counter(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	long long value, found = -1;
	char key[64];

	if (!f)
		return -1;
	while (fscanf(f, "%63s %lld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

/*
 * The same for all stacks. Without CAP_NET_ADMIN the system's limit is what there is. Bulk
 * goes as TCP likes it: with TCP_NODELAY mainline's TLS would make a segment of each record.
 */
static void set_up(int fd, const struct bench_case *c)
{
	static const int options[][2] = {
		{ SO_SNDBUFFORCE, SO_SNDBUF }, { SO_RCVBUFFORCE, SO_RCVBUF },
	};
	int size = BUFFER, one = 1;
	size_t i;

	for (i = 0; i < 2; i++)
		if (setsockopt(fd, SOL_SOCKET, options[i][0], &size, sizeof(size)))
			setsockopt(fd, SOL_SOCKET, options[i][1], &size, sizeof(size));
	if (c && !workload_bulk(c->workload))
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int number_of(const struct stack *s)
{
	int i;

	for (i = 0; i < STACKS - 1 && stacks[i] != s; i++)
		;
	return i;
}

static int listen_on(void)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int err, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_up(fd, NULL);
	if (!bind(fd, (struct sockaddr *)&in, sizeof(in)) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void stack_renew_port(const struct stack *s)
{
	int *listener = &listeners[number_of(s)];

	if (*listener > 0)
		close(*listener);
	*listener = 0;
}

void stack_block(int fd, bool block)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, block ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int stack_connect(const struct stack *s, const struct bench_case *c, struct pair *p, char *why)
{
	int *listener = &listeners[number_of(s)], err;
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	memset(p, 0, sizeof(*p));
	p->client.fd = p->server.fd = -1;
	if (*listener <= 0)
		*listener = listen_on();
	if (*listener < 0)
		return stack_refuse(why, *listener, "cannot listen on 127.0.0.1: %s",
				    strerror(-*listener));
	p->client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->client.fd >= 0) {
		set_up(p->client.fd, c);
		if (!getsockname(*listener, (struct sockaddr *)&in, &len) &&
		    !connect(p->client.fd, (struct sockaddr *)&in, len))
			p->server.fd = accept4(*listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	if (p->server.fd < 0) {
		err = -errno;
		stack_close(p);
		return stack_refuse(why, err, "cannot connect over loopback: %s", strerror(-err));
	}
	set_up(p->server.fd, c);
	stack_block(p->client.fd, false);
	return 0;
}

ssize_t stack_send(struct end *e, const void *data, size_t len)
{
	ssize_t n = send(e->fd, data, len, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

ssize_t stack_sendfile(struct end *e, int fd, off_t at, size_t len)
{
	ssize_t n = sendfile(e->fd, fd, &at, len);

	return n < 0 ? -errno : n;
}

ssize_t stack_recv(struct end *e, void *data, size_t len)
{
	ssize_t n = recv(e->fd, data, len, 0);

	return n < 0 ? -errno : n;
}

/* The client's end first: it keeps the port for a while. */
void stack_close(struct pair *p)
{
	if (p->client.fd >= 0)
		close(p->client.fd);
	if (p->server.fd >= 0)
		close(p->server.fd);
	p->client.fd = p->server.fd = -1;
}

/* ---- plain TCP ---- */

static int tcp_ready(const struct bench_case *c, char *why)
{
	(void)c;
	(void)why;
	return 0;
}

static int tcp_open(const struct bench_case *c, struct pair *p, char *why)
{
	return stack_connect(&stack_tcp, c, p, why);
}

const struct stack stack_tcp = {
	.name = "tcp", .title = "plain TCP", .in_kernel = true,
	.ready = tcp_ready, .open = tcp_open, .send = stack_send, .sendfile = stack_sendfile,
	.recv = stack_recv, .close = stack_close,
};
