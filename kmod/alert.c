// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

#include "alert.h"

static const struct {
	const char *name;
	bool rejection;
} alerts[] = {
	[0]	= { "close_notify" },
	[10]	= { "unexpected_message" },
	[20]	= { "bad_record_mac" },
	[22]	= { "record_overflow" },
	[40]	= { "handshake_failure" },
	[42]	= { "bad_certificate", true },
	[43]	= { "unsupported_certificate", true },
	[44]	= { "certificate_revoked", true },
	[45]	= { "certificate_expired", true },
	[46]	= { "certificate_unknown", true },
	[47]	= { "illegal_parameter" },
	[48]	= { "unknown_ca", true },
	[49]	= { "access_denied", true },
	[50]	= { "decode_error" },
	[51]	= { "decrypt_error" },
	[70]	= { "protocol_version" },
	[71]	= { "insufficient_security" },
	[80]	= { "internal_error" },
	[86]	= { "inappropriate_fallback" },
	[90]	= { "user_canceled" },
	[100]	= { "no_renegotiation" },
	[109]	= { "missing_extension" },
	[110]	= { "unsupported_extension" },
	[112]	= { "unrecognized_name" },
	[113]	= { "bad_certificate_status_response", true },
	[115]	= { "unknown_psk_identity" },
	[116]	= { "certificate_required", true },
	[120]	= { "no_application_protocol" },
};

const char *kseal_alert_name(u8 alert)
{
	return alert < ARRAY_SIZE(alerts) && alerts[alert].name ?
		alerts[alert].name : "unknown";
}

bool kseal_alert_is_rejection(u8 alert)
{
	return alert < ARRAY_SIZE(alerts) && alerts[alert].rejection;
}
