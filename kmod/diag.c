// SPDX-License-Identifier: GPL-2.0-only
#include <linux/inet_diag.h>
#include <linux/tls.h>
#include <net/netlink.h>

#include "diag.h"
#include "sock.h"

/* Where the direction's records are made: TLS_CONF_SW here, or not yet at all. */
static u16 direction(const struct kseal_keys *keys)
{
	return keys ? TLS_CONF_SW : TLS_CONF_BASE;
}

static int put_session(struct sk_buff *skb, const struct kseal_sock *ks)
{
	u16 version = READ_ONCE(ks->version), cipher = READ_ONCE(ks->cipher);

	return (version ? nla_put_u16(skb, TLS_INFO_VERSION, version) : 0) ?:
	       (cipher ? nla_put_u16(skb, TLS_INFO_CIPHER, cipher) : 0) ?:
	       nla_put_u16(skb, TLS_INFO_TXCONF,
			   direction(READ_ONCE(ks->tx.keys))) ?:
	       nla_put_u16(skb, TLS_INFO_RXCONF,
			   direction(READ_ONCE(ks->rx.keys))) ?:
	       (READ_ONCE(ks->rx.no_pad) ?
		nla_put_flag(skb, TLS_INFO_RX_NO_PAD) : 0) ?:
	       nla_put_u16(skb, TLS_INFO_TX_MAX_PAYLOAD_LEN,
			   kseal_send_most(&ks->tx));
}

/* A listener has no keys; a child that is half built may have no session. */
int kseal_diag_info(struct sock *sk, struct sk_buff *skb, bool net_admin)
{
	struct nlattr *nest = nla_nest_start_noflag(skb, INET_ULP_INFO_TLS);
	const struct kseal_sock *ks;
	int err = 0;

	if (!nest)
		return -EMSGSIZE;
	rcu_read_lock();
	ks = rcu_dereference(inet_csk(sk)->icsk_ulp_data);
	if (ks)
		err = put_session(skb, ks);
	rcu_read_unlock();
	if (err) {
		nla_nest_cancel(skb, nest);
		return err;
	}
	nla_nest_end(skb, nest);
	return 0;
}

size_t kseal_diag_info_size(const struct sock *sk, bool net_admin)
{
	return nla_total_size(0) +		/* INET_ULP_INFO_TLS */
	       5 * nla_total_size(sizeof(u16)) +	/* the numbers */
	       nla_total_size(0);		/* no_pad */
}
