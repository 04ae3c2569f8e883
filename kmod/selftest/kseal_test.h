/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/kseal_test: what only code in the kernel can do to a socket, for tests. */
#ifndef KSEAL_TEST_MODULE_H
#define KSEAL_TEST_MODULE_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct kseal_test_read {
	__u64 buf;		/* where the bytes go */
	__u32 len;		/* room there */
	__u32 step;		/* at most so many from one call of the actor */
	__s32 fd;		/* the socket */
	__u32 reserved;
};

/* The socket's ops->read_sock. Returns bytes, or its error. */
#define KSEAL_TEST_READ_SOCK _IOW('K', 1, struct kseal_test_read)

#endif
