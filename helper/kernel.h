/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel can do. */
#ifndef KSEALD_KERNEL_H
#define KSEALD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether it seals with this KSEAL_CIPHER_*: what is agreed on with a peer has to be
 * done by the kernel then. All of them while the module is not loaded.
 */
bool kernel_has_cipher(uint16_t cipher);

#endif
