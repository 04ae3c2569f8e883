// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>
#include "../kmod/alert.h"
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
	return alert <= UINT8_MAX ? kseal_alert_name((uint8_t)alert) : NULL;
}
