// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A provider in this process with one algorithm, TLS13-KDF, that passes each
 * call on to whoever else has it. libssl derives keys with it, so the secrets
 * come by. OpenSSL's other way to them is the key log, where 3.0 prints five
 * secrets in hexadecimal for two that are wanted: a tenth of a handshake.
 */
#include <stdbool.h>
#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include "secrets.h"

#define NAME "kseal-secrets"
/* A property of its own: a query for "provider" would displace an administrator's. */
#define PROPERTY "kseal.secrets"
/* preferred where it is: no other algorithm has it */
#define QUERY "?" PROPERTY "=yes"

static _Thread_local struct secrets *current;

void secrets_enter(struct secrets *s)
{
	current = s;
}

void secrets_leave(void)
{
	current = NULL;
}

/* ---- the key derivation function ---- */

/* whose turn it is behind us; as long as the provider is loaded */
static EVP_KDF *next;

static void *new_context(void *provider)
{
	(void)provider;
	return EVP_KDF_CTX_new(next);
}

static void free_context(void *context)
{
	EVP_KDF_CTX_free(context);
}

static bool is(const OSSL_PARAM *label, const char *text)
{
	return label->data_size == strlen(text) && !memcmp(label->data, text, label->data_size);
}

/* The lengths of RFC 8446 7.1's hashes all fit. */
static void keep(const uint8_t *secret, size_t len, uint8_t to[KEYS_SECRET_MAX], size_t *to_len)
{
	if (len > KEYS_SECRET_MAX)
		return;
	memcpy(to, secret, len);
	*to_len = len;
}

static int derive(void *context, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
	const OSSL_PARAM *label = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_LABEL);

	if (EVP_KDF_derive(context, out, len, params) <= 0)
		return 0;
	if (!current || !label || label->data_type != OSSL_PARAM_OCTET_STRING || !label->data)
		return 1;
	if (is(label, "c ap traffic"))
		keep(out, len, current->client, &current->client_len);
	else if (is(label, "s ap traffic"))
		keep(out, len, current->server, &current->server_len);
	return 1;
}

/* ---- the provider ---- */

#define FUNCTION(id, function) { id, (void (*)(void))(function) }

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_KDF_NEWCTX, new_context),
		FUNCTION(OSSL_FUNC_KDF_FREECTX, free_context),
		FUNCTION(OSSL_FUNC_KDF_DERIVE, derive),
		{ 0, NULL },
	};
	/* fips: it computes nothing itself, and asks for the next as the configuration has it */
	static const OSSL_ALGORITHM algorithms[] = {
		{ OSSL_KDF_NAME_TLS1_3_KDF, "provider=" NAME "," PROPERTY "=yes,fips=yes", functions, NULL },
		{ NULL, NULL, NULL, NULL },
	};

	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_KDF ? algorithms : NULL;
}

static void teardown(void *provider)
{
	(void)provider;
	EVP_KDF_free(next);
	next = NULL;
}

static int start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
		 void **provider)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
		FUNCTION(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
		{ 0, NULL },
	};

	(void)in;
	*out = functions;
	*provider = (void *)handle;
	return 1;
}

static OSSL_PROVIDER *loaded;
static CRYPTO_ONCE once_loaded = CRYPTO_ONCE_STATIC_INIT;

static void unload(void)
{
	OSSL_PROVIDER_unload(loaded);
}

/* Whether a context gets ours: default_properties of openssl.cnf may be for another. */
static bool is_first(void)
{
	EVP_KDF *first = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, QUERY);
	bool ours = first && !strcmp(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(first)), NAME);

	EVP_KDF_free(first);
	return ours;
}

static bool usable;

static void load(void)
{
	/* 1: those that OpenSSL would load of its own accord stay */
	if (OSSL_PROVIDER_add_builtin(NULL, NAME, start))
		loaded = OSSL_PROVIDER_try_load(NULL, NAME, 1);
	if (!loaded)
		return;
	OPENSSL_atexit(unload);
	next = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, PROPERTY "!=yes");
	usable = next && is_first();
	ERR_clear_error();
}

const char *secrets_properties(void)
{
	return CRYPTO_THREAD_run_once(&once_loaded, load) && usable ? QUERY : NULL;
}
