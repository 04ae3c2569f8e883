// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One TLS handshake on OpenSSL; see tls.h. From above: what OpenSSL reports by
 * callback, the handshake's steps, and what is taken from it at the end.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include "agreed.h"
#include "alert.h"
#include "alpn.h"
#include "channel.h"
#include "context.h"
#include "explain.h"
#include "foresee.h"
#include "idle.h"
#include "psk.h"
#include "record.h"
#include "secrets.h"
#include "sessions.h"
#include "tls.h"
#include "verify.h"

#define EXPLICIT_LEN	8	/* bytes, RFC 5288 3 */

struct tls {
	SSL *ssl;		/* owns the two BIOs */
	BIO *in, *out;
	enum kseal_role role;
	uint64_t id;
	struct explain *explain;		/* NULL: nobody wants to know */
	char name[KSEAL_NAME_MAX + 1];		/* client: whom we verify */
	bool alert_received, alert_sent;
	uint8_t alert;
	struct channel_wait wait;	/* for the signer */
	size_t given;			/* bytes of the peer, in this step */
	/* TLS 1.3: */
	struct secrets secrets;
	bool settled;			/* a server's Finished was sent; behind it */
	unsigned int records;		/* are tickets, under the application's key */
	/* a server's client: len is 0 if its Finished is not foreseen */
	struct foreseen foreseen;
	struct transcript transcript;
	size_t before;			/* bytes of output that do not wait for it */
	/* TLS 1.2: */
	bool ciphered;			/* ChangeCipherSpec was sent */
	bool finished;			/* and Finished behind it, which began with */
	uint8_t explicit_nonce[EXPLICIT_LEN];
	/* clients: where sessions are kept, NULL: nowhere */
	struct sessions *sessions;
	bool kept;			/* one of this handshake was */
	struct keys ticket_keys;	/* tls_ticket(): suite is NULL before the first */
	struct idle idle;
	bool wants_chain;
	uint8_t *chain;			/* the peer's certificates */
	size_t chain_len;
};

/* ---- what OpenSSL reports ---- */

const char *tls_reason(void)
{
	/* The first of the queue: later ones only say who passed it on. */
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) :
						       ERR_reason_error_string(error);

	return reason ?: "unknown error";
}

static void on_message(int sent, int version, int type, const void *buf, size_t len, SSL *ssl,
		       void *arg)
{
	struct tls *tls = SSL_get_app_data(ssl);
	const uint8_t *bytes = buf;

	(void)version;
	(void)arg;
	explain_message(tls->explain, sent, type, bytes, len);
	if (type == SSL3_RT_HEADER && sent) {
		tls->records += tls->settled;
	} else if (type == SSL3_RT_ALERT && len == 2) {
		/* RFC 5246 7.2: after a warning it may go on */
		if (bytes[0] == SSL3_AL_FATAL) {
			tls->alert = bytes[1];
			tls->alert_sent |= sent;
			tls->alert_received |= !sent;
		}
	} else if (type == SSL3_RT_HANDSHAKE && len) {
		tls->settled |= sent && bytes[0] == SSL3_MT_FINISHED;
		if (tls->role == KSEAL_ROLE_SERVER && !tls->explain)
			foresee_message(&tls->transcript, sent, bytes, len);
	}
}

/* See secrets_properties(). */
static void on_keylog(const SSL *ssl, const char *line)
{
	secrets_keylog(&((struct tls *)SSL_get_app_data(ssl))->secrets, line);
}

/* Clients only. Returns 1 if it took the session. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (!tls->sessions)
		return 0;
	sessions_put(tls->sessions, tls->name, session);
	tls->kept = true;
	return 1;
}

void tls_watch(SSL_CTX *ctx)
{
	SSL_CTX_set_msg_callback(ctx, on_message);
	if (!secrets_properties())
		SSL_CTX_set_keylog_callback(ctx, on_keylog);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

/* ---- one handshake ---- */

void tls_fail(struct tls_failure *failure, int error, const char *fmt, ...)
{
	va_list args;

	memset(failure, 0, sizeof(*failure));
	failure->error = error;
	va_start(args, fmt);
	vsnprintf(failure->reason, sizeof(failure->reason), fmt, args);
	va_end(args);
}

/* Whom a client wants: by the socket, else by the profile. False: failure says what is
 * wrong with the name.
 */
static bool set_name(struct tls *tls, const struct context *context, const char *wished,
		     struct tls_failure *failure)
{
	const char *name = wished && *wished ? wished : context_server_name(context);
	size_t len = name ? strlen(name) : 0;

	/* RFC 6066 3: without the trailing dot */
	if (len && name[len - 1] == '.')
		len--;
	if (!len) {
		tls_fail(failure, EDESTADDRREQ,
			 "no server name: set KSEAL_SO_SERVER_NAME, or server-name in the profile, to whom the certificate must be for");
		return false;
	}
	if (len > KSEAL_NAME_MAX) {
		tls_fail(failure, EINVAL, "the server name is longer than %d bytes",
			 KSEAL_NAME_MAX);
		return false;
	}
	memcpy(tls->name, name, len);
	if (!verify_name_is_address(tls->name) && !verify_name_is_dns(tls->name)) {
		tls->name[0] = '\0';
		tls_fail(failure, EINVAL,
			 "the server name is neither an address nor a DNS name (international names: the xn-- form)");
		return false;
	}
	return true;
}

/* If there is something to resume; it is no failure if that cannot be. */
static void resume(struct tls *tls)
{
	SSL_SESSION *session = sessions_take(tls->sessions, tls->name);

	if (session && !SSL_set_session(tls->ssl, session))
		ERR_clear_error();
	SSL_SESSION_free(session);
}

/* True: tls->ssl is ready for its first step. */
static bool set_ssl(struct tls *tls, const struct context *context)
{
	tls->ssl = context_ssl(context, tls->role);
	if (!tls->ssl)
		return false;
	SSL_set_app_data(tls->ssl, tls);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->in || !tls->out) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		return false;
	}
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	if (tls->role == KSEAL_ROLE_SERVER) {
		SSL_set_accept_state(tls->ssl);
		return true;
	}
	SSL_set_connect_state(tls->ssl);
	if (verify_expect(tls->ssl, tls->name))
		return false;
	tls->sessions = context_sessions(context);
	if (tls->sessions)
		resume(tls);
	/* RFC 6066 3: addresses are not sent */
	return verify_name_is_address(tls->name) ||
	       SSL_set_tlsext_host_name(tls->ssl, tls->name);
}

/* Returns whether it could. */
static bool set_alpn(struct tls *tls, const char *protocols, struct tls_failure *failure)
{
	int ret = protocols && protocols[0] ? alpn_wish(tls->ssl, protocols) : 0;

	if (ret == -EINVAL)
		tls_fail(failure, EINVAL, "the socket's protocols (ALPN) are no list: \"h2,http/1.1\" is one");
	else if (ret)
		tls_fail(failure, ENOMEM, "kseald is out of memory");
	return !ret;
}

struct tls *tls_new(const struct context *context, enum kseal_role role,
		    const struct tls_wishes *wishes, uint64_t id, struct tls_failure *failure)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		return NULL;
	}
	tls->role = role;
	tls->id = tls->wait.name = id;
	if (!context_can(context, role)) {
		tls_fail(failure, EINVAL, role == KSEAL_ROLE_SERVER ?
			 "the profile has no certificate to serve with: give it one (--cert, or certificate in kseald.conf)" :
			 "the profile is for servers only (role in kseald.conf)");
		goto err_free;
	}
	if (role == KSEAL_ROLE_CLIENT && !set_name(tls, context, wishes->name, failure))
		goto err_free;
	if (!set_ssl(tls, context)) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		goto err_free;
	}
	if (!set_alpn(tls, wishes->alpn, failure))
		goto err_free;
	tls->wants_chain = wishes->chain;
	return tls;

err_free:
	tls_free(tls);
	return NULL;
}

static int run(struct tls *tls)
{
	int ret;

	channel_enter(&tls->wait);
	secrets_enter(&tls->secrets);
	idle_enter(&tls->idle);
	ret = SSL_do_handshake(tls->ssl);
	idle_leave();
	secrets_leave();
	channel_leave();
	return ret;
}

/* SSL_free() knows nothing of a paused job: its stack would be lost, and all that it has. */
static void abandon(struct tls *tls)
{
	while (tls->ssl && SSL_waiting_for_async(tls->ssl)) {
		channel_cancel(&tls->wait);
		run(tls);
	}
	ERR_clear_error();
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	abandon(tls);
	/* the kernel ends the connection; OpenSSL would not resume one that was just dropped */
	if (tls->kept)
		SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tls->ssl);
	explain_free(tls->explain);
	foresee_forget(&tls->transcript);
	free(tls->chain);
	OPENSSL_cleanse(tls, sizeof(*tls));
	free(tls);
}

struct explain *tls_explain(struct tls *tls, bool asked)
{
	tls->explain = explain_new(tls->ssl, tls->role, tls->id, asked);
	return tls->explain;
}

/* Whether it was a certificate that was sent, or not, that we refused. */
static bool is_rejection(const struct tls *tls)
{
	return kseal_alert_is_rejection(tls->alert) ||
	       ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
}

static void explain(struct tls *tls, struct tls_failure *failure)
{
	char reason[KSEAL_REASON_MAX + 1];

	if (tls->wait.error)
		tls_fail(failure, tls->wait.error, "%s", tls->wait.reason);
	else if (verify_refused(tls->ssl, tls->name, reason, sizeof(reason)))
		tls_fail(failure, EKEYREJECTED, "%s", reason);
	else if (tls->alert_received)
		tls_fail(failure, kseal_alert_is_rejection(tls->alert) ? EKEYREJECTED : EPROTO,
			 "the peer refused: alert %s (%u)", alert_name(tls->alert), tls->alert);
	else if (tls->alert_sent)
		tls_fail(failure, is_rejection(tls) ? EKEYREJECTED : EPROTO, "the handshake failed: %s; alert %s (%u) was sent",
			 tls_reason(), alert_name(tls->alert), tls->alert);
	else if (SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN)
		tls_fail(failure, EPROTO, "the peer closed the connection before the handshake was done");
	else
		tls_fail(failure, EPROTO, "the handshake failed: %s", tls_reason());
	failure->has_alert = tls->alert_received || tls->alert_sent;
	failure->alert = tls->alert;
}

/* In TLS 1.2 the nonces of AES go on from that of our Finished (RFC 5288 3: never
 * twice under one key), which is there on the wire.
 */
static void note_nonce(struct tls *tls)
{
	char *data;
	long len = BIO_get_mem_data(tls->out, &data);
	const uint8_t *record = (const uint8_t *)data;

	while (len >= SSL3_RT_HEADER_LENGTH && !tls->finished) {
		long whole = SSL3_RT_HEADER_LENGTH + (record[3] << 8 | record[4]);

		if (len < whole)
			break;
		if (record[0] == SSL3_RT_CHANGE_CIPHER_SPEC) {
			tls->ciphered = true;
		} else if (tls->ciphered && whole >= SSL3_RT_HEADER_LENGTH + EXPLICIT_LEN) {
			memcpy(tls->explicit_nonce, record + SSL3_RT_HEADER_LENGTH, EXPLICIT_LEN);
			tls->finished = true;
		}
		record += whole;
		len -= whole;
	}
}

/* RFC 5077 3.1: in TLS 1.2 a ticket that the server did not replace is good again. */
static void keep_resumed(struct tls *tls)
{
	SSL_SESSION *session;

	if (!tls->sessions || tls->kept || !SSL_session_reused(tls->ssl) ||
	    SSL_version(tls->ssl) != TLS1_2_VERSION)
		return;
	session = SSL_get1_session(tls->ssl);
	if (!session)
		return;
	sessions_put(tls->sessions, tls->name, session);
	tls->kept = true;
}

/* ---- the client's Finished, ahead of it ---- */

/*
 * In TLS 1.3 libssl makes tickets once it has read Finished, so it is shown one. In a
 * resumed session of TLS 1.2 it has nothing more to do.
 */
static bool show_finished(struct tls *tls)
{
	uint8_t record[FORESEE_MESSAGE_MAX + RECORD_OVERHEAD];
	struct keys keys = tls->foreseen.keys;
	size_t len = record_seal(&keys, SSL3_RT_HANDSHAKE, tls->foreseen.message,
				 tls->foreseen.len, record);
	bool taken = len && BIO_write(tls->in, record, (int)len) == (int)len && run(tls) == 1;

	keys_wipe(&keys);
	(void)BIO_reset(tls->in);
	return taken;
}

/* A story would be told too early: not for who wants to know. */
static bool waits_for_finished(struct tls *tls)
{
	return tls->role == KSEAL_ROLE_SERVER && !tls->explain && BIO_ctrl_pending(tls->out) &&
	       foresee_can(tls->ssl, &tls->secrets, &tls->transcript);
}

static enum tls_step end_ahead(struct tls *tls, struct tls_failure *failure)
{
	/* what cannot be foreseen is waited for */
	if (foresee(tls->ssl, &tls->secrets, &tls->transcript, &tls->foreseen))
		return TLS_STEP_MORE;
	tls->before = BIO_ctrl_pending(tls->out);
	if (tls->foreseen.keys.suite && !show_finished(tls)) {
		tls_fail(failure, EPROTO, "kseald foresaw a Finished that libssl does not take: %s",
			 tls_reason());
		ERR_clear_error();
		return TLS_STEP_FAILED;
	}
	/* who asks for that many is not given any */
	if (BIO_ctrl_pending(tls->out) - tls->before > KSEAL_BEHIND_MAX)
		tls->records = 0;
	return TLS_STEP_DONE;
}

/* ---- steps ---- */

enum tls_step tls_feed(struct tls *tls, const void *bytes, size_t len, size_t *consumed,
		       struct tls_failure *failure)
{
	/* What tls_output() lent out is taken back here. */
	(void)BIO_reset(tls->out);
	*consumed = 0;
	if (len && BIO_write(tls->in, bytes, (int)len) != (int)len) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		return TLS_STEP_FAILED;
	}
	tls->given = len;
	return tls_continue(tls, consumed, failure);
}

enum tls_step tls_continue(struct tls *tls, size_t *consumed, struct tls_failure *failure)
{
	int ret;

	ERR_clear_error();
	*consumed = 0;
	ret = run(tls);
	if (SSL_waiting_for_async(tls->ssl))
		return TLS_STEP_WAIT;
	*consumed = tls->given - BIO_ctrl_pending(tls->in);
	/* Empty while OpenSSL wants more; were it not, the kernel would send the same again. */
	(void)BIO_reset(tls->in);
	if (SSL_version(tls->ssl) == TLS1_2_VERSION)
		note_nonce(tls);
	if (ret == 1) {
		keep_resumed(tls);
		return TLS_STEP_DONE;
	}
	if (SSL_get_error(tls->ssl, ret) == SSL_ERROR_WANT_READ)
		return waits_for_finished(tls) ? end_ahead(tls, failure) : TLS_STEP_MORE;
	explain(tls, failure);
	ERR_clear_error();
	return TLS_STEP_FAILED;
}

void tls_give_back(struct tls *tls)
{
	(void)BIO_reset(tls->out);
	idle_enter(&tls->idle);
	idle_empty(tls->in);
	idle_empty(tls->out);
	idle_leave();
	idle_give_back(&tls->idle);
}

static size_t output(struct tls *tls, const uint8_t **bytes)
{
	char *data;
	long len = BIO_get_mem_data(tls->out, &data);

	*bytes = (const uint8_t *)data;
	return len > 0 ? (size_t)len : 0;
}

size_t tls_output(struct tls *tls, const uint8_t **bytes)
{
	size_t len = output(tls, bytes);

	return tls->foreseen.len ? tls->before : len;
}

size_t tls_output_behind(struct tls *tls, const uint8_t **bytes)
{
	size_t len = output(tls, bytes);

	if (!tls->foreseen.len || !tls->records)
		return 0;
	*bytes += tls->before;
	return len - tls->before;
}

/* ---- what was agreed on ---- */

/* RFC 8446 7.3. Returns 0, -ENOKEY without the secrets, or -errno. */
static int derive_tls13(struct tls *tls, const struct keys_suite *suite, struct keys *client,
			struct keys *server)
{
	int ret = secrets_derive(&tls->secrets.client, suite, client);

	if (!ret)
		ret = secrets_derive(&tls->secrets.server, suite, server);
	/* those that wait for the client's Finished are the kernel's to count */
	if (tls->role == KSEAL_ROLE_SERVER && !tls->foreseen.len)
		server->seq = tls->records;
	return ret;
}

/* RFC 5246 6.3, from what was seen or from the master secret. Returns likewise. */
static int derive_block(struct tls *tls, const struct keys_suite *suite, struct keys *client,
			struct keys *server)
{
	uint8_t master[KEYS_MASTER_LEN], randoms[2][KEYS_RANDOM_LEN];
	int ret = -ENOKEY;

	if (tls->secrets.block_len == keys_block_len(suite)) {
		keys_from_block(client, server, suite, tls->secrets.block);
		return 0;
	}
	SSL_get_client_random(tls->ssl, randoms[0], KEYS_RANDOM_LEN);
	SSL_get_server_random(tls->ssl, randoms[1], KEYS_RANDOM_LEN);
	if (SSL_SESSION_get_master_key(SSL_get_session(tls->ssl), master, sizeof(master)) == sizeof(master))
		ret = keys_derive_tls12(client, server, suite, master, randoms[0], randoms[1]);
	OPENSSL_cleanse(master, sizeof(master));
	return ret;
}

static int derive_tls12(struct tls *tls, const struct keys_suite *suite, struct keys *client,
			struct keys *server)
{
	struct keys *own = tls->role == KSEAL_ROLE_SERVER ? server : client;
	int ret, i;

	if (!tls->finished)
		return -ENOKEY;
	ret = derive_block(tls, suite, client, server);
	if (ret || suite->salt_len == KSEAL_IV_LEN)
		return ret;
	memcpy(own->iv + suite->salt_len, tls->explicit_nonce, EXPLICIT_LEN);
	for (i = KSEAL_IV_LEN; i-- > suite->salt_len && !++own->iv[i];)
		;
	return 0;
}

int tls_session(struct tls *tls, struct tls_session *session, struct tls_failure *failure)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	const struct keys_suite *suite = keys_suite(SSL_CIPHER_get_protocol_id(cipher));
	bool serves = tls->role == KSEAL_ROLE_SERVER;
	struct keys *client, *server;
	int ret = -ENOKEY;

	memset(session, 0, sizeof(*session));
	client = serves ? &session->rx : &session->tx;
	server = serves ? &session->tx : &session->rx;
	session->version = (uint16_t)SSL_version(tls->ssl);
	if (suite && suite->version == session->version)
		ret = session->version == KSEAL_VERSION_1_3 ?
			derive_tls13(tls, suite, client, server) :
			derive_tls12(tls, suite, client, server);
	if (!ret) {
		agreed_describe(tls->ssl, tls->role, tls->name, session);
		session->foreseen = tls->foreseen.len ? &tls->foreseen : NULL;
		/* the kernel opens the record that libssl was shown */
		if (session->foreseen && session->version == KSEAL_VERSION_1_2)
			session->rx.seq = 0;
		if (tls->wants_chain)
			tls->chain_len = verify_peer_chain(tls->ssl, KSEAL_CHAIN_MAX, &tls->chain);
		session->chain = tls->chain;
		session->chain_len = tls->chain_len;
		return 0;
	}
	tls_session_wipe(session);
	if (ret == -ENOKEY)
		tls_fail(failure, EPROTO, "kseald has no traffic secrets for what was agreed on: %s",
			 SSL_CIPHER_get_name(cipher));
	else
		tls_fail(failure, ENOMEM, "kseald could not derive the traffic keys");
	return -1;
}

void tls_session_wipe(struct tls_session *session)
{
	OPENSSL_cleanse(session, sizeof(*session));
}

/* ---- what comes behind it ---- */

bool tls_wants_tickets(const struct tls *tls)
{
	return tls->sessions && SSL_version(tls->ssl) == TLS1_3_VERSION;
}

/* The kernel has opened the record that the message came in. OpenSSL, which alone can
 * make a session of it, takes it in records only: so it is sealed again, under numbers
 * that have been used. Nobody outside sees that.
 */
static int seal_again(struct tls *tls, const uint8_t *message, size_t len)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	const struct keys_suite *suite = keys_suite(SSL_CIPHER_get_protocol_id(cipher));
	uint8_t record[RECORD_CONTENT_MAX + RECORD_OVERHEAD];
	int ret = 0;

	if (!tls->ticket_keys.suite &&
	    (!suite || secrets_derive(&tls->secrets.server, suite, &tls->ticket_keys)))
		return -1;
	while (len && !ret) {
		size_t part = len < RECORD_CONTENT_MAX ? len : RECORD_CONTENT_MAX;
		size_t n = record_seal(&tls->ticket_keys, SSL3_RT_HANDSHAKE, message, part, record);

		if (!n || BIO_write(tls->in, record, (int)n) != (int)n)
			ret = -1;
		message += part;
		len -= part;
	}
	OPENSSL_cleanse(record, sizeof(record));
	return ret;
}

int tls_ticket(struct tls *tls, const void *message, size_t len, struct tls_failure *failure)
{
	uint8_t none;
	int ret;

	ERR_clear_error();
	if (seal_again(tls, message, len)) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		return -1;
	}
	ret = SSL_read(tls->ssl, &none, sizeof(none));
	(void)BIO_reset(tls->in);
	(void)BIO_reset(tls->out);
	if (ret <= 0 && SSL_get_error(tls->ssl, ret) == SSL_ERROR_WANT_READ)
		return 0;
	tls_fail(failure, EPROTO, "a message behind the handshake is no good ticket: %s", tls_reason());
	ERR_clear_error();
	return -1;
}
