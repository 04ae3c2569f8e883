// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "command.h"
#include "program.h"

#define LIBRARY		"libkseal-preload.so"
#define INTERPRETERS	4	/* a script's, whose interpreter is a script, … */
#define GO_BUILD_ID	4	/* type of the note that Go's linker writes */

#ifndef PRELOAD_DIR
#define PRELOAD_DIR	"/usr/local/lib/kseal"
#endif

enum {
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

/* ---- where it is ---- */

static bool in_path(const char *command, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");
	size_t len;

	if (strchr(command, '/')) {
		snprintf(path, PATH_MAX, "%s", command);
		return !access(path, F_OK);
	}
	for (dirs = dirs ? dirs : "/usr/bin:/bin"; *dirs; dirs += len + (dirs[len] == ':')) {
		len = strcspn(dirs, ":");
		snprintf(path, PATH_MAX, "%.*s/%s", (int)len, dirs, command);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* "#!/path argument" → /path. Returns whether it is a script. */
static bool follow_script(int fd, char path[PATH_MAX])
{
	char line[PATH_MAX];
	ssize_t len = pread(fd, line, sizeof(line) - 1, 0);
	char *start;

	if (len < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[len] = '\0';
	start = line + 2 + strspn(line + 2, " \t");
	start[strcspn(start, " \t\n")] = '\0';
	/* env finds its own way; the library follows */
	snprintf(path, PATH_MAX, "%s", start);
	return true;
}

/* ---- what it is ---- */

static bool has_go_note(Elf *elf, const GElf_Phdr *segment)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz,
					      ELF_T_NHDR);
	size_t at = 0, name, value;
	GElf_Nhdr note;

	while (data && (at = gelf_getnote(data, at, &note, &name, &value)) > 0)
		if (note.n_type == GO_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp((const char *)data->d_buf + name, "Go", 3))
			return true;
	return false;
}

/* Returns why the library does not reach it, or NULL. */
static const char *beyond_reach(int fd)
{
	const char *why = "is static, so that no library can be put before it";
	Elf *elf;
	size_t i, n = 0;
	GElf_Phdr segment;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return "could not be read";
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &n)) {
		elf_end(elf);
		return "is no program that this machine runs";
	}
	for (i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_INTERP)
			why = NULL;
	for (i = 0; i < n && !why; i++)
		if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_NOTE &&
		    has_go_note(elf, &segment))
			why = "is a Go program, which does not call the C library";
	elf_end(elf);
	return why;
}

/* ld.so(8), secure-execution mode: LD_PRELOAD is not looked at. */
static bool changes_rights(int fd, const struct stat *st)
{
	if (st->st_mode & S_ISUID && st->st_uid != geteuid())
		return true;
	/* without the group's x it is no set-group-ID program (inode(7)) */
	if (st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getegid())
		return true;
	/* capabilities(7): root has them anyhow */
	return getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static int look_at(int fd, const char *path)
{
	const char *why = NULL;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		why = "is no file";
	else if (changes_rights(fd, &st))
		why = "runs with other rights than yours, so that no library is put before it";
	else
		why = beyond_reach(fd);
	if (!why)
		return STATUS_OK;
	fail("%s %s: nothing was started", path, why);
	return STATUS_NOT_EXECUTABLE;
}

int program_check(const char *command)
{
	char path[PATH_MAX];
	int fd, status, tries;

	if (!in_path(command, path)) {
		fail("%s: %s", command, strerror(ENOENT));
		return STATUS_NOT_FOUND;
	}
	for (tries = 0; tries < INTERPRETERS; tries++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			fail("%s: %s", path, strerror(errno));
			return STATUS_NOT_EXECUTABLE;
		}
		if (!follow_script(fd, path)) {
			status = look_at(fd, path);
			close(fd);
			return status;
		}
		close(fd);
	}
	fail("%s: too many interpreters", command);
	return STATUS_NOT_EXECUTABLE;
}

/* ---- the library ---- */

static bool find_library(char path[PATH_MAX])
{
	char self[PATH_MAX - 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	/* beside the command, where it was built */
	if (len > 0) {
		self[len] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		snprintf(path, PATH_MAX, "%s/preload/" LIBRARY, self);
		if (!access(path, R_OK))
			return true;
	}
	snprintf(path, PATH_MAX, "%s", PRELOAD_DIR "/" LIBRARY);
	return !access(path, R_OK);
}

int program_preload(void)
{
	const char *others = getenv("LD_PRELOAD");
	char path[PATH_MAX];
	char *all;

	if (!find_library(path))
		return fail("%s is not there: was kseal installed by hand? make install puts it "
			    "where it belongs", path);
	if (asprintf(&all, "%s%s%s", path, others && *others ? ":" : "",
		     others && *others ? others : "") < 0 || setenv("LD_PRELOAD", all, 1))
		return fail("%s", strerror(ENOMEM));
	free(all);
	return STATUS_OK;
}
