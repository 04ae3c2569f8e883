// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The system's trust anchors; see anchors.h.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include "anchors.h"
#include "log.h"

/* Certificates as openssl-rehash(1) names them: eight digits of the subject's hash, and which
 * of those it is. CRLs have an r.
 */
static int is_hashed(const struct dirent *entry)
{
	const char *number = entry->d_name + 9;

	return strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.' &&
	       *number && !number[strspn(number, "0123456789")];
}

static void warn(const char *path)
{
	if (errno != ENOENT)
		log_warning("%s: %s: the system's authorities in it are not trusted", path,
			    strerror(errno));
}

static void add_directory(X509_STORE *store, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_hashed, alphasort);
	char file[PATH_MAX];

	if (n < 0)
		warn(path);
	for (int i = 0; i < n; i++) {
		if (snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) < (int)sizeof(file))
			(void)X509_STORE_load_file(store, file);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static const char *or_default(const char *variable, const char *otherwise)
{
	const char *value = secure_getenv(variable);

	return value ? value : otherwise;
}

int anchors_of_system(X509_STORE *store)
{
	char *paths = strdup(or_default(X509_get_default_cert_dir_env(),
					X509_get_default_cert_dir()));
	const char *file = or_default(X509_get_default_cert_file_env(),
				      X509_get_default_cert_file());
	char *rest = paths, *path;

	if (!paths)
		return -1;
	if (access(file, R_OK))
		warn(file);
	else
		(void)X509_STORE_load_file(store, file);
	while ((path = strsep(&rest, ":")))
		if (*path)
			add_directory(store, path);
	free(paths);
	ERR_clear_error();
	return 0;
}
