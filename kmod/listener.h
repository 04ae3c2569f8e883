/* SPDX-License-Identifier: GPL-2.0-only */
/* A listener's connections: what they inherit, and how they are handed out. */
#ifndef KSEAL_LISTENER_H
#define KSEAL_LISTENER_H

#include <net/sock.h>

struct request_sock;

/* The ULP's ->clone: a child of a listener, in BH, half built. */
void kseal_listener_clone(const struct request_sock *req, struct sock *sk,
			  const gfp_t gfp);

/* The proto's ->accept and the ops': connections that are plain though they
 * should not be are reset on the way, see TCP_ULP in the uapi header.
 */
struct sock *kseal_listener_accept(struct sock *sk,
				   struct proto_accept_arg *arg);
int kseal_listener_ops_accept(struct socket *sock, struct socket *newsock,
			      struct proto_accept_arg *arg);

/* Connections that wait to be accepted and are plain are reset. For a listener
 * whose ULP is in place for everybody. Process context, nothing locked.
 */
void kseal_listener_reset_queue(struct sock *sk);

#endif
