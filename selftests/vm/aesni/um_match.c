// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * x86_match_cpu() for User Mode Linux, which has none. It may say yes to all: the glue code checks each CPU feature
 * again by itself before it registers an algorithm.
 */
#include <linux/mod_devicetable.h>

const struct x86_cpu_id *um_match_cpu(const struct x86_cpu_id *match);

const struct x86_cpu_id *um_match_cpu(const struct x86_cpu_id *match)
{
	return match;
}
