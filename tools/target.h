/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kseal wrap and unwrap are about: an address, or a descriptor of a process. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <sys/types.h>
#include "rule.h"

struct target {
	bool is_descriptor;
	pid_t pid;		/* of a descriptor */
	int number;
	struct rule_address address;
};

/* Reads "PORT", "*:PORT", "ADDR:PORT", "[V6]:PORT" or "PID:FD". Returns 0, or -1 and says why. */
int target_parse(const char *text, struct target *target);

/*
 * A copy of the process's descriptor, which has to be a TCP socket that listens. Returns it, or -1
 * and says why not.
 */
int target_open(const struct target *target);

#endif
