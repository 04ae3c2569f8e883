// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "calls.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define FILE_LEN 70000

static const struct flag_name send_names[] = {
	{ MSG_MORE, "MORE" }, { MSG_EOR, "EOR" }, { MSG_DONTWAIT, "DONTWAIT" },
	{ MSG_NOSIGNAL, "NOSIGNAL" }, { MSG_OOB, "OOB" }, { MSG_DONTROUTE, "DONTROUTE" },
	{ MSG_CONFIRM, "CONFIRM" }, { MSG_ZEROCOPY, "ZEROCOPY" }, { MSG_PEEK, "PEEK" },
	{ MSG_TRUNC, "TRUNC" }, { MSG_WAITALL, "WAITALL" }, {}
};

/* What was sealed, and could not be sent then, may go with another call. */
static const char *after(const struct end *e)
{
	return e->failed ? " after an error" : "";
}

/* Calls that cannot be made: what is on its way must fit the buffers. */
static bool full(struct scene *s, struct end *e, size_t len)
{
	if (scene_has_room(s, e, len))
		return false;
	say(" -> not called");
	say_end(s);
	return true;
}

static int random_flags(const struct end *e, struct chance *c)
{
	static const int unknown[] = { MSG_OOB, MSG_DONTROUTE, MSG_CONFIRM, MSG_ZEROCOPY, MSG_PEEK,
				       MSG_TRUNC, MSG_WAITALL, 0x40000, 0x80000, 0x8000000,
				       0x10000000 };
	unsigned int n = chance_below(c, 40);
	int flags;

	if (n < 18)
		flags = 0;
	else if (n < 28)
		flags = MSG_MORE;
	else if (n < 31)
		flags = MSG_EOR;
	else if (n < 33)
		flags = MSG_MORE | MSG_EOR;
	else if (n < 37)
		flags = MSG_DONTWAIT | (n & 1 ? MSG_MORE : 0);
	else
		flags = CHANCE_PICK(c, unknown);
	/* TCP's own: urgent data is not what this is about */
	if (!e->tx_gen)
		flags &= ~MSG_OOB;
	return flags;
}

void call_send(struct scene *s, struct end *e, struct chance *c)
{
	static uint8_t data[DATA_MAX];
	size_t len = chance_len(c, DATA_MAX);
	int flags = random_flags(e, c);
	ssize_t n;

	chance_bytes(c, data, len);
	say_call(s, e, "send%s %zu ", after(e), len);
	say_flags(send_names, flags);
	if (full(s, e, len))
		return;
	n = send(e->fd, data, len, flags);
	say_return(n);
	scene_sent(s, e, n);
	say_end(s);
}

/* ---- sendmsg ---- */

union control {
	struct cmsghdr align;
	char bytes[256];
};

struct wanted_cmsg {
	int level, type;
	size_t len;		/* cmsg_len */
	uint8_t content[4];
};

/* Appends one; its place is what its length says, or one byte of content. */
static void put(struct msghdr *msg, const struct wanted_cmsg *w)
{
	struct cmsghdr *cmsg = (void *)((char *)msg->msg_control + msg->msg_controllen);

	cmsg->cmsg_level = w->level;
	cmsg->cmsg_type = w->type;
	cmsg->cmsg_len = w->len;
	memcpy(CMSG_DATA(cmsg), w->content, sizeof(w->content));
	msg->msg_controllen += CMSG_SPACE(1);
	say(" cmsg %d/%d len %zu: %u", w->level, w->type, w->len, w->content[0]);
}

static void random_cmsgs(struct chance *c, struct msghdr *msg)
{
	static const uint8_t types[] = { 20, 21, 22, 23, 0, 1, 24, 255 };
	struct wanted_cmsg w = { SOL_TLS, TLS_SET_RECORD_TYPE, CMSG_LEN(1), {} };
	unsigned int n;

	w.content[0] = chance_one_in(c, 4) ? chance_below(c, 256) : CHANCE_PICK(c, types);
	w.content[1] = chance_below(c, 256);
	n = chance_below(c, 24);
	switch (n) {
	case 0:
		w.level = SOL_SOCKET;
		w.type = 77;
		break;
	case 1:
		w.level = IPPROTO_TCP;
		break;
	case 2:
		w.type = TLS_GET_RECORD_TYPE;
		break;
	case 3:
		w.type = 0;
		break;
	case 4:
		w.len = CMSG_LEN(0);
		break;
	case 5:
		w.len = CMSG_LEN(4);
		break;
	case 6:
		w.len = 4;
		break;
	case 7:
		w.len = 200;
		break;
	}
	put(msg, &w);
	if (n >= 8 && n < 11) {
		w.content[0] = CHANCE_PICK(c, types);
		if (n == 10)
			w.level = IPPROTO_TCP;
		put(msg, &w);
	}
}

static size_t random_vector(struct chance *c, struct iovec *iov, unsigned int *count)
{
	static uint8_t data[DATA_MAX];
	size_t total = 0;
	unsigned int i;

	*count = chance_below(c, 6);
	for (i = 0; i < *count; i++) {
		size_t len = chance_len(c, i ? 9000 : DATA_MAX);

		if (len > DATA_MAX - total)
			len = DATA_MAX - total;
		iov[i].iov_base = data + total;
		iov[i].iov_len = len;
		chance_bytes(c, data + total, len);
		total += len;
	}
	return total;
}

/* Now and then one piece of memory is not there from some byte on. */
static bool random_hole(struct chance *c, struct iovec *iov, unsigned int count)
{
	unsigned int which, there;

	if (!count || !chance_one_in(c, 12))
		return false;
	which = chance_below(c, count);
	there = chance_one_in(c, 2) ? 0 : chance_below(c, 5000);
	if (there >= iov[which].iov_len)
		return false;
	memcpy(scene_edge(there), iov[which].iov_base, there);
	iov[which].iov_base = scene_edge(there);
	say(" hole in %u at %u", which, there);
	return true;
}

void call_sendmsg(struct scene *s, struct end *e, struct chance *c)
{
	union control control = {};
	struct iovec iov[6];
	struct msghdr msg = { .msg_iov = iov };
	int flags = random_flags(e, c);
	unsigned int count, i;
	size_t total = random_vector(c, iov, &count);
	ssize_t n;

	msg.msg_iovlen = count;
	say_call(s, e, "sendmsg%s [", after(e));
	for (i = 0; i < count; i++)
		say(i ? " %zu" : "%zu", iov[i].iov_len);
	say("] ");
	say_flags(send_names, flags);
	msg.msg_control = control.bytes;
	if (!chance_one_in(c, 3))
		random_cmsgs(c, &msg);
	random_hole(c, iov, count);
	if (full(s, e, total))
		return;
	n = sendmsg(e->fd, &msg, flags);
	say_return(n);
	scene_sent(s, e, n);
	say_end(s);
}

bool send_key_update(struct scene *s, struct end *e)
{
	uint8_t message[] = { 24, 0, 0, 1, 0 };
	struct iovec iov = { message, sizeof(message) };
	union control control = {};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes };
	const struct wanted_cmsg w = { SOL_TLS, TLS_SET_RECORD_TYPE, CMSG_LEN(1), { 22 } };
	ssize_t n;

	say_call(s, e, "sendmsg%s KeyUpdate", after(e));
	put(&msg, &w);
	n = sendmsg(e->fd, &msg, 0);
	other(s, e)->update = true;
	say_return(n);
	scene_sent(s, e, n);
	say_end(s);
	return n > 0;
}

/* ---- from files and pipes ---- */

/* The same file for all; not written to again. */
static int the_file(void)
{
	static uint8_t data[FILE_LEN];
	static int fd = -1;
	struct chance c;

	if (fd >= 0)
		return fd;
	chance_begin(&c, 0, 0);
	chance_bytes(&c, data, sizeof(data));
	fd = memfd_create("differ", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, sizeof(data)) != sizeof(data))
		_exit(1);
	return fd;
}

void call_sendfile(struct scene *s, struct end *e, struct chance *c)
{
	off_t offset = chance_one_in(c, 2) ? 0 : chance_below(c, FILE_LEN);
	size_t len = chance_len(c, DATA_MAX);
	ssize_t n;

	/* towards the end of the file, and beyond it */
	if (chance_one_in(c, 4))
		offset = FILE_LEN - chance_len(c, len);
	say_call(s, e, "sendfile%s at %ld: %zu", after(e), (long)offset, len);
	if (full(s, e, len))
		return;
	n = sendfile(e->fd, the_file(), &offset, len);
	say_return(n);
	say(" at %ld", (long)offset);
	scene_sent(s, e, n);
	say_end(s);
}

static const struct flag_name splice_names[] = {
	{ SPLICE_F_MORE, "MORE" }, { SPLICE_F_NONBLOCK, "NONBLOCK" }, { SPLICE_F_MOVE, "MOVE" }, {}
};

void call_splice_to_socket(struct scene *s, struct end *e, struct chance *c)
{
	static const unsigned int some[] = { 0, 0, SPLICE_F_MORE, SPLICE_F_MORE,
					     SPLICE_F_NONBLOCK | SPLICE_F_MORE, SPLICE_F_MOVE };
	unsigned int flags = CHANCE_PICK(c, some), pieces = 1 + chance_below(c, 3);
	static uint8_t data[DATA_MAX];
	size_t have = 0, want;
	int fds[2];
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		_exit(1);
	say_call(s, e, "splice from a pipe%s with", after(e));
	while (pieces--) {
		size_t len = chance_len(c, 20000) + 1;

		if (have + len > 50000)
			break;
		chance_bytes(c, data, len);
		if (write(fds[1], data, len) != (ssize_t)len)
			break;
		have += len;
		say(" %zu", len);
	}
	/* more than there is: the pipe may have ended, or may not */
	want = chance_one_in(c, 3) ? have + 10 : have - chance_below(c, have + 1) / 2;
	if (chance_one_in(c, 2)) {
		close(fds[1]);
		fds[1] = -1;
	}
	say("%s: %zu ", fds[1] < 0 ? "" : " open", want);
	say_flags(splice_names, flags);
	if (scene_has_room(s, e, want)) {
		n = splice(fds[0], NULL, e->fd, NULL, want, flags);
		say_return(n);
		scene_sent(s, e, n);
	} else {
		say(" -> not called");
	}
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	say_end(s);
}
