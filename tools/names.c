// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <linux/kseal.h>
#include "names.h"

struct name {
	unsigned int value;
	const char *text;
};

static const struct name states[] = {
	{ KSEAL_STATE_NEW, "new" },
	{ KSEAL_STATE_WAITING, "waiting" },
	{ KSEAL_STATE_KEYED, "keyed" },
	{ KSEAL_STATE_DEAD, "dead" },
	{ KSEAL_STATE_LISTEN, "listen" },
};

static const struct name roles[] = {
	{ KSEAL_ROLE_NONE, "none" },
	{ KSEAL_ROLE_SERVER, "server" },
	{ KSEAL_ROLE_CLIENT, "client" },
};

static const struct name versions[] = {
	{ KSEAL_VERSION_1_2, "TLS 1.2" },
	{ KSEAL_VERSION_1_3, "TLS 1.3" },
};

static const struct name ciphers[] = {
	{ KSEAL_CIPHER_AES_GCM_128, "AES-128-GCM" },
	{ KSEAL_CIPHER_AES_GCM_256, "AES-256-GCM" },
	{ KSEAL_CIPHER_AES_CCM_128, "AES-128-CCM" },
	{ KSEAL_CIPHER_CHACHA20_POLY1305, "ChaCha20-Poly1305" },
	{ KSEAL_CIPHER_SM4_GCM, "SM4-GCM" },
	{ KSEAL_CIPHER_SM4_CCM, "SM4-CCM" },
	{ KSEAL_CIPHER_ARIA_GCM_128, "ARIA-128-GCM" },
	{ KSEAL_CIPHER_ARIA_GCM_256, "ARIA-256-GCM" },
};

/* RFC 8446 6 */
static const struct name alerts[] = {
	{ 0, "close_notify" },
	{ 10, "unexpected_message" },
	{ 20, "bad_record_mac" },
	{ 22, "record_overflow" },
	{ 40, "handshake_failure" },
	{ 42, "bad_certificate" },
	{ 43, "unsupported_certificate" },
	{ 44, "certificate_revoked" },
	{ 45, "certificate_expired" },
	{ 46, "certificate_unknown" },
	{ 47, "illegal_parameter" },
	{ 48, "unknown_ca" },
	{ 49, "access_denied" },
	{ 50, "decode_error" },
	{ 51, "decrypt_error" },
	{ 70, "protocol_version" },
	{ 71, "insufficient_security" },
	{ 80, "internal_error" },
	{ 86, "inappropriate_fallback" },
	{ 90, "user_canceled" },
	{ 100, "no_renegotiation" },
	{ 109, "missing_extension" },
	{ 110, "unsupported_extension" },
	{ 112, "unrecognized_name" },
	{ 113, "bad_certificate_status_response" },
	{ 115, "unknown_psk_identity" },
	{ 116, "certificate_required" },
	{ 120, "no_application_protocol" },
};

static const char *find(const struct name *table, size_t n, unsigned int value)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (table[i].value == value)
			return table[i].text;
	return NULL;
}

#define FIND(table, value) find(table, sizeof(table) / sizeof(*(table)), value)

const char *name_state(unsigned int state)
{
	return FIND(states, state);
}

const char *name_role(unsigned int role)
{
	return FIND(roles, role);
}

const char *name_version(unsigned int version)
{
	return FIND(versions, version);
}

const char *name_cipher(unsigned int cipher)
{
	return FIND(ciphers, cipher);
}

const char *name_alert(unsigned int alert)
{
	return FIND(alerts, alert);
}
