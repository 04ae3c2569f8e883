// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/opener.c: descriptors that were not asked for, answers that nobody waits for any
 * more, links that somebody else made. What it may and may not is opener.sh's.
 */
#include <dirent.h>
#include <pthread.h>
#include "../../helper/opener.c"
#include "place.h"
#include "tap.h"

static struct config config;

/* privileges are left alone here */
int sandbox_drop_to_reading(const struct sandbox_user *user)
{
	(void)user;
	return 0;
}

void filter_install(enum filter_program program)
{
	(void)program;
}

static bool contains(const char *path, const char *text)
{
	FILE *file = files_open(path);
	char got[64] = "";
	bool same;

	if (!file)
		return false;
	same = fread(got, 1, sizeof(got) - 1, file) == strlen(text) && !strcmp(got, text);
	fclose(file);
	return same;
}

static int open_descriptors(void)
{
	DIR *list = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(list))
		n++;
	closedir(list);
	return n;
}

static void configure(void)
{
	char file[64], text[256];
	char *argv[] = { "kseald", "--config", file, NULL };

	snprintf(file, sizeof(file), "%s", path_of("kseald.conf"));
	snprintf(text, sizeof(text), "profile default {\n\tca = { \"%s\" }\n\tticket-keys = \"%s\"\n}\n",
		 path_of("ca"), path_of("keys"));
	write_file("kseald.conf", text);
	write_file("ca", "authority");
	mkdir(path_of("keys"), 0700);
	write_file("keys/1", "first");
	write_file("secret", "secret");
	if (symlink("../secret", path_of("keys/2")))
		abort();
	optind = 1;
	if (config_parse(&config, 3, argv) != CONFIG_RUN)
		abort();
	config.file = strdup(file);
}

/* As many descriptors with one message as a sender likes. */
static void send_with(int to, const struct message *message, int n)
{
	int fds[] = { 0, 0, 0 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)message, offsetof(struct message, text) + 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int)),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, (size_t)n * sizeof(int));
	if (sendmsg(to, &msg, 0) < 0)
		abort();
}

static void *serve_one(void *arg)
{
	serve(&config, *(int *)arg);
	return NULL;
}

static void descriptors(void)
{
	static struct message message, got;
	pthread_t thread;
	int fds[2], fd, before;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		abort();
	before = open_descriptors();
	message.type = FILE_OPEN;
	for (int n = 2; n <= 3; n++) {
		send_with(fds[0], &message, n);
		ok(take(fds[1], &got, &fd, 0) == -EBADMSG && open_descriptors() == before,
		   "%d descriptors are none, and do not stay", n);
	}
	send_with(fds[0], &message, 1);
	ok(!take(fds[1], &got, &fd, 0) && fd >= 0 && open_descriptors() == before + 1, "one does");
	close(fd);
	message.type = READ;
	send_with(fds[0], &message, 1);
	pthread_create(&thread, NULL, serve_one, &fds[1]);
	pthread_join(thread, NULL);
	ok(open_descriptors() == before, "the opener takes none, and ends");
	close(fds[0]);
	close(fds[1]);
}

/* Answers to a READ that was given up are still there when the next one is made. */
static void given_up(struct opener *opener)
{
	static struct message message;
	char why[256];
	int fd;

	if (put(opener->fd, READ, ++opener->turn, 0, "", -1) ||
	    put(opener->fd, READ, ++opener->turn, 0, "", -1))
		abort();
	/* until the first of them comes */
	if (take(opener->fd, &message, &fd, 0))
		abort();
	close(fd);
	write_file("new", "authority of today");
	rename(path_of("new"), path_of("ca"));
	ok(!opener_read(opener, why, sizeof(why)) && contains(path_of("ca"), "authority of today"),
	   "what is read is of now");
	files_forget();
}

static void links(struct opener *opener)
{
	char why[256];

	ok(!opener_read(opener, why, sizeof(why)) && contains(path_of("keys/1"), "first") &&
	   contains(path_of("keys/2"), "secret"), "a link in a directory of root's is followed");
	files_forget();
	if (chown(path_of("keys"), 65534, 65534))
		abort();
	ok(!opener_read(opener, why, sizeof(why)) && contains(path_of("keys/1"), "first") &&
	   !files_open(path_of("keys/2")) && errno == ELOOP, "not in one of somebody else's");
	files_forget();
	if (chown(path_of("keys"), 0, 0) || chmod(path_of("keys"), 0770))
		abort();
	ok(!opener_read(opener, why, sizeof(why)) && !files_open(path_of("keys/2")),
	   "nor where others may write");
	files_forget();
}

/* The opener waits for somebody to write into it. */
static void stuck(struct opener *opener)
{
	remove(path_of("kseald.conf"));
	if (mkfifo(path_of("kseald.conf"), 0600) || put(opener->fd, READ, ++opener->turn, 0, "", -1))
		abort();
	usleep(100000);
	alarm(20);
	opener_stop(opener);
	alarm(0);
	ok(true, "an opener that hangs is ended");
}

int main(void)
{
	static const char *const names[] = { "keys/1", "keys/2", "keys", "secret", "ca", "kseald.conf" };
	const struct sandbox_user user = { .name = "nobody" };
	struct opener *opener;

	if (!mkdtemp(dir))
		return 1;
	configure();
	descriptors();
	opener = opener_start(&config, &user);
	ok(opener, "it is there");
	if (opener) {
		given_up(opener);
		if (geteuid())
			ok(true, "# SKIP links need root");
		else
			links(opener);
		stuck(opener);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(path_of(names[i]));
	return rmdir(dir) || done_testing();
}
