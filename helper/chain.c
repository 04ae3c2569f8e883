// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What Certificate messages say; see chain.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/comp.h>
#include <openssl/x509v3.h>
#include "chain.h"
#include "explain.h"
#include "quote.h"
#include "wire.h"

#define NAMES_MAX	30	/* of a certificate; more are counted */
#define EXPANDED_MAX	65536	/* bytes of certificates that came compressed */

static void tell_names(struct explain *explain, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	struct explain_list list = { .most = NAMES_MAX };
	char text[QUOTE_MAX];

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		quote_alternative(text, sk_GENERAL_NAME_value(names, i));
		explain_add(&list, text);
	}
	GENERAL_NAMES_free(names);
	explain_list(explain, "for", &list);
}

static void write_day(const ASN1_TIME *time, char text[32])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm))
		strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
	else
		snprintf(text, 32, "?");
}

static void tell_validity(struct explain *explain, const X509 *cert)
{
	const ASN1_TIME *since = X509_get0_notBefore(cert), *until = X509_get0_notAfter(cert);
	char from[32], to[32];

	write_day(since, from);
	write_day(until, to);
	explain_fact(explain, "valid", "%s to %s UTC%s", from, to,
		     X509_cmp_current_time(since) > 0 ? ": not yet" :
		     X509_cmp_current_time(until) < 0 ? ": EXPIRED" : "");
}

static void tell_certificate(struct explain *explain, X509 *cert)
{
	char text[QUOTE_MAX], group[64] = "";
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;

	quote_x509_name(text, X509_get_subject_name(cert));
	explain_fact(explain, "subject", "%s", text);
	quote_x509_name(text, X509_get_issuer_name(cert));
	explain_fact(explain, "issuer", "%s", text);
	tell_names(explain, cert);
	tell_validity(explain, cert);
	if (type && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		explain_fact(explain, "key", "%s %s, %d bits", type, group, EVP_PKEY_get_bits(key));
	else if (type)
		explain_fact(explain, "key", "%s, %d bits", type, EVP_PKEY_get_bits(key));
	else
		explain_fact(explain, "key", "of a kind that this OpenSSL does not know");
}

/* Behind each certificate of TLS 1.3; only the first one's are told. */
static bool take_staple(struct explain *explain, struct bytes *list, bool tell)
{
	struct bytes extensions, extension;
	uint32_t type;

	if (!wire_take_vector(list, 2, &extensions))
		return false;
	while (extensions.len) {
		if (!wire_take_extension(&extensions, &type, &extension))
			return false;
		if (tell && type == TLSEXT_TYPE_status_request)
			explain_fact(explain, "OCSP staple", "%zu bytes", extension.len);
	}
	return true;
}

/* Our own, if it is that: to decode a key takes OpenSSL longer than all the rest here. */
static X509 *own_certificate(const SSL *ssl, struct bytes der)
{
	X509 *own = SSL_get_certificate(ssl);
	uint8_t *bytes = NULL;
	int len = own ? i2d_X509(own, &bytes) : 0;
	bool same = len > 0 && (size_t)len == der.len && !memcmp(bytes, der.at, der.len);

	OPENSSL_free(bytes);
	return same && X509_up_ref(own) ? own : NULL;
}

/* RFC 8446 4.4.2, RFC 5246 7.4.2 */
bool chain_facts(struct explain *explain, SSL *ssl, struct bytes body)
{
	bool tls13 = SSL_version(ssl) == TLS1_3_VERSION;
	struct bytes context, list, der;
	unsigned int n = 0;

	if ((tls13 && !wire_take_vector(&body, 1, &context)) || !wire_take_vector(&body, 3, &list))
		return false;
	for (; list.len; n++) {
		if (!wire_take_vector(&list, 3, &der))
			return false;
		if (!n) {
			const uint8_t *at = der.at;
			X509 *cert = own_certificate(ssl, der) ?: d2i_X509(NULL, &at, (long)der.len);

			if (!cert)
				return false;
			tell_certificate(explain, cert);
			X509_free(cert);
		}
		if (tls13 && !take_staple(explain, &list, !n))
			return false;
	}
	if (n)
		explain_fact(explain, "chain", "%u certificate%s", n, n == 1 ? "" : "s");
	else
		explain_fact(explain, "chain", "empty: there is no certificate");
	return true;
}

#if OPENSSL_VERSION_NUMBER >= 0x30200000L && !defined(OPENSSL_NO_COMP)
/* What it was before, if it has this length. *plain is to be freed. */
static bool expand(uint32_t algorithm, struct bytes compressed, uint32_t len, uint8_t **plain)
{
	COMP_METHOD *method = algorithm == 1 ? COMP_zlib_oneshot() :
			      algorithm == 2 ? COMP_brotli_oneshot() :
			      algorithm == 3 ? COMP_zstd_oneshot() : NULL;
	COMP_CTX *ctx = method ? COMP_CTX_new(method) : NULL;
	bool good;

	*plain = malloc(len ?: 1);
	good = ctx && *plain &&
	       COMP_expand_block(ctx, *plain, (int)len, (unsigned char *)(uintptr_t)compressed.at,
				 (int)compressed.len) == (int)len;
	COMP_CTX_free(ctx);
	return good;
}
#else
/* never agreed on */
static bool expand(uint32_t algorithm, struct bytes compressed, uint32_t len, uint8_t **plain)
{
	(void)algorithm, (void)compressed, (void)len;
	*plain = NULL;
	return false;
}
#endif

/* RFC 8879 4 */
bool chain_compressed(struct explain *explain, SSL *ssl, struct bytes body)
{
	static const char *const names[] = { "an unknown algorithm", "zlib", "brotli", "zstd" };
	uint32_t algorithm, len;
	struct bytes compressed;
	uint8_t *plain = NULL;
	bool good;

	if (!wire_take_number(&body, 2, &algorithm) || !wire_take_number(&body, 3, &len) ||
	    !wire_take_vector(&body, 3, &compressed))
		return false;
	explain_fact(explain, "compressed", "by %s, from %u bytes", names[algorithm < 4 ? algorithm : 0],
		     len);
	good = len <= EXPANDED_MAX && expand(algorithm, compressed, len, &plain) &&
	       chain_facts(explain, ssl, (struct bytes){ plain, len });
	free(plain);
	return good;
}
