// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "bench/gnuplot.h"

#define OUTPUT_MAX (4 << 20)

extern char **environ;

/* gnuplot with a script to read and a file to write, both descriptors. Returns its status or -errno. */
static int run(char *const *argv, int in, int out)
{
	posix_spawn_file_actions_t actions;
	int err, status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int gnuplot_find(void)
{
	char *const argv[] = { "gnuplot", "--version", NULL };
	int fd = memfd_create("gnuplot", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = run(argv, fd, fd);
	close(fd);
	return err > 0 ? -EIO : err;
}

/* Files, not pipes: neither side can wait for the other. */
static char *read_back(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text;

	if (size <= 0 || size > OUTPUT_MAX)
		return NULL;
	text = calloc(1, (size_t)size + 1);
	if (text && pread(fd, text, (size_t)size, 0) != size) {
		free(text);
		text = NULL;
	}
	return text;
}

char *gnuplot_run(const char *script)
{
	char *const argv[] = { "gnuplot", "-", NULL };
	int in = memfd_create("gnuplot", MFD_CLOEXEC), out = memfd_create("gnuplot", MFD_CLOEXEC);
	ssize_t len = (ssize_t)strlen(script);
	char *text = NULL;

	if (in >= 0 && out >= 0 && pwrite(in, script, (size_t)len, 0) == len && !run(argv, in, out))
		text = read_back(out);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return text;
}
