// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One request from top to bottom; see request.h. In the order of its life:
 *
 *   table      by cookie, and by deadline
 *   begin      profile and role -> struct tls
 *   step       bytes of the peer -> struct tls
 *   answer     bytes for the peer -> KSEAL_CMD_HANDSHAKE, in parts if long
 *   finish     keys or failure -> KSEAL_CMD_DONE, and the request is gone
 *   linger     or it waits for tickets of the server
 *   request_*  what the worker calls: these, in this order
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "explain.h"
#include "log.h"
#include "metrics.h"
#include "request.h"
#include "tls.h"

#define BUCKETS		1024

/* handshakes that wait: with more, memory counts for more than a call for each */
#define CROWD		256
#define LINGER_MS	10000	/* tickets come with a server's first bytes */
#define LINGER_MAX	256	/* requests, and bytes of tickets of each */
#define LINGER_BYTES	(64 * 1024)

/* Requests, by deadline. */
struct line {
	struct request *first, *last;
	size_t count;
};

struct request {
	uint64_t cookie;
	struct request *chain;			/* of the bucket */
	struct line *line;			/* the table's waiting or lingering */
	struct request *earlier, *later;
	uint64_t deadline;			/* ms, monotonic */
	uint32_t timeout_ms;
	enum kseal_role role;
	struct tls *tls;
	struct explain *explain;		/* of tls */
	struct context *context;		/* the profile's, as it was at the beginning */
	size_t bytes;				/* consumed so far */
	bool waits;				/* for the signer */
};

struct request_table {
	struct profiles *profiles;
	unsigned int limit;
	struct request_sink *sink;
	struct request *buckets[BUCKETS];
	struct line waiting;
	struct line lingering;			/* done, without limit as such */
};

/* ---- table ---- */

/* Cookies are random: their low bits are the hash. */
static struct request **bucket_of(struct request_table *table, uint64_t cookie)
{
	return &table->buckets[cookie % BUCKETS];
}

static struct request *find(struct request_table *table, uint64_t cookie)
{
	struct request *request = *bucket_of(table, cookie);

	while (request && request->cookie != cookie)
		request = request->chain;
	return request;
}

/* Sorted from the end: nearly always all have the same time limit, so this is one step. */
static void stand(struct request *request, struct line *line)
{
	struct request *before = line->last;

	while (before && before->deadline > request->deadline)
		before = before->earlier;
	request->line = line;
	request->earlier = before;
	request->later = before ? before->later : line->first;
	*(request->later ? &request->later->earlier : &line->last) = request;
	*(before ? &before->later : &line->first) = request;
	line->count++;
}

static void leave(struct request *request)
{
	struct line *line = request->line;

	*(request->later ? &request->later->earlier : &line->last) = request->earlier;
	*(request->earlier ? &request->earlier->later : &line->first) = request->later;
	line->count--;
}

static void insert(struct request_table *table, struct request *request)
{
	struct request **bucket = bucket_of(table, request->cookie);

	request->chain = *bucket;
	*bucket = request;
	stand(request, &table->waiting);
}

static void drop(struct request_table *table, struct request *request)
{
	struct request **link = bucket_of(table, request->cookie);

	while (*link != request)
		link = &(*link)->chain;
	*link = request->chain;
	leave(request);
	if (request->line == &table->waiting)
		metrics_ended();
	tls_free(request->tls);
	context_unref(request->context);
	free(request);
}

struct request_table *request_table_new(struct profiles *profiles, unsigned int limit,
					struct request_sink *sink)
{
	struct request_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->profiles = profiles;
	table->limit = limit;
	table->sink = sink;
	return table;
}

void request_table_clear(struct request_table *table)
{
	while (table->waiting.first)
		drop(table, table->waiting.first);
	while (table->lingering.first)
		drop(table, table->lingering.first);
}

void request_table_free(struct request_table *table)
{
	if (!table)
		return;
	request_table_clear(table);
	free(table);
}

size_t request_count(const struct request_table *table)
{
	return table->waiting.count;
}

uint64_t request_next_deadline(const struct request_table *table)
{
	const struct request *waits = table->waiting.first, *lingers = table->lingering.first;

	if (!waits || (lingers && lingers->deadline < waits->deadline))
		waits = lingers;
	return waits ? waits->deadline : 0;
}

/* ---- begin ---- */

static struct request *begin(struct request_table *table, const struct helper_handshake *asked,
			     uint64_t now, struct tls_failure *failure)
{
	struct context *context = profiles_get(table->profiles, asked->profile);
	const struct tls_wishes wishes = { asked->server_name, asked->alpn, asked->chain };
	struct request *request = NULL;

	if (!context) {
		tls_fail(failure, EINVAL, "profile \"%s\" is not known to kseald", asked->profile);
		return NULL;
	}
	if (table->waiting.count >= table->limit) {
		tls_fail(failure, EPROTO, "kseald has too many handshakes under way");
		goto err;
	}
	request = calloc(1, sizeof(*request));
	if (!request) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		goto err;
	}
	request->tls = tls_new(context, asked->role, &wishes, asked->cookie, failure);
	if (!request->tls)
		goto err;
	request->explain = tls_explain(request->tls, asked->explain);
	request->context = context;
	request->role = asked->role;
	metrics_begun(asked->role);
	request->cookie = asked->cookie;
	request->timeout_ms = asked->timeout_ms ?: REQUEST_TIMEOUT_MS;
	request->deadline = now + request->timeout_ms;
	insert(table, request);
	log_debug("%016llx: a %s handshake begins, profile \"%s\"",
		  (unsigned long long)request->cookie,
		  asked->role == KSEAL_ROLE_SERVER ? "server" : "client", asked->profile);
	return request;

err:
	free(request);
	context_unref(context);
	return NULL;
}

/* ---- step ---- */

/*
 * The peer sends too much. RFC 8446 6.2: it is told, by OpenSSL, which alone knows how
 * alerts are sealed by now, and makes one for a record that is longer than any may be.
 */
static void overflow(struct request *request, struct tls_failure *failure)
{
	static const uint8_t record[] = { 23, 3, 3, 0xff, 0xff };
	struct tls_failure alert = { 0 };
	size_t consumed;

	tls_feed(request->tls, record, sizeof(record), &consumed, &alert);
	tls_fail(failure, EPROTO, "the peer sent more than %d bytes without finishing its handshake",
		 REQUEST_BYTES_MAX);
	failure->has_alert = alert.has_alert;
	failure->alert = alert.alert;
}

/* given NULL: what the signer was asked for is there. */
static enum tls_step step(struct request *request, const struct helper_handshake *given,
			  size_t *consumed, struct tls_failure *failure)
{
	enum tls_step result = given ?
		tls_feed(request->tls, given->bytes, given->len, consumed, failure) :
		tls_continue(request->tls, consumed, failure);

	request->waits = result == TLS_STEP_WAIT;
	request->bytes += *consumed;
	if (result != TLS_STEP_MORE || request->bytes <= REQUEST_BYTES_MAX)
		return result;
	overflow(request, failure);
	return TLS_STEP_FAILED;
}

/* ---- answer ---- */

/*
 * Sends what is longer than one message may be, in parts with MORE. Moves
 * *bytes and *len on to the last part, which goes into the closing message.
 */
static int answer_parts(struct request_table *table, uint64_t cookie, const uint8_t **bytes,
			size_t *len)
{
	while (*len > KSEAL_BYTES_MAX) {
		const struct helper_answer part = {
			.cookie = cookie,
			.more = true,
			.bytes = *bytes,
			.len = KSEAL_BYTES_MAX,
		};
		int ret = table->sink->answer(table->sink, &part);

		if (ret)
			return ret;
		*bytes += KSEAL_BYTES_MAX;
		*len -= KSEAL_BYTES_MAX;
	}
	return 0;
}

static int answer(struct request_table *table, struct request *request, size_t consumed)
{
	struct helper_answer last = {
		.cookie = request->cookie,
		.consumed = (uint32_t)consumed,
	};
	int ret;

	last.explain = explain_take(request->explain);
	last.len = tls_output(request->tls, &last.bytes);
	ret = answer_parts(table, request->cookie, &last.bytes, &last.len);
	return ret ?: table->sink->answer(table->sink, &last);
}

/* ---- finish ---- */

/* A failure of a request that is not (or no longer) in the table. */
static void report(struct request_table *table, uint64_t cookie, struct tls_failure *failure)
{
	const struct helper_done done = { .cookie = cookie, .failure = failure };

	metrics_failed(failure);
	log_info("%016llx: %s", (unsigned long long)cookie, failure->reason);
	if (table->sink->done(table->sink, &done))
		log_error("%016llx: the kernel could not be told", (unsigned long long)cookie);
}

/* ---- linger ---- */

static void linger(struct request_table *table, struct request *request, uint64_t now)
{
	leave(request);
	metrics_ended();
	request->bytes = 0;
	request->deadline = now + LINGER_MS;
	stand(request, &table->lingering);
	if (table->lingering.count > LINGER_MAX)
		drop(table, table->lingering.first);
}

/* ---- finish ---- */

/*
 * Ends a request: failure NULL is success, which can still become a failure
 * here. request is gone afterwards.
 */
static void finish(struct request_table *table, struct request *request, size_t consumed,
		   struct tls_failure *failure, uint64_t now)
{
	struct helper_done done = {
		.cookie = request->cookie,
		.consumed = (uint32_t)consumed,
		.failure = failure,
		.shape = context_shape(request->context),
	};
	struct tls_session session;
	struct tls_failure late;
	int ret;

	if (!failure && tls_session(request->tls, &session, &late))
		done.failure = &late;
	else if (!failure)
		done.session = &session;

	if (done.session)
		metrics_done(request->role, done.session);
	else
		metrics_failed(done.failure);
	explain_end(request->explain, done.session, done.failure);
	done.explain = explain_take(request->explain);
	done.len = tls_output(request->tls, &done.bytes);
	done.behind_len = tls_output_behind(request->tls, &done.behind);
	ret = answer_parts(table, request->cookie, &done.bytes, &done.len);
	if (!ret)
		ret = table->sink->done(table->sink, &done);
	if (ret)
		log_error("%016llx: the kernel could not be told: %s",
			  (unsigned long long)request->cookie, strerror(-ret));
	else if (done.failure)
		log_info("%016llx: %s", (unsigned long long)request->cookie,
			 done.failure->reason);
	if (done.session)
		tls_session_wipe(&session);
	if (!ret && done.session && tls_wants_tickets(request->tls))
		linger(table, request, now);
	else
		drop(table, request);
}

/* ---- what the worker calls ---- */

/* A step, and what comes of it. */
static void go_on(struct request_table *table, struct request *request,
		  const struct helper_handshake *given, uint64_t now)
{
	struct tls_failure failure = { 0 };
	size_t consumed = 0;
	int ret;

	switch (step(request, given, &consumed, &failure)) {
	case TLS_STEP_MORE:
		ret = answer(table, request, consumed);
		if (ret) {
			log_error("%016llx: the kernel could not be told: %s",
				  (unsigned long long)request->cookie, strerror(-ret));
			drop(table, request);
		} else if (table->waiting.count > CROWD) {
			tls_give_back(request->tls);
		}
		break;
	case TLS_STEP_WAIT:
		log_debug("%016llx: waits for the signer", (unsigned long long)request->cookie);
		break;
	case TLS_STEP_DONE:
		finish(table, request, consumed, NULL, now);
		break;
	case TLS_STEP_FAILED:
		finish(table, request, consumed, &failure, now);
		break;
	}
}

void request_handshake(struct request_table *table, const struct helper_handshake *handshake,
		       uint64_t now)
{
	struct request *request = find(table, handshake->cookie);
	struct tls_failure failure = { 0 };

	/* over: as if it were not there */
	if (request && request->line == &table->lingering) {
		drop(table, request);
		request = NULL;
	}
	if (!request && handshake->first)
		request = begin(table, handshake, now, &failure);
	else if (!request)
		tls_fail(&failure, EPROTO, "kseald does not know this handshake (any more)");
	else if (handshake->first)
		tls_fail(&failure, EPROTO, "the kernel began this handshake twice");
	else if (request->waits)
		tls_fail(&failure, EPROTO, "the kernel asked again before it was answered");
	if (failure.error) {
		if (request)
			drop(table, request);
		report(table, handshake->cookie, &failure);
		return;
	}
	go_on(table, request, handshake, now);
}

void request_continue(struct request_table *table, uint64_t cookie, uint64_t now)
{
	struct request *request = find(table, cookie);

	if (request && request->waits)
		go_on(table, request, NULL, now);
}

void request_message(struct request_table *table, const struct helper_late *late)
{
	struct request *request = find(table, late->cookie);
	struct tls_failure failure;

	if (!request || request->line != &table->lingering)
		return;
	request->bytes += late->len;
	if (request->bytes <= LINGER_BYTES &&
	    !tls_ticket(request->tls, late->bytes, late->len, &failure))
		return;
	if (request->bytes <= LINGER_BYTES)
		log_info("%016llx: %s", (unsigned long long)late->cookie, failure.reason);
	drop(table, request);
}

void request_garbled(struct request_table *table, uint64_t cookie)
{
	struct request *request = find(table, cookie);
	struct tls_failure failure;

	if (request)
		drop(table, request);
	tls_fail(&failure, EPROTO,
		 "kseald could not read the kernel's message: are kseal.ko and kseald of one version?");
	report(table, cookie, &failure);
}

/* Our part was done, the client's Finished to come: it did not, or an alert did. */
static void failed_behind(const struct helper_cancel *cancel)
{
	struct tls_failure failure;

	if (!cancel->reason[0])
		return;
	tls_fail(&failure, (int)cancel->error, "%s", cancel->reason);
	failure.has_alert = cancel->has_alert;
	failure.alert = cancel->alert;
	metrics_failed(&failure);
	/* who just goes away is not worth a line */
	log_line(failure.has_alert ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "%016llx: %s",
		 (unsigned long long)cancel->cookie, failure.reason);
}

void request_cancel(struct request_table *table, const struct helper_cancel *cancel)
{
	struct request *request = find(table, cancel->cookie);

	log_debug("%016llx: cancelled: %s", (unsigned long long)cancel->cookie,
		  strerror((int)cancel->error));
	if (!request) {
		failed_behind(cancel);
		return;
	}
	if (request->line == &table->waiting)
		metrics_cancelled();
	drop(table, request);
}

void request_refused(struct request_table *table, uint64_t cookie, int error, const char *text,
		     bool final)
{
	struct request *request = find(table, cookie);
	bool waits = request && request->line == &table->waiting;
	struct tls_failure failure;

	/* -ESTALE: it timed out or was closed while we worked; -EPIPE: TCP is gone. */
	log_line(error == -ESTALE || error == -EPIPE ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
		 "%016llx: the kernel refused: %s", (unsigned long long)cookie, text);
	if (request)
		drop(table, request);
	switch (error) {
	case -ESTALE:
	case -EPIPE:
	case -ESRCH:
	case -EPERM:
		if (waits)
			metrics_cancelled();
		return;
	}
	if (final)
		return;
	/* The others leave the request waiting in the kernel. */
	tls_fail(&failure, EPROTO, "the kernel refused kseald's answer: %s", text);
	report(table, cookie, &failure);
}

void request_expire(struct request_table *table, uint64_t now)
{
	while (table->lingering.first && table->lingering.first->deadline <= now)
		drop(table, table->lingering.first);
	while (table->waiting.first && table->waiting.first->deadline <= now) {
		struct request *request = table->waiting.first;
		struct tls_failure failure;
		uint64_t cookie = request->cookie;

		tls_fail(&failure, ETIMEDOUT, "the handshake took longer than %u ms%s",
			 request->timeout_ms,
			 request->waits ? ", waiting for the signer: is the key's store slow?" : "");
		/* Not finish(): what the last step put out has been sent. */
		drop(table, request);
		report(table, cookie, &failure);
	}
}
