/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP's calls as they were, and ours made of them. */
#ifndef KSEAL_FAMILY_H
#define KSEAL_FAMILY_H

#include <net/sock.h>

/* One for IPv4, one for IPv6, made when the first socket of the family comes and
 * never changed after that.
 */
struct kseal_family {
	const struct proto *base;
	const struct proto_ops *base_ops;
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	struct proto prot;
	struct proto_ops ops;
};

/* That of a socket which has our calls. */
struct kseal_family *kseal_family_of(const struct sock *sk);

/**
 * kseal_family_get - that of a socket which has TCP's own calls
 * @sk: locked; its struct socket exists
 * @gfp: whether it may be made; else kseal_family_prepare() comes first
 *
 * Return: the family, or NULL: somebody else has changed the socket's calls.
 */
struct kseal_family *kseal_family_get(struct sock *sk, gfp_t gfp);

/* Makes both. Process context. Return: 0 or a negative errno. */
int kseal_family_prepare(struct net *net);

#endif
