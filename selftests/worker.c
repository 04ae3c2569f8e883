// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>

#include "install.h"
#include "worker.h"

#define MESSAGE_MAX (KSEAL_BYTES_MAX + KSEAL_EXPLAIN_MAX + 4096)

int worker_open(struct worker *w)
{
	memset(w, 0, sizeof(*w));
	return kseal_genl_open(&w->g);
}

int worker_register(struct worker *w)
{
	uint8_t buf[64] __attribute__((aligned(4)));

	return worker_talk(w, kseal_genl_start(&w->g, buf, KSEAL_CMD_REGISTER, NLM_F_ACK));
}

int worker_unregister(struct worker *w)
{
	uint8_t buf[64] __attribute__((aligned(4)));

	return worker_talk(w, kseal_genl_start(&w->g, buf, KSEAL_CMD_UNREGISTER, NLM_F_ACK));
}

int worker_start(struct worker *w)
{
	int err = worker_open(w);

	return err ? err : worker_register(w);
}

void worker_close(struct worker *w)
{
	while (w->first < w->end)
		free(w->kept[w->first++]);
	kseal_genl_close(&w->g);
}

/* One message from the socket, malloc()ed, into *nlh. */
static int receive(struct worker *w, int timeout_ms, struct nlmsghdr **nlh)
{
	void *buf = malloc(MESSAGE_MAX);
	ssize_t n;

	if (!buf)
		abort();
	n = poll_for(mnl_socket_get_fd(w->g.sock), POLLIN, timeout_ms);
	if (n > 0)
		n = recv(mnl_socket_get_fd(w->g.sock), buf, MESSAGE_MAX, MSG_DONTWAIT);
	else
		errno = n ? -n : EAGAIN;
	if (n <= 0) {
		free(buf);
		return -errno;
	}
	*nlh = buf;
	return 0;
}

int worker_talk(struct worker *w, struct nlmsghdr *nlh)
{
	uint32_t seq = nlh->nlmsg_seq;
	int64_t end = now_ms() + 20000;
	struct nlmsghdr *got;
	int err;

	nlh->nlmsg_flags |= NLM_F_ACK;
	if (w->no_ack)
		nlh->nlmsg_flags &= ~NLM_F_ACK;
	if (mnl_socket_sendto(w->g.sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	if (w->no_ack)
		return 0;
	while (now_ms() < end) {
		err = receive(w, 1000, &got);
		if (err == -EAGAIN || err == -ENOBUFS)
			continue;
		if (err)
			return err;
		if (got->nlmsg_type == NLMSG_ERROR && got->nlmsg_seq == seq) {
			err = kseal_genl_error(got, w->g.error, sizeof(w->g.error));
			free(got);
			return err;
		}
		if (w->end == WORKER_KEPT)
			abort();
		w->kept[w->end++] = got;
	}
	return -ETIME;
}

static int on_attr(const struct nlattr *attr, void *data)
{
	struct worker_msg *msg = data;
	const void *value = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case KSEAL_A_COOKIE:
		memcpy(&msg->cookie, value, 8);
		break;
	case KSEAL_A_ROLE:
		msg->begins = true;
		msg->role = mnl_attr_get_u8(attr);
		break;
	case KSEAL_A_PROFILE:
		strncpy(msg->profile, value, sizeof(msg->profile) - 1);
		break;
	case KSEAL_A_SERVER_NAME:
		strncpy(msg->name, value, sizeof(msg->name) - 1);
		break;
	case KSEAL_A_PEER:
		memcpy(&msg->peer, value, len);
		break;
	case KSEAL_A_LOCAL:
		memcpy(&msg->local, value, len);
		break;
	case KSEAL_A_TIMEOUT:
		msg->timeout = mnl_attr_get_u32(attr);
		break;
	case KSEAL_A_EXPLAIN_WANTED:
		msg->explain = true;
		break;
	case KSEAL_A_ERROR:
		msg->error = mnl_attr_get_u32(attr);
		break;
	case KSEAL_A_ALERT:
		msg->alert = mnl_attr_get_u8(attr);
		break;
	case KSEAL_A_REASON:
		strncpy(msg->reason, value, sizeof(msg->reason) - 1);
		break;
	case KSEAL_A_BYTES:
		msg->len = len;
		memcpy(msg->bytes, value, len);
		break;
	}
	return MNL_CB_OK;
}

int worker_next(struct worker *w, struct worker_msg *msg, int timeout_ms)
{
	struct nlmsghdr *nlh;
	int err = 0;

	memset(msg, 0, sizeof(*msg));
	msg->alert = -1;
	if (w->first < w->end) {
		nlh = w->kept[w->first++];
		if (w->first == w->end)
			w->first = w->end = 0;
	} else {
		err = receive(w, timeout_ms, &nlh);
	}
	if (err)
		return err;
	msg->cmd = ((struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->cmd;
	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), on_attr, msg);
	free(nlh);
	return 0;
}

static struct nlmsghdr *start(struct worker *w, void *buf, int cmd, uint64_t cookie,
			      uint32_t consumed, const void *bytes, size_t len)
{
	struct nlmsghdr *nlh = kseal_genl_start(&w->g, buf, cmd, NLM_F_ACK);

	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, cookie);
	mnl_attr_put_u32(nlh, KSEAL_A_CONSUMED, consumed);
	if (len)
		mnl_attr_put(nlh, KSEAL_A_BYTES, len, bytes);
	if (w->explain)
		mnl_attr_put(nlh, KSEAL_A_EXPLAIN, w->explain_len, w->explain);
	return nlh;
}

int worker_answer(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		  size_t len, bool more)
{
	static uint8_t buf[MESSAGE_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = start(w, buf, KSEAL_CMD_HANDSHAKE, cookie, consumed, bytes, len);

	if (more)
		mnl_attr_put(nlh, KSEAL_A_MORE, 0, NULL);
	return worker_talk(w, nlh);
}

int worker_done(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		size_t len, const struct kseal_session_keys *keys)
{
	static uint8_t buf[MESSAGE_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = start(w, buf, KSEAL_CMD_DONE, cookie, consumed, bytes, len);

	kseal_put_keys(nlh, keys);
	return worker_talk(w, nlh);
}

int worker_done_but(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		    size_t len, const struct kseal_session_keys *keys,
		    const struct worker_finished *finished)
{
	static uint8_t buf[MESSAGE_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = start(w, buf, KSEAL_CMD_DONE, cookie, consumed, bytes, len);
	struct nlattr *nest;

	kseal_put_keys(nlh, keys);
	mnl_attr_put(nlh, KSEAL_A_FINISHED, finished->len, finished->message);
	if (finished->rx) {
		nest = mnl_attr_nest_start(nlh, KSEAL_A_FINISHED_RX);
		mnl_attr_put(nlh, KSEAL_A_KEYS_KEY, finished->rx->key_len, finished->rx->key);
		mnl_attr_put(nlh, KSEAL_A_KEYS_IV, sizeof(finished->rx->iv), finished->rx->iv);
		mnl_attr_put_u64(nlh, KSEAL_A_KEYS_SEQ, finished->rx->seq);
		mnl_attr_nest_end(nlh, nest);
	}
	if (finished->behind_len)
		mnl_attr_put(nlh, KSEAL_A_BEHIND, finished->behind_len, finished->behind);
	return worker_talk(w, nlh);
}

int worker_fail(struct worker *w, uint64_t cookie, uint32_t consumed, const void *bytes,
		size_t len, int error, uint8_t alert, const char *reason)
{
	static uint8_t buf[MESSAGE_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = start(w, buf, KSEAL_CMD_DONE, cookie, consumed, bytes, len);

	mnl_attr_put_u32(nlh, KSEAL_A_ERROR, error);
	mnl_attr_put_u8(nlh, KSEAL_A_ALERT, alert);
	if (reason)
		mnl_attr_put_strz(nlh, KSEAL_A_REASON, reason);
	return worker_talk(w, nlh);
}

int worker_cancelled(struct worker *w, uint64_t cookie)
{
	struct worker_msg msg;
	int err;

	do {
		err = worker_next(w, &msg, 5000);
		if (err)
			return err;
		if (msg.cookie != cookie)
			return -EPROTO;
	} while (msg.cmd != KSEAL_CMD_CANCEL);
	return msg.error;
}
