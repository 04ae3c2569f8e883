/* SPDX-License-Identifier: GPL-2.0-only */
/* Opened records to those who read: the calls of the proto and its ops. */
#ifndef KSEAL_DELIVER_H
#define KSEAL_DELIVER_H

#include <linux/types.h>
#include <net/tcp.h>

struct msghdr;
struct pipe_inode_info;
struct sock;
struct socket;

/* The proto's ->recvmsg. */
int kseal_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);

/* The ops' ->splice_read. */
ssize_t kseal_splice_read(struct socket *sock, loff_t *ppos,
			  struct pipe_inode_info *pipe, size_t len,
			  unsigned int flags);

/* The ops' ->peek_len: what is there to read without opening anything. */
int kseal_peek_len(struct socket *sock);

/* The ops' ->read_sock, for readers in the kernel; the socket is locked. */
int kseal_read_sock(struct sock *sk, read_descriptor_t *desc,
		    sk_read_actor_t actor);

#endif
