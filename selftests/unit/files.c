// SPDX-License-Identifier: GPL-2.0-or-later
/* helper/files.c: what is read from the file system, and what was handed in. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "files.h"
#include "place.h"
#include "tap.h"

static bool reads(const char *path, const char *text)
{
	FILE *file = files_open(path);
	BIO *bio = files_bio(path);
	char one[64] = "", two[64] = "";
	bool same;

	if (!file || !bio)
		return false;
	same = fread(one, 1, sizeof(one) - 1, file) == strlen(text) && !strcmp(one, text);
	/* 0 or -1 at the end */
	same &= (BIO_read(bio, two, sizeof(two) - 1) > 0) == (*text != 0) && !strcmp(two, text);
	fclose(file);
	BIO_free(bio);
	return same;
}

static bool fails(const char *path, int error)
{
	int got;

	ERR_clear_error();
	errno = 0;
	if (files_open(path))
		return false;
	got = errno;
	return got == error && !files_bio(path) && ERR_GET_REASON(ERR_peek_error()) == error;
}

static bool lists(const char *path, const char *joined)
{
	struct string_list names = { 0 };
	char all[256] = "";
	int ret = files_list(path, &names);

	for (size_t i = 0; i < names.count; i++)
		strcat(strcat(all, names.at[i]), " ");
	string_list_free(&names);
	return !ret && !strcmp(all, joined);
}

static void hand_in(const char *as, const char *name)
{
	if (files_put(as, open(path_of(name), O_RDONLY)))
		abort();
}

static bool is_unmasked(const char *at, const char *masked, size_t len)
{
	size_t i = 0;

	while (i < len && at[i] == (masked[i] ^ 1))
		i++;
	return i == len;
}

/* Whether a text is in memory that malloc() has, or had. */
static bool is_around(const char *masked, size_t len)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	bool found = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "[heap]") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		for (const char *at = (const char *)from; at + len <= (const char *)to && !found; at++)
			found = is_unmasked(at, masked, len);
	}
	if (maps)
		fclose(maps);
	return found;
}

/* A key must not stay in a buffer that was freed. */
static void wiped(void)
{
	char masked[33], text[33], *copy;
	bool seen;
	BIO *bio;
	int fd;

	for (size_t i = 0; i < sizeof(masked); i++) {
		masked[i] = (char)('A' + i * 7 % 50);
		text[i] = masked[i] ^ 1;
	}
	fd = open(path_of("key"), O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || write(fd, text, sizeof(text)) != sizeof(text))
		abort();
	close(fd);
	copy = malloc(sizeof(text));
	if (!copy)
		abort();
	memcpy(copy, text, sizeof(text));
	/* not where another malloc() has other places */
	seen = is_around(masked, sizeof(masked));
	OPENSSL_cleanse(copy, sizeof(text));
	free(copy);
	bio = files_bio(path_of("key"));
	ok(bio && BIO_read(bio, text, 10) == 10, "a part of a key is read");
	BIO_free(bio);
	OPENSSL_cleanse(text, sizeof(text));
	ok(!is_around(masked, sizeof(masked)), "it is nowhere afterwards%s",
	   seen ? "" : " # SKIP the heap is elsewhere");
	remove(path_of("key"));
}

int main(void)
{
	struct string_list names = { 0 };
	int fd;

	if (!mkdtemp(dir))
		return 1;
	write_file("b", "bee");
	write_file("a", "");
	write_file(".c", "sea");
	ok(reads(path_of("b"), "bee") && reads(path_of("a"), ""), "files are read");
	ok(fails(path_of("x"), ENOENT), "one that is not there");
	wiped();
	ok(lists(dir, "a b "), "a directory, sorted, without what is hidden");
	ok(files_list(path_of("x"), &names) == -ENOENT && files_list(path_of("b"), &names) == -ENOTDIR,
	   "none, or no directory");

	files_begin();
	ok(fails(path_of("b"), ENOENT) && lists(dir, ""), "from then on there is nothing else");
	hand_in("/elsewhere/one", "b");
	hand_in("/elsewhere/two", "a");
	hand_in("/elsewhere/deeper/three", "b");
	hand_in("/elsewhere2/four", "b");
	ok(reads("/elsewhere/one", "bee") && reads("/elsewhere/one", "bee"), "what was handed in, twice");
	ok(reads("/elsewhere/two", ""), "an empty one");
	files_put_error("/elsewhere/five", EACCES);
	files_put_error("/closed", EACCES);
	ok(fails("/elsewhere/five", EACCES), "what could not be");
	ok(lists("/elsewhere", "one two five "), "what is in a directory");
	ok(files_list("/closed", &names) == -EACCES, "one that could not be read");
	fd = open(path_of("a"), O_RDONLY);
	ok(!files_put("/elsewhere/one", fd) && fcntl(fd, F_GETFD) < 0 &&
	   !files_put_error("/elsewhere/one", EACCES) && reads("/elsewhere/one", "bee") &&
	   lists("/elsewhere", "one two five "), "what several profiles name is kept once");
	fd = open(path_of("b"), O_RDONLY);
	ok(!files_put("/last", fd) && fcntl(fd, F_GETFD) < 0, "the descriptor is closed");
	fd = open(path_of("big"), O_RDWR | O_CREAT, 0600);
	ok(!ftruncate(fd, FILES_MAX + 1) && files_put("/big", fd) == -EFBIG, "not more than %d bytes",
	   FILES_MAX);
	files_forget();
	ok(fails("/elsewhere/one", ENOENT) && reads(path_of("b"), "bee"), "until all is forgotten");
	remove(path_of("a"));
	remove(path_of("b"));
	remove(path_of(".c"));
	remove(path_of("big"));
	return rmdir(dir) || done_testing();
}
