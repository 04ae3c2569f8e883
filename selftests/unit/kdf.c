// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/kdf.c, and TLS13-KDF and TLS1-PRF of helper/secrets.c that are made of it,
 * against OpenSSL's own; what is put in another way is passed on to those.
 */
#include <errno.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include "kdf.h"
#include "secrets.h"
#include "tap.h"

static uint8_t bytes[400];

/* A NULL name: this one is not given. */
struct put {
	const char *what;
	int mode;
	const char *digest, *prefix, *label;
	size_t key, salt, data;		/* bytes; 0: not given */
	size_t out;
};

#define EXPAND	EVP_KDF_HKDF_MODE_EXPAND_ONLY
#define EXTRACT	EVP_KDF_HKDF_MODE_EXTRACT_ONLY
#define P	"tls13 "

static const struct put asked[] = {
	{ "a key", EXPAND, "SHA256", P, "key", 32, 0, 0, 16 },
	{ "an IV", EXPAND, "SHA384", P, "iv", 48, 0, 0, 12 },
	{ "a traffic secret", EXPAND, "SHA256", P, "c ap traffic", 32, 0, 32, 32 },
	{ "a traffic secret", EXPAND, "SHA384", P, "s hs traffic", 48, 0, 48, 48 },
	{ "another name of a digest", EXPAND, "sha2-256", P, "finished", 32, 0, 0, 32 },
	{ "several blocks", EXPAND, "SHA384", P, "exporter", 48, 0, 48, 200 },
	{ "a key of a block", EXPAND, "SHA256", P, "key", 64, 0, 0, 16 },
	{ "a longer key", EXPAND, "SHA256", P, "key", 65, 0, 0, 16 },
	{ "more than 255 bytes", EXPAND, "SHA256", P, "key", 32, 0, 0, 300 },
	{ "the first secret, without PSK", EXTRACT, "SHA256", P, "derived", 0, 0, 0, 32 },
	{ "the first secret, of a PSK", EXTRACT, "SHA384", P, "derived", 48, 0, 0, 48 },
	{ "of a long PSK", EXTRACT, "SHA256", P, "derived", 300, 0, 0, 32 },
	{ "the handshake's secret", EXTRACT, "SHA256", P, "derived", 32, 32, 0, 32 },
	{ "of ML-KEM and X25519", EXTRACT, "SHA384", P, "derived", 64, 48, 0, 48 },
	{ "the master secret", EXTRACT, "SHA384", P, "derived", 0, 48, 0, 48 },
	{ "another label there", EXTRACT, "SHA256", P, "other", 32, 32, 0, 32 },
	{ "another length there", EXTRACT, "SHA256", P, "derived", 32, 32, 0, 31 },
	{ "another digest", EXPAND, "SHA512", P, "key", 64, 0, 0, 32 },
	{ "DTLS", EXPAND, "SHA256", "dtls13", "key", 32, 0, 0, 16 },
	{ "no digest", EXPAND, NULL, P, "key", 32, 0, 0, 16 },
	{ "no label", EXPAND, "SHA256", P, NULL, 32, 0, 0, 16 },
	{ "no prefix", EXPAND, "SHA256", NULL, "key", 32, 0, 0, 16 },
	{ "no key", EXPAND, "SHA256", P, "key", 0, 0, 0, 16 },
	{ "both steps at once", EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND, "SHA256", P, "key", 32, 32, 0, 16 },
};

static OSSL_PARAM octets(const char *name, const void *from, size_t len)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)from, len);
}

static int derive_at_once(const char *name, const char *properties, const OSSL_PARAM *params,
			  uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, properties);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int ret = EVP_KDF_derive(ctx, out, len, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ret;
}

static int derive(const char *properties, const struct put *put, uint8_t *out)
{
	OSSL_PARAM params[8], *p = params;
	int mode = put->mode;

	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	if (put->digest)
		*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)put->digest, 0);
	if (put->key)
		*p++ = octets(OSSL_KDF_PARAM_KEY, bytes, put->key);
	if (put->salt)
		*p++ = octets(OSSL_KDF_PARAM_SALT, bytes + 7, put->salt);
	if (put->prefix)
		*p++ = octets(OSSL_KDF_PARAM_PREFIX, put->prefix, strlen(put->prefix));
	if (put->label)
		*p++ = octets(OSSL_KDF_PARAM_LABEL, put->label, strlen(put->label));
	if (put->data)
		*p++ = octets(OSSL_KDF_PARAM_DATA, bytes + 9, put->data);
	*p = OSSL_PARAM_construct_end();
	memset(out, 0, 512);
	return derive_at_once(OSSL_KDF_NAME_TLS1_3_KDF, properties, params, out, put->out);
}

static void against_openssl(void)
{
	uint8_t ours[512], theirs[512];

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		int theirs_ret = derive("provider=default", &asked[i], theirs);

		ok(derive(secrets_properties(), &asked[i], ours) == theirs_ret &&
		   !memcmp(ours, theirs, sizeof(ours)), "%s, %s: %s", asked[i].what,
		   asked[i].digest ? asked[i].digest : "-", theirs_ret ? "OpenSSL's result" : "refused");
	}
}

/* The seed in pieces, as libssl gives it: a label and up to three more. */
static const struct put_prf {
	const char *what, *digest, *label;
	size_t secret, seed[3];		/* bytes */
	size_t out;
} asked_prf[] = {
	{ "the master secret", "SHA256", "master secret", 32, { 32, 0, 32 }, 48 },
	{ "the extended one", "SHA384", "extended master secret", 48, { 48 }, 48 },
	{ "a block of keys", "SHA384", "key expansion", 48, { 32, 32 }, 72 },
	{ "Finished", "SHA256", "client finished", 48, { 32 }, 12 },
	{ "a whole block", "SHA256", "key expansion", 48, { 64 }, 64 },
	{ "a long secret", "SHA256", "master secret", 65, { 64 }, 48 },
	{ "the longest seed", "SHA384", "key expansion", 48, { 64, 51 }, 40 },
	{ "a longer one", "SHA384", "key expansion", 48, { 64, 52 }, 40 },
	{ "another digest", "SHA512", "key expansion", 48, { 64 }, 40 },
	{ "TLS 1.0's digests", "MD5-SHA1", "key expansion", 48, { 64 }, 40 },
	{ "no digest", NULL, "key expansion", 48, { 64 }, 40 },
	{ "no seed", "SHA256", NULL, 48, { 0 }, 40 },
	{ "no secret", "SHA256", "key expansion", 0, { 64 }, 40 },
	{ "nothing", "SHA256", "key expansion", 48, { 64 }, 0 },
};

static int derive_prf(const char *properties, const struct put_prf *put, uint8_t *out)
{
	OSSL_PARAM params[8], *p = params;

	if (put->digest)
		*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)put->digest, 0);
	if (put->secret)
		*p++ = octets(OSSL_KDF_PARAM_SECRET, bytes, put->secret);
	if (put->label)
		*p++ = octets(OSSL_KDF_PARAM_SEED, put->label, strlen(put->label));
	for (size_t i = 0; put->label && i < 3; i++)
		*p++ = octets(OSSL_KDF_PARAM_SEED, put->seed[i] ? bytes + 5 + 40 * i : NULL, put->seed[i]);
	*p = OSSL_PARAM_construct_end();
	memset(out, 0, 512);
	return derive_at_once(OSSL_KDF_NAME_TLS1_PRF, properties, params, out, put->out);
}

static void prf_against_openssl(void)
{
	uint8_t ours[512], theirs[512];

	for (size_t i = 0; i < sizeof(asked_prf) / sizeof(asked_prf[0]); i++) {
		const struct put_prf *put = &asked_prf[i];
		int theirs_ret = derive_prf("provider=default", put, theirs);

		ok(derive_prf(secrets_properties(), put, ours) == theirs_ret &&
		   !memcmp(ours, theirs, sizeof(ours)), "PRF, %s, %s: %s", put->what,
		   put->digest ? put->digest : "-", theirs_ret ? "OpenSSL's result" : "refused");
	}
}

/* As others than libssl do it: parameters first. */
static void step_by_step(void)
{
	static const char label[] = "key expansion";
	OSSL_PARAM first[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
		octets(OSSL_KDF_PARAM_SECRET, bytes, 48),
		OSSL_PARAM_construct_end(),
	}, second[] = {
		octets(OSSL_KDF_PARAM_SEED, label, strlen(label)),
		octets(OSSL_KDF_PARAM_SEED, bytes + 5, 64),
		OSSL_PARAM_construct_end(),
	};
	const struct put_prf at_once = { "", "SHA256", label, 48, { 64 }, 40 };
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, secrets_properties());
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf), *copy;
	uint8_t ours[512] = { 0 }, theirs[512];

	ok(EVP_KDF_CTX_set_params(ctx, first), "parameters before");
	copy = EVP_KDF_CTX_dup(ctx);
	/* 3.0 can not */
	if (copy)
		ok(EVP_KDF_derive(copy, ours, 40, second) > 0 &&
		   derive_prf("provider=default", &at_once, theirs) && !memcmp(ours, theirs, 40),
		   "a copied context has them");
	memset(ours, 0, sizeof(ours));
	ok(EVP_KDF_derive(ctx, ours, 40, second) > 0 &&
	   derive_prf("provider=default", &at_once, theirs) && !memcmp(ours, theirs, 40),
	   "the context has them");
	EVP_KDF_CTX_reset(ctx);
	ok(EVP_KDF_derive(ctx, ours, 40, second) <= 0, "one that was reset has not");
	ok(OSSL_PARAM_locate_const(EVP_KDF_settable_ctx_params(kdf), OSSL_KDF_PARAM_SEED),
	   "which there are");
	ok(EVP_KDF_CTX_get_kdf_size(ctx) == SIZE_MAX, "any length");
	EVP_KDF_CTX_free(copy);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

enum odd { TWO_KEYS, OUT_OVER_KEY, KEY_OF_NOTHING, ODD };

static int derive_odd(const char *properties, enum odd odd, uint8_t room[128])
{
	int mode = odd == KEY_OF_NOTHING ? EXTRACT : EXPAND;
	const char *label = odd == KEY_OF_NOTHING ? "derived" : "key";
	OSSL_PARAM params[8], *p = params;

	memcpy(room, bytes, 128);
	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0);
	*p++ = odd == OUT_OVER_KEY ? octets(OSSL_KDF_PARAM_KEY, room, 32) :
				     octets(OSSL_KDF_PARAM_KEY, odd == TWO_KEYS ? bytes : NULL,
					    odd == TWO_KEYS ? 32 : 0);
	if (odd == TWO_KEYS)
		*p++ = octets(OSSL_KDF_PARAM_KEY, bytes + 1, 32);
	*p++ = octets(OSSL_KDF_PARAM_PREFIX, P, strlen(P));
	*p++ = octets(OSSL_KDF_PARAM_LABEL, label, strlen(label));
	*p = OSSL_PARAM_construct_end();
	return derive_at_once(OSSL_KDF_NAME_TLS1_3_KDF, properties, params, room,
			      odd == OUT_OVER_KEY ? 100 : 32);
}

static void odd_ones(void)
{
	static const char *const names[] = { "two keys", "out over the key", "a key of nothing" };
	uint8_t ours[128], theirs[128];

	for (int odd = 0; odd < ODD; odd++) {
		int ret = derive_odd("provider=default", (enum odd)odd, theirs);

		ok(derive_odd(secrets_properties(), (enum odd)odd, ours) == ret &&
		   (!ret || !memcmp(ours, theirs, sizeof(ours))), "%s: %s", names[odd],
		   ret ? "OpenSSL's result" : "refused");
	}
}

static void hmac(const char *name)
{
	const EVP_MD *md = kdf_digest(name);
	const size_t block = (size_t)EVP_MD_get_block_size(md), keys[] = { 0, 1, 32, block - 1, block };
	uint8_t ours[EVP_MAX_MD_SIZE], theirs[EVP_MAX_MD_SIZE], in_place[400];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ok(!kdf_hmac(md, bytes, keys[i], bytes + 3, 200, ours) &&
		   HMAC(md, bytes, (int)keys[i], bytes + 3, 200, theirs, NULL) &&
		   !memcmp(ours, theirs, (size_t)EVP_MD_get_size(md)),
		   "HMAC, %s, a key of %zu bytes", name, keys[i]);
	memcpy(in_place, bytes + 3, 200);
	HMAC(md, bytes, 32, bytes + 3, 200, theirs, NULL);
	ok(!kdf_hmac(md, bytes, 32, in_place, 200, in_place) &&
	   !memcmp(in_place, theirs, (size_t)EVP_MD_get_size(md)), "%s: into its input", name);
	ok(kdf_hmac(md, bytes, block + 1, bytes, 1, ours) == -EINVAL, "%s: a longer key", name);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + (i >> 3));
	ok(secrets_properties(), "OpenSSL takes the provider");
	ok(kdf_digest("SHA256") && kdf_digest("SHA2-384") != kdf_digest("SHA256") &&
	   !kdf_digest("SHA512") && !kdf_digest("SHA1"), "the digests of TLS 1.3's suites");
	hmac("SHA256");
	hmac("SHA384");
	against_openssl();
	prf_against_openssl();
	step_by_step();
	odd_ones();
	return done_testing();
}
