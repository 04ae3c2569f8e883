// SPDX-License-Identifier: GPL-2.0-or-later
#include "alert.h"

#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#include <stddef.h>
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

static const struct {
	const char *name;
	bool rejection;
} alerts[] = {
	[0]	= { "close_notify", false },
	[10]	= { "unexpected_message", false },
	[20]	= { "bad_record_mac", false },
	[22]	= { "record_overflow", false },
	[40]	= { "handshake_failure", false },
	[42]	= { "bad_certificate", true },
	[43]	= { "unsupported_certificate", true },
	[44]	= { "certificate_revoked", true },
	[45]	= { "certificate_expired", true },
	[46]	= { "certificate_unknown", true },
	[47]	= { "illegal_parameter", false },
	[48]	= { "unknown_ca", true },
	[49]	= { "access_denied", true },
	[50]	= { "decode_error", false },
	[51]	= { "decrypt_error", false },
	[70]	= { "protocol_version", false },
	[71]	= { "insufficient_security", false },
	[80]	= { "internal_error", false },
	[86]	= { "inappropriate_fallback", false },
	[90]	= { "user_canceled", false },
	[100]	= { "no_renegotiation", false },
	[109]	= { "missing_extension", false },
	[110]	= { "unsupported_extension", false },
	[112]	= { "unrecognized_name", false },
	[113]	= { "bad_certificate_status_response", true },
	[115]	= { "unknown_psk_identity", false },
	[116]	= { "certificate_required", true },
	[120]	= { "no_application_protocol", false },
};

const char *kseal_alert_name(u8 alert)
{
	return alert < ARRAY_SIZE(alerts) ? alerts[alert].name : NULL;
}

bool kseal_alert_is_rejection(u8 alert)
{
	return alert < ARRAY_SIZE(alerts) && alerts[alert].rejection;
}
