// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A module that misbehaves on demand, for ../selftest.sh:
 *     echo leak|warn|overrun|hold|panic >/sys/module/vm_dummy/parameters/provoke
 */
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/slab.h>

static int provoke(const char *what, const struct kernel_param *param)
{
	char *bytes;
	int i;

	if (sysfs_streq(what, "leak")) {
		/* A few: one may stay reachable by a stale pointer on a stack */
		for (i = 0; i < 8; i++)
			if (!kmalloc(100, GFP_KERNEL))
				return -ENOMEM;
	} else if (sysfs_streq(what, "warn")) {
		WARN(1, "vm_dummy was asked to warn\n");
	} else if (sysfs_streq(what, "overrun")) {
		bytes = kmalloc(100, GFP_KERNEL);
		if (!bytes)
			return -ENOMEM;
		OPTIMIZER_HIDE_VAR(bytes);
		bytes[100] = 1;
		kfree(bytes);
	} else if (sysfs_streq(what, "hold")) {
		__module_get(THIS_MODULE);
	} else if (sysfs_streq(what, "panic")) {
		panic("vm_dummy was asked to panic");
	} else {
		return -EINVAL;
	}
	return 0;
}

static const struct kernel_param_ops provoke_ops = { .set = provoke };
module_param_cb(provoke, &provoke_ops, NULL, 0200);

static int answer = 42;
module_param(answer, int, 0444);

MODULE_DESCRIPTION("Misbehaves on demand, to test the test runner");
MODULE_LICENSE("GPL");
