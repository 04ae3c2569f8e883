// SPDX-License-Identifier: GPL-2.0-only
/* The socket options of SOL_KSEAL, and those of TCP that would go around us. */
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "handshake.h"
#include "sock.h"

/* ---- set ---- */

static int set_text(struct kseal_sock *ks, enum kseal_text which,
		    const char *text, unsigned int optlen, unsigned int max)
{
	unsigned int i;

	if (!optlen || optlen > max)
		return -EINVAL;
	/* a terminator is allowed, nothing after it, no control characters */
	if (!text[optlen - 1])
		optlen--;
	for (i = 0; i < optlen; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return -EINVAL;
	if (!optlen)
		return -EINVAL;
	if (ks->role != KSEAL_ROLE_NONE)
		return -EALREADY;
	return kseal_sock_set_text(ks, which, text, optlen, GFP_KERNEL_ACCOUNT);
}

static int set_role(struct kseal_sock *ks, const void *value,
		    unsigned int optlen)
{
	bool listens = ks->state == KSEAL_STATE_LISTEN;
	u32 role;

	if (optlen != sizeof(role))
		return -EINVAL;
	memcpy(&role, value, sizeof(role));
	if (role != KSEAL_ROLE_SERVER && role != KSEAL_ROLE_CLIENT)
		return -EINVAL;
	if (role == KSEAL_ROLE_CLIENT && listens)
		return -EINVAL;
	if (ks->state == KSEAL_STATE_DEAD)
		return ks->err;
	if (ks->role != KSEAL_ROLE_NONE || ks->state == KSEAL_STATE_KEYED)
		return -EALREADY;
	if (role == KSEAL_ROLE_CLIENT && !ks->text[KSEAL_TEXT_SERVER_NAME])
		return -EDESTADDRREQ;
	WRITE_ONCE(ks->role, role);
	return listens ? 0 : kseal_handshake_start(ks);
}

static int write_option(struct kseal_sock *ks, int optname, const void *value,
			unsigned int optlen)
{
	switch (optname) {
	case KSEAL_SO_PROFILE:
		return set_text(ks, KSEAL_TEXT_PROFILE, value, optlen,
				KSEAL_PROFILE_MAX);
	case KSEAL_SO_SERVER_NAME:
		return set_text(ks, KSEAL_TEXT_SERVER_NAME, value, optlen,
				KSEAL_NAME_MAX);
	case KSEAL_SO_ROLE:
		return set_role(ks, value, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

int kseal_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		     unsigned int optlen)
{
	struct kseal_sock *ks = kseal_sock(sk);
	char value[KSEAL_NAME_MAX + 1];
	int err;

	if (!ks)
		return -ENOMEM;
	if (level == SOL_KSEAL) {
		/* Before the lock, which the helper waits for: reading the
		 * caller's memory may take as long as the caller likes.
		 */
		if (optlen > sizeof(value))
			return -EINVAL;
		if (copy_from_sockptr(value, optval, optlen))
			return -EFAULT;
		lock_sock(sk);
		err = write_option(ks, optname, value, optlen);
		release_sock(sk);
		return err;
	}
	/* Repair mode reads and writes TCP's queues as they are. */
	if (level == SOL_TCP && optname == TCP_REPAIR)
		return -EBUSY;
	err = kseal_sock_base(ks)->setsockopt(sk, level, optname, optval,
					      optlen);
	/* Both mean: send what you have. */
	if (!err && level == SOL_TCP &&
	    (optname == TCP_NODELAY || optname == TCP_CORK) &&
	    READ_ONCE(ks->tx.len)) {
		lock_sock(sk);
		if (ks->state == KSEAL_STATE_KEYED)
			kseal_send_flush(ks, false);
		release_sock(sk);
	}
	return err;
}

/* ---- get ---- */

static void get_info(struct kseal_sock *ks, struct kseal_info *info)
{
	memset(info, 0, sizeof(*info));
	info->state = ks->state;
	info->role = ks->role;
	info->version = ks->version;
	info->cipher = ks->cipher;
	info->alert = ks->alert == KSEAL_ALERT_NONE ? 0 : ks->alert;
	info->peer_closed = ks->rx.closed;
	info->error = -ks->err;
	info->tx_records = ks->tx.records;
	info->tx_bytes = ks->tx.bytes;
	info->rx_records = ks->rx.records;
	info->rx_bytes = ks->rx.bytes;
}

static void get_reason(struct kseal_sock *ks, char *reason, size_t size)
{
	spin_lock_bh(&ks->text_lock);
	strscpy(reason, ks->text[KSEAL_TEXT_REASON] ?: "", size);
	spin_unlock_bh(&ks->text_lock);
}

static int put_option(const void *value, int size, char __user *optval,
		      int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min(len, size);
	if (put_user(len, optlen) || copy_to_user(optval, value, len))
		return -EFAULT;
	return 0;
}

static int read_option(struct sock *sk, struct kseal_sock *ks, int optname,
		       char __user *optval, int __user *optlen)
{
	char reason[KSEAL_REASON_MAX + 1];
	struct kseal_info info;
	int len;

	switch (optname) {
	case KSEAL_SO_INFO:
		lock_sock(sk);
		get_info(ks, &info);
		release_sock(sk);
		return put_option(&info, sizeof(info), optval, optlen);
	case KSEAL_SO_REASON:
		if (get_user(len, optlen))
			return -EFAULT;
		if (len <= 0)
			return -EINVAL;
		/* cut to what the caller has, the terminator included */
		get_reason(ks, reason, min_t(size_t, len, sizeof(reason)));
		return put_option(reason, strlen(reason) + 1, optval, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

int kseal_getsockopt(struct sock *sk, int level, int optname,
		     char __user *optval, int __user *optlen)
{
	struct kseal_sock *ks = kseal_sock(sk);

	if (!ks)
		return -ENOMEM;
	if (level == SOL_KSEAL)
		return read_option(sk, ks, optname, optval, optlen);
	/* It would map TCP's own bytes. */
	if (level == SOL_TCP && optname == TCP_ZEROCOPY_RECEIVE)
		return -EOPNOTSUPP;
	return kseal_sock_base(ks)->getsockopt(sk, level, optname, optval,
					       optlen);
}
