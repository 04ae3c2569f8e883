/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's kselftest_harness.h, with time for emulated guests and for
 * kernels that check everything.
 */
#ifndef KSEAL_TEST_HARNESS_H
#define KSEAL_TEST_HARNESS_H

#include <sys/socket.h>
#include <kselftest_harness.h>

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 60

#endif
