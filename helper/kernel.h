/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel can do. */
#ifndef KSEALD_KERNEL_H
#define KSEALD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/* Looks, which takes a while where modules are asked for; not for two threads at once. */
void kernel_look(void);

/*
 * Whether, when last looked at, it seals with this KSEAL_CIPHER_*: what is agreed on with a peer has to be
 * done by the kernel then. All of them if the module was not loaded, or nobody looked.
 */
bool kernel_has_cipher(uint16_t cipher);

#endif
