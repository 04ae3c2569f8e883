/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KSEAL_TEST_SPEED_H
#define KSEAL_TEST_SPEED_H

#include "kseal_test.h"

/**
 * kseal_test_aead - time the fastest synchronous gcm(aes)
 * @arg: what to do; the results are put there
 *
 * Return: 0, -EINVAL sizes that are too large, -ENOMEM, or the crypto API's errno.
 */
int kseal_test_aead(struct kseal_test_aead *arg);

#endif
