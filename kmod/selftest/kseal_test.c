// SPDX-License-Identifier: GPL-2.0-only
/* For tests alone; never installed. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "speed.h"
#include "kseal_test.h"

#define READ_MAX (1 << 20)

struct reader {
	u8 *buf;
	u32 len, done, step;
};

static int take(read_descriptor_t *desc, struct sk_buff *skb,
		unsigned int offset, size_t len)
{
	struct reader *r = desc->arg.data;
	u32 n = min_t(size_t, len, min(r->step, r->len - r->done));

	if (!n || skb_copy_bits(skb, offset, r->buf + r->done, n))
		return 0;
	r->done += n;
	desc->count = r->len - r->done;
	return n;
}

static int read_sock(struct socket *sock, struct reader *r)
{
	read_descriptor_t desc = { .arg.data = r, .count = r->len };
	struct sock *sk = sock->sk;
	int ret = -EOPNOTSUPP;

	lock_sock(sk);
	if (sock->ops->read_sock)
		ret = sock->ops->read_sock(sk, &desc, take);
	release_sock(sk);
	return ret;
}

static long do_read(const struct kseal_test_read *arg)
{
	struct reader r = { .len = arg->len, .step = arg->step };
	struct socket *sock;
	int ret;

	if (!arg->len || arg->len > READ_MAX)
		return -EINVAL;
	r.buf = kvmalloc(arg->len, GFP_KERNEL);
	if (!r.buf)
		return -ENOMEM;
	sock = sockfd_lookup(arg->fd, &ret);
	if (sock) {
		ret = read_sock(sock, &r);
		sockfd_put(sock);
	}
	if (ret > 0 && copy_to_user(u64_to_user_ptr(arg->buf), r.buf, ret))
		ret = -EFAULT;
	kvfree(r.buf);
	return ret;
}

static long do_aead(void __user *to)
{
	struct kseal_test_aead arg;
	int err;

	if (copy_from_user(&arg, to, sizeof(arg)))
		return -EFAULT;
	err = kseal_test_aead(&arg);
	return err ?: copy_to_user(to, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long test_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kseal_test_read read;

	if (cmd == KSEAL_TEST_AEAD)
		return do_aead((void __user *)arg);
	if (cmd != KSEAL_TEST_READ_SOCK)
		return -ENOTTY;
	if (copy_from_user(&read, (void __user *)arg, sizeof(read)))
		return -EFAULT;
	return do_read(&read);
}

static const struct file_operations test_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = test_ioctl,
};

static struct miscdevice test_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "kseal_test",
	.fops = &test_fops,
	.mode = 0600,
};
module_misc_device(test_device);

MODULE_DESCRIPTION("kseal: what only code in the kernel can do, for tests");
MODULE_LICENSE("GPL");
