/* SPDX-License-Identifier: MIT */
/* What kseal run or wrap says in the environment. */
#ifndef PRELOAD_RULES_H
#define PRELOAD_RULES_H

#include <stdbool.h>
#include <stdint.h>

#define RULES_PROFILE	"KSEAL_PRELOAD_PROFILE"	/* the helper's profile */
#define RULES_LISTEN	"KSEAL_PRELOAD_LISTEN"	/* set: listeners are wrapped; else connections */
#define RULES_TO	"KSEAL_PRELOAD_TO"	/* "HOST:PORT ...", each part may be *; unset: all */
#define RULES_NAME	"KSEAL_PRELOAD_NAME"	/* whose certificate; unset: who was asked for */

/* Whether a connection to this port of name (may be NULL) or address, in figures, is chosen. */
bool rules_choose(const char *to, const char *name, const char *address, uint16_t port);

#endif
