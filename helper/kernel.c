// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What this kernel can do; see kernel.h.
 */
#include <stdio.h>
#include <string.h>
#include <linux/kseal.h>
#include "kernel.h"

#define CIPHERS "/sys/module/kseal/parameters/ciphers"

static const struct {
	uint16_t cipher;
	const char *name;	/* there */
} names[] = {
	{ KSEAL_CIPHER_AES_GCM_128, "AES-128-GCM" },
	{ KSEAL_CIPHER_AES_GCM_256, "AES-256-GCM" },
	{ KSEAL_CIPHER_AES_CCM_128, "AES-128-CCM" },
	{ KSEAL_CIPHER_CHACHA20_POLY1305, "CHACHA20-POLY1305" },
};

static bool is_in(const char *name, char *line)
{
	char *rest = line, *word;

	while ((word = strsep(&rest, " \n")))
		if (!strcmp(word, name))
			return true;
	return false;
}

#define NAMES (sizeof(names) / sizeof(names[0]))

static bool missing[NAMES];

void kernel_look(void)
{
	FILE *file = fopen(CIPHERS, "re");
	char line[512] = "", copy[sizeof(line)];
	size_t i;

	memset(missing, 0, sizeof(missing));
	if (!file)
		return;
	if (fgets(line, sizeof(line), file)) {
		for (i = 0; i < NAMES; i++) {
			memcpy(copy, line, sizeof(copy));
			missing[i] = !is_in(names[i].name, copy);
		}
	}
	fclose(file);
}

bool kernel_has_cipher(uint16_t cipher)
{
	size_t i;

	for (i = 0; i < NAMES; i++)
		if (names[i].cipher == cipher)
			return !missing[i];
	return false;
}
