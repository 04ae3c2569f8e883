// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/keys.c against the trace of RFC 8448 section 3, against values
 * computed apart from it, and against what a live OpenSSL seals; and the
 * secrets of helper/secrets.c against OpenSSL's key log.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include "certs.h"
#include "keys.h"
#include "secrets.h"
#include "tap.h"

static size_t unhex(const char *text, uint8_t *out)
{
	size_t len = strlen(text) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			abort();
		out[i] = (uint8_t)byte;
	}
	return len;
}

static bool is_hex(const uint8_t *bytes, size_t len, const char *expected)
{
	uint8_t want[512];

	return unhex(expected, want) == len && !memcmp(bytes, want, len);
}

/* RFC 8448 3, "Simple 1-RTT Handshake": {server} derive secret "tls13 c ap traffic" and on */
static const char master[] = "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919";
static const char transcript[] = "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13";

static const struct {
	const char *label, *secret, *key, *iv;
	const char *updated;	/* not in the RFC: by Python's hmac, from the secret */
} directions[] = {
	{
		"c ap traffic",
		"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
		"17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9",
		"fcdfcc72725aaee48bf64e4fd8b749cdbdbab39d90da0b26e2245ca6ea167207",
	}, {
		"s ap traffic",
		"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
		"9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984",
		"51921b8aa3001976eb401d0a4319a8516416a6c56001a357e5d162031e84f916",
	},
};

static void rfc8448(void)
{
	uint8_t ms[32], hash[32], secret[32], next[32];
	struct keys keys = { 0 };

	unhex(master, ms);
	unhex(transcript, hash);
	for (size_t i = 0; i < 2; i++) {
		const char *label = directions[i].label;

		ok(!keys_expand_label("SHA256", ms, 32, label, hash, 32, secret, 32) &&
		   is_hex(secret, 32, directions[i].secret), "RFC 8448 3: %s", label);
		ok(!keys_derive(&keys, keys_suite(0x1301), secret), "%s: derived", label);
		ok(is_hex(keys.key, 16, directions[i].key), "RFC 8448 3: %s: key", label);
		ok(is_hex(keys.iv, 12, directions[i].iv), "RFC 8448 3: %s: iv", label);
		ok(is_hex(keys.secret, 32, directions[i].secret) && !keys.seq,
		   "%s: secret kept, sequence 0", label);
		ok(!keys_expand_label("SHA256", secret, 32, "traffic upd", NULL, 0, next, 32) &&
		   is_hex(next, 32, directions[i].updated), "%s: traffic upd", label);
	}
	keys_wipe(&keys);
	ok(!memcmp(&keys, &(struct keys){ 0 }, sizeof(keys)), "keys_wipe() leaves nothing");
}

/* SHA-384, several blocks, a context, and what is refused; expected values by Python's hmac. */
static void expand(void)
{
	static const char exporter[] =
		"f287ecd07b0d807fb1d28361e28e637f90341e3ec9f61176eefb72800b321016c8ec4666282ce78ca1a08b5f7a047f0d1b4d9268a533d1032d8c56bf364e1b5c23ceafe18f882d36094969ab6ae5be278f5821a5f7e9727718239d485408ecfe4652fe3e95fc26f07cbd2cade0d52b6d9fd9385da388416312b5278cc24b0446ba3a411c2cb65c0f34dac3d5f1e0ff1487d60eb79be5c839b2fe7ef831b1e06c6aa4a8c36559bce13761f1f36b49008c7ba86be7f0a05532bace618eeb97318ab68c26138ce7ad17";
	uint8_t secret[48], context[48], out[256];
	struct keys keys;
	char label[256];

	for (uint8_t i = 0; i < 48; i++)
		secret[i] = i;
	memset(context, 5, sizeof(context));
	ok(!keys_derive(&keys, keys_suite(0x1302), secret) &&
	   is_hex(keys.key, 32, "6877d022f1c61d24ebb7487c16752d9a4798e40431c75b39320e537c90e23225") &&
	   is_hex(keys.iv, 12, "42822531a0fe88648fc09e9f"), "SHA-384: key and iv");
	ok(!keys_expand_label("SHA384", secret, 48, "traffic upd", NULL, 0, out, 48) &&
	   is_hex(out, 48, "401331b63e9d59f202e8f041042d9516f4cd7fa2e2ee14631d3b49fc340d7af37fc2c0c9f252d8036f81ec5b85cbe5db"),
	   "SHA-384: traffic upd");
	ok(!keys_expand_label("SHA384", secret, 48, "exporter", context, 48, out, 200) &&
	   is_hex(out, 200, exporter), "SHA-384: 200 bytes in five blocks");

	memset(label, 'x', sizeof(label));
	label[249] = '\0';
	ok(!keys_expand_label("SHA256", secret, 32, label, NULL, 0, out, 255),
	   "the longest label, 255 bytes out");
	label[249] = 'x';
	label[250] = '\0';
	ok(keys_expand_label("SHA256", secret, 32, label, NULL, 0, out, 16) == -EINVAL,
	   "a longer label is refused");
	ok(keys_expand_label("SHA256", secret, 32, "", NULL, 0, out, 16) == -EINVAL,
	   "an empty label is refused");
	ok(keys_expand_label("SHA256", secret, 32, "key", NULL, 0, out, 256) == -EINVAL,
	   "256 bytes out are refused");
	ok(keys_expand_label("NOSUCH", secret, 32, "key", NULL, 0, out, 16) == -EINVAL,
	   "an unknown digest is refused");
	ok(!keys_suite(0x1305) && !keys_suite(0), "short tags and 0 are no suites of ours");
}

/* ---- against OpenSSL ---- */

static uint8_t client_secret[KEYS_SECRET_MAX], server_secret[KEYS_SECRET_MAX];

static void on_keylog(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ');

	(void)ssl;
	if (!strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24))
		unhex(hex + 1, client_secret);
	if (!strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24))
		unhex(hex + 1, server_secret);
}

/* A client and a server of OpenSSL's, with our provider. */
struct ends {
	SSL_CTX *client_ctx, *server_ctx;
	SSL *client, *server;		/* of the last handshake, NULL before the first */
};

static struct ends ends_new(void)
{
	struct ends ends = {
		.client_ctx = SSL_CTX_new_ex(NULL, secrets_properties(), TLS_client_method()),
		.server_ctx = SSL_CTX_new_ex(NULL, secrets_properties(), TLS_server_method()),
	};
	EVP_PKEY *key = certs_key();
	X509 *cert = certs_new("openssl", NULL, key, NULL, key);

	SSL_CTX_use_certificate(ends.server_ctx, cert);
	SSL_CTX_use_PrivateKey(ends.server_ctx, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ends;
}

static void ends_free(struct ends *ends)
{
	SSL_free(ends->client);
	SSL_free(ends->server);
	SSL_CTX_free(ends->client_ctx);
	SSL_CTX_free(ends->server_ctx);
}

/* seen: what each end's provider saw, the client's first; with none, nobody looks. */
static void shake(struct ends *ends, struct secrets *seen)
{
	BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());

	SSL_free(ends->client);
	SSL_free(ends->server);
	ends->client = SSL_new(ends->client_ctx);
	ends->server = SSL_new(ends->server_ctx);
	BIO_up_ref(to_server);
	BIO_up_ref(to_client);
	SSL_set_bio(ends->client, to_client, to_server);
	SSL_set_bio(ends->server, to_server, to_client);
	SSL_set_connect_state(ends->client);
	SSL_set_accept_state(ends->server);
	for (int i = 0; i < 4; i++) {
		if (seen)
			secrets_enter(&seen[0]);
		SSL_do_handshake(ends->client);
		if (seen)
			secrets_enter(&seen[1]);
		SSL_do_handshake(ends->server);
		secrets_leave();
	}
}

/* Opens the TLS 1.3 record with the keys at sequence number 0; -1: does not verify. */
static int open_record(const struct keys *keys, const uint8_t *record, size_t len, uint8_t *plain)
{
	const EVP_CIPHER *cipher = keys->suite->key_len == 16 ? EVP_aes_128_gcm() :
							       EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int sealed = (int)len - 5 - 16;
	int n = 0, rest = 0;

	/* RFC 8446 5.2: the additional data is the header; 5.3: number 0 leaves the iv as it is */
	if (!EVP_DecryptInit_ex(ctx, cipher, NULL, keys->key, keys->iv) ||
	    !EVP_DecryptUpdate(ctx, NULL, &n, record, 5) ||
	    !EVP_DecryptUpdate(ctx, plain, &n, record + 5, sealed) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16,
				 (void *)(record + 5 + sealed)) ||
	    EVP_DecryptFinal_ex(ctx, plain + n, &rest) <= 0)
		n = -1;
	EVP_CIPHER_CTX_free(ctx);
	return n;
}

static void check_record(const char *who, SSL *from, const struct keys *keys)
{
	static const char text[] = "sealed by OpenSSL";
	uint8_t record[256], plain[256];
	BIO *wire = SSL_get_wbio(from);
	int len, n;

	BIO_reset(wire);
	SSL_write(from, text, sizeof(text));
	len = BIO_read(wire, record, sizeof(record));
	n = len > 5 + 16 ? open_record(keys, record, (size_t)len, plain) : -1;
	ok(n == (int)sizeof(text) + 1 && !memcmp(plain, text, sizeof(text)) &&
	   plain[sizeof(text)] == 23, "%s's first record opens with the derived key", who);
	record[5] ^= 1;
	ok(len > 5 + 16 && open_record(keys, record, (size_t)len, plain) == -1,
	   "%s's record does not open once changed", who);
}

static bool is_secret(const uint8_t *secret, size_t len, const uint8_t *wanted, size_t wanted_len)
{
	return len == wanted_len && !memcmp(secret, wanted, len);
}

/* The keys seen are those that are derived; and derived where they were not seen. */
static bool is_derived(const struct secret *seen, const struct keys_suite *suite)
{
	struct keys wanted, keys;
	struct secret unseen = *seen;
	bool same;

	unseen.iv_len = 0;
	memset(unseen.key, 0, sizeof(unseen.key));
	same = seen->key_len == suite->key_len && seen->iv_len == KSEAL_IV_LEN &&
	       !keys_derive(&wanted, suite, seen->secret) && !secrets_derive(seen, suite, &keys) &&
	       !memcmp(&keys, &wanted, sizeof(keys)) && !secrets_derive(&unseen, suite, &keys) &&
	       !memcmp(&keys, &wanted, sizeof(keys));
	unseen.len = 0;
	return same && secrets_derive(&unseen, suite, &keys) == -ENOKEY;
}

static void check_secrets(const char *who, const struct secrets *s, const struct keys_suite *suite)
{
	const size_t len = suite->secret_len;

	ok(is_secret(s->client.secret, s->client.len, client_secret, len) &&
	   is_secret(s->server.secret, s->server.len, server_secret, len),
	   "%s: the secrets seen are those of the key log", who);
	ok(is_derived(&s->client, suite) && is_derived(&s->server, suite),
	   "%s: the keys seen are those of the secrets", who);
}

static void against_openssl(const char *suite_name, uint16_t suite)
{
	struct secrets seen[2] = { 0 }, before;
	struct ends ends = ends_new();
	struct keys keys;

	SSL_CTX_set_num_tickets(ends.server_ctx, 0);
	SSL_CTX_set_keylog_callback(ends.server_ctx, on_keylog);
	SSL_CTX_set_ciphersuites(ends.client_ctx, suite_name);
	shake(&ends, seen);
	ok(SSL_is_init_finished(ends.client) && SSL_is_init_finished(ends.server) &&
	   SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ends.client)) == suite,
	   "OpenSSL shakes hands: %s", suite_name);
	check_secrets("the client", &seen[0], keys_suite(suite));
	check_secrets("the server", &seen[1], keys_suite(suite));
	keys_derive(&keys, keys_suite(suite), client_secret);
	check_record("the client", ends.client, &keys);
	keys_derive(&keys, keys_suite(suite), server_secret);
	check_record("the server", ends.server, &keys);

	before = seen[1];
	shake(&ends, NULL);
	ok(SSL_is_init_finished(ends.server) &&
	   memcmp(client_secret, before.client.secret, before.client.len) &&
	   !memcmp(&before, &seen[1], sizeof(before)), "another handshake's secrets go nowhere");
	keys_wipe(&keys);
	ends_free(&ends);
}

/* TLS 1.2: the key_block of RFC 5246 6.3, as libssl has it derived. */
static void against_openssl_tls12(const char *suite_name, uint16_t id)
{
	const struct keys_suite *suite = keys_suite(id);
	uint8_t secret[KEYS_MASTER_LEN], randoms[2][KEYS_RANDOM_LEN];
	struct keys client_keys, server_keys, from[2];
	struct secrets seen[2] = { 0 };
	struct ends ends = ends_new();

	SSL_CTX_set_max_proto_version(ends.client_ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ends.client_ctx, suite_name);
	SSL_CTX_set_cipher_list(ends.server_ctx, suite_name);
	shake(&ends, seen);
	ok(SSL_is_init_finished(ends.server), "OpenSSL shakes hands: %s", suite_name);
	SSL_SESSION_get_master_key(SSL_get_session(ends.server), secret, sizeof(secret));
	SSL_get_client_random(ends.server, randoms[0], KEYS_RANDOM_LEN);
	SSL_get_server_random(ends.server, randoms[1], KEYS_RANDOM_LEN);
	keys_derive_tls12(&client_keys, &server_keys, suite, secret, randoms[0], randoms[1]);
	for (int i = 0; i < 2; i++) {
		keys_from_block(&from[0], &from[1], suite, seen[i].block);
		ok(seen[i].block_len == keys_block_len(suite) &&
		   !memcmp(&from[0], &client_keys, sizeof(client_keys)) &&
		   !memcmp(&from[1], &server_keys, sizeof(server_keys)) && !seen[i].client.len,
		   "%s: %s's key_block is what it derives from the master secret", suite_name,
		   i ? "the server" : "the client");
	}
	ends_free(&ends);
}

int main(void)
{
	ok(secrets_properties(), "OpenSSL takes the provider");
	rfc8448();
	expand();
	against_openssl("TLS_AES_128_GCM_SHA256", 0x1301);
	against_openssl("TLS_AES_256_GCM_SHA384", 0x1302);
	against_openssl_tls12("ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b);
	against_openssl_tls12("ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c);
	against_openssl_tls12("ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9);
	against_openssl_tls12("ECDHE-ECDSA-AES128-CCM", 0xc0ac);
	return done_testing();
}
