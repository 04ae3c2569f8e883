/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS alerts, RFC 8446 6, as the module has them too.
 */
#ifndef KSEALD_ALERT_H
#define KSEALD_ALERT_H

#include "../kmod/alert.h"

/* The name as in RFC 8446 6 (or the older RFC that has it), "unknown" for a number without one. */
static inline const char *alert_name(uint8_t alert)
{
	const char *name = kseal_alert_name(alert);

	return name ? name : "unknown";
}

#endif
