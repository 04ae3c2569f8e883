// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker; see worker.h. What comes in goes to request.c; what it answers is
 * queued here and sent in order, as many messages a datagram as there are.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <openssl/crypto.h>
#include "channel.h"
#include "log.h"
#include "loop.h"
#include "netlink.h"
#include "request.h"
#include "worker.h"

#define SOCKET_BUFFER	(8 * 1024 * 1024)	/* bytes, each way */
#define RECV_MAX	(128 * 1024)		/* one datagram of the kernel */
#define BATCH_MAX	(256 * 1024)		/* one datagram of ours */
#define SENT_MAX	4096			/* refusals find their request this far back */
#define STACK_SIZE	(512 * 1024)		/* locked in memory */

/* Messages of ours, one after another. */
struct queue {
	uint8_t *data;
	size_t len;
	size_t room;
};

/* What a sequence number was used for. */
struct sent {
	uint64_t cookie;
	uint32_t seq;
	bool final;		/* the report of a failure */
};

struct worker {
	struct request_sink sink;
	struct request_table *table;
	struct channel *channel;	/* to the signer; NULL: there is none */
	struct loop *loop;
	struct op recv, send, timer;
	uint16_t family;
	uint32_t seq;
	struct msghdr msg;
	struct iovec iov;
	struct sockaddr_nl from;
	uint8_t *buf;			/* RECV_MAX bytes */
	struct queue filling, sending;
	size_t sent_len;		/* of sending: gone */
	size_t batch_len;		/* of sending: in flight */
	struct sent sent[SENT_MAX];
	bool running;
	pthread_t thread;
	int result;
};

/* ---- sending ---- */

/* Room for one more message at the end; NULL: no memory. What moves is wiped where it was. */
static uint8_t *queue_room(struct queue *queue)
{
	size_t room = queue->room * 2 + NETLINK_MESSAGE_MAX;
	uint8_t *data;

	if (queue->room - queue->len >= NETLINK_MESSAGE_MAX)
		return queue->data + queue->len;
	data = OPENSSL_clear_realloc(queue->data, queue->room, room);
	if (!data)
		return NULL;
	queue->data = data;
	queue->room = room;
	return data + queue->len;
}

static void queue_free(struct queue *queue)
{
	OPENSSL_clear_free(queue->data, queue->room);
	memset(queue, 0, sizeof(*queue));
}

/* Whole messages from the front of what is left, at least one, BATCH_MAX bytes at most. */
static size_t next_batch(const struct queue *queue, size_t from)
{
	size_t len = 0;

	while (from + len < queue->len) {
		const struct nlmsghdr *nlh = (const void *)(queue->data + from + len);

		if (len && len + nlh->nlmsg_len > BATCH_MAX)
			break;
		len += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	return len;
}

/* One datagram in flight at most: answers of one request must not overtake each other. */
static void flush(struct worker *worker)
{
	if (worker->batch_len) {
		/* of an event before this one, maybe not even submitted */
		if (worker->filling.len)
			loop_send_more(worker->loop);
		return;
	}
	if (worker->sent_len == worker->sending.len) {
		struct queue empty = worker->sending;

		OPENSSL_cleanse(empty.data, empty.len);
		empty.len = 0;
		worker->sending = worker->filling;
		worker->filling = empty;
		worker->sent_len = 0;
	}
	worker->batch_len = next_batch(&worker->sending, worker->sent_len);
	if (worker->batch_len)
		loop_send(worker->loop, LOOP_KERNEL, &worker->send,
			  worker->sending.data + worker->sent_len, worker->batch_len,
			  worker->sent_len + worker->batch_len < worker->sending.len);
}

static void on_sent(struct op *op, int res)
{
	struct worker *worker = (struct worker *)((char *)op - offsetof(struct worker, send));

	/* The sockets concerned fail by the kernel's own time limit. */
	if (res < 0)
		log_error("%zu bytes of answers were lost: %s", worker->batch_len, strerror(-res));
	worker->sent_len += worker->batch_len;
	worker->batch_len = 0;
	flush(worker);
}

static void remember(struct worker *worker, uint64_t cookie, bool final, size_t len)
{
	worker->sent[worker->seq % SENT_MAX] = (struct sent){ cookie, worker->seq, final };
	worker->seq++;
	worker->filling.len += NLMSG_ALIGN(len);
}

static int sink_answer(struct request_sink *sink, const struct helper_answer *answer)
{
	struct worker *worker = (struct worker *)((char *)sink - offsetof(struct worker, sink));
	uint8_t *room = queue_room(&worker->filling);

	if (!room)
		return -ENOMEM;
	remember(worker, answer->cookie, false,
		 netlink_put_answer(room, worker->family, worker->seq, answer));
	return 0;
}

static int sink_done(struct request_sink *sink, const struct helper_done *done)
{
	struct worker *worker = (struct worker *)((char *)sink - offsetof(struct worker, sink));
	uint8_t *room = queue_room(&worker->filling);

	if (!room)
		return -ENOMEM;
	remember(worker, done->cookie, !done->session,
		 netlink_put_done(room, worker->family, worker->seq, done));
	return 0;
}

/* ---- receiving ---- */

static void on_error(struct worker *worker, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const struct sent *sent;
	char text[256];
	int error;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return;
	error = kseal_genl_error(nlh, text, sizeof(text));
	sent = &worker->sent[err->msg.nlmsg_seq % SENT_MAX];
	if (!error)
		return;
	if (!sent->cookie || sent->seq != err->msg.nlmsg_seq)
		log_error("the kernel refused something sent long ago: %s", text);
	else
		request_refused(worker->table, sent->cookie, error, text, sent->final);
}

static void on_message(struct worker *worker, const struct nlmsghdr *nlh)
{
	struct helper_message message;
	int ret;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		on_error(worker, nlh);
		return;
	}
	if (nlh->nlmsg_type != worker->family)
		return;
	ret = netlink_decode(nlh, &message);
	if (ret) {
		log_error("command %u of the kernel could not be read: %s", message.cmd,
			  strerror(-ret));
		if (message.cmd == KSEAL_CMD_HANDSHAKE && message.handshake.cookie)
			request_garbled(worker->table, message.handshake.cookie);
	} else if (message.cmd == KSEAL_CMD_MESSAGE) {
		request_message(worker->table, &message.late);
	} else if (message.cmd == KSEAL_CMD_HANDSHAKE) {
		request_handshake(worker->table, &message.handshake, loop_time(worker->loop));
	} else {
		request_cancel(worker->table, &message.cancel);
	}
}

/* Only the kernel is listened to: others with CAP_NET_ADMIN could send here too. */
static bool from_kernel(const struct worker *worker)
{
	return worker->msg.msg_namelen != sizeof(worker->from) || !worker->from.nl_pid;
}

static void receive(struct worker *worker)
{
	worker->iov.iov_base = worker->buf;
	worker->iov.iov_len = RECV_MAX;
	worker->msg = (struct msghdr){
		.msg_name = &worker->from,
		.msg_namelen = sizeof(worker->from),
		.msg_iov = &worker->iov,
		.msg_iovlen = 1,
	};
	loop_recv(worker->loop, LOOP_KERNEL, &worker->recv, &worker->msg);
}

static void on_received(struct op *op, int res)
{
	struct worker *worker = (struct worker *)((char *)op - offsetof(struct worker, recv));
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)worker->buf;
	int left = res;

	if (res == -ENOBUFS) {
		log_warning("the netlink receive buffer overran: handshakes may time out");
	} else if (res == 0 || (res < 0 && res != -EINTR && res != -EAGAIN && res != -ENOMEM)) {
		worker->result = res ?: -ECONNRESET;
		log_error("the netlink socket failed: %s", strerror(-worker->result));
		loop_stop(worker->loop);
		return;
	} else if (res > 0 && worker->msg.msg_flags & MSG_TRUNC) {
		log_error("a message of more than %d bytes was dropped", RECV_MAX);
	} else if (res > 0 && from_kernel(worker)) {
		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			on_message(worker, nlh);
	}
	flush(worker);
	loop_timer(worker->loop, &worker->timer, request_next_deadline(worker->table));
	receive(worker);
}

static void on_timer(struct op *op, int res)
{
	struct worker *worker = (struct worker *)((char *)op - offsetof(struct worker, timer));

	(void)res;
	request_expire(worker->table, loop_time(worker->loop));
	flush(worker);
	loop_timer(worker->loop, op, request_next_deadline(worker->table));
}

/* The signer has answered. */
static void on_ready(void *arg, uint64_t cookie)
{
	struct worker *worker = arg;

	request_continue(worker->table, cookie, loop_time(worker->loop));
	flush(worker);
	loop_timer(worker->loop, &worker->timer, request_next_deadline(worker->table));
}

/* ---- life ---- */

static int set_buffers(int fd)
{
	int size = SOCKET_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		return -errno;
	return 0;
}

int worker_register(struct kseal_genl *genl, char *why, size_t size)
{
	char buf[64] __attribute__((aligned(NLMSG_ALIGNTO)));
	int ret = kseal_genl_open(genl);

	if (ret == -ENOENT)
		snprintf(why, size, "kseal.ko is not loaded: modprobe kseal");
	else if (ret)
		snprintf(why, size, "no generic netlink socket could be opened: %s",
			 strerror(-ret));
	if (ret)
		return ret;

	ret = set_buffers(mnl_socket_get_fd(genl->sock));
	if (!ret)
		ret = kseal_genl_talk(genl, kseal_genl_start(genl, buf, KSEAL_CMD_REGISTER,
							     NLM_F_ACK), NULL, NULL);
	if (ret == -EPERM)
		snprintf(why, size,
			 "CAP_NET_ADMIN is needed in this network namespace: start kseald as root");
	else if (ret)
		snprintf(why, size, "the kernel refused to register kseald: %s",
			 genl->error[0] ? genl->error : strerror(-ret));
	if (ret)
		kseal_genl_close(genl);
	return ret;
}

void worker_unregister(struct kseal_genl *genl)
{
	char buf[64] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = kseal_genl_start(genl, buf, KSEAL_CMD_UNREGISTER, 0);

	/* no answer is waited for: an older module that refuses sees it closed later */
	(void)mnl_socket_sendto(genl->sock, nlh, nlh->nlmsg_len);
	kseal_genl_close(genl);
}

static void worker_free(struct worker *worker)
{
	loop_free(worker->loop);
	request_table_free(worker->table);
	channel_free(worker->channel);
	queue_free(&worker->filling);
	queue_free(&worker->sending);
	free(worker->buf);
	free(worker);
}

int worker_new(struct worker **out, struct profiles *profiles, unsigned int limit, int fd,
	       uint16_t family, int signer, bool poll)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int ret = -ENOMEM;

	if (!worker)
		return -ENOMEM;
	worker->sink = (struct request_sink){ sink_answer, sink_done };
	worker->recv.done = on_received;
	worker->send.done = on_sent;
	worker->timer.done = on_timer;
	worker->family = family;
	worker->seq = 1;
	worker->buf = malloc(RECV_MAX);
	worker->table = request_table_new(profiles, limit, &worker->sink);
	if (signer >= 0)
		worker->channel = channel_new(on_ready, worker);
	if (worker->buf && worker->table && (signer < 0 || worker->channel))
		ret = loop_new(&worker->loop, fd, signer, poll);
	if (ret) {
		worker_free(worker);
		return ret;
	}
	*out = worker;
	return 0;
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	int ret;

	receive(worker);
	if (worker->channel) {
		channel_use(worker->channel);
		channel_run(worker->channel, worker->loop);
	}
	ret = loop_run(worker->loop);
	/* the rest waits for nothing any more, but in this thread alone it can be left */
	request_table_clear(worker->table);
	channel_use(NULL);
	if (ret) {
		log_error("the event loop failed: %s", strerror(-ret));
		worker->result = ret;
	}
	if (worker->result)
		kill(getpid(), SIGTERM);
	return NULL;
}

int worker_start(struct worker *worker)
{
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return -ret;
	ret = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!ret)
		ret = pthread_create(&worker->thread, &attr, run, worker);
	pthread_attr_destroy(&attr);
	worker->running = !ret;
	return -ret;
}

int worker_stop(struct worker *worker)
{
	int result;

	if (worker->running) {
		loop_stop(worker->loop);
		pthread_join(worker->thread, NULL);
	}
	result = worker->result;
	worker_free(worker);
	return result;
}

const char *worker_backend(const struct worker *worker)
{
	return loop_backend(worker->loop);
}
