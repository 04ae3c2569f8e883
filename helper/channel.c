// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker's way to the signer; see channel.h. From above: what is asked, what is to be
 * sent, what is received, the loop.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <openssl/async.h>
#include <openssl/crypto.h>
#include "channel.h"
#include "log.h"

/* An id is the place in the table, in the low bits, and a count that makes it unique. */
#define PLACE(id)	((id) % CHANNEL_MAX)

/* On the stack of the handshake that is paused. */
struct asked {
	struct channel_wait *wait;
	uint64_t id;
	bool answered;
	uint8_t *result;
	size_t room, len;
};

struct place {
	uint64_t id;		/* 0: free */
	struct asked *asked;	/* NULL: nobody wants the answer any more */
};

struct message {
	STAILQ_ENTRY(message) link;
	size_t len;
	uint8_t bytes[];
};

struct channel {
	channel_ready *ready;
	void *arg;
	const char *lost;	/* why there is no signer; NULL: there is */
	bool closed;
	uint64_t count;		/* of all that was ever asked */
	struct place places[CHANNEL_MAX];
	uint16_t free[CHANNEL_MAX];
	unsigned int n_free;
	STAILQ_HEAD(, message) messages;
	/* the loop */
	struct loop *loop;
	struct op recv, send;
	bool sending;
	struct msghdr msg;
	struct iovec iov;
	struct sign_message in;
};

/* This thread's. */
static _Thread_local struct channel *own;
static _Thread_local struct channel_wait *running;

struct channel *channel_new(channel_ready *ready, void *arg)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return NULL;
	channel->ready = ready;
	channel->arg = arg;
	channel->n_free = CHANNEL_MAX;
	for (unsigned int i = 0; i < CHANNEL_MAX; i++)
		channel->free[i] = (uint16_t)(CHANNEL_MAX - 1 - i);
	STAILQ_INIT(&channel->messages);
	return channel;
}

static void drop_message(struct channel *channel)
{
	struct message *message = STAILQ_FIRST(&channel->messages);

	STAILQ_REMOVE_HEAD(&channel->messages, link);
	OPENSSL_clear_free(message, sizeof(*message) + message->len);
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	while (!STAILQ_EMPTY(&channel->messages))
		drop_message(channel);
	free(channel);
}

void channel_use(struct channel *channel)
{
	own = channel;
}

void channel_enter(struct channel_wait *wait)
{
	running = wait;
}

void channel_leave(void)
{
	running = NULL;
}

/* ---- what is asked ---- */

static void __attribute__((format(printf, 3, 4)))
fail(struct channel_wait *wait, int error, const char *fmt, ...)
{
	va_list args;

	wait->error = error;
	va_start(args, fmt);
	vsnprintf(wait->reason, sizeof(wait->reason), fmt, args);
	va_end(args);
}

static int put(struct channel *channel, const struct sign_head *head, const void *data, size_t len)
{
	struct message *message = OPENSSL_malloc(sizeof(*message) + sizeof(*head) + len);

	if (!message)
		return -ENOMEM;
	message->len = sizeof(*head) + len;
	memcpy(message->bytes, head, sizeof(*head));
	if (len)
		memcpy(message->bytes + sizeof(*head), data, len);
	STAILQ_INSERT_TAIL(&channel->messages, message, link);
	return 0;
}

static void pump(struct channel *channel);

/* Asks; false: wait says why not. */
static bool ask(struct channel *channel, struct asked *asked, struct sign_head head,
		const void *data, size_t len)
{
	struct place *place;

	if (channel->lost)
		fail(asked->wait, EOWNERDEAD, "%s", channel->lost);
	else if (!channel->n_free)
		fail(asked->wait, EPROTO, "the signer has %u signatures to make already: its keys are too slow",
		     CHANNEL_MAX);
	else if (len > SIGN_DATA_MAX)
		fail(asked->wait, EPROTO, "%zu bytes are too many to be signed: at most %u", len,
		     SIGN_DATA_MAX);
	if (asked->wait->error)
		return false;
	head.id = ++channel->count * CHANNEL_MAX + channel->free[channel->n_free - 1];
	if (put(channel, &head, data, len)) {
		fail(asked->wait, ENOMEM, "kseald is out of memory");
		return false;
	}
	asked->id = head.id;
	place = &channel->places[PLACE(head.id)];
	*place = (struct place){ head.id, asked };
	channel->n_free--;
	asked->wait->asked = asked;
	pump(channel);
	return true;
}

int channel_ask(const struct sign_head *head, const void *data, size_t len, void *result,
		size_t *result_len)
{
	struct asked asked = { .wait = running, .result = result, .room = *result_len };

	if (!asked.wait)
		return -1;
	/* not in a handshake of ours, or its context does not know of such keys */
	if (!own || !ASYNC_get_current_job()) {
		fail(asked.wait, EPROTO, "a key of a store is used where nobody can wait for it");
		return -1;
	}
	if (!ask(own, &asked, *head, data, len))
		return -1;
	while (!asked.answered && ASYNC_pause_job())
		;
	if (!asked.answered) {
		channel_cancel(asked.wait);
		fail(asked.wait, EPROTO, "OpenSSL could not pause the handshake");
	}
	asked.wait->asked = NULL;
	if (asked.wait->error)
		return -1;
	*result_len = asked.len;
	return 0;
}

void channel_cancel(struct channel_wait *wait)
{
	struct sign_head head = { .type = SIGN_CANCEL };

	if (!wait->asked || wait->asked->answered)
		return;
	/* its place stays taken until the signer answers, or dies */
	head.id = wait->asked->id;
	own->places[PLACE(head.id)].asked = NULL;
	/* without memory for it the answer comes later */
	put(own, &head, NULL, 0);
	fail(wait, ECANCELED, "cancelled");
	wait->asked->answered = true;
	pump(own);
}

/* ---- what is received ---- */

static void let_go(struct channel *channel, struct asked *asked)
{
	asked->answered = true;
	channel->ready(channel->arg, asked->wait->name);
}

static void lose(struct channel *channel, const char *why)
{
	channel->lost = why;
	for (unsigned int i = 0; i < CHANNEL_MAX; i++) {
		struct asked *asked = channel->places[i].asked;

		if (!channel->places[i].id)
			continue;
		channel->places[i] = (struct place){ 0 };
		channel->free[channel->n_free++] = (uint16_t)i;
		if (!asked)
			continue;
		fail(asked->wait, EOWNERDEAD, "%s", why);
		let_go(channel, asked);
	}
}

/* What the signer says, as one line. */
static void take_reason(struct channel_wait *wait, const struct sign_message *message, size_t len)
{
	fail(wait, EPROTO, "%.*s", (int)len, (const char *)message->data);
	log_flatten(wait->reason, strlen(wait->reason));
	if (!wait->reason[0])
		fail(wait, EPROTO, "the signer refused, and does not say why");
}

static void take_answer(struct channel *channel, const struct sign_message *message, size_t len)
{
	struct place *place = &channel->places[PLACE(message->head.id)];
	struct asked *asked = place->asked;

	/* of a signer that died */
	if (!place->id || place->id != message->head.id)
		return;
	*place = (struct place){ 0 };
	channel->free[channel->n_free++] = (uint16_t)PLACE(message->head.id);
	if (!asked)
		return;
	if (message->head.type == SIGN_FAILED) {
		take_reason(asked->wait, message, len);
	} else if (!len || len > asked->room) {
		fail(asked->wait, EPROTO, "the signer's answer has %zu bytes, which cannot be", len);
	} else {
		memcpy(asked->result, message->data, len);
		asked->len = len;
	}
	let_go(channel, asked);
}

void channel_input(struct channel *channel, const void *bytes, size_t len)
{
	const struct sign_message *message = bytes;
	size_t data = len - sizeof(message->head);

	if (!len) {
		channel->closed = true;
		lose(channel, "the signer is gone for good: restart kseald");
		return;
	}
	if (len < sizeof(message->head) || len > sizeof(*message)) {
		log_error("the signer sent %zu bytes, which are no message", len);
		return;
	}
	switch (message->head.type) {
	case SIGN_DONE:
	case SIGN_FAILED:
		take_answer(channel, message, data);
		break;
	case SIGN_LOST:
		lose(channel, "the signer has died: another one is being started");
		break;
	case SIGN_SERVES:
		channel->lost = NULL;
		break;
	default:
		log_error("the signer sent a message of type %u, which is none", message->head.type);
	}
}

/* ---- what is sent ---- */

size_t channel_output(struct channel *channel, const void **bytes)
{
	struct message *message = STAILQ_FIRST(&channel->messages);

	if (!message)
		return 0;
	*bytes = message->bytes;
	return message->len;
}

void channel_sent(struct channel *channel)
{
	drop_message(channel);
}

/* ---- the loop ---- */

static void pump(struct channel *channel)
{
	const void *bytes;
	size_t len;

	if (!channel->loop || channel->sending || channel->closed)
		return;
	len = channel_output(channel, &bytes);
	if (!len)
		return;
	channel->sending = true;
	loop_send(channel->loop, LOOP_SIGNER, &channel->send, bytes, len, true);
}

static void on_sent(struct op *op, int res)
{
	struct channel *channel = (struct channel *)((char *)op - offsetof(struct channel, send));

	channel->sending = false;
	channel_sent(channel);
	/* EPIPE: what is received says so, too */
	if (res < 0)
		log_error("the signer could not be asked: %s", strerror(-res));
	pump(channel);
}

static void receive(struct channel *channel)
{
	channel->iov = (struct iovec){ &channel->in, sizeof(channel->in) };
	channel->msg = (struct msghdr){ .msg_iov = &channel->iov, .msg_iovlen = 1 };
	loop_recv(channel->loop, LOOP_SIGNER, &channel->recv, &channel->msg);
}

static void on_received(struct op *op, int res)
{
	struct channel *channel = (struct channel *)((char *)op - offsetof(struct channel, recv));

	if (res == -EINTR || res == -EAGAIN || res == -ENOMEM || res == -ENOBUFS) {
		receive(channel);
		return;
	}
	/* ECONNRESET: it ended with something unread */
	channel_input(channel, &channel->in, res < 0 ? 0 : (size_t)res);
	if (res > 0)
		OPENSSL_cleanse(&channel->in, (size_t)res);
	if (!channel->closed)
		receive(channel);
}

void channel_run(struct channel *channel, struct loop *loop)
{
	channel->loop = loop;
	channel->recv.done = on_received;
	channel->send.done = on_sent;
	receive(channel);
	pump(channel);
}
