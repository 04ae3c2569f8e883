// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <linux/tls.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "calls.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

static const struct flag_name recv_names[] = {
	{ MSG_PEEK, "PEEK" }, { MSG_TRUNC, "TRUNC" }, { MSG_WAITALL, "WAITALL" },
	{ MSG_DONTWAIT, "DONTWAIT" }, { MSG_OOB, "OOB" }, { MSG_ERRQUEUE, "ERRQUEUE" },
	{ MSG_EOR, "EOR" }, { MSG_CTRUNC, "CTRUNC" }, { MSG_CMSG_CLOEXEC, "CLOEXEC" }, {}
};

/* TCP does not tell mainline's TLS of less. */
static const char *with(const struct end *e)
{
	return e->lowat ? " with SO_RCVLOWAT" : "";
}

/* Where nothing is written shows. */
static uint8_t *fresh(size_t len)
{
	static uint8_t data[1 << 16];

	memset(data, 0xaa, len);
	return data;
}

static int random_flags(struct chance *c)
{
	static const int odd[] = { MSG_PEEK, MSG_PEEK, MSG_PEEK, MSG_WAITALL, MSG_WAITALL, MSG_TRUNC,
				   MSG_PEEK | MSG_TRUNC, MSG_PEEK | MSG_WAITALL, MSG_ERRQUEUE,
				   MSG_OOB, MSG_CMSG_CLOEXEC };
	int flags = chance_one_in(c, 3) ? CHANCE_PICK(c, odd) : 0;

	/* else it waits for a moment where there is nothing: see SO_RCVTIMEO */
	return chance_one_in(c, 12) ? flags : flags | MSG_DONTWAIT;
}

static void say_read(struct scene *s, struct end *e, const uint8_t *data, size_t len, ssize_t n,
		     int flags)
{
	int err = errno;

	say_return(n);
	if (n > 0)
		say_bytes(data, (size_t)n < len ? (size_t)n : len);
	if (!(flags & MSG_PEEK))
		scene_read(s, e, n);
	if (n > 0 || (n < 0 && err == EIO))
		e->left = flags & MSG_PEEK || n < 0;
}

void call_recv(struct scene *s, struct end *e, struct chance *c)
{
	size_t len = chance_len(c, 1 << 16);
	int flags = random_flags(c);
	uint8_t *data = fresh(len);
	ssize_t n;

	say_call(s, e, "recv%s %zu ", with(e), len);
	say_flags(recv_names, flags);
	n = recv(e->fd, data, len, flags);
	say_read(s, e, data, len, n, flags);
	say_end(s);
}

/* ---- recvmsg ---- */

union control {
	struct cmsghdr align;
	char bytes[256];
};

static size_t split(struct chance *c, uint8_t *data, struct iovec *iov, unsigned int count)
{
	size_t total = 0;
	unsigned int i;

	for (i = 0; i < count; i++) {
		size_t len = chance_len(c, 16384);

		iov[i].iov_base = data + total;
		iov[i].iov_len = len;
		total += len;
	}
	return total;
}

static void say_control(struct msghdr *msg)
{
	struct cmsghdr *cmsg;

	say(" flags ");
	/* set by the kernel for every such call, whatever the protocol */
	say_flags(recv_names, msg->msg_flags & ~MSG_CMSG_CLOEXEC);
	say(" control %zu", (size_t)msg->msg_controllen);
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg))
		say(" cmsg %d/%d len %zu: %u", cmsg->cmsg_level, cmsg->cmsg_type,
		    (size_t)cmsg->cmsg_len, *(uint8_t *)CMSG_DATA(cmsg));
}

void call_recvmsg(struct scene *s, struct end *e, struct chance *c)
{
	static const size_t controls[] = { 0, 4, sizeof(struct cmsghdr), CMSG_LEN(1) - 1,
					   CMSG_LEN(1), CMSG_SPACE(1), CMSG_SPACE(1), CMSG_SPACE(1),
					   CMSG_SPACE(1), CMSG_SPACE(1), CMSG_SPACE(64) };
	union control control;
	struct iovec iov[4];
	unsigned int count = chance_one_in(c, 3) ? chance_below(c, 5) : 1, i;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	uint8_t *data = fresh(1 << 16);
	int flags = random_flags(c);
	size_t len = split(c, data, iov, count);
	ssize_t n;

	memset(&control, 0, sizeof(control));
	msg.msg_controllen = CHANCE_PICK(c, controls);
	msg.msg_control = msg.msg_controllen ? control.bytes : NULL;
	say_call(s, e, "recvmsg%s [", with(e));
	for (i = 0; i < count; i++)
		say(i ? " %zu" : "%zu", iov[i].iov_len);
	say("] control %zu ", (size_t)msg.msg_controllen);
	say_flags(recv_names, flags);
	if (count == 1 && len > 10 && chance_one_in(c, 25)) {
		unsigned int there = chance_below(c, 100) % len;

		iov[0].iov_base = scene_edge(there);
		memset(iov[0].iov_base, 0xaa, there);
		data = iov[0].iov_base;
		say(" hole at %u", there);
		len = there;
	}
	n = recvmsg(e->fd, &msg, flags);
	say_read(s, e, data, len, n, flags);
	if (n >= 0)
		say_control(&msg);
	say_end(s);
}

bool read_until_type(struct scene *s, struct end *e, int type)
{
	int tries = 12;

	while (tries--) {
		union control control;
		uint8_t *data = fresh(1 << 16);
		struct iovec iov = { data, 1 << 16 };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				      .msg_controllen = sizeof(control) };
		struct cmsghdr *cmsg;
		ssize_t n;

		say_call(s, e, "recvmsg%s until %d", with(e), type);
		n = recvmsg(e->fd, &msg, MSG_DONTWAIT);
		say_read(s, e, data, iov.iov_len, n, 0);
		if (n >= 0)
			say_control(&msg);
		say_end(s);
		cmsg = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
		if (cmsg && *(uint8_t *)CMSG_DATA(cmsg) == type)
			return true;
		if (n <= 0 && !cmsg)
			return false;
	}
	return false;
}

/* ---- the rest ---- */

void call_splice_to_pipe(struct scene *s, struct end *e, struct chance *c)
{
	/* a pipe holds 16 pieces, and what arrives may be in more */
	size_t len = chance_len(c, 20000);
	unsigned int flags = chance_one_in(c, 12) ? 0 : SPLICE_F_NONBLOCK;
	uint8_t *data = fresh(1 << 16);
	ssize_t n, got;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		_exit(1);
	say_call(s, e, "splice to a pipe %zu%s", len, flags ? " NONBLOCK" : "");
	n = splice(e->fd, NULL, fds[1], NULL, len, flags);
	say_return(n);
	if (n > 0) {
		got = read(fds[0], data, 1 << 16);
		if (got != n)
			say(" read %zd", got);
		if (got > 0)
			say_bytes(data, got);
		scene_read(s, e, n);
	}
	close(fds[0]);
	close(fds[1]);
	say_end(s);
}

void call_poll(struct scene *s, struct end *e, struct chance *c)
{
	static const struct flag_name names[] = {
		{ POLLIN, "IN" }, { POLLRDNORM, "RDNORM" }, { POLLOUT, "OUT" },
		{ POLLWRNORM, "WRNORM" }, { POLLPRI, "PRI" }, { POLLRDHUP, "RDHUP" },
		{ POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" }, {}
	};
	struct pollfd p = { .fd = e->fd, .events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM |
						   POLLPRI | POLLRDHUP };

	say_call(s, e, "poll%s%s%s%s", e->shut ? " after shutdown" : "",
		 e->left ? " behind a peek" : "", e->update ? " after a KeyUpdate" : "", with(e));
	say_return(poll(&p, 1, 0));
	say(" ");
	say_flags(names, p.revents);
	say_end(s);
}

void call_fionread(struct scene *s, struct end *e, struct chance *c)
{
	int value = -1;

	say_call(s, e, "FIONREAD");
	say_return(ioctl(e->fd, FIONREAD, &value));
	say(" %d", value);
	say_end(s);
}
