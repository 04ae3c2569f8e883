// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The opener; see opener.h. From above: messages, the process, what kseald calls.
 *
 * kseald asks with a READ, which has a number. The answer is a FILE for each file, with its
 * descriptor, or a MISSING with the errno that there was; then DONE, or FAILED with what
 * is wrong with the configuration; all of them with that number. CHANGED comes by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "files.h"
#include "filter.h"
#include "log.h"
#include "opener.h"
#include "watch.h"

#define ANSWER_MS	10000	/* between two messages: disks can be slow */

enum type {
	READ,
	FILE_OPEN,
	FILE_MISSING,
	DONE,
	FAILED,
	CHANGED,
};

struct message {
	int type;
	int error;			/* of FILE_MISSING */
	unsigned int turn;		/* of READ, and of what answers it */
	char text[PATH_MAX];		/* path or sentence; as much as is sent */
};

struct opener {
	int fd;
	pid_t pid;
	unsigned int turn;	/* of the last READ: one before may have been given up */
};

/* ---- messages ---- */

/* fd: -1 none. Returns 0 or -errno. */
static int put(int to, int type, unsigned int turn, int error, const char *text, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct message message = { .type = type, .error = error, .turn = turn };
	struct iovec iov = { &message, 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	iov.iov_len = offsetof(struct message, text) + 1 +
		(size_t)snprintf(message.text, sizeof(message.text), "%s", text);
	if (iov.iov_len > sizeof(message))
		return -ENAMETOOLONG;
	if (fd >= 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = sizeof(control.room);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* *fd: -1 none; fd NULL: there must be none. Returns 0, -EPIPE at the end of the other
 * process, or -errno.
 */
static int take(int from, struct message *message, int *fd, int flags)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { message, sizeof(*message) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		/* not CMSG_SPACE(), in which there is room for two: what is more is closed */
		.msg_control = control.room, .msg_controllen = fd ? CMSG_LEN(sizeof(int)) : 0,
	};
	const struct cmsghdr *cmsg;
	int got = -1;
	ssize_t len;

	do {
		len = recvmsg(from, &msg, flags | MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len <= 0)
		return len ? -errno : -EPIPE;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&got, CMSG_DATA(cmsg), sizeof(got));
	if (fd)
		*fd = got;
	if ((size_t)len > offsetof(struct message, text) &&
	    !((const char *)message)[len - 1] && !(msg.msg_flags & MSG_CTRUNC))
		return 0;
	if (got >= 0)
		close(got);
	return -EBADMSG;
}

/* ---- the process ---- */

struct sender {
	int to;
	unsigned int turn;
	int error;		/* of the first message that could not be sent */
};

static void send_message(struct sender *sender, int type, int error, const char *text, int fd)
{
	if (!sender->error)
		sender->error = put(sender->to, type, sender->turn, error, text, fd);
}

/* Nothing is waited for: a FIFO, say. */
static int open_regular(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
		errno = EINVAL;
	}
	return fd;
}

static void open_and_send(struct sender *sender, const char *path, int flags)
{
	int fd = open_regular(path, flags);

	if (fd < 0) {
		send_message(sender, FILE_MISSING, errno, path, -1);
		return;
	}
	send_message(sender, FILE_OPEN, 0, path, fd);
	close(fd);
}

/* A link that somebody else can make there would lead to any file. */
static int link_flags(const char *directory)
{
	struct stat st;

	return !stat(directory, &st) && !st.st_uid && !(st.st_mode & (S_IWGRP | S_IWOTH)) ?
	       0 : O_NOFOLLOW;
}

static void send_directory(struct sender *sender, const char *path)
{
	struct string_list names = { 0 };
	char one[PATH_MAX];
	int ret = files_list(path, &names), flags = link_flags(path);

	if (ret)
		send_message(sender, FILE_MISSING, -ret, path, -1);
	for (size_t i = 0; i < names.count; i++)
		if (snprintf(one, sizeof(one), "%s/%s", path, names.at[i]) < (int)sizeof(one))
			open_and_send(sender, one, flags);
	string_list_free(&names);
}

static void send_file(void *arg, const char *path, bool directory)
{
	if (directory)
		send_directory(arg, path);
	else
		open_and_send(arg, path, 0);
}

/* Returns 0, or -1 when kseald is gone. watch is replaced, as the files may be others. */
static int answer(const struct config *config, int to, unsigned int turn, struct watch **watch)
{
	struct sender sender = { .to = to, .turn = turn };
	const char *missing = NULL;
	struct conf conf;
	char why[1024];

	if (config_read(config, &conf, why, sizeof(why)))
		return put(to, FAILED, turn, 0, why, -1);
	/* what changes from here on is noticed */
	watch_free(*watch);
	*watch = watch_new(&conf, &missing);
	if (!*watch || missing)
		log_warning("changes of %s cannot be noticed: send SIGHUP after a change",
			    missing ?: "files");
	for (size_t i = 0; i < conf.files.count; i++)
		send_file(&sender, conf.files.at[i], false);
	for (size_t i = 0; i < conf.n_profiles; i++)
		settings_each_file(&conf.profiles[i], send_file, &sender);
	conf_free(&conf);
	send_message(&sender, DONE, 0, "", -1);
	return sender.error ? -1 : 0;
}

/* Until kseald ends. */
static void serve(const struct config *config, int fd)
{
	static struct message message;
	struct watch *watch = NULL;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = watch ? watch_fd(watch) : -1, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents & POLLIN && watch_happened(watch) && put(fd, CHANGED, 0, 0, "", -1))
			break;
		if (fds[0].revents &&
		    (take(fd, &message, NULL, 0) || message.type != READ ||
		     answer(config, fd, message.turn, &watch)))
			break;
	}
	watch_free(watch);
}

static void __attribute__((noreturn))
run(const struct config *config, const struct sandbox_user *user, int fd)
{
	prctl(PR_SET_NAME, "kseald-opener");
	/* nothing of kseald's: the signer's sockets, say */
	if (dup2(fd, STDERR_FILENO + 1) < 0 || close_range(STDERR_FILENO + 2, ~0U, 0))
		_exit(EXIT_FAILURE);
	fd = STDERR_FILENO + 1;
	/* a reload is the other process's, and so is the end */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (sandbox_drop_to_reading(user))
		_exit(EXIT_FAILURE);
	filter_install(FILTER_OPENER);
	serve(config, fd);
	_exit(EXIT_SUCCESS);
}

/* ---- what kseald calls ---- */

struct opener *opener_start(const struct config *config, const struct sandbox_user *user)
{
	struct opener *opener = calloc(1, sizeof(*opener));
	char why[256];
	int fds[2];

	if (!opener || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
		free(opener);
		log_warning("there is no process that opens files (%s): a reload reads what %s may",
			    strerror(errno), user->name);
		return NULL;
	}
	opener->fd = fds[0];
	opener->pid = fork();
	if (!opener->pid) {
		close(fds[0]);
		run(config, user, fds[1]);
	}
	close(fds[1]);
	/* the first time to see that it is there, and for it to watch */
	if (opener->pid > 0 && !opener_read(opener, why, sizeof(why))) {
		files_forget();
		return opener;
	}
	log_warning("there is no process that opens files (%s): a reload reads what %s may",
		    opener->pid > 0 ? why : strerror(errno), user->name);
	opener_stop(opener);
	return NULL;
}

void opener_stop(struct opener *opener)
{
	if (!opener)
		return;
	close(opener->fd);
	/* it has nothing to tidy up, and may wait for a disk */
	if (opener->pid > 0 && !kill(opener->pid, SIGKILL))
		waitpid(opener->pid, NULL, 0);
	free(opener);
}

int opener_fd(const struct opener *opener)
{
	return opener->fd;
}

bool opener_changed(struct opener *opener, bool *gone)
{
	static struct message message;
	bool changed = false;
	int fd, ret;

	while (!(ret = take(opener->fd, &message, &fd, MSG_DONTWAIT))) {
		changed |= message.type == CHANGED;
		if (fd >= 0)
			close(fd);
	}
	*gone = ret != -EAGAIN;
	return changed;
}

/* Returns 1 after one more message, 0 after the last, or -errno. */
static int take_in(struct opener *opener, struct message *message)
{
	struct pollfd fds = { .fd = opener->fd, .events = POLLIN };
	int fd, ret = poll(&fds, 1, ANSWER_MS);

	if (ret != 1)
		return ret ? -errno : -ETIMEDOUT;
	ret = take(opener->fd, message, &fd, 0);
	if (ret)
		return ret;
	if (message->type == FILE_OPEN && fd >= 0 && message->turn == opener->turn)
		return files_put(message->text, fd) ?: 1;
	if (fd >= 0)
		close(fd);
	if (message->turn != opener->turn)
		return 1;
	switch (message->type) {
	case FILE_MISSING:
		return files_put_error(message->text, message->error) ?: 1;
	case DONE:
	case FAILED:
		return 0;
	default:
		return -EBADMSG;
	}
}

int opener_read(struct opener *opener, char *why, size_t size)
{
	static struct message message;
	int ret = put(opener->fd, READ, ++opener->turn, 0, "", -1);

	files_begin();
	while (!ret && (ret = take_in(opener, &message)) > 0)
		ret = 0;
	if (!ret && message.type == DONE)
		return 0;
	files_forget();
	if (ret)
		snprintf(why, size, "the process that opens files did not: %s", strerror(-ret));
	else
		snprintf(why, size, "%s", message.text);
	return -1;
}
