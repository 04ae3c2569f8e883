/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stacks that are compared: a connection over loopback, with both ends here. */
#ifndef BENCH_STACK_H
#define BENCH_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "bench/plan.h"

#define WHY_MAX 256		/* a sentence for people */

enum stack_id { STACK_KSEAL, STACK_TLS, STACK_TCP, STACK_OPENSSL, STACK_STUNNEL, STACKS };

/* One end. What is done with it returns bytes or -errno, -EAGAIN as read() and write() have it. */
struct end {
	int fd;
	void *tls;		/* TLS in user space, where the stack is that */
};

struct pair {
	struct end client, server;
};

struct stack {
	const char *name;	/* on the command line and in JSON */
	const char *title;	/* in tables */
	bool in_kernel;		/* no TLS in user space */
	/*
	 * Each returns 0, or -errno and a sentence in why, which has WHY_MAX bytes: whether
	 * this case can be had at all; a new connection with keys at both ends, which do not
	 * block.
	 */
	int (*ready)(const struct bench_case *c, char *why);
	int (*open)(const struct bench_case *c, struct pair *p, char *why);
	ssize_t (*send)(struct end *e, const void *data, size_t len);
	ssize_t (*sendfile)(struct end *e, int fd, off_t at, size_t len);
	ssize_t (*recv)(struct end *e, void *data, size_t len);
	void (*close)(struct pair *p);
};

/* kseal, tls, tcp, openssl, stunnel */
extern const struct stack *const stacks[STACKS];
extern const struct stack stack_kseal, stack_tls, stack_tcp, stack_openssl, stack_stunnel;

/* The stack's number, or -1. */
int stack_find(const char *name);

/*
 * Both ends of a TCP connection for a stack: large buffers, not blocking, TCP_NODELAY but
 * for bulk. Returns 0, or -errno and why.
 */
int stack_connect(const struct stack *s, const struct bench_case *c, struct pair *p, char *why);

/* From here on the stack's connections go to another port: no number is short, however many. */
void stack_renew_port(const struct stack *s);

/* fd blocks or does not. */
void stack_block(int fd, bool block);

/* For a stack whose ends are plain sockets to user space. */
ssize_t stack_send(struct end *e, const void *data, size_t len);
ssize_t stack_sendfile(struct end *e, int fd, off_t at, size_t len);
ssize_t stack_recv(struct end *e, void *data, size_t len);
void stack_close(struct pair *p);

/* Writes the sentence; returns err. */
int stack_refuse(char *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A number from a file of "name value" lines; -1: not there. */
long long stack_counter(const char *path, const char *name);

#endif
