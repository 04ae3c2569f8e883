/* SPDX-License-Identifier: GPL-2.0-only */
/* Alerts as a person reads them: RFC 8446 6, RFC 5246 7.2. */
#ifndef KSEAL_ALERT_H
#define KSEAL_ALERT_H

#include <linux/types.h>

/* Its name there, or "unknown". */
const char *kseal_alert_name(u8 alert);

/* Whether it says that a certificate, or the lack of one, was not accepted. */
bool kseal_alert_is_rejection(u8 alert);

#endif
