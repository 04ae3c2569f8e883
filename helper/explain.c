// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The story of a handshake; see explain.h. From above: lines and where they go,
 * what protects a message, one message, the end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include "advice.h"
#include "alert.h"
#include "explain.h"
#include "log.h"
#include "message.h"
#include "quote.h"
#include "tls.h"
#include "verify.h"

#define LINE_SIZE	512	/* bytes; lines are wrapped long before, words are not */
#define WIDTH		100	/* columns */
#define LABEL_WIDTH	14
#define INDENT		5
/* The end has to be told, whatever a peer did to fill the story. */
#define END_ROOM	1536
/* and no more than the kernel keeps without a mark of its own */
#define STORY_ROOM	(KSEAL_EXPLAIN_MAX - END_ROOM)
#define ROOM		(KSEAL_EXPLAIN_MAX - 64)

/* What goes one way. */
struct way {
	uint8_t record;		/* type of the last record, as it is outside */
	bool ciphered;		/* TLS 1.2: ChangeCipherSpec was there */
	bool finished;		/* so was Finished */
};

struct explain {
	SSL *ssl;
	enum kseal_role role;
	uint64_t id;
	bool asked;
	struct way received, sent;
	bool retried;
	bool refused_by_peer;	/* the last fatal alert */
	bool full;		/* there was more than STORY_ROOM */
	bool ending;
	size_t told;		/* bytes for the owner, those that were taken too */
	char *text;		/* those that were not */
	size_t len, room;
	bool taken;
};

/* ---- lines ---- */

/* For the owner. False: no memory. */
static bool keep(struct explain *explain, const char *line, size_t len)
{
	if (explain->len + len + 2 > explain->room) {
		size_t room = explain->room * 2 + len + 1024;
		char *text = realloc(explain->text, room);

		if (!text)
			return false;
		explain->text = text;
		explain->room = room;
	}
	memcpy(explain->text + explain->len, line, len);
	explain->text[explain->len + len] = '\n';
	explain->text[explain->len + len + 1] = '\0';
	explain->len += len + 1;
	explain->told += len + 1;
	return true;
}

static void line_out(struct explain *explain, char *line)
{
	static const char more[] = "     (more was said than is kept here: kseald -v logs all of it)";
	size_t len, limit = explain->ending ? ROOM : STORY_ROOM;

	/* the kernel takes no others, and refuses the answer that they are in */
	for (len = 0; line[len]; len++)
		if (line[len] < ' ' || line[len] > '~')
			line[len] = '?';
	log_debug("%016llx: %s", (unsigned long long)explain->id, line);
	if (!explain->asked)
		return;
	if (explain->taken) {
		explain->taken = false;
		explain->len = 0;
	}
	if (explain->full && !explain->ending)
		return;
	if (explain->told + len + 1 + sizeof(more) > limit) {
		explain->full = true;
		explain->asked = keep(explain, more, sizeof(more) - 1) && !explain->ending;
		return;
	}
	explain->asked = keep(explain, line, len);
}

static void __attribute__((format(printf, 2, 3))) say(struct explain *explain, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	line_out(explain, line);
}

/* How much of text, which goes on, fits into a line: up to a space if there is one. */
static size_t portion(const char *text)
{
	size_t most = WIDTH - INDENT - LABEL_WIDTH, len = strlen(text), n;

	if (len <= most)
		return len;
	for (n = most; n; n--)
		if (text[n] == ' ')
			return n;
	n = strcspn(text, " ");
	return n < LINE_SIZE / 2 ? n : LINE_SIZE / 2;
}

void explain_fact(struct explain *explain, const char *label, const char *fmt, ...)
{
	char value[EXPLAIN_VALUE_MAX];
	const char *rest = value;
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	do {
		size_t n = portion(rest);

		say(explain, "%*s%-*s%.*s", INDENT, "", LABEL_WIDTH, label, (int)n, rest);
		rest += n;
		rest += strspn(rest, " ");
		label = "";
	} while (*rest);
}

void explain_add(struct explain_list *list, const char *item)
{
	size_t room = sizeof(list->text) - list->len;

	list->count++;
	/* once there was no room for one, none of those behind it stands there */
	if (list->shown + 1 != list->count || list->shown == list->most || strlen(item) + 2 >= room)
		return;
	list->shown++;
	list->len += (size_t)snprintf(list->text + list->len, room, "%s%s", list->len ? ", " : "", item);
}

void explain_list(struct explain *explain, const char *label, const struct explain_list *list)
{
	if (list->count > list->shown)
		explain_fact(explain, label, "%s, and %u more", list->text, list->count - list->shown);
	else if (list->count)
		explain_fact(explain, label, "%s", list->text);
}

/* ---- what protects a message ---- */

static bool is_tls13(const struct explain *explain)
{
	return SSL_version(explain->ssl) == TLS1_3_VERSION;
}

/* In TLS 1.3 encrypted records look like application data (RFC 8446 5.2), and
 * Finished is the last under the handshake keys. TLS 1.2 has one set of keys, which
 * the data has as well.
 */
static const char *protection(const struct explain *explain, const struct way *way)
{
	if (!way->ciphered && way->record != SSL3_RT_APPLICATION_DATA)
		return "in clear";
	if (is_tls13(explain) && !way->finished)
		return "encrypted, handshake keys";
	return "encrypted, application keys";
}

static void headline(struct explain *explain, bool sent, const char *name, size_t len)
{
	say(explain, "%s %-27s %-28s %5zu byte%s", sent ? "->" : "<-", name,
	    protection(explain, sent ? &explain->sent : &explain->received), len,
	    len == 1 ? "" : "s");
}

/* ---- one message ---- */

static void on_record(struct explain *explain, struct way *way, const uint8_t *header)
{
	bool sent = way == &explain->sent;

	way->record = header[0];
	if (way->record != SSL3_RT_CHANGE_CIPHER_SPEC)
		return;
	headline(explain, sent, "ChangeCipherSpec", (size_t)(header[3] << 8 | header[4]));
	if (is_tls13(explain)) {
		explain_fact(explain, "meaning", "none in TLS 1.3: for the sake of middleboxes (RFC 8446 D.4)");
		return;
	}
	explain_fact(explain, "meaning", "what follows from %s is encrypted",
		     sent ? "this end" : "the peer");
	way->ciphered = true;
}

static void on_handshake(struct explain *explain, struct way *way, const uint8_t *bytes, size_t len)
{
	char name[32];

	snprintf(name, sizeof(name), "%s (%u)", message_name(bytes, len), bytes[0]);
	headline(explain, way == &explain->sent, name, len);
	message_facts(explain, explain->ssl, bytes, len);
	explain->retried |= message_is_retry(bytes, len);
	way->finished |= bytes[0] == SSL3_MT_FINISHED;
}

static void on_alert(struct explain *explain, struct way *way, const uint8_t *bytes)
{
	bool sent = way == &explain->sent, fatal = bytes[0] == SSL3_AL_FATAL;

	headline(explain, sent, "Alert", 2);
	explain_fact(explain, "alert", "%s (%u), %s, by %s", alert_name(bytes[1]), bytes[1],
		     fatal ? "fatal" : "a warning", sent ? "this end" : "the peer");
	if (fatal)
		explain->refused_by_peer = !sent;
}

void explain_message(struct explain *explain, bool sent, int type, const uint8_t *bytes, size_t len)
{
	struct way *way;

	if (!explain)
		return;
	way = sent ? &explain->sent : &explain->received;
	/* the first error of the queue is the handshake's own */
	ERR_set_mark();
	if (type == SSL3_RT_HEADER && len == SSL3_RT_HEADER_LENGTH)
		on_record(explain, way, bytes);
	else if (type == SSL3_RT_HANDSHAKE && len)
		on_handshake(explain, way, bytes, len);
	else if (type == SSL3_RT_ALERT && len == 2)
		on_alert(explain, way, bytes);
	ERR_pop_to_mark();
}

bool explain_retried(const struct explain *explain)
{
	return explain->retried;
}

/* ---- the end ---- */

/* A certificate, whom it was verified for, and because of which other one it is trusted. */
static void tell_certificate(struct explain *explain, const char *peer, X509 *cert,
			     const struct tls_session *session)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(explain->ssl);
	int n = chain ? sk_X509_num(chain) : 0;
	char name[QUOTE_MAX], anchor[QUOTE_MAX], whom[KSEAL_NAME_MAX + 8] = "";

	quote_x509_name(name, X509_get_subject_name(cert));
	if (explain->role == KSEAL_ROLE_CLIENT)
		snprintf(whom, sizeof(whom), " for %s", session->server_name);
	if (verify_is_by_pin_alone(explain->ssl)) {
		explain_fact(explain, peer, "its key is one of the profile's pins; it says it is %s", name);
	} else if (session->resumed) {
		explain_fact(explain, peer, "%s, verified%s when the session began", name, whom);
	} else if (n > 1) {
		quote_x509_name(anchor, X509_get_subject_name(sk_X509_value(chain, n - 1)));
		explain_fact(explain, peer, "%s, verified%s, trusted because of %s", name, whom, anchor);
	} else {
		explain_fact(explain, peer, "%s, verified%s, trusted itself", name, whom);
	}
}

/* Who the other one is, and how that is known. */
static void tell_peer(struct explain *explain, const struct tls_session *session)
{
	const char *peer = explain->role == KSEAL_ROLE_CLIENT ? "server" : "client";
	X509 *cert = SSL_get0_peer_certificate(explain->ssl);
	char name[QUOTE_MAX];

	if (cert) {
		tell_certificate(explain, peer, cert, session);
	} else if (session->peer_identity[0]) {
		quote_bytes(name, session->peer_identity, strlen(session->peer_identity));
		explain_fact(explain, peer, "has the external key %s, and no certificate", name);
	} else {
		explain_fact(explain, peer, "not known: it %s a certificate",
			     SSL_get_verify_mode(explain->ssl) & SSL_VERIFY_PEER ?
			     "has not sent" : "was not asked for");
	}
}

static void tell_session(struct explain *explain, const struct tls_session *session)
{
	char name[QUOTE_MAX];

	say(explain, "== done: %s, %s%s%s protect the data from here on",
	    session->version == KSEAL_VERSION_1_3 ? "TLS 1.3" : "TLS 1.2", session->suite,
	    session->group[0] ? ", " : "", session->group);
	explain_fact(explain, "session", session->resumed ? "resumed" : "new");
	tell_peer(explain, session);
	if (!session->alpn[0])
		return;
	quote_bytes(name, session->alpn, strlen(session->alpn));
	explain_fact(explain, "ALPN", "%s", name);
}

static void tell_failure(struct explain *explain, const struct tls_failure *failure)
{
	bool by_peer = failure->has_alert && explain->refused_by_peer;
	const char *what = advice_for(explain->ssl, explain->role, failure, by_peer);

	say(explain, "== failed: refused by %s", by_peer ? "the peer" : "this end");
	explain_fact(explain, "why", "%s", failure->reason);
	if (failure->has_alert)
		explain_fact(explain, "alert", "%s (%u), %s", alert_name(failure->alert), failure->alert,
			     by_peer ? "received" : "sent");
	explain_fact(explain, "errno", "%s", strerrorname_np(failure->error) ?: "unknown");
	if (what)
		explain_fact(explain, "what to do", "%s", what);
}

void explain_end(struct explain *explain, const struct tls_session *session,
		 const struct tls_failure *failure)
{
	if (!explain)
		return;
	explain->ending = true;
	ERR_set_mark();
	if (session)
		tell_session(explain, session);
	else
		tell_failure(explain, failure);
	ERR_pop_to_mark();
	/* what comes behind it the owner is not told */
	explain->full = true;
	explain->ending = false;
}

/* ---- life ---- */

const char *explain_take(struct explain *explain)
{
	if (!explain || !explain->len || explain->taken)
		return NULL;
	explain->taken = true;
	return explain->text;
}

struct explain *explain_new(SSL *ssl, enum kseal_role role, uint64_t id, bool asked)
{
	struct explain *explain;

	if (!asked && !log_wants(LOG_LEVEL_DEBUG))
		return NULL;
	explain = calloc(1, sizeof(*explain));
	if (!explain)
		return NULL;
	explain->ssl = ssl;
	explain->role = role;
	explain->id = id;
	explain->asked = asked;
	return explain;
}

void explain_free(struct explain *explain)
{
	if (!explain)
		return;
	free(explain->text);
	free(explain);
}
