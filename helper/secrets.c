// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A provider in this process with two algorithms, TLS13-KDF and TLS1-PRF. libssl
 * derives keys with them, so these come by, and the secrets of TLS 1.3. OpenSSL's
 * other way to the latter is the key log, where 3.0 prints five secrets in
 * hexadecimal for two that are wanted: a tenth of a handshake. It computes what
 * libssl asks for by kdf.h, which takes off another tenth, and passes on what is
 * put otherwise, or everything if the next provider is another than OpenSSL's
 * default one: that has been chosen for computing it.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include "kdf.h"
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

/* ---- what libssl asks for ---- */

/* Each returns false if it is not for us, as what comes twice is not. */
static bool take_digest(const EVP_MD **md, const OSSL_PARAM *p)
{
	if (*md || p->data_type != OSSL_PARAM_UTF8_STRING || !p->data)
		return false;
	*md = kdf_digest(p->data);
	return *md;
}

static bool take_octets(OSSL_PARAM *to, const OSSL_PARAM *p)
{
	if (to->data || p->data_type != OSSL_PARAM_OCTET_STRING || !p->data)
		return false;
	*to = *p;
	return true;
}

/* OpenSSL copies what it is given first. */
static bool apart(const OSSL_PARAM *octets, const uint8_t *out, size_t len)
{
	const uint8_t *at = octets->data;

	return !at || at + octets->data_size <= out || out + len <= at;
}

static bool is(const OSSL_PARAM *octets, const char *text)
{
	return octets->data && octets->data_size == strlen(text) &&
	       !memcmp(octets->data, text, octets->data_size);
}

/* ---- TLS13-KDF ---- */

struct schedule {
	int mode;
	const EVP_MD *md;
	/* of octets; data is NULL where it was not given */
	OSSL_PARAM key, salt, prefix, label, data;
};

/* Returns false: not for us. */
static bool take_schedule(struct schedule *q, const OSSL_PARAM *p)
{
	const struct {
		const char *name;
		OSSL_PARAM *to;
	} octets[] = {
		{ OSSL_KDF_PARAM_KEY, &q->key },
		{ OSSL_KDF_PARAM_SALT, &q->salt },
		{ OSSL_KDF_PARAM_PREFIX, &q->prefix },
		{ OSSL_KDF_PARAM_LABEL, &q->label },
		{ OSSL_KDF_PARAM_DATA, &q->data },
	};

	if (!strcmp(p->key, OSSL_KDF_PARAM_MODE))
		return OSSL_PARAM_get_int(p, &q->mode);
	if (!strcmp(p->key, OSSL_KDF_PARAM_DIGEST))
		return take_digest(&q->md, p);
	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++)
		if (!strcmp(p->key, octets[i].name))
			return take_octets(octets[i].to, p);
	return false;
}

/* Returns whether it is answered. */
static bool answer_schedule(const struct schedule *q, uint8_t *out, size_t len)
{
	size_t md_len = q->md ? (size_t)EVP_MD_get_size(q->md) : 0;

	if (!md_len || !is(&q->prefix, "tls13 ") || !q->label.data || !apart(&q->key, out, len))
		return false;
	if (q->mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && q->key.data && !q->salt.data)
		return !kdf_expand_label(q->md, q->key.data, q->key.data_size, q->label.data,
					 q->label.data_size, q->data.data, q->data.data_size,
					 out, len);
	if (q->mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY && is(&q->label, "derived") &&
	    !q->data.data && len == md_len)
		return !kdf_next_secret(q->md, q->salt.data, q->salt.data_size, q->key.data,
					q->key.data_size, out);
	return false;
}

/* ---- TLS1-PRF ---- */

struct prf {
	const EVP_MD *md;
	OSSL_PARAM secret;
	uint8_t seed[KDF_SEED_MAX];
	size_t seed_len;
};

/* The seed comes in pieces, the label first. */
static bool take_prf(struct prf *q, const OSSL_PARAM *p)
{
	if (!strcmp(p->key, OSSL_KDF_PARAM_DIGEST))
		return take_digest(&q->md, p);
	if (!strcmp(p->key, OSSL_KDF_PARAM_SECRET))
		return take_octets(&q->secret, p);
	if (strcmp(p->key, OSSL_KDF_PARAM_SEED) || p->data_type != OSSL_PARAM_OCTET_STRING ||
	    p->data_size > sizeof(q->seed) - q->seed_len)
		return false;
	if (!p->data)
		return !p->data_size;
	memcpy(q->seed + q->seed_len, p->data, p->data_size);
	q->seed_len += p->data_size;
	return true;
}

static bool answer_prf(const struct prf *q, uint8_t *out, size_t len)
{
	return q->md && q->secret.data && q->seed_len && len && apart(&q->secret, out, len) &&
	       !kdf_prf(q->md, q->secret.data, q->secret.data_size, q->seed, q->seed_len, out, len);
}

/* ---- the key derivation functions ---- */

static struct algorithm {
	const char *name;
	EVP_KDF *next;		/* whose turn it is behind us; as long as the provider is loaded */
	bool next_is_default;
} tls13_kdf = { .name = OSSL_KDF_NAME_TLS1_3_KDF }, tls1_prf = { .name = OSSL_KDF_NAME_TLS1_PRF };

/* One derivation. libssl gives everything to derive, and derives once. */
struct derivation {
	const struct algorithm *algorithm;
	EVP_KDF_CTX *next;	/* NULL until it is needed; then everything is for it */
};

static void *new_context(const struct algorithm *algorithm)
{
	struct derivation *d = OPENSSL_zalloc(sizeof(*d));

	if (d)
		d->algorithm = algorithm;
	return d;
}

static void *new_schedule(void *provider)
{
	(void)provider;
	return new_context(&tls13_kdf);
}

static void *new_prf(void *provider)
{
	(void)provider;
	return new_context(&tls1_prf);
}

static void free_context(void *context)
{
	struct derivation *d = context;

	if (d)
		EVP_KDF_CTX_free(d->next);
	OPENSSL_free(d);
}

static EVP_KDF_CTX *next_of(struct derivation *d)
{
	if (!d->next)
		d->next = EVP_KDF_CTX_new(d->algorithm->next);
	return d->next;
}

static int pass_on(struct derivation *d, uint8_t *out, size_t len, const OSSL_PARAM params[])
{
	return next_of(d) && EVP_KDF_derive(d->next, out, len, params) > 0;
}

/* ---- what others than libssl may call: the next one's ---- */

static void *duplicate(void *context)
{
	const struct derivation *d = context;
	struct derivation *copy = new_context(d->algorithm);

	if (copy && d->next) {
		copy->next = EVP_KDF_CTX_dup(d->next);
		if (!copy->next) {
			OPENSSL_free(copy);
			return NULL;
		}
	}
	return copy;
}

static void reset(void *context)
{
	struct derivation *d = context;

	if (d->next)
		EVP_KDF_CTX_reset(d->next);
}

static int set_params(void *context, const OSSL_PARAM params[])
{
	return !params || (next_of(context) && EVP_KDF_CTX_set_params(next_of(context), params));
}

static int get_params(void *context, OSSL_PARAM params[])
{
	return next_of(context) && EVP_KDF_CTX_get_params(next_of(context), params);
}

static const OSSL_PARAM *settable_schedule(void *context, void *provider)
{
	(void)context;
	(void)provider;
	return EVP_KDF_settable_ctx_params(tls13_kdf.next);
}

static const OSSL_PARAM *gettable_schedule(void *context, void *provider)
{
	(void)context;
	(void)provider;
	return EVP_KDF_gettable_ctx_params(tls13_kdf.next);
}

static const OSSL_PARAM *settable_prf(void *context, void *provider)
{
	(void)context;
	(void)provider;
	return EVP_KDF_settable_ctx_params(tls1_prf.next);
}

static const OSSL_PARAM *gettable_prf(void *context, void *provider)
{
	(void)context;
	(void)provider;
	return EVP_KDF_gettable_ctx_params(tls1_prf.next);
}

/* ---- derivation ---- */

/* What is longer than any of ours is not seen. */
static void keep(const uint8_t *bytes, size_t len, uint8_t *to, size_t *to_len, size_t most)
{
	if (len > most)
		return;
	memcpy(to, bytes, len);
	*to_len = len;
}

static void keep_secret(const uint8_t *bytes, size_t len, struct secret *to)
{
	to->key_len = to->iv_len = 0;
	keep(bytes, len, to->secret, &to->len, sizeof(to->secret));
}

static bool is_made_of(const struct schedule *q, const struct secret *secret)
{
	return secret->len && q->key.data && q->key.data_size == secret->len &&
	       !CRYPTO_memcmp(q->key.data, secret->secret, secret->len);
}

/* libssl makes the keys right behind their secret, and no others of that. */
static void see_schedule(const struct schedule *q, const uint8_t *out, size_t len)
{
	struct secret *client = &current->client, *server = &current->server;
	struct secret *handshake = &current->handshake;
	struct secret *of = is_made_of(q, client) ? client : is_made_of(q, server) ? server :
			    is_made_of(q, handshake) ? handshake : NULL;

	if (is(&q->label, "c hs traffic")) {
		keep_secret(out, len, handshake);
	} else if (is(&q->label, "c ap traffic")) {
		keep_secret(out, len, client);
	} else if (is(&q->label, "s ap traffic")) {
		keep_secret(out, len, server);
		keep(q->data.data, q->data.data_size, current->transcript,
		     &current->transcript_len, sizeof(current->transcript));
	} else if (of && is(&q->label, "key")) {
		keep(out, len, of->key, &of->key_len, sizeof(of->key));
	} else if (of && is(&q->label, "iv")) {
		keep(out, len, of->iv, &of->iv_len, sizeof(of->iv));
	} else if (of == handshake && of && is(&q->label, "finished")) {
		keep(out, len, current->finished_key, &current->finished_key_len,
		     sizeof(current->finished_key));
	}
}

static int derive_schedule(void *context, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
	struct derivation *d = context;
	struct schedule q = { .mode = -1 };
	bool ours = tls13_kdf.next_is_default && !d->next;

	for (const OSSL_PARAM *p = params; p && p->key; p++)
		if (!take_schedule(&q, p))
			ours = false;
	/* why we could not is nobody's error */
	ERR_set_mark();
	ours = ours && answer_schedule(&q, out, len);
	ERR_pop_to_mark();
	if (!ours && !pass_on(d, out, len, params))
		return 0;
	if (current)
		see_schedule(&q, out, len);
	return 1;
}

static bool is_key_block(const struct prf *q)
{
	static const char label[] = "key expansion";

	return q->seed_len == sizeof(label) - 1 + 2 * KEYS_RANDOM_LEN &&
	       !memcmp(q->seed, label, sizeof(label) - 1);
}

static int derive_prf(void *context, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
	struct derivation *d = context;
	struct prf q = { 0 };
	bool ours = tls1_prf.next_is_default && !d->next;

	for (const OSSL_PARAM *p = params; p && p->key; p++)
		if (!take_prf(&q, p))
			ours = false;
	ERR_set_mark();
	ours = ours && answer_prf(&q, out, len);
	ERR_pop_to_mark();
	if (!ours && !pass_on(d, out, len, params))
		return 0;
	if (current && is_key_block(&q))
		keep(out, len, current->block, &current->block_len, sizeof(current->block));
	return 1;
}

int secrets_derive(const struct secret *secret, const struct keys_suite *suite,
		   struct keys *keys)
{
	if (secret->len != suite->secret_len)
		return -ENOKEY;
	if (secret->key_len != suite->key_len || secret->iv_len != sizeof(keys->iv))
		return keys_derive(keys, suite, secret->secret);
	memset(keys, 0, sizeof(*keys));
	keys->suite = suite;
	memcpy(keys->key, secret->key, suite->key_len);
	memcpy(keys->iv, secret->iv, sizeof(keys->iv));
	memcpy(keys->secret, secret->secret, suite->secret_len);
	return 0;
}

bool secrets_compute(void)
{
	return tls13_kdf.next_is_default && tls1_prf.next_is_default;
}

/* ---- the key log ---- */

/* Bytes read from the hex text, 0 if it is not hex or too long. */
static size_t read_secret(const char *hex, uint8_t secret[KEYS_SECRET_MAX])
{
	size_t len = 0;

	return OPENSSL_hexstr2buf_ex(secret, KEYS_SECRET_MAX, &len, hex, '\0') == 1 ? len : 0;
}

void secrets_keylog(struct secrets *s, const char *line)
{
	static const char client[] = "CLIENT_TRAFFIC_SECRET_0 ";
	static const char server[] = "SERVER_TRAFFIC_SECRET_0 ";
	const char *hex = strrchr(line, ' ');

	if (!hex)
		return;
	if (!strncmp(line, client, strlen(client)))
		s->client.len = read_secret(hex + 1, s->client.secret);
	else if (!strncmp(line, server, strlen(server)))
		s->server.len = read_secret(hex + 1, s->server.secret);
}

/* ---- the provider ---- */

#define FUNCTION(id, function) { id, (void (*)(void))(function) }

#define KDF(name) {							\
	FUNCTION(OSSL_FUNC_KDF_NEWCTX, new_##name),			\
	FUNCTION(OSSL_FUNC_KDF_DUPCTX, duplicate),			\
	FUNCTION(OSSL_FUNC_KDF_FREECTX, free_context),			\
	FUNCTION(OSSL_FUNC_KDF_RESET, reset),				\
	FUNCTION(OSSL_FUNC_KDF_DERIVE, derive_##name),			\
	FUNCTION(OSSL_FUNC_KDF_SET_CTX_PARAMS, set_params),		\
	FUNCTION(OSSL_FUNC_KDF_GET_CTX_PARAMS, get_params),		\
	FUNCTION(OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, settable_##name),	\
	FUNCTION(OSSL_FUNC_KDF_GETTABLE_CTX_PARAMS, gettable_##name),	\
	{ 0, NULL },							\
}

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	static const OSSL_DISPATCH schedule[] = KDF(schedule);
	static const OSSL_DISPATCH prf[] = KDF(prf);
	/* fips: it computes nothing itself where the next is OpenSSL's FIPS provider */
	static const char properties[] = "provider=" NAME "," PROPERTY "=yes,fips=yes";
	static const OSSL_ALGORITHM algorithms[] = {
		{ OSSL_KDF_NAME_TLS1_3_KDF, properties, schedule, NULL },
		{ OSSL_KDF_NAME_TLS1_PRF, properties, prf, NULL },
		{ NULL, NULL, NULL, NULL },
	};

	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_KDF ? algorithms : NULL;
}

static void teardown(void *provider)
{
	(void)provider;
	EVP_KDF_free(tls13_kdf.next);
	EVP_KDF_free(tls1_prf.next);
	tls13_kdf.next = NULL;
	tls1_prf.next = NULL;
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

static bool find_next(struct algorithm *algorithm)
{
	algorithm->next = EVP_KDF_fetch(NULL, algorithm->name, PROPERTY "!=yes");
	if (!algorithm->next)
		return false;
	algorithm->next_is_default =
		!strcmp(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(algorithm->next)), "default");
	return true;
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
	usable = find_next(&tls13_kdf) && find_next(&tls1_prf) && is_first();
	/* fetched now, and not in a handshake, which would find the errors */
	(void)kdf_digest("SHA256");
	ERR_clear_error();
}

const char *secrets_properties(void)
{
	return CRYPTO_THREAD_run_once(&once_loaded, load) && usable ? QUERY : NULL;
}
