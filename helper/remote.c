// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys that are in the signer; see remote.h. From above: the key (provider-keymgmt(7ssl)),
 * signatures (provider-signature(7ssl)), decryption (provider-asym_cipher(7ssl)), the
 * provider.
 *
 * Keys of this provider have the names of OpenSSL's own types, for libssl goes by these; the
 * operations have a name that nobody else's have, so that no other key gets here and no key
 * of ours is tried elsewhere. Who asks for a type by name alone gets the first provider's
 * that was there: that is not this one.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include "channel.h"
#include "remote.h"
#include "sign.h"

#define PROVIDER	"kseal"
#define OPERATION	"KSEAL-REMOTE"
#define PROPERTIES	"provider=kseal,fips=yes"	/* the private key is not here anyhow */
#define PARAM_KEY	"kseal-remote"
#define PREMASTER_LEN	48	/* bytes, RFC 5246 7.4.7.1 */

struct remote {
	atomic_uint users;
	uint64_t number;
	EVP_PKEY *public;
	void (*gone)(uint64_t number);
};

/* What OpenSSL has for an EVP_PKEY. */
struct keydata {
	struct remote *remote;
};

static void remote_put(struct remote *remote)
{
	if (!remote || atomic_fetch_sub(&remote->users, 1) != 1)
		return;
	if (remote->gone)
		remote->gone(remote->number);
	EVP_PKEY_free(remote->public);
	free(remote);
}

static struct remote *remote_get(struct remote *remote)
{
	atomic_fetch_add(&remote->users, 1);
	return remote;
}

/* ---- the key ---- */

static void *key_new(void *provider)
{
	(void)provider;
	return calloc(1, sizeof(struct keydata));
}

static void key_free(void *arg)
{
	struct keydata *keydata = arg;

	if (keydata)
		remote_put(keydata->remote);
	free(keydata);
}

/* The private key counts: there is one to be used. */
static int key_has(const void *arg, int selection)
{
	const struct keydata *keydata = arg;

	(void)selection;
	return keydata && keydata->remote;
}

static const OSSL_PARAM *key_import_types(int selection)
{
	static const OSSL_PARAM types[] = { OSSL_PARAM_octet_ptr(PARAM_KEY, NULL, 0), OSSL_PARAM_END };

	(void)selection;
	return types;
}

/* From remote_key() alone. */
static int key_import(void *arg, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, PARAM_KEY);
	struct keydata *keydata = arg;
	const void *remote;
	size_t size;

	(void)selection;
	if (!param || keydata->remote || !OSSL_PARAM_get_octet_ptr(param, &remote, &size))
		return 0;
	keydata->remote = remote_get((struct remote *)(uintptr_t)remote);
	return 1;
}

static const OSSL_PARAM *key_export_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END
	};

	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : types;
}

/* The public key, to be compared with the certificate's. */
static int key_export(void *arg, int selection, OSSL_CALLBACK *take, void *to)
{
	const struct keydata *keydata = arg;
	OSSL_PARAM *params = NULL;
	int ret;

	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY || !keydata->remote ||
	    EVP_PKEY_todata(keydata->remote->public, selection, &params) <= 0)
		return 0;
	ret = take(params, to);
	OSSL_PARAM_free(params);
	return ret;
}

static const OSSL_PARAM *key_gettable(void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END
	};

	(void)provider;
	return types;
}

static int key_get(void *arg, OSSL_PARAM params[])
{
	const struct keydata *keydata = arg;

	return keydata->remote && EVP_PKEY_get_params(keydata->remote->public, params);
}

static const char *key_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE || operation == OSSL_OP_ASYM_CIPHER ? OPERATION : NULL;
}

typedef void (*function)(void);

static const OSSL_DISPATCH key_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (function)key_new },
	{ OSSL_FUNC_KEYMGMT_FREE, (function)key_free },
	{ OSSL_FUNC_KEYMGMT_HAS, (function)key_has },
	{ OSSL_FUNC_KEYMGMT_IMPORT, (function)key_import },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (function)key_import_types },
	{ OSSL_FUNC_KEYMGMT_EXPORT, (function)key_export },
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (function)key_export_types },
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (function)key_get },
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (function)key_gettable },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (function)key_operation },
	{ 0, NULL }
};

/* ---- both operations ---- */

struct operation {
	struct remote *remote;
	int padding;		/* RSA_*_PADDING */
	enum sign_hash hash;
	unsigned int version;	/* of ClientHello */
};

static void *operation_new(void *provider)
{
	(void)provider;
	return calloc(1, sizeof(struct operation));
}

static void *signature_new(void *provider, const char *properties)
{
	(void)properties;
	return operation_new(provider);
}

static void operation_free(void *arg)
{
	struct operation *operation = arg;

	if (operation)
		remote_put(operation->remote);
	free(operation);
}

static void operation_begin(struct operation *operation, const struct keydata *keydata)
{
	remote_put(operation->remote);
	*operation = (struct operation){
		.remote = remote_get(keydata->remote), .padding = RSA_PKCS1_PADDING,
	};
}

/* A number, or one of these names; RSA_PKCS1_WITH_TLS_PADDING has none. */
static bool read_padding(const OSSL_PARAM *param, int *padding)
{
	const char *name;

	if (param->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(param, padding);
	if (!OSSL_PARAM_get_utf8_string_ptr(param, &name))
		return false;
	*padding = !strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) ? RSA_PKCS1_PADDING :
		   !strcmp(name, OSSL_PKEY_RSA_PAD_MODE_PSS) ? RSA_PKCS1_PSS_PADDING : 0;
	return *padding;
}

/* ---- signatures ---- */

static int signature_set(void *arg, const OSSL_PARAM params[])
{
	struct operation *operation = arg;
	const OSSL_PARAM *param;
	const char *name;
	int length;

	param = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
	if (param && (!read_padding(param, &operation->padding) ||
		      (operation->padding != RSA_PKCS1_PADDING &&
		       operation->padding != RSA_PKCS1_PSS_PADDING)))
		return 0;
	/* RFC 8446 4.2.3: as long as the hash; the signer makes no other */
	param = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN) : NULL;
	if (!param)
		return 1;
	if (param->data_type == OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_utf8_string_ptr(param, &name) &&
		       !strcmp(name, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
	return OSSL_PARAM_get_int(param, &length) && length == RSA_PSS_SALTLEN_DIGEST;
}

static const OSSL_PARAM *signature_settable(void *arg, void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END
	};

	(void)arg, (void)provider;
	return types;
}

static int signature_begin(void *arg, const char *hash, void *key, const OSSL_PARAM params[])
{
	const struct keydata *keydata = key;
	struct operation *operation = arg;
	bool hashes;

	if (!keydata || !keydata->remote)
		return 0;
	operation_begin(operation, keydata);
	if (hash && *hash)
		operation->hash = sign_hash_named(hash);
	hashes = !EVP_PKEY_is_a(keydata->remote->public, "ED25519");
	/* libssl asks in this way which it may use */
	if (hashes ? operation->hash == SIGN_NO_HASH : hash && *hash)
		return 0;
	return signature_set(operation, params);
}

static enum sign_scheme scheme_of(const struct operation *operation)
{
	EVP_PKEY *public = operation->remote->public;

	if (EVP_PKEY_is_a(public, "ED25519"))
		return SIGN_ED25519;
	if (EVP_PKEY_is_a(public, "EC"))
		return SIGN_ECDSA;
	return operation->padding == RSA_PKCS1_PSS_PADDING ? SIGN_RSA_PSS : SIGN_RSA_PKCS1;
}

/* What libssl shows of it is channel_ask()'s sentence. */
static int ask(const struct sign_head *head, const void *data, size_t len, unsigned char *result,
	       size_t *result_len)
{
	if (!channel_ask(head, data, len, result, result_len))
		return 1;
	ERR_raise(ERR_LIB_USER, ERR_R_OPERATION_FAIL);
	return 0;
}

static int signature_make(void *arg, unsigned char *result, size_t *result_len, size_t room,
			  const unsigned char *data, size_t len)
{
	struct operation *operation = arg;
	struct sign_head head = { .type = SIGN_SIGN };
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;

	if (!operation->remote)
		return 0;
	*result_len = (size_t)EVP_PKEY_get_size(operation->remote->public);
	if (!result)
		return 1;
	if (room < *result_len)
		return 0;
	head.key = operation->remote->number;
	head.scheme = scheme_of(operation);
	head.hash = operation->hash;
	if (operation->hash != SIGN_NO_HASH) {
		if (!EVP_Digest(data, len, digest, &digest_len, sign_md(operation->hash), NULL))
			return 0;
		data = digest;
		len = digest_len;
	}
	return ask(&head, data, len, result, result_len);
}

static const OSSL_DISPATCH signature_functions[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (function)signature_new },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (function)operation_free },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (function)signature_begin },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (function)signature_make },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (function)signature_set },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (function)signature_settable },
	{ 0, NULL }
};

/* ---- decryption ---- */

static int cipher_set(void *arg, const OSSL_PARAM params[])
{
	struct operation *operation = arg;
	const OSSL_PARAM *param;

	param = params ? OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE) : NULL;
	if (param && !read_padding(param, &operation->padding))
		return 0;
	param = params ? OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION) :
			 NULL;
	return !param || OSSL_PARAM_get_uint(param, &operation->version);
}

static const OSSL_PARAM *cipher_settable(void *arg, void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
		OSSL_PARAM_END
	};

	(void)arg, (void)provider;
	return types;
}

static int cipher_begin(void *arg, void *key, const OSSL_PARAM params[])
{
	const struct keydata *keydata = key;

	if (!keydata || !keydata->remote)
		return 0;
	operation_begin(arg, keydata);
	return cipher_set(arg, params);
}

/* As TLS does it, and in no other way: the signer never says whether the padding was right. */
static int cipher_decrypt(void *arg, unsigned char *result, size_t *result_len, size_t room,
			  const unsigned char *data, size_t len)
{
	const struct operation *operation = arg;
	struct sign_head head = { .type = SIGN_DECRYPT };

	if (!operation->remote || operation->padding != RSA_PKCS1_WITH_TLS_PADDING)
		return 0;
	*result_len = PREMASTER_LEN;
	if (!result)
		return 1;
	if (room < PREMASTER_LEN)
		return 0;
	head.key = operation->remote->number;
	head.version = (uint16_t)operation->version;
	return ask(&head, data, len, result, result_len);
}

static const OSSL_DISPATCH cipher_functions[] = {
	{ OSSL_FUNC_ASYM_CIPHER_NEWCTX, (function)operation_new },
	{ OSSL_FUNC_ASYM_CIPHER_FREECTX, (function)operation_free },
	{ OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (function)cipher_begin },
	{ OSSL_FUNC_ASYM_CIPHER_DECRYPT, (function)cipher_decrypt },
	{ OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, (function)cipher_set },
	{ OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, (function)cipher_settable },
	{ 0, NULL }
};

/* ---- the provider ---- */

static const char *const types[] = { "RSA", "EC", "ED25519" };

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM keys[] = {
		{ "RSA", PROPERTIES, key_functions, NULL },
		{ "EC", PROPERTIES, key_functions, NULL },
		{ "ED25519", PROPERTIES, key_functions, NULL },
		{ NULL, NULL, NULL, NULL }
	};
	static const OSSL_ALGORITHM signatures[] = {
		{ OPERATION, PROPERTIES, signature_functions, NULL }, { NULL, NULL, NULL, NULL }
	};
	static const OSSL_ALGORITHM ciphers[] = {
		{ OPERATION, PROPERTIES, cipher_functions, NULL }, { NULL, NULL, NULL, NULL }
	};

	(void)provider;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT: return keys;
	case OSSL_OP_SIGNATURE: return signatures;
	case OSSL_OP_ASYM_CIPHER: return ciphers;
	}
	return NULL;
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
		void **provider)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (function)query }, { 0, NULL }
	};

	(void)in;
	*out = functions;
	*provider = (void *)(uintptr_t)handle;
	return 1;
}

/* That whoever asks for a type by its name, as libssl does, gets what he got before. Asked
 * before the provider is there, too, it sees to that: the first who is found stays first.
 */
static bool others_first(void)
{
	bool first = true;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(NULL, types[i], NULL);

		/* with nobody but us there would not be, either */
		first = first && keymgmt &&
			strcmp(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(keymgmt)), PROVIDER);
		EVP_KEYMGMT_free(keymgmt);
	}
	return first;
}

static OSSL_PROVIDER *loaded;

int remote_init(char *why, size_t size)
{
	static bool known;

	if (loaded)
		return 0;
	if (ASYNC_is_capable() && others_first() &&
	    (known || OSSL_PROVIDER_add_builtin(NULL, PROVIDER, init))) {
		known = true;
		loaded = OSSL_PROVIDER_try_load(NULL, PROVIDER, 1);
	}
	if (!loaded || !others_first()) {
		snprintf(why, size, "this OpenSSL (%s) does not go with keys of stores: its configuration has no provider for RSA, EC and Ed25519, or it cannot pause",
			 OpenSSL_version(OPENSSL_VERSION_STRING));
		ERR_clear_error();
		remote_end();
		return -1;
	}
	return 0;
}

void remote_end(void)
{
	if (loaded)
		OSSL_PROVIDER_unload(loaded);
	loaded = NULL;
}

EVP_PKEY *remote_key(uint64_t number, EVP_PKEY *public, void (*gone)(uint64_t number))
{
	struct remote *remote = calloc(1, sizeof(*remote));
	const char *type = EVP_PKEY_get0_type_name(public);
	void *pointer = remote;
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_ptr(PARAM_KEY, &pointer, 0), OSSL_PARAM_END
	};
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;

	if (!remote)
		return NULL;
	params[0].data_size = sizeof(remote);
	atomic_init(&remote->users, 1);
	remote->number = number;
	if (EVP_PKEY_up_ref(public))
		remote->public = public;
	if (remote->public && type)
		ctx = EVP_PKEY_CTX_new_from_name(NULL, type, "provider=" PROVIDER);
	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0)
		remote->gone = gone;
	EVP_PKEY_CTX_free(ctx);
	/* the key has a hold on it now */
	remote_put(remote);
	ERR_clear_error();
	return key;
}
