// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The directory of key files; see keydir.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include "keydir.h"
#include "log.h"

#define BESIDE	".kseald-keys-new"	/* kseald does not read files with a dot in front */

static int failed(const struct keydir *dir, const char *name, const char *todo, char *why,
		  size_t size)
{
	snprintf(why, size, "%s%s%s: %s: %s", dir->path, name[0] ? "/" : "", name, strerror(errno),
		 todo);
	return -1;
}

/* ---- looking ---- */

static void note(struct keydir *dir, const char *name)
{
	struct rotation_file *file = &dir->files[dir->count];
	struct stat st;

	if (name[0] == '.')
		return;
	if (!rotation_parse(name, file)) {
		if (strcmp(name, dir->stranger) > 0)
			snprintf(dir->stranger, sizeof(dir->stranger), "%s", name);
	} else if (dir->count < KEYDIR_FILES_MAX - 1 &&
		   !fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW)) {
		file->since = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		dir->count++;
	}
}

static int look(struct keydir *dir, char *why, size_t size)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	char name[ROTATION_NAME_SIZE];

	if (!list) {
		if (fd >= 0)
			close(fd);
		return failed(dir, "", "the user of kseald-keys has to be able to read it", why,
			      size);
	}
	dir->count = 0;
	dir->stranger[0] = '\0';
	for (const struct dirent *entry; (entry = readdir(list));)
		note(dir, entry->d_name);
	closedir(list);
	for (size_t i = 0; i < dir->count; i++) {
		rotation_name(&dir->files[i], name);
		if (strcmp(name, dir->stranger) > 0)
			dir->stranger[0] = '\0';
	}
	return 0;
}

int keydir_open(struct keydir *dir, const char *path, char *why, size_t size)
{
	struct stat st;

	dir->path = path;
	dir->count = 0;
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0 || fstat(dir->fd, &st)) {
		failed(dir, "", "make it: install -d -m 2750 -o kseald-keys -g kseald, and run kseald-keys as its owner",
		       why, size);
	} else if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, size, "%s: others than its owner may write keys there: chmod go-w it", path);
	} else if (!look(dir, why, size)) {
		return 0;
	}
	keydir_close(dir);
	return -1;
}

void keydir_close(struct keydir *dir)
{
	if (dir->fd >= 0)
		close(dir->fd);
	dir->fd = -1;
}

int keydir_lock(struct keydir *dir, char *why, size_t size)
{
	if (flock(dir->fd, LOCK_EX))
		return failed(dir, "", "it could not be locked", why, size);
	/* of one that was ended while it wrote */
	unlinkat(dir->fd, BESIDE, 0);
	return look(dir, why, size);
}

static bool read_key(const struct keydir *dir, const struct rotation_file *file,
		     uint8_t key[TICKETS_FILE_LEN])
{
	char name[ROTATION_NAME_SIZE], more;
	bool good;
	int fd;

	rotation_name(file, name);
	fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = read(fd, key, TICKETS_FILE_LEN) == TICKETS_FILE_LEN && read(fd, &more, 1) == 0;
	close(fd);
	return good;
}

bool keydir_find(const struct keydir *dir, int64_t epoch, uint8_t key[TICKETS_FILE_LEN])
{
	for (size_t i = 0; i < dir->count; i++)
		if (dir->files[i].epoch == epoch && read_key(dir, &dir->files[i], key))
			return true;
	return false;
}

/* ---- changing ---- */

static struct timespec timespec_of(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

static int write_beside(const struct keydir *dir, int64_t since, const uint8_t *key)
{
	const struct timespec times[2] = { timespec_of(since), timespec_of(since) };
	int fd = openat(dir->fd, BESIDE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t len;
	int ret = -1;

	if (fd < 0)
		return -1;
	len = write(fd, key, TICKETS_FILE_LEN);
	if (len >= 0 && len < TICKETS_FILE_LEN)
		errno = ENOSPC;
	/* the group is the directory's */
	if (len == TICKETS_FILE_LEN && !fchmod(fd, 0640) && !futimens(fd, times) && !fsync(fd))
		ret = 0;
	close(fd);
	return ret;
}

static int write_key(struct keydir *dir, const struct rotation_file *file, const uint8_t *key,
		     char *why, size_t size)
{
	char name[ROTATION_NAME_SIZE];

	rotation_name(file, name);
	if (!write_beside(dir, file->since, key) && !renameat(dir->fd, BESIDE, dir->fd, name))
		return 0;
	failed(dir, name, "see that the user of kseald-keys may write there, and has the room", why,
	       size);
	unlinkat(dir->fd, BESIDE, 0);
	return -1;
}

int keydir_put(struct keydir *dir, int64_t epoch, int64_t since,
	       const uint8_t key[TICKETS_FILE_LEN], char *why, size_t size)
{
	const struct rotation_file file = { ROTATION_OPENS, epoch, since };
	bool other[2] = { false, false }, there = false;
	uint8_t old[TICKETS_FILE_LEN];
	char name[ROTATION_NAME_SIZE];

	for (size_t i = 0; i < dir->count; i++) {
		if (dir->files[i].epoch != epoch)
			continue;
		if (read_key(dir, &dir->files[i], old) && !CRYPTO_memcmp(old, key, sizeof(old)))
			there = true;
		else
			other[dir->files[i].role] = true;
	}
	OPENSSL_cleanse(old, sizeof(old));
	if (there && !other[ROTATION_OPENS] && !other[ROTATION_SEALS])
		return 0;

	if (!there && write_key(dir, &file, key, why, size))
		return -1;
	/* a file that only opened was replaced, unless the right key is the one that seals */
	other[ROTATION_OPENS] = other[ROTATION_OPENS] && there;
	for (int role = ROTATION_OPENS; role <= ROTATION_SEALS; role++) {
		rotation_name(&(struct rotation_file){ (enum rotation_role)role, epoch, 0 }, name);
		if (other[role] && unlinkat(dir->fd, name, 0))
			return failed(dir, name, "remove it: the fleet has another key", why, size);
	}
	fsync(dir->fd);
	if (other[ROTATION_SEALS])
		log_warning("key %" PRId64 ": the server has another one now: tickets made with ours will not be taken",
			    epoch);
	else
		log_info("key %" PRId64 ": got", epoch);
	return look(dir, why, size) ? -1 : 1;
}

static int seal_with(struct keydir *dir, struct rotation_file *file, char *why, size_t size)
{
	char from[ROTATION_NAME_SIZE], to[ROTATION_NAME_SIZE];

	rotation_name(file, from);
	file->role = ROTATION_SEALS;
	rotation_name(file, to);
	if (renameat(dir->fd, from, dir->fd, to))
		return failed(dir, from, "it could not be renamed, so it does not seal yet", why,
			      size);
	fsync(dir->fd);
	log_info("key %" PRId64 ": seals from now on", file->epoch);
	return 0;
}

int keydir_tend(struct keydir *dir, const struct rotation *rotation, int64_t now,
		int64_t reached, char *why, size_t size)
{
	int next = rotation_next(rotation, dir->files, dir->count, now, reached);
	char name[ROTATION_NAME_SIZE];

	if (next >= 0 && seal_with(dir, &dir->files[next], why, size))
		return -1;
	for (size_t i = dir->count; i-- > 0;) {
		if (!rotation_obsolete(rotation, dir->files, dir->count, i, now, reached))
			continue;
		rotation_name(&dir->files[i], name);
		if (unlinkat(dir->fd, name, 0))
			return failed(dir, name, "remove it: its time is over", why, size);
		log_info("key %" PRId64 ": removed", dir->files[i].epoch);
		dir->files[i] = dir->files[--dir->count];
	}
	return 0;
}
