/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles for tests: an authority with certificates of all kinds, settings with them,
 * and handshakes between two of them.
 */
#ifndef KSEAL_PROFILE_H
#define KSEAL_PROFILE_H

#include "shake.h"

#define NAME "www.example.org"

/* ---- certificates ---- */

static EVP_PKEY *ca_key;
static X509 *ca;

/* The path of a file of the test; stays valid for four calls. */
static inline const char *path_of(const char *name, const char *suffix)
{
	static char path[4][160];
	static int at;

	at = (at + 1) % 4;
	snprintf(path[at], sizeof(path[at]), "%s/%s%s", files.dir, name, suffix);
	return path[at];
}

/* Writes NAME.pem and NAME.key; extension: of this number, or 0. */
static inline X509 *issue(const char *name, const char *names, EVP_PKEY *key, int nid, const char *value)
{
	X509 *cert = certs_new(name, names, key, ca, ca_key);

	if (nid) {
		certs_extend(cert, ca, nid, value);
		if (!X509_sign(cert, ca_key, EVP_sha256()))
			abort();
	}
	certs_write(path_of(name, ".pem"), &cert, 1, NULL);
	certs_write(path_of(name, ".key"), NULL, 0, key);
	EVP_PKEY_free(key);
	return cert;
}

static inline void write_bytes(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file))
		abort();
}

static inline void make_files(void)
{
	shake_init(NULL);
	relay_files_free(&files);
	snprintf(files.dir, sizeof(files.dir), "/tmp/kseald-XXXXXX");
	if (!mkdtemp(files.dir))
		abort();
	ca_key = certs_key();
	ca = certs_new("authority", NULL, ca_key, NULL, ca_key);
	certs_write(path_of("ca", ".pem"), &ca, 1, NULL);
	X509_free(issue("ec", "DNS:" NAME, certs_key(), 0, NULL));
	X509_free(issue("rsa", "DNS:" NAME, EVP_RSA_gen(2048), 0, NULL));
	X509_free(issue("ed", "DNS:" NAME, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0, NULL));
	X509_free(issue("other", "DNS:other.example.org,DNS:*.wild.example.org", certs_key(), 0, NULL));
	X509_free(issue("client", NULL, certs_key(), 0, NULL));
	X509_free(issue("must", "DNS:" NAME, certs_key(), NID_tlsfeature, "status_request"));
	X509_free(issue("mailer", "DNS:" NAME, certs_key(), NID_ext_key_usage, "emailProtection"));
	snprintf(files.cert, sizeof(files.cert), "%s", path_of("ec", ".pem"));
	snprintf(files.key, sizeof(files.key), "%s", path_of("ec", ".key"));
}

static inline void add_pair(struct settings *settings, const char *name)
{
	struct settings_cert *pair = settings_add_cert(settings);

	pair->chain = strdup(path_of(name, ".pem"));
	pair->key = strdup(path_of(name, ".key"));
}

/* Settings with a certificate, or NULL, and our authority. */
static inline struct settings profile(const char *name)
{
	struct settings settings;

	settings_default(&settings, "default");
	settings.tickets = false;
	if (name)
		add_pair(&settings, name);
	string_list_add(&settings.ca, path_of("ca", ".pem"));
	return settings;
}

/* RFC 7469 2.4: of the certificate NAME.pem. Good until the next call. */
static inline const char *pin_of(const char *name)
{
	static char pin[64];
	BIO *bio = BIO_new_file(path_of(name, ".pem"), "r");
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	uint8_t hash[32], *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL);
	EVP_EncodeBlock((unsigned char *)pin, hash, 32);
	OPENSSL_free(der);
	X509_free(cert);
	BIO_free(bio);
	return pin;
}

static inline bool remove_files(void)
{
	char command[128];

	X509_free(ca);
	EVP_PKEY_free(ca_key);
	snprintf(command, sizeof(command), "rm -r %s", files.dir);
	return system(command);
}

/* ---- two of ours ---- */

struct both {
	struct helper *serving, *connecting;
	struct relay_end *server, *client;
};

/* A handshake between two profiles. */
static inline struct both shake(struct settings serving, struct settings connecting, const char *name)
{
	struct both b = {
		helper_with(&serving), helper_with(&connecting),
		relay_new(KSEAL_ROLE_SERVER, NULL), relay_new(KSEAL_ROLE_CLIENT, name),
	};

	relay(b.connecting, b.client, b.serving, b.server);
	return b;
}

static inline void both_free(struct both *b)
{
	relay_free(b->server);
	relay_free(b->client);
	helper_free(b->serving);
	helper_free(b->connecting);
}

/* What is derived: the rest of a nonce of TLS 1.2 is in the record. */
static inline bool same(const struct relay_keys *a, const struct relay_keys *b, uint16_t version)
{
	return a->key_len == b->key_len && !memcmp(a->key, b->key, a->key_len) &&
	       a->seq == b->seq && !memcmp(a->iv, b->iv, version == KSEAL_VERSION_1_2 ? 4 : 12);
}

static inline void succeeds(struct both b, const char *what)
{
	if (!ok(b.server->done && b.client->done && !b.server->error && !b.client->error &&
		b.server->version == b.client->version && b.server->cipher == b.client->cipher &&
		same(&b.server->tx, &b.client->rx, b.client->version) &&
		same(&b.server->rx, &b.client->tx, b.client->version), "%s", what))
		note("server %s; client %s", b.server->reason, b.client->reason);
}

static inline void fails(struct both b, const struct relay_end *who, int error, int alert,
		  const char *words, const char *what)
{
	expect_failure(who, error, alert, words, what);
	ok((who == b.server ? b.client : b.server)->error, "%s: the other end as well", what);
}

#endif
