// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files that the configuration names; see files.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "files.h"

struct file {
	char *path;
	uint8_t *bytes;		/* one more than len */
	size_t len;
	int error;		/* 0: it is there */
};

static struct {
	bool used;
	struct file *at;
	size_t count;
} handed_in;

/* ---- what was handed in ---- */

void files_begin(void)
{
	files_forget();
	handed_in.used = true;
}

static const struct file *entry(const char *path)
{
	for (size_t i = 0; i < handed_in.count; i++)
		if (!strcmp(handed_in.at[i].path, path))
			return &handed_in.at[i];
	return NULL;
}

static struct file *add(const char *path)
{
	struct file *at = reallocarray(handed_in.at, handed_in.count + 1, sizeof(*at));

	if (!at)
		return NULL;
	handed_in.at = at;
	at += handed_in.count;
	memset(at, 0, sizeof(*at));
	at->path = strdup(path);
	if (!at->path)
		return NULL;
	handed_in.count++;
	return at;
}

static int read_all(struct file *file, int fd, size_t size)
{
	ssize_t n;

	file->bytes = malloc(size + 1);
	if (!file->bytes)
		return -ENOMEM;
	/* it may have become shorter */
	while (file->len < size &&
	       (n = pread(fd, file->bytes + file->len, size - file->len, (off_t)file->len)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		file->len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int files_put(const char *path, int fd)
{
	/* several profiles may name it: once is enough, and all have the same then */
	bool known = entry(path);
	struct file *file = known ? NULL : add(path);
	struct stat st;
	int ret = known ? 0 : -ENOMEM;

	if (file && fstat(fd, &st))
		ret = -errno;
	else if (file && st.st_size > FILES_MAX)
		ret = -EFBIG;
	else if (file)
		ret = read_all(file, fd, (size_t)st.st_size);
	close(fd);
	return ret;
}

int files_put_error(const char *path, int error)
{
	struct file *file;

	if (entry(path))
		return 0;
	file = add(path);
	if (!file)
		return -ENOMEM;
	file->error = error;
	return 0;
}

void files_forget(void)
{
	while (handed_in.count) {
		struct file *file = &handed_in.at[--handed_in.count];

		if (file->bytes)
			OPENSSL_cleanse(file->bytes, file->len);
		free(file->bytes);
		free(file->path);
	}
	free(handed_in.at);
	memset(&handed_in, 0, sizeof(handed_in));
}

/* NULL: errno */
static const struct file *find(const char *path)
{
	const struct file *file = entry(path);

	errno = file ? file->error : ENOENT;
	return errno ? NULL : file;
}

/* ---- reading ---- */

FILE *files_open(const char *path)
{
	const struct file *file;

	if (!handed_in.used)
		return fopen(path, "re");
	file = find(path);
	if (!file)
		return NULL;
	/* fmemopen() has no empty ones */
	return file->len ? fmemopen(file->bytes, file->len, "r") : fopen("/dev/null", "re");
}

/* It may be a key: in memory that is wiped, and in no buffer of stdio's. */
static BIO *read_bio(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	BIO *bio = fd < 0 ? NULL : BIO_new(BIO_s_secmem());
	char part[4096];
	ssize_t len = 0;

	if (bio)
		BIO_set_mem_eof_return(bio, 0);
	while (bio && (len = read(fd, part, sizeof(part))) > 0)
		if (BIO_write(bio, part, (int)len) != len) {
			len = -1;
			errno = ENOMEM;
			break;
		}
	error = errno;
	OPENSSL_cleanse(part, sizeof(part));
	if (fd >= 0)
		close(fd);
	if (bio && !len)
		return bio;
	BIO_free(bio);
	ERR_raise(ERR_LIB_SYS, error);
	return NULL;
}

BIO *files_bio(const char *path)
{
	const struct file *file;

	if (!handed_in.used)
		return read_bio(path);
	file = find(path);
	if (file)
		return BIO_new_mem_buf(file->bytes, (int)file->len);
	ERR_raise(ERR_LIB_SYS, errno);
	return NULL;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int list_directory(const char *path, struct string_list *names)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_visible, alphasort), ret = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		ret = ret ?: string_list_add(names, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

/* The opener listed it with list_directory(): they are in order. */
int files_list(const char *path, struct string_list *names)
{
	const struct file *itself = entry(path);
	size_t len = strlen(path);
	int ret = itself ? -itself->error : 0;

	if (!handed_in.used)
		return list_directory(path, names);
	for (size_t i = 0; i < handed_in.count && !ret; i++) {
		const char *other = handed_in.at[i].path;

		if (!strncmp(other, path, len) && other[len] == '/' && !strchr(other + len + 1, '/'))
			ret = string_list_add(names, other + len + 1);
	}
	return ret;
}
