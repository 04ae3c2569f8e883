/* SPDX-License-Identifier: GPL-2.0-only */
/* What the application asks of the way out: flags, types, completions. */
#ifndef KSEAL_SUBMIT_H
#define KSEAL_SUBMIT_H

#include <linux/types.h>

struct msghdr;
struct sock;
struct socket;

/* The proto's ->sendmsg, ->splice_eof. */
int kseal_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
void kseal_splice_eof(struct socket *sock);

#endif
