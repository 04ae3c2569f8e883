/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ULP "tls": what programs written for mainline's kernel TLS expect
 * (Documentation/networking/tls.rst). Each direction is TCP's until setsockopt
 * SOL_TLS gives it keys; alerts, KeyUpdate and the end of the stream are the
 * application's; control records come and go by cmsg. The records themselves
 * are made by the same code.
 */
#ifndef KSEAL_MAINLINE_H
#define KSEAL_MAINLINE_H

#include <linux/sockptr.h>
#include <linux/types.h>

struct kseal_sock;

/* setsockopt and getsockopt of SOL_TLS; take the socket lock. */
int kseal_mainline_setsockopt(struct kseal_sock *ks, int optname,
			      sockptr_t optval, unsigned int optlen);
int kseal_mainline_getsockopt(struct kseal_sock *ks, int optname,
			      char __user *optval, int __user *optlen);

/* The module parameter dropin: registers the ULP, or does nothing. */
int kseal_mainline_init(void);
void kseal_mainline_exit(void);

#endif
