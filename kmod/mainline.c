// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/tls.h>
#include <net/tcp.h>

#include "diag.h"
#include "keys.h"
#include "kseal_trace.h"
#include "mainline.h"
#include "sock.h"
#include "stats.h"

static bool dropin;
module_param(dropin, bool, 0444);
MODULE_PARM_DESC(dropin, "be the ULP \"tls\" too, in mainline's place (0)");

/* The struct of every cipher begins with struct tls_crypto_info, and goes on
 * with explicit nonce or IV, key, salt, sequence number; see uapi linux/tls.h.
 */
struct crypto {
	struct tls_crypto_info info;
	u8 rest[KSEAL_NONCE_LEN + KSEAL_KEY_MAX + TLS_CIPHER_AES_GCM_128_REC_SEQ_SIZE];
};

struct layout {
	unsigned int iv_len, key_len, salt_len, seq_len;
};

static struct layout layout_of(const struct kseal_cipher *cipher)
{
	struct layout l = {
		.iv_len = cipher->explicit_nonce ? KSEAL_EXPLICIT_LEN :
						   KSEAL_NONCE_LEN,
		.key_len = cipher->key_len,
		.seq_len = sizeof(u64),
	};

	l.salt_len = KSEAL_NONCE_LEN - l.iv_len;
	return l;
}

static unsigned int layout_len(const struct layout *l)
{
	return sizeof(struct tls_crypto_info) + l->iv_len + l->key_len +
	       l->salt_len + l->seq_len;
}

/* ---- set keys ---- */

/* Checks against what the socket has. Returns the cipher's row or an errno. */
static const struct kseal_cipher *choose(const struct tls_crypto_info *info,
					 const struct kseal_keys *same,
					 const struct kseal_keys *other)
{
	const struct kseal_cipher *cipher;

	/* that comes first in mainline, whatever the keys are */
	if (same && kseal_keys_form(same)->version != KSEAL_TLS_1_3)
		return ERR_PTR(-EBUSY);
	cipher = kseal_cipher_find(info->cipher_type, info->version);
	if (!cipher)
		return ERR_PTR(-EINVAL);
	other = same ?: other;
	if (other && (kseal_keys_form(other)->version != info->version ||
		      kseal_keys_cipher(other) != cipher))
		return ERR_PTR(-EINVAL);
	return cipher;
}

static void parse(const struct crypto *crypto, const struct kseal_cipher *cipher,
		  struct kseal_key_material *m)
{
	struct layout l = layout_of(cipher);
	const u8 *iv = crypto->rest, *key = iv + l.iv_len;
	const u8 *salt = key + l.key_len, *seq = salt + l.salt_len;

	m->cipher = cipher;
	m->version = crypto->info.version;
	/* applications begin with any number, and count for themselves */
	m->from_here = true;
	memcpy(m->key, key, l.key_len);
	memcpy(m->iv, salt, l.salt_len);
	memcpy(m->iv + l.salt_len, iv, l.iv_len);
	m->seq = get_unaligned_be64(seq);
}

static int keyed(struct kseal_sock *ks, struct kseal_keys *keys, bool tx)
{
	struct kseal_keys **have = tx ? &ks->tx.keys : &ks->rx.keys;

	if (*have)
		return kseal_sock_rekey(ks, keys, tx);
	if (!tx) {
		/* TCP is not to wait for more than a record's short rest */
		ks->rx.lowat = ks->sk->sk_rcvlowat;
		WRITE_ONCE(ks->sk->sk_rcvlowat, 1);
	}
	WRITE_ONCE(ks->version, kseal_keys_form(keys)->version);
	WRITE_ONCE(ks->cipher, kseal_keys_cipher(keys)->id);
	/* poll looks at it without the lock */
	smp_store_release(have, keys);
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_KEYS_INSTALLED, 1);
	trace_kseal_keys(ks->id, tx, ks->version, ks->cipher, 0);
	if (!tx)
		kseal_data_ready(ks->sk);
	return 0;
}

/* The same key, and numbers that it was used with: mainline takes that. */
static bool goes_back(const struct kseal_keys *next,
		      const struct kseal_keys *same)
{
	u8 iv[KSEAL_EXPLICIT_LEN];

	return kseal_keys_same(next, same) &&
	       kseal_keys_public(next, iv) < kseal_keys_public(same, iv);
}

static int install(struct kseal_sock *ks, const struct crypto *crypto,
		   unsigned int len, bool whole, bool tx)
{
	struct kseal_keys *same = tx ? ks->tx.keys : ks->rx.keys;
	struct kseal_keys *other = tx ? ks->rx.keys : ks->tx.keys, *keys;
	const struct kseal_cipher *cipher = choose(&crypto->info, same, other);
	struct kseal_key_material m = {};
	struct layout l;
	int err;

	if (IS_ERR(cipher))
		return PTR_ERR(cipher);
	l = layout_of(cipher);
	if (len != layout_len(&l))
		return -EINVAL;
	if (!whole)
		return -EFAULT;
	parse(crypto, cipher, &m);
	keys = kseal_keys_create(&m);
	memzero_explicit(&m, sizeof(m));
	if (IS_ERR(keys))
		return PTR_ERR(keys);
	if (same && goes_back(keys, same)) {
		kseal_keys_destroy(keys);
		return -EALREADY;
	}
	err = keyed(ks, keys, tx);
	if (err)
		kseal_keys_destroy(keys);
	return err;
}

/* Whether the direction has keys that cannot be followed by others; for those
 * who ask with nothing better to say. It is looked at again under the lock.
 */
static bool is_final(struct kseal_sock *ks, bool tx)
{
	return (tx ? READ_ONCE(ks->tx.keys) : READ_ONCE(ks->rx.keys)) &&
	       READ_ONCE(ks->version) != KSEAL_TLS_1_3;
}

static int set_keys(struct kseal_sock *ks, sockptr_t optval,
		    unsigned int optlen, bool tx)
{
	struct crypto crypto = {};
	bool whole;
	int err;

	if (sockptr_is_null(optval) || optlen < sizeof(crypto.info))
		return -EINVAL;
	if (is_final(ks, tx))
		return -EBUSY;
	/* before the lock, for as long as the caller likes */
	if (copy_from_sockptr(&crypto, optval, sizeof(crypto.info)))
		return -EFAULT;
	whole = !copy_from_sockptr(&crypto, optval,
				   min_t(size_t, optlen, sizeof(crypto)));
	lock_sock(ks->sk);
	err = install(ks, &crypto, optlen, whole, tx);
	release_sock(ks->sk);
	memzero_explicit(&crypto, sizeof(crypto));
	return err;
}

/* ---- the other options ---- */

static int set_no_pad(struct kseal_sock *ks, sockptr_t optval,
		      unsigned int optlen)
{
	int err = -EINVAL;
	u32 value;

	if (READ_ONCE(ks->version) != KSEAL_TLS_1_3 ||
	    sockptr_is_null(optval) || optlen < sizeof(value))
		return -EINVAL;
	if (copy_from_sockptr(&value, optval, sizeof(value)))
		return -EFAULT;
	if (value > 1)
		return -EINVAL;
	err = check_zeroed_sockptr(optval, sizeof(value),
				   optlen - sizeof(value));
	if (err < 1)
		return err ?: -EINVAL;
	/* A promise that we do not need: it is kept for who asks. */
	lock_sock(ks->sk);
	err = ks->rx.keys ? 0 : -EINVAL;
	if (!err)
		WRITE_ONCE(ks->rx.no_pad, value);
	release_sock(ks->sk);
	return err;
}

static int set_zerocopy(struct kseal_sock *ks, sockptr_t optval,
			unsigned int optlen)
{
	unsigned int value;

	if (sockptr_is_null(optval) || optlen != sizeof(value))
		return -EINVAL;
	if (copy_from_sockptr(&value, optval, sizeof(value)))
		return -EFAULT;
	if (value > 1)
		return -EINVAL;
	WRITE_ONCE(ks->zerocopy_ro, value);
	return 0;
}

static int set_payload_len(struct kseal_sock *ks, sockptr_t optval,
			   unsigned int optlen)
{
	unsigned int least = KSEAL_RECORD_MIN;
	int err = 0;
	u16 value;

	if (sockptr_is_null(optval) || optlen != sizeof(value))
		return READ_ONCE(ks->tx.len) ? -EBUSY : -EINVAL;
	if (copy_from_sockptr(&value, optval, sizeof(value)))
		return -EFAULT;
	lock_sock(ks->sk);
	if (ks->version != KSEAL_TLS_1_3)
		least++;
	if (ks->tx.len)
		err = -EBUSY;
	else if (value < least || value > KSEAL_PLAIN_MAX)
		err = -EINVAL;
	else
		ks->tx.shape.max = value;
	release_sock(ks->sk);
	return err;
}

int kseal_mainline_setsockopt(struct kseal_sock *ks, int optname,
			      sockptr_t optval, unsigned int optlen)
{
	switch (optname) {
	case TLS_TX:
	case TLS_RX:
		return set_keys(ks, optval, optlen, optname == TLS_TX);
	case TLS_TX_ZEROCOPY_RO:
		return set_zerocopy(ks, optval, optlen);
	case TLS_RX_EXPECT_NO_PAD:
		return set_no_pad(ks, optval, optlen);
	case TLS_TX_MAX_PAYLOAD_LEN:
		return set_payload_len(ks, optval, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

/* ---- get ---- */

/* Version, cipher, sequence number and explicit nonce; zeros where mainline
 * gives key and salt.
 */
static int get_keys(struct kseal_sock *ks, char __user *optval, int len,
		    bool tx)
{
	const struct kseal_keys *keys;
	struct crypto crypto = {};
	u8 iv[KSEAL_EXPLICIT_LEN];
	struct layout l = {};
	int err = 0;
	u64 seq;

	if (!optval || len < (int)sizeof(crypto.info))
		return -EINVAL;
	lock_sock(ks->sk);
	keys = tx ? ks->tx.keys : ks->rx.keys;
	if (keys) {
		crypto.info.version = kseal_keys_form(keys)->version;
		crypto.info.cipher_type = kseal_keys_cipher(keys)->id;
		l = layout_of(kseal_keys_cipher(keys));
		seq = kseal_keys_public(keys, iv);
		memcpy(crypto.rest, iv, sizeof(iv));
		put_unaligned_be64(seq, crypto.rest + l.iv_len + l.key_len +
					l.salt_len);
	} else {
		err = -EBUSY;
	}
	release_sock(ks->sk);
	if (!err && len != sizeof(crypto.info) && len != (int)layout_len(&l))
		err = -EINVAL;
	if (!err && copy_to_user(optval, &crypto, len))
		err = -EFAULT;
	return err;
}

static int get_no_pad(struct kseal_sock *ks, char __user *optval,
		      int __user *optlen, int len)
{
	int value = READ_ONCE(ks->rx.no_pad);

	if (READ_ONCE(ks->version) != KSEAL_TLS_1_3 ||
	    len < (int)sizeof(value) || !READ_ONCE(ks->rx.keys))
		return -EINVAL;
	if (put_user(sizeof(value), optlen) ||
	    copy_to_user(optval, &value, sizeof(value)))
		return -EFAULT;
	return 0;
}

static int get_zerocopy(struct kseal_sock *ks, char __user *optval, int len)
{
	unsigned int value = READ_ONCE(ks->zerocopy_ro);

	if (len != sizeof(value))
		return -EINVAL;
	return copy_to_user(optval, &value, sizeof(value)) ? -EFAULT : 0;
}

static int get_payload_len(struct kseal_sock *ks, char __user *optval,
			   int __user *optlen, int len)
{
	u16 value = READ_ONCE(ks->tx.shape.max);

	if (len < (int)sizeof(value))
		return -EINVAL;
	if (put_user(sizeof(value), optlen) ||
	    copy_to_user(optval, &value, sizeof(value)))
		return -EFAULT;
	return 0;
}

int kseal_mainline_getsockopt(struct kseal_sock *ks, int optname,
			      char __user *optval, int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	switch (optname) {
	case TLS_TX:
	case TLS_RX:
		return get_keys(ks, optval, len, optname == TLS_TX);
	case TLS_TX_ZEROCOPY_RO:
		return get_zerocopy(ks, optval, len);
	case TLS_RX_EXPECT_NO_PAD:
		return get_no_pad(ks, optval, optlen, len);
	case TLS_TX_MAX_PAYLOAD_LEN:
		return get_payload_len(ks, optval, optlen, len);
	default:
		return -ENOPROTOOPT;
	}
}

/* ---- the ULP ---- */

static int init(struct sock *sk)
{
	const struct kseal_attach as = { .mainline = true, .gfp = GFP_KERNEL };

	return kseal_sock_attach(sk, &as);
}

/* No clone: TCP refuses to set it on a listener, as mainline's. */
struct tcp_ulp_ops kseal_mainline_ulp_ops __read_mostly = {
	.name = "tls",
	.owner = THIS_MODULE,
	.init = init,
	.release = kseal_sock_release,
};

/* Mainline's module does not look whether its name was free, and takes the
 * wrong one off the list when it goes: it must not come while we have it.
 */
static int module_comes(struct notifier_block *block, unsigned long event,
			void *data)
{
	const struct module *mod = data;

	if (event != MODULE_STATE_COMING || strcmp(mod->name, "tls"))
		return NOTIFY_DONE;
	pr_warn("kseal: the module tls is refused: kseal was loaded with dropin=1 and has its place\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block modules = { .notifier_call = module_comes };

int kseal_mainline_init(void)
{
	int err;

	if (!dropin)
		return 0;
	kseal_compat_ulp(&kseal_mainline_ulp_ops, kseal_diag_info,
			 kseal_diag_info_size);
	err = register_module_notifier(&modules);
	if (err)
		return err;
	err = tcp_register_ulp(&kseal_mainline_ulp_ops);
	if (err) {
		unregister_module_notifier(&modules);
		pr_err("kseal: dropin=1: the ULP \"tls\" is taken: unload the module tls, or load kseal without dropin\n");
	}
	/* modprobe takes EEXIST for a module that is loaded already */
	return err == -EEXIST ? -EBUSY : err;
}

void kseal_mainline_exit(void)
{
	if (!dropin)
		return;
	tcp_unregister_ulp(&kseal_mainline_ulp_ops);
	unregister_module_notifier(&modules);
}
