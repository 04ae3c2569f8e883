/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether there is a kseald to do the handshakes. */
#ifndef HELPER_H
#define HELPER_H

/*
 * Waits up to limit_ms for a helper to be registered in this network namespace, since one that
 * was started along with us may need a moment; says so, once, if it has to wait. Returns 0, also
 * where the module cannot tell; -EUNATCH: there is none; -ENOPKG: the module is not loaded.
 */
int helper_await(int limit_ms);

#define HELPER_PATIENCE_MS 3000	/* of the commands */

#endif
