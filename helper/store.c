// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Private keys by URI; see store.h. From above: what went wrong, the PIN, the two ways to
 * open a URI, and whether a key is what it should be.
 */
/* there is no provider for tokens in Debian 12, but an engine */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include "log.h"
#include "sign.h"
#include "store.h"
#include "uri.h"

#define PIN_MAX		255	/* bytes */
#define ENGINE_SCHEME	"org.openssl.engine:"

/* What the stores' code is given to ask for. */
struct pin {
	char text[PIN_MAX + 2];
	bool known, asked;
};

/* ---- what went wrong ---- */

const char *store_reasons(char *text, size_t size)
{
	size_t len = 0;
	unsigned long error;
	const char *last = "";

	snprintf(text, size, "OpenSSL gives no reason");
	while ((error = ERR_get_error())) {
		const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) :
							       ERR_reason_error_string(error);

		if (!reason || !strcmp(reason, last) || len >= size)
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? "; " : "", reason);
		last = reason;
	}
	return text;
}

/* ---- the PIN ---- */

static int read_pin(struct pin *pin, const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t len = fd < 0 ? -1 : read(fd, pin->text, PIN_MAX + 1);
	struct stat st;

	if (len < 0) {
		snprintf(why, size, "the PIN in %s cannot be read: %s: let the signer's user read it",
			 path, strerror(errno));
	} else {
		if (!fstat(fd, &st) && (st.st_mode & S_IRWXO))
			log_warning("signer: %s can be read or written by everybody: chmod o= it",
				    path);
		pin->text[len] = '\0';
		pin->text[strcspn(pin->text, "\r\n")] = '\0';
		pin->known = pin->text[0] && strlen(pin->text) <= PIN_MAX;
		if (!pin->known)
			snprintf(why, size, "%s has no PIN in its first line: write one of 1 to %d bytes",
				 path, PIN_MAX);
	}
	if (fd >= 0)
		close(fd);
	return pin->known ? 0 : -1;
}

/* RFC 7512 2.4: pin-source is a URI, of a file here, or a path. Neither stays in uri. */
static int find_pin(struct pin *pin, char *uri, const char *file, char *why, size_t size)
{
	char *source = uri_take(uri, "pin-source"), *value = uri_take(uri, "pin-value");
	const char *path = file ?: source;
	int ret = 0;

	if (path && !strncasecmp(path, "file:", 5)) {
		path += 5;
		if (!strncmp(path, "///", 3))
			path += 2;
	}
	if (uri_has_pin(uri)) {
		snprintf(why, size, "there is more than one pin-value in it: leave all but one out");
		ret = -1;
	} else if (path) {
		ret = read_pin(pin, path, why, size);
	} else if (value) {
		pin->known = strlen(value) <= PIN_MAX;
		if (pin->known)
			strcpy(pin->text, value);
	}
	OPENSSL_clear_free(source, source ? strlen(source) : 0);
	OPENSSL_clear_free(value, value ? strlen(value) : 0);
	return ret;
}

static int on_open(UI *ui)
{
	(void)ui;
	return 1;
}

/* Nobody is there to read it. */
static int on_write(UI *ui, UI_STRING *string)
{
	(void)ui, (void)string;
	return 1;
}

static int on_read(UI *ui, UI_STRING *string)
{
	struct pin *pin = UI_get0_user_data(ui);
	enum UI_string_types type = UI_get_string_type(string);

	if (type != UIT_PROMPT && type != UIT_VERIFY)
		return 1;
	if (!pin)
		return 0;
	pin->asked = true;
	return pin->known && UI_set_result(ui, string, pin->text) >= 0;
}

/* Some code keeps it: it stays for good. */
static UI_METHOD *method;

/* Nothing is to ask on a terminal. */
static int make_method(void)
{
	if (!method)
		method = UI_create_method("kseald's signer");
	if (!method || UI_method_set_opener(method, on_open) ||
	    UI_method_set_closer(method, on_open) || UI_method_set_writer(method, on_write) ||
	    UI_method_set_reader(method, on_read))
		return -1;
	UI_set_default_method(method);
	return 0;
}

/* ---- two ways to open a URI ---- */

int store_init(const struct string_list *providers, char *why, size_t size)
{
	char reasons[256];

	if (make_method() || !OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL)) {
		snprintf(why, size, "OpenSSL's configuration cannot be used: %s",
			 store_reasons(reasons, sizeof(reasons)));
		return -1;
	}
	for (size_t i = 0; i < providers->count; i++) {
		/* 1: OpenSSL's own provider stays there without being named */
		if (OSSL_PROVIDER_try_load(NULL, providers->at[i], 1))
			continue;
		snprintf(why, size, "signer-providers: \"%s\" cannot be loaded (%s): install it, or give the path of its file",
			 providers->at[i], store_reasons(reasons, sizeof(reasons)));
		return -1;
	}
	return 0;
}

#ifndef OPENSSL_NO_ENGINE
/* OpenSSL's own command knows this scheme, its library does not. */
static EVP_PKEY *open_engine(char *uri, struct pin *pin, char *why, size_t size)
{
	char *id = uri + strlen(ENGINE_SCHEME), *name = strchr(id, ':');
	EVP_PKEY *key = NULL;
	ENGINE *engine;

	if (!name) {
		snprintf(why, size, "write " ENGINE_SCHEME "ENGINE:KEY");
		return NULL;
	}
	*name++ = '\0';
	engine = ENGINE_by_id(id);
	if (!engine || !ENGINE_init(engine)) {
		char reasons[256];

		snprintf(why, size, "there is no engine \"%.40s\" (%s): install it; that for tokens is libengine-pkcs11-openssl",
			 id, store_reasons(reasons, sizeof(reasons)));
		ENGINE_free(engine);
		return NULL;
	}
	key = ENGINE_load_private_key(engine, name, method, pin);
	/* the key, if there is one, has a hold on it */
	ENGINE_finish(engine);
	ENGINE_free(engine);
	return key;
}

#else
static EVP_PKEY *open_engine(char *uri, struct pin *pin, char *why, size_t size)
{
	(void)uri, (void)pin;
	snprintf(why, size, "this OpenSSL has no engines: give the URI that a provider takes");
	return NULL;
}
#endif

static EVP_PKEY *open_store(const char *uri, struct pin *pin)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, method, pin, NULL, NULL);
	EVP_PKEY *key = NULL;

	if (!store)
		return NULL;
	OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	while (!key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info && OSSL_STORE_error(store))
			break;
		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return key;
}

/* Why there is no key, where nobody said so yet. */
static void explain(const struct pin *pin, char *why, size_t size)
{
	char reasons[256];

	if (pin->asked && !pin->known)
		snprintf(why, size, "a PIN is asked for: write it to a file, and pin = \"FILE\" beside key");
	else if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED && !pin->asked)
		snprintf(why, size, "OpenSSL has nothing that opens such a URI: add a provider to signer-providers; where tokens have an engine, begin with " ENGINE_SCHEME "pkcs11:");
	else
		snprintf(why, size, "no private key could be opened (%s)%s",
			 store_reasons(reasons, sizeof(reasons)),
			 pin->asked ? ": is the PIN right? A token counts wrong ones" :
				      ": is it there, and may the signer's user have it?");
}

static void open_key(struct store_key *loaded, const char *uri, const char *pin_file, char *why,
		     size_t size)
{
	char *copy = strdup(uri);
	struct pin pin = { .known = false };

	why[0] = '\0';
	if (!copy) {
		snprintf(why, size, "no memory");
		return;
	}
	if (!find_pin(&pin, copy, pin_file, why, size)) {
		if (!strncasecmp(copy, ENGINE_SCHEME, strlen(ENGINE_SCHEME)))
			loaded->key = open_engine(copy, &pin, why, size);
		else
			loaded->key = open_store(copy, &pin);
		if (!loaded->key && !why[0])
			explain(&pin, why, size);
	}
	loaded->pin_refused = !loaded->key && pin.asked && pin.known;
	OPENSSL_cleanse(&pin, sizeof(pin));
	/* without the PIN in it, by now */
	free(copy);
}

/* ---- whether it is what it should be ---- */

static bool verifies(EVP_PKEY *public, const struct sign_head *head, const uint8_t *data, size_t len,
		     const uint8_t *signature, size_t signature_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key = NULL;
	bool good;

	good = ctx && EVP_DigestVerifyInit(ctx, &key, sign_md(head->hash), NULL, public) == 1 &&
	       (head->scheme != SIGN_RSA_PSS ||
		(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) > 0 &&
		 EVP_PKEY_CTX_set_rsa_pss_saltlen(key, RSA_PSS_SALTLEN_DIGEST) > 0)) &&
	       EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

/* Signs something that is nobody's message. */
static int try_one(EVP_PKEY *key, EVP_PKEY *public, enum sign_scheme scheme, enum sign_hash hash,
		   char *why, size_t size)
{
	static const uint8_t text[] = "kseald tries whether this key is the certificate's";
	const struct sign_head head = { .scheme = scheme, .hash = hash };
	uint8_t digest[EVP_MAX_MD_SIZE], result[SIGN_RESULT_MAX];
	const uint8_t *data = text;
	size_t len = sizeof(text), result_len = sizeof(result);
	unsigned int digest_len = 0;
	char reasons[256];
	int ret;

	if (hash != SIGN_NO_HASH && EVP_Digest(text, len, digest, &digest_len, sign_md(hash), NULL)) {
		data = digest;
		len = digest_len;
	}
	ret = sign_sign(key, &head, data, len, result, &result_len);
	if (ret) {
		snprintf(why, size, "the key does not sign%s (%s): TLS needs it to",
			 scheme == SIGN_RSA_PSS ? " with RSA-PSS" : "",
			 ret == -EINVAL ? "it is of another type than the certificate's" :
					  store_reasons(reasons, sizeof(reasons)));
		return -1;
	}
	if (verifies(public, &head, text, sizeof(text), result, result_len))
		return 0;
	snprintf(why, size, "it is not the key of the certificate: give the pair that was made together");
	ERR_clear_error();
	return -1;
}

static int try_all(EVP_PKEY *key, EVP_PKEY *public, char *why, size_t size)
{
	if (EVP_PKEY_is_a(public, "RSA"))
		return try_one(key, public, SIGN_RSA_PSS, SIGN_SHA256, why, size) ?:
		       try_one(key, public, SIGN_RSA_PKCS1, SIGN_SHA256, why, size);
	if (EVP_PKEY_is_a(public, "EC"))
		return try_one(key, public, SIGN_ECDSA, SIGN_SHA256, why, size);
	if (EVP_PKEY_is_a(public, "ED25519"))
		return try_one(key, public, SIGN_ED25519, SIGN_NO_HASH, why, size);
	snprintf(why, size, "kseald takes RSA, ECDSA and Ed25519 keys from stores, not %s",
		 EVP_PKEY_get0_type_name(public) ?: "this one");
	return -1;
}

/* Where OpenSSL itself has the key it looks at the padding of what was decrypted, in the
 * same time whatever that is. What a token does nobody knows: a difference would give away
 * what was encrypted (RFC 5246 7.4.7.1).
 */
static bool decrypts_safely(const EVP_PKEY *key)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);
	const char *name = provider ? OSSL_PROVIDER_get0_name(provider) : "an engine";

	return EVP_PKEY_is_a(key, "RSA") && (!strcmp(name, "default") || !strcmp(name, "fips"));
}

int store_load(struct store_key *loaded, const char *uri, const char *pin_file, EVP_PKEY *public,
	       char *why, size_t size)
{
	char shown[256], reason[512];

	memset(loaded, 0, sizeof(*loaded));
	ERR_clear_error();
	open_key(loaded, uri, pin_file, reason, sizeof(reason));
	if (loaded->key && !try_all(loaded->key, public, reason, sizeof(reason))) {
		loaded->can_decrypt = decrypts_safely(loaded->key);
		ERR_clear_error();
		return 0;
	}
	uri_show(uri, shown, sizeof(shown));
	snprintf(why, size, "%s: %s", shown, reason);
	EVP_PKEY_free(loaded->key);
	loaded->key = NULL;
	ERR_clear_error();
	return -1;
}
