/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to use in user space. */
#ifndef KSEAL_GCM_BEST_H
#define KSEAL_GCM_BEST_H

#include "gcm.h"

/* The highest level that this processor has. */
static inline enum kseal_gcm_level kseal_gcm_best(void)
{
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul") ||
	    !__builtin_cpu_supports("avx"))
		return KSEAL_GCM_NONE;
	if (!__builtin_cpu_supports("vaes") ||
	    !__builtin_cpu_supports("vpclmulqdq") ||
	    !__builtin_cpu_supports("avx2"))
		return KSEAL_GCM_AESNI;
	if (!__builtin_cpu_supports("avx512f") ||
	    !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512vl"))
		return KSEAL_GCM_VAES256;
	return KSEAL_GCM_VAES512;
}

#endif
