/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether kseald can serve with a profile, before anybody depends on it. */
#ifndef TRIAL_H
#define TRIAL_H

#include <stddef.h>

/*
 * Makes a connection to itself over the loopback device and has kseald begin a server's handshake
 * with the profile, which looks at the profile first and then at nonsense. Returns 0, also where
 * there is no loopback device to try it on; -EINVAL kseald has no such profile, or it lacks
 * what a server needs: reason says so; another negative errno.
 */
int trial_server(const char *profile, char *reason, size_t size);

#endif
