/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts as a person reads them: RFC 8446 6, RFC 5246 7.2. kseald and the kseal
 * command compile alert.c as it is.
 */
#ifndef KSEAL_ALERT_H
#define KSEAL_ALERT_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
typedef uint8_t u8;
#endif

/* Its name there; NULL: a number without one. */
const char *kseal_alert_name(u8 alert);

/* Whether it says that a certificate, or the lack of one, was not accepted. */
bool kseal_alert_is_rejection(u8 alert);

#endif
