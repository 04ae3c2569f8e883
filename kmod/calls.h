/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of the proto and its ops that concern the session as a whole. */
#ifndef KSEAL_CALLS_H
#define KSEAL_CALLS_H

#include <linux/poll.h>

struct file;
struct sock;
struct socket;

/* The ops' ->poll, ->set_rcvlowat. */
__poll_t kseal_poll(struct file *file, struct socket *sock,
		    struct poll_table_struct *wait);
int kseal_set_rcvlowat(struct sock *sk, int val);

/* The proto's ->shutdown, ->disconnect, ->close. */
void kseal_shutdown(struct sock *sk, int how);
int kseal_disconnect(struct sock *sk, int flags);
void kseal_close(struct sock *sk, long timeout);

#endif
