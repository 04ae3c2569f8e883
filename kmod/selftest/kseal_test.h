/* SPDX-License-Identifier: GPL-2.0-only */
/* /dev/kseal_test: what only code in the kernel can do, for tests and measurements. */
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

struct kseal_test_aead {
	__u32 key_len;		/* 16 or 32 */
	__u32 len;		/* bytes of text, at most 16385 */
	__u32 aad_len;		/* bytes of additional data, at most 16 */
	__u32 ms;		/* for sealing, and again for opening; at most 2000 */
	__u64 sealed, seal_ns;	/* results: how often, in what time */
	__u64 opened, open_ns;
	char driver[64];	/* result: what did it, as in /proc/crypto */
};

/* The kernel's AES-GCM by itself. Returns 0, or an errno of the crypto API. */
#define KSEAL_TEST_AEAD _IOWR('K', 2, struct kseal_test_aead)

#endif
