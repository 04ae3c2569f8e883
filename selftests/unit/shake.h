/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole handshakes through helper/request.c: between two of its requests, or with
 * OpenSSL's own client or server. For one thread.
 */
#ifndef KSEAL_SHAKE_H
#define KSEAL_SHAKE_H

#include <openssl/ssl.h>
#include "profiles.h"
#include "relay.h"
#include "request.h"
#include "sealed.h"
#include "tap.h"

static struct relay_files files;
static struct request_sink sink;
static struct relay_end *ends[8];	/* those that answers may be for */
static int sink_error;

static inline struct relay_end *end_of(uint64_t cookie)
{
	for (size_t i = 0; i < 8; i++)
		if (ends[i] && ends[i]->cookie == cookie)
			return ends[i];
	abort();
}

static inline int on_answer(struct request_sink *to, const struct helper_answer *answer)
{
	(void)to;
	if (sink_error)
		return sink_error;
	relay_explain(end_of(answer->cookie), answer->explain);
	relay_answer(end_of(answer->cookie), answer->consumed, answer->bytes, answer->len,
		     answer->more);
	return 0;
}

static inline void take_keys(struct relay_keys *to, const struct keys *keys)
{
	memcpy(to->key, keys->key, sizeof(to->key));
	memcpy(to->iv, keys->iv, sizeof(to->iv));
	memcpy(to->secret, keys->secret, sizeof(to->secret));
	to->key_len = keys->suite->key_len;
	to->secret_len = keys->suite->secret_len;
	to->seq = keys->seq;
}

static inline void take_foreseen(struct relay_end *end, const struct helper_done *done)
{
	const struct foreseen *foreseen = done->session->foreseen;

	end->wrong |= end->role != KSEAL_ROLE_SERVER || end->explain ||
		      !foreseen->keys.suite == (end->version == KSEAL_VERSION_1_3);
	memcpy(end->finished, foreseen->message, foreseen->len);
	end->finished_len = foreseen->len;
	if (foreseen->keys.suite)
		take_keys(&end->finished_rx, &foreseen->keys);
	if (done->behind_len)
		memcpy(end->behind, done->behind, done->behind_len);
	end->behind_len = done->behind_len;
}

static inline int on_done(struct request_sink *to, const struct helper_done *done)
{
	struct relay_end *end = end_of(done->cookie);

	(void)to;
	if (sink_error)
		return sink_error;
	/* One of the two; a failure by the clock answers no message. */
	end->wrong |= !done->session == !done->failure;
	end->asked |= done->failure && done->failure->error == ETIMEDOUT;
	relay_explain(end, done->explain);
	relay_answer(end, done->consumed, done->bytes, done->len, false);
	if (done->failure) {
		end->error = done->failure->error;
		end->has_alert = done->failure->has_alert;
		end->alert = done->failure->alert;
		strcpy(end->reason, done->failure->reason);
		end->wrong |= !end->error || !end->reason[0];
	} else {
		end->version = done->session->version;
		end->cipher = done->session->tx.suite->cipher;
		end->record_limit = done->session->record_limit;
		take_keys(&end->tx, &done->session->tx);
		take_keys(&end->rx, &done->session->rx);
		strcpy(end->suite, done->session->suite);
		strcpy(end->group, done->session->group);
		strcpy(end->alpn, done->session->alpn);
		strcpy(end->server_name, done->session->server_name);
		strcpy(end->peer_identity, done->session->peer_identity);
	}
	if (done->session && done->session->foreseen)
		take_foreseen(end, done);
	else
		relay_done(end);
	return 0;
}

/* A table with one profile, "default". */
struct helper {
	struct profiles *profiles;
	struct request_table *table;
};

static inline struct helper *helper_with(struct settings *settings)
{
	struct helper *helper = calloc(1, sizeof(*helper));
	char why[512];

	helper->profiles = profiles_new();
	if (profiles_load(helper->profiles, settings, 1, why, sizeof(why))) {
		note("%s", why);
		abort();
	}
	helper->table = request_table_new(helper->profiles, 100, &sink);
	return helper;
}

static inline struct helper *helper_new(const char *cert, const char *ca)
{
	struct settings settings;

	relay_settings(&settings, cert, files.key, ca);
	return helper_with(&settings);
}

static inline void helper_free(struct helper *helper)
{
	request_table_free(helper->table);
	profiles_free(helper->profiles);
	free(helper);
}

/* Gives end's helper its next message, if there is one. */
static inline bool give(struct helper *helper, struct relay_end *end)
{
	struct helper_handshake message;

	if (end->finished_len)
		return await_finished(end);
	if (!relay_next(end, &message))
		return false;
	request_handshake(helper->table, &message, 1000);
	free((void *)(uintptr_t)message.bytes);
	return true;
}

/* These bytes arrive at end, of which no other does. */
static inline void one_message(struct helper *helper, struct relay_end *end, const void *bytes,
			       size_t len)
{
	ends[0] = end;
	ends[1] = NULL;
	relay_receive(end, bytes, len);
	give(helper, end);
}

/* An end and its peer until neither has anything to say. */
static inline void relay(struct helper *a_helper, struct relay_end *a, struct helper *b_helper,
		  struct relay_end *b)
{
	ends[0] = a;
	ends[1] = b;
	relay_connect(a, b);
	while (give(a_helper, a) | give(b_helper, b))
		;
}

static inline void expect_failure(const struct relay_end *end, int error, int alert, const char *words,
			   const char *what)
{
	if (!ok(end->done && !end->wrong && end->error == error &&
		end->has_alert == (alert >= 0) && (alert < 0 || end->alert == alert) &&
		strstr(end->reason, words), "%s", what))
		note("done %d wrong %d error %d alert %d %u: %s", end->done, end->wrong,
		     end->error, end->has_alert, end->alert, end->reason);
}

/* ---- OpenSSL's own client and server ---- */

struct plain {
	SSL_CTX *ctx;
	SSL *ssl;
};

static inline struct plain plain_new(bool server)
{
	struct plain plain = { .ctx = SSL_CTX_new(TLS_method()) };

	if (server) {
		SSL_CTX_use_certificate_file(plain.ctx, files.cert, SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(plain.ctx, files.key, SSL_FILETYPE_PEM);
	}
	plain.ssl = SSL_new(plain.ctx);
	SSL_set_bio(plain.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (server)
		SSL_set_accept_state(plain.ssl);
	else
		SSL_set_connect_state(plain.ssl);
	return plain;
}

static inline void plain_free(struct plain *plain)
{
	SSL_free(plain->ssl);
	SSL_CTX_free(plain->ctx);
}

/* One step of the plain side: what it wrote goes to end, what end's helper wrote to it. */
static inline bool plain_step(struct plain *plain, struct relay_end *end, struct relay_end *wire)
{
	uint8_t bytes[65536];
	int len;

	if (wire->in_len)
		BIO_write(SSL_get_rbio(plain->ssl), wire->in, (int)wire->in_len);
	wire->in_len = 0;
	SSL_do_handshake(plain->ssl);
	len = BIO_read(SSL_get_wbio(plain->ssl), bytes, sizeof(bytes));
	if (len > 0)
		relay_receive(end, bytes, (size_t)len);
	return len > 0;
}

static inline void against(struct plain *plain, struct helper *helper, struct relay_end *end)
{
	struct relay_end *wire = relay_new(end->role, NULL);

	ends[0] = end;
	ends[1] = NULL;
	end->peer = wire;
	while (plain_step(plain, end, wire) | give(helper, end))
		;
	plain_step(plain, end, wire);
	end->peer = NULL;
	relay_free(wire);
}

static inline void shake_init(const char *names)
{
	sink.answer = on_answer;
	sink.done = on_done;
	relay_files_new(&files, names);
}

#endif
