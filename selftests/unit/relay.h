/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's part of a handshake, played by a test: two sockets that are
 * each other's peer, each with a helper that is given whole records and
 * answers. What is not consumed stays and is given again.
 */
#ifndef KSEAL_RELAY_H
#define KSEAL_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "certs.h"
#include "netlink.h"
#include "settings.h"

#define RELAY_IN_MAX	(1024 * 1024)

struct relay_keys {
	uint8_t key[KEYS_KEY_MAX], iv[KSEAL_IV_LEN], secret[KEYS_SECRET_MAX];
	size_t key_len, secret_len;
	uint64_t seq;
};

/* One socket. */
struct relay_end {
	struct relay_end *peer;
	uint64_t cookie;
	enum kseal_role role;
	const char *profile, *name;
	uint32_t timeout_ms;
	bool explain;			/* KSEAL_SO_EXPLAIN */
	/* How much is given at once: 0 whole records, as many as fit; else this many bytes. */
	size_t chunk;
	/* What TCP gets behind this end's last handshake bytes. */
	const void *early;
	size_t early_len;

	bool begun, asked;
	uint8_t *in;			/* received, not consumed */
	size_t in_len;
	size_t given;			/* of in, in the message not yet answered */
	unsigned int messages, parts;
	bool wrong;			/* the helper broke the contract */

	/* DONE, but for the client's Finished: this, in a record under these keys */
	uint8_t finished[KSEAL_FINISHED_MAX], behind[KSEAL_BEHIND_MAX];
	size_t finished_len, behind_len;
	struct relay_keys finished_rx;

	bool done;
	uint8_t last[64];		/* the start of what the last answer put out */
	size_t last_len;
	int error;			/* 0: success */
	bool has_alert;
	uint8_t alert;
	char reason[KSEAL_REASON_MAX + 1];
	uint16_t version, cipher;
	uint32_t record_limit;
	struct relay_keys tx, rx;
	char suite[64], group[64], alpn[256], server_name[KSEAL_NAME_MAX + 1];
	char peer_identity[KSEAL_NAME_MAX + 1];
	char story[KSEAL_EXPLAIN_MAX + 1];
};

/* A profile "default" with a certificate and a CA, each a file or NULL. */
static inline void relay_settings(struct settings *settings, const char *cert, const char *key,
				  const char *ca)
{
	settings_default(settings, "default");
	/* their records would be left over; there are tests of their own */
	settings->tickets = false;
	if (cert) {
		struct settings_cert *pair = settings_add_cert(settings);

		pair->chain = strdup(cert);
		pair->key = strdup(key);
	}
	if (ca)
		string_list_add(&settings->ca, ca);
}

static inline struct relay_end *relay_new(enum kseal_role role, const char *name)
{
	static uint64_t cookie = 0xc00c1e0000000000ULL;
	struct relay_end *end = calloc(1, sizeof(*end));

	if (!end)
		abort();
	end->cookie = ++cookie;
	end->role = role;
	end->profile = "default";
	end->name = name;
	end->in = calloc(1, RELAY_IN_MAX);
	return end;
}

static inline void relay_free(struct relay_end *end)
{
	free(end->in);
	free(end);
}

static inline void relay_connect(struct relay_end *a, struct relay_end *b)
{
	a->peer = b;
	b->peer = a;
}

/* Bytes arrive at end. */
static inline void relay_receive(struct relay_end *end, const void *bytes, size_t len)
{
	if (end->in_len + len > RELAY_IN_MAX)
		abort();
	if (len)
		memcpy(end->in + end->in_len, bytes, len);
	end->in_len += len;
}

/* How much of what arrived makes up the next message. */
static inline size_t relay_portion(const struct relay_end *end)
{
	size_t len = 0;

	if (end->chunk)
		return end->in_len < end->chunk ? end->in_len : end->chunk;
	while (len + 5 <= end->in_len) {
		size_t record = 5 + ((size_t)end->in[len + 3] << 8 | end->in[len + 4]);

		if (len + record > end->in_len || len + record > KSEAL_BYTES_MAX)
			break;
		len += record;
	}
	return len;
}

/* The next message for end's helper; false: there is none now. bytes are a copy, to be freed. */
static inline bool relay_next(struct relay_end *end, struct helper_handshake *message)
{
	uint8_t *bytes;

	if (end->done || end->asked || end->finished_len)
		return false;
	end->given = relay_portion(end);
	if (!end->given && (end->begun || end->role == KSEAL_ROLE_SERVER))
		return false;
	/* A block of its own, so that ASan sees who reads too far or too late. */
	bytes = malloc(end->given ? end->given : 1);
	memcpy(bytes, end->in, end->given);
	*message = (struct helper_handshake){
		.cookie = end->cookie, .bytes = bytes, .len = end->given,
	};
	if (!end->begun) {
		message->first = true;
		message->role = end->role;
		message->timeout_ms = end->timeout_ms;
		message->explain = end->explain;
		snprintf(message->profile, sizeof(message->profile), "%s", end->profile);
		snprintf(message->server_name, sizeof(message->server_name), "%s",
			 end->name ? end->name : "");
	}
	end->begun = true;
	end->asked = true;
	end->messages++;
	return true;
}

/* The helper answers: HANDSHAKE, or what DONE has of it. */
static inline void relay_answer(struct relay_end *end, uint32_t consumed, const void *bytes,
				size_t len, bool more)
{
	end->wrong |= end->done || !end->asked || consumed > end->given || (more && consumed) ||
		      len > KSEAL_BYTES_MAX;
	end->parts += more;
	end->last_len = len < sizeof(end->last) ? len : sizeof(end->last);
	if (end->last_len)
		memcpy(end->last, bytes, end->last_len);
	if (end->peer)
		relay_receive(end->peer, bytes, len);
	if (more || end->wrong)
		return;
	memmove(end->in, end->in + consumed, end->in_len - consumed);
	end->in_len -= consumed;
	end->given = 0;
	end->asked = false;
}

/* What the helper tells: only if it was asked, whole lines of text, no more than is kept. */
static inline void relay_explain(struct relay_end *end, const char *text)
{
	size_t had = strlen(end->story), len = text ? strlen(text) : 0;

	if (!text)
		return;
	end->wrong |= !end->explain || !len || had + len > KSEAL_EXPLAIN_MAX || text[len - 1] != '\n';
	for (size_t i = 0; i < len; i++)
		end->wrong |= text[i] != '\n' && (text[i] < ' ' || text[i] > '~');
	if (!end->wrong)
		strcpy(end->story + had, text);
}

/* After relay_answer() of the DONE message. */
static inline void relay_done(struct relay_end *end)
{
	end->done = true;
	if (end->peer && !end->error)
		relay_receive(end->peer, end->early, end->early_len);
}

static inline bool relay_keys_equal(const struct relay_keys *a, const struct relay_keys *b)
{
	return a->key_len == b->key_len && a->secret_len == b->secret_len && a->seq == b->seq &&
	       !memcmp(a->key, b->key, a->key_len) && !memcmp(a->iv, b->iv, KSEAL_IV_LEN) &&
	       !memcmp(a->secret, b->secret, a->secret_len);
}

/* Both ended well and what one seals the other opens. */
static inline bool relay_agrees(const struct relay_end *a, const struct relay_end *b)
{
	return a->done && b->done && !a->error && !b->error && !a->wrong && !b->wrong &&
	       a->version == 0x0304 && a->version == b->version && a->cipher == b->cipher &&
	       relay_keys_equal(&a->tx, &b->rx) && relay_keys_equal(&a->rx, &b->tx) &&
	       memcmp(a->tx.key, a->rx.key, a->tx.key_len) && !a->tx.seq && !a->rx.seq &&
	       a->tx.key_len == (a->cipher == KSEAL_CIPHER_AES_GCM_128 ? 16 : 32);
}

/* ---- files of a test, in a directory of its own ---- */

struct relay_files {
	char dir[64];
	char ca[96], other_ca[96], cert[96], long_cert[96], key[96];
};

static inline void relay_path(const struct relay_files *files, char path[96], const char *name)
{
	snprintf(path, 96, "%s/%s", files->dir, name);
}

/*
 * An authority, another one, and a server certificate with these names; the
 * same once more with a chain too long for one BYTES attribute.
 */
static inline void relay_files_new(struct relay_files *files, const char *names)
{
	EVP_PKEY *ca_key = certs_key(), *key = certs_key();
	X509 *ca = certs_new("test authority", NULL, ca_key, NULL, ca_key);
	X509 *other = certs_new("other authority", NULL, key, NULL, key);
	X509 *cert = certs_new("server of the test", names, key, ca, ca_key);
	X509 *chain[121];

	snprintf(files->dir, sizeof(files->dir), "%s/kseald-XXXXXX",
		 getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(files->dir))
		abort();
	relay_path(files, files->ca, "ca.pem");
	relay_path(files, files->other_ca, "other-ca.pem");
	relay_path(files, files->cert, "cert.pem");
	relay_path(files, files->long_cert, "long-cert.pem");
	relay_path(files, files->key, "key.pem");
	certs_write(files->ca, &ca, 1, NULL);
	certs_write(files->other_ca, &other, 1, NULL);
	certs_write(files->cert, &cert, 1, NULL);
	chain[0] = cert;
	for (size_t i = 1; i < 121; i++)
		chain[i] = other;
	certs_write(files->long_cert, chain, 121, NULL);
	certs_write(files->key, NULL, 0, key);
	X509_free(ca);
	X509_free(other);
	X509_free(cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

static inline void relay_files_free(const struct relay_files *files)
{
	remove(files->ca);
	remove(files->other_ca);
	remove(files->cert);
	remove(files->long_cert);
	remove(files->key);
	remove(files->dir);
}

#endif
