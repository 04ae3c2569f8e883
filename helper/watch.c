// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that change; see watch.h.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/inotify.h>
#include "watch.h"

#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_CREATE | IN_MOVED_FROM)

#define LINKS_MAX	40	/* as the kernel follows them */

struct watched {
	int directory;		/* its watch descriptor */
	char name[NAME_MAX + 1];	/* in it; empty: any */
};

struct watch {
	int fd;
	struct watched *files;
	size_t count;
	const char *missing;	/* one that cannot be watched, or NULL */
};

static int add(struct watch *watch, const char *directory, const char *name)
{
	struct watched *files;
	int descriptor = inotify_add_watch(watch->fd, directory, EVENTS | IN_ONLYDIR);

	if (descriptor < 0)
		return -1;
	files = reallocarray(watch->files, watch->count + 1, sizeof(*files));
	if (!files)
		return -1;
	watch->files = files;
	files += watch->count++;
	files->directory = descriptor;
	snprintf(files->name, sizeof(files->name), "%s", name);
	return 0;
}

/* Returns 0 or -1. */
static int add_entry(struct watch *watch, const char *path)
{
	char *one = strdup(path), *two = strdup(path);
	int ret = one && two ? add(watch, dirname(one), basename(two)) : -1;

	free(one);
	free(two);
	return ret;
}

/* What path is when its first symbolic link is followed, and the link watched; NULL: there
 * is none, or no more to be known about it. whose: the file that this is about.
 */
static char *follow(struct watch *watch, const char *path, const char *whose)
{
	const char *slash = path;
	char target[PATH_MAX];

	do {
		char *part, *dir, *whole = NULL;
		ssize_t len;

		slash += strspn(slash, "/");
		slash += strcspn(slash, "/");
		part = strndup(path, (size_t)(slash - path));
		len = part ? readlink(part, target, sizeof(target) - 1) : 0;
		/* once more, when a change is noticed */
		if (len > 0 && add_entry(watch, part))
			watch->missing = whose;
		if (len > 0)
			len = readlink(part, target, sizeof(target) - 1);
		if (len > 0) {
			target[len] = '\0';
			dir = dirname(part);
			if (asprintf(&whole, "%s%s%s%s", *target == '/' ? "" : dir,
				     *target == '/' ? "" : "/", target, slash) < 0)
				whole = NULL;
		}
		free(part);
		if (len > 0)
			return whole;
	} while (*slash);
	return NULL;
}

/* A file may be another because a link on the way to it is. */
static void add_path(void *arg, const char *path, bool directory)
{
	char *at = strdup(path), *next;
	struct watch *watch = arg;

	for (int links = 0; at && links < LINKS_MAX && (next = follow(watch, at, path)); links++) {
		free(at);
		at = next;
	}
	if (!at || (directory ? add(watch, at, "") : add_entry(watch, at)))
		watch->missing = path;
	free(at);
}

/* Of what stores have nobody tells, unless it is a file; and that may be none of our
 * business. With a key its certificate changes, which is one of ours.
 */
static void add_stores(struct watch *watch, const struct settings *settings)
{
	const char *missing = watch->missing;

	for (size_t i = 0; i < settings->n_certs; i++) {
		const char *key = settings->certs[i].key;

		if (!strncmp(key, "file:///", 8))
			add_path(watch, key + 7, false);
		else if (!strncmp(key, "file:/", 6))
			add_path(watch, key + 5, false);
	}
	watch->missing = missing;
}

struct watch *watch_new(const struct conf *conf, const char **missing)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		free(watch);
		return NULL;
	}
	for (size_t i = 0; i < conf->files.count; i++)
		add_path(watch, conf->files.at[i], false);
	for (size_t i = 0; i < conf->n_profiles; i++)
		settings_each_file(&conf->profiles[i], add_path, watch);
	for (size_t i = 0; i < conf->n_profiles; i++)
		add_stores(watch, &conf->profiles[i]);
	*missing = watch->missing;
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	close(watch->fd);
	free(watch->files);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->fd;
}

static bool concerns(const struct watch *watch, const struct inotify_event *event)
{
	/* some were lost: any of them */
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < watch->count; i++)
		if (watch->files[i].directory == event->wd &&
		    (!watch->files[i].name[0] ||
		     (event->len && !strcmp(watch->files[i].name, event->name))))
			return true;
	return false;
}

bool watch_happened(struct watch *watch)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool happened = false;
	ssize_t len;

	while ((len = read(watch->fd, buf, sizeof(buf))) > 0) {
		const struct inotify_event *event;

		for (char *at = buf; at < buf + len; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			happened |= concerns(watch, event);
		}
	}
	return happened;
}
