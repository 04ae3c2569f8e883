// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of the numbers on the wire; see iana.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include "iana.h"

struct name {
	uint16_t number;
	const char *text;
};

static const char *find(const struct name *names, size_t n, uint32_t number)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].number == number)
			return names[i].text;
	return NULL;
}

#define FIND(names, number)	find(names, sizeof(names) / sizeof(names[0]), number)

static const struct name versions[] = {
	{ TLS1_3_VERSION, "TLS 1.3" }, { TLS1_2_VERSION, "TLS 1.2" }, { TLS1_1_VERSION, "TLS 1.1" },
	{ TLS1_VERSION, "TLS 1.0" }, { SSL3_VERSION, "SSL 3.0" },
};

/* Where the OpenSSL at hand lacks them, or calls them otherwise. */
static const struct name groups[] = {
	{ 0x0017, "secp256r1" }, { 0x0018, "secp384r1" }, { 0x0019, "secp521r1" },
	{ 0x001d, "x25519" }, { 0x001e, "x448" }, { 0x0200, "MLKEM512" }, { 0x0201, "MLKEM768" },
	{ 0x0202, "MLKEM1024" }, { 0x11eb, "SecP256r1MLKEM768" }, { 0x11ec, "X25519MLKEM768" },
	{ 0x11ed, "SecP384r1MLKEM1024" },
};

/* OpenSSL has no way from the number to the name before 3.5. */
static const struct name signatures[] = {
	{ 0x0201, "rsa_pkcs1_sha1" }, { 0x0202, "dsa_sha1" }, { 0x0203, "ecdsa_sha1" },
	{ 0x0301, "rsa_pkcs1_sha224" }, { 0x0302, "dsa_sha224" }, { 0x0303, "ecdsa_sha224" },
	{ 0x0401, "rsa_pkcs1_sha256" }, { 0x0402, "dsa_sha256" },
	{ 0x0403, "ecdsa_secp256r1_sha256" }, { 0x0501, "rsa_pkcs1_sha384" },
	{ 0x0502, "dsa_sha384" }, { 0x0503, "ecdsa_secp384r1_sha384" },
	{ 0x0601, "rsa_pkcs1_sha512" }, { 0x0602, "dsa_sha512" },
	{ 0x0603, "ecdsa_secp521r1_sha512" }, { 0x0804, "rsa_pss_rsae_sha256" },
	{ 0x0805, "rsa_pss_rsae_sha384" }, { 0x0806, "rsa_pss_rsae_sha512" },
	{ 0x0807, "ed25519" }, { 0x0808, "ed448" }, { 0x0809, "rsa_pss_pss_sha256" },
	{ 0x080a, "rsa_pss_pss_sha384" }, { 0x080b, "rsa_pss_pss_sha512" },
	{ 0x081a, "ecdsa_brainpoolP256r1tls13_sha256" },
	{ 0x081b, "ecdsa_brainpoolP384r1tls13_sha384" },
	{ 0x081c, "ecdsa_brainpoolP512r1tls13_sha512" }, { 0x0904, "mldsa44" },
	{ 0x0905, "mldsa65" }, { 0x0906, "mldsa87" },
};

static const char *suite_name(SSL *ssl, uint32_t number)
{
	const unsigned char id[] = { (uint8_t)(number >> 8), (uint8_t)number };
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, id);

	return cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
}

static const char *known_name(enum iana_registry registry, SSL *ssl, uint32_t number)
{
	switch (registry) {
	case IANA_VERSION:
		return FIND(versions, number);
	case IANA_SUITE:
		return suite_name(ssl, number);
	case IANA_GROUP:
		return FIND(groups, number) ?:
		       SSL_group_to_name(ssl, (int)(TLSEXT_nid_unknown | number));
	case IANA_SIGNATURE:
		return FIND(signatures, number);
	}
	return NULL;
}

static bool is_grease(uint32_t number)
{
	return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

const char *iana_name(enum iana_registry registry, SSL *ssl, uint32_t number,
		      char text[IANA_TEXT_MAX])
{
	const char *known = known_name(registry, ssl, number);

	if (known)
		return known;
	if (is_grease(number))
		return "GREASE";
	snprintf(text, IANA_TEXT_MAX, "0x%04x", number);
	return text;
}
