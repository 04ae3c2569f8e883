/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS alerts, RFC 8446 6: their names, and which errno they become.
 */
#ifndef KSEALD_ALERT_H
#define KSEALD_ALERT_H

#include <stdbool.h>
#include <stdint.h>

/* The name as in RFC 8446 6 (or the older RFC that has it), "unknown" for a number without one. */
const char *alert_name(uint8_t alert);

/* Whether it says that a certificate, or the lack of one, was not accepted. */
bool alert_is_rejection(uint8_t alert);

#endif
