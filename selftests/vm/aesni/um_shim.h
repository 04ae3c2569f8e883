/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What arch/x86/crypto takes from <asm/fpu/api.h> and <asm/cpu_device_id.h> and User Mode Linux does not define.
 * The host kernel saves the whole vector state of a process, so every state component can be used.
 */
#ifndef UM_SHIM_H
#define UM_SHIM_H
#ifndef __ASSEMBLY__

#include <asm/cpufeature.h>

#define XFEATURE_MASK_SSE	0x02
#define XFEATURE_MASK_YMM	0x04
#define XFEATURE_MASK_AVX512	0xe0
#define cpu_has_xfeatures(mask, name)	1
#define x86_match_cpu		um_match_cpu

#endif
#endif
