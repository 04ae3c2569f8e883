// SPDX-License-Identifier: GPL-2.0-only
/* The socket options of SOL_KSEAL, and those of TCP that would go around us. */
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "explain.h"
#include "handshake.h"
#include "keyupdate.h"
#include "mainline.h"
#include "sock.h"
#include "wrap.h"

/* ---- set ---- */

/* Returns its length without the terminator. */
int kseal_sock_check_text(const char *text, unsigned int len, unsigned int max)
{
	unsigned int i;

	if (!len || len > max + 1)
		return -EINVAL;
	/* a terminator is allowed, nothing after it, no control characters */
	if (!text[len - 1])
		len--;
	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return -EINVAL;
	return len && len <= max ? (int)len : -EINVAL;
}

static int set_text(struct kseal_sock *ks, enum kseal_text which,
		    const char *text, unsigned int optlen, unsigned int max)
{
	int len = kseal_sock_check_text(text, optlen, max);

	if (len < 0)
		return len;
	if (ks->role != KSEAL_ROLE_NONE || ks->state == KSEAL_STATE_KEYED)
		return -EALREADY;
	return kseal_sock_set_text(ks, which, text, len, GFP_KERNEL_ACCOUNT);
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
	WRITE_ONCE(ks->role, role);
	return listens ? 0 : kseal_handshake_start(ks);
}

int kseal_shape_set(struct kseal_shape *shape, int optname, u32 value)
{
	switch (optname) {
	case KSEAL_SO_RECORD_MAX:
		if (value < KSEAL_RECORD_MIN || value > KSEAL_PLAIN_MAX)
			return -EINVAL;
		shape->max = value;
		return 0;
	case KSEAL_SO_PADDING:
		if (value > KSEAL_INNER_MAX)
			return -EINVAL;
		shape->pad = value;
		return 0;
	default:
		if (value > 1)
			return -EINVAL;
		shape->dynamic = value;
		return 0;
	}
}

/* A listener's is read by its children without a lock: in one piece, and no
 * two of its fields depend on each other.
 */
static int set_shape(struct kseal_sock *ks, int optname, u32 value)
{
	struct kseal_shape shape = ks->tx.shape;
	int err = kseal_shape_set(&shape, optname, value);

	if (err)
		return err;
	if (ks->tx.len > shape.max)
		return -EBUSY;
	ks->tx.shape = shape;
	ks->shaped |= BIT(optname);
	return 0;
}

static int set_control(struct kseal_sock *ks, u32 value)
{
	if (value > 1)
		return -EINVAL;
	WRITE_ONCE(ks->rx.cmsg, value);
	return 0;
}

/* Set before the role, as what the worker learns once. */
static int set_asked(struct kseal_sock *ks, bool *asked, u32 value)
{
	if (value > 1)
		return -EINVAL;
	if (ks->role != KSEAL_ROLE_NONE || ks->state == KSEAL_STATE_KEYED)
		return -EALREADY;
	WRITE_ONCE(*asked, value);
	return 0;
}

/* From here on: those that are half open too. */
static int set_pass(struct kseal_sock *ks, u32 value)
{
	bool ruled;

	if (value > 1 || ks->state != KSEAL_STATE_LISTEN)
		return -EINVAL;
	rcu_read_lock();
	ruled = kseal_wrap_find(sock_net(ks->sk), ks->sk);
	rcu_read_unlock();
	/* whoever made the rule wants no connection in clear there */
	if (value && ruled)
		return -EPERM;
	WRITE_ONCE(ks->pass, value);
	return 0;
}

static int send_key_update(struct kseal_sock *ks, u32 value)
{
	if (value > 1)
		return -EINVAL;
	if (ks->state == KSEAL_STATE_DEAD)
		return ks->err;
	if (ks->state != KSEAL_STATE_KEYED || !ks->tx.keys)
		return -ENOTCONN;
	return kseal_keyupdate_send(ks, value);
}

static int set_number(struct kseal_sock *ks, int optname, const void *value,
		      unsigned int optlen)
{
	u32 number;

	if (optlen != sizeof(number))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));
	switch (optname) {
	case KSEAL_SO_CONTROL:
		return set_control(ks, number);
	case KSEAL_SO_KEY_UPDATE:
		return send_key_update(ks, number);
	case KSEAL_SO_EXPLAIN:
		return set_asked(ks, &ks->explain.asked, number);
	case KSEAL_SO_PEER_CHAIN:
		return set_asked(ks, &ks->chain.asked, number);
	case KSEAL_SO_PASS:
		return set_pass(ks, number);
	default:
		return set_shape(ks, optname, number);
	}
}

static int write_option(struct kseal_sock *ks, int optname, const void *value,
			unsigned int optlen)
{
	switch (optname) {
	case KSEAL_SO_RECORD_MAX:
	case KSEAL_SO_PADDING:
	case KSEAL_SO_DYNAMIC:
	case KSEAL_SO_CONTROL:
	case KSEAL_SO_KEY_UPDATE:
	case KSEAL_SO_EXPLAIN:
	case KSEAL_SO_PASS:
	case KSEAL_SO_PEER_CHAIN:
		return set_number(ks, optname, value, optlen);
	case KSEAL_SO_PROFILE:
		return set_text(ks, KSEAL_TEXT_PROFILE, value, optlen,
				KSEAL_PROFILE_MAX);
	case KSEAL_SO_SERVER_NAME:
		return set_text(ks, KSEAL_TEXT_SERVER_NAME, value, optlen,
				KSEAL_NAME_MAX);
	case KSEAL_SO_ALPN:
		return set_text(ks, KSEAL_TEXT_PROTOCOLS, value, optlen,
				KSEAL_ALPN_MAX);
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
	if (level == SOL_TLS && ks->mainline)
		return kseal_mainline_setsockopt(ks, optname, optval, optlen);
	if (level == SOL_KSEAL && ks->mainline && optname != KSEAL_SO_PADDING)
		return -ENOPROTOOPT;
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
	    READ_ONCE(ks->tx.len) && !ks->mainline) {
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
	info->tx_updates = ks->tx.updates;
	info->rx_updates = ks->rx.updates;
}

/* Which string an option reads, or KSEAL_TEXT_COUNT. */
static enum kseal_text text_of(int optname)
{
	switch (optname) {
	case KSEAL_SO_PROFILE:
		return KSEAL_TEXT_PROFILE;
	case KSEAL_SO_SERVER_NAME:
		return KSEAL_TEXT_SERVER_NAME;
	case KSEAL_SO_ALPN:
		return KSEAL_TEXT_ALPN;
	case KSEAL_SO_SUITE:
		return KSEAL_TEXT_SUITE;
	case KSEAL_SO_GROUP:
		return KSEAL_TEXT_GROUP;
	case KSEAL_SO_PEER_IDENTITY:
		return KSEAL_TEXT_PEER_IDENTITY;
	case KSEAL_SO_REASON:
		return KSEAL_TEXT_REASON;
	default:
		return KSEAL_TEXT_COUNT;
	}
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

static u32 get_number(const struct kseal_sock *ks, int optname)
{
	switch (optname) {
	case KSEAL_SO_RECORD_MAX:
		return kseal_send_most(&ks->tx);
	case KSEAL_SO_PADDING:
		return READ_ONCE(ks->tx.shape.pad);
	case KSEAL_SO_DYNAMIC:
		return READ_ONCE(ks->tx.shape.dynamic);
	case KSEAL_SO_PASS:
		return READ_ONCE(ks->pass);
	default:
		return READ_ONCE(ks->rx.cmsg);
	}
}

static size_t copy_text(struct kseal_sock *ks, enum kseal_text which, char *to,
			size_t size)
{
	spin_lock_bh(&ks->text_lock);
	strscpy(to, ks->text[which] ?: "", size);
	spin_unlock_bh(&ks->text_lock);
	return strlen(to);
}

/* A copy: nobody waits for the caller's memory. KSEAL_TEXT_COUNT: the story. */
static int read_text(struct kseal_sock *ks, enum kseal_text which,
		     char __user *optval, int __user *optlen)
{
	bool story = which == KSEAL_TEXT_COUNT;
	char *text;
	int len, err;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len <= 0)
		return -EINVAL;
	/* cut to what the caller has, the terminator included */
	len = min(len, (story ? KSEAL_EXPLAIN_MAX : KSEAL_IDENTITY_MAX) + 1);
	text = kmalloc(len, GFP_KERNEL_ACCOUNT);
	if (!text)
		return -ENOMEM;
	len = story ? kseal_explain_copy(ks, text, len) :
		      copy_text(ks, which, text, len);
	err = put_option(text, len + 1, optval, optlen);
	kfree(text);
	return err;
}

/* It is set once, and stays. */
static int read_chain(struct sock *sk, struct kseal_sock *ks,
		      char __user *optval, int __user *optlen)
{
	int len, have;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	lock_sock(sk);
	have = ks->chain.len;
	release_sock(sk);
	if (put_user(have, optlen))
		return -EFAULT;
	if (len < have)
		return -ERANGE;
	return copy_to_user(optval, ks->chain.bytes, have) ? -EFAULT : 0;
}

static int read_option(struct sock *sk, struct kseal_sock *ks, int optname,
		       char __user *optval, int __user *optlen)
{
	enum kseal_text text = text_of(optname);
	struct kseal_info info;
	u32 number;

	if (text != KSEAL_TEXT_COUNT)
		return read_text(ks, text, optval, optlen);
	switch (optname) {
	case KSEAL_SO_RECORD_MAX:
	case KSEAL_SO_PADDING:
	case KSEAL_SO_DYNAMIC:
	case KSEAL_SO_CONTROL:
	case KSEAL_SO_PASS:
		number = get_number(ks, optname);
		return put_option(&number, sizeof(number), optval, optlen);
	case KSEAL_SO_INFO:
		lock_sock(sk);
		get_info(ks, &info);
		release_sock(sk);
		return put_option(&info, sizeof(info), optval, optlen);
	case KSEAL_SO_PEER_CHAIN:
		return read_chain(sk, ks, optval, optlen);
	case KSEAL_SO_EXPLAIN:
		return read_text(ks, KSEAL_TEXT_COUNT, optval, optlen);
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
	if (level == SOL_TLS && ks->mainline)
		return kseal_mainline_getsockopt(ks, optname, optval, optlen);
	if (level == SOL_KSEAL)
		return read_option(sk, ks, optname, optval, optlen);
	/* It would map TCP's own bytes. */
	if (level == SOL_TCP && optname == TCP_ZEROCOPY_RECEIVE)
		return -EOPNOTSUPP;
	return kseal_sock_base(ks)->getsockopt(sk, level, optname, optval,
					       optlen);
}
