/* SPDX-License-Identifier: GPL-2.0-only */
/* What ss(8) and inet_diag show of a socket's ULP. */
#ifndef KSEAL_DIAG_H
#define KSEAL_DIAG_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* The ULP's ->get_info and ->get_info_size: any socket state, no lock. */
int kseal_diag_info(struct sock *sk, struct sk_buff *skb, bool net_admin);
size_t kseal_diag_info_size(const struct sock *sk, bool net_admin);

#endif
