// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "listing.h"
#include "text.h"

static int wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In byte order, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void put_html(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			fputc(*text, f);
		}
	}
}

/* For people: escaped for control characters and what is not UTF-8, then for HTML. */
static void put_text(FILE *f, const char *text)
{
	char *safe = text_escape(text);

	put_html(f, safe ? safe : "?");
	free(safe);
}

static void put_encoded(FILE *f, const char *path)
{
	/* RFC 3986 2.3: unreserved */
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";

	for (; *path; path++) {
		if (strchr(plain, *path))
			fputc(*path, f);
		else
			fprintf(f, "%%%02X", (unsigned char)*path);
	}
}

static void put_entry(FILE *f, int dir, const char *name)
{
	char when[32] = "", size[TEXT_MAX] = "";
	const char *slash = "";
	struct stat st;
	struct tm tm;

	/* through links, for it is their targets that are served */
	if (fstatat(dir, name, &st, 0) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return;
	if (S_ISDIR(st.st_mode))
		slash = "/";
	else
		text_bytes((uint64_t)st.st_size, size);
	if (gmtime_r(&st.st_mtime, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	/* "./": a name with a colon is not a scheme */
	fputs("<tr><td><a href=\"./", f);
	put_encoded(f, name);
	fprintf(f, "%s\">", slash);
	put_text(f, name);
	fprintf(f, "%s</a></td><td>%s</td><td>%s</td></tr>\n", slash, size, when);
}

static void put_page(FILE *f, int dir, const char *path, struct dirent **entries, int n)
{
	int i;

	fputs("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n<title>", f);
	put_text(f, path);
	fputs("</title>\n<style>body{font-family:sans-serif}td{padding:0 2em 0 0}"
	      "td:nth-child(2){text-align:right}</style>\n</head><body>\n<h1>", f);
	put_text(f, path);
	fputs("</h1>\n<table>\n", f);
	if (strcmp(path, "/"))
		fputs("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n", f);
	for (i = 0; i < n; i++)
		put_entry(f, dir, entries[i]->d_name);
	fputs("</table>\n</body></html>\n", f);
}

char *listing_page(int fd, const char *path, size_t *length)
{
	struct dirent **entries;
	char *page = NULL;
	FILE *f;
	int i, n;

	n = scandirat(fd, ".", &entries, wanted, by_name);
	if (n < 0)
		return NULL;
	f = open_memstream(&page, length);
	if (f) {
		put_page(f, fd, path, entries, n);
		if (fclose(f)) {
			free(page);
			page = NULL;
		}
	}
	for (i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return page;
}

char *listing_encode(const char *path)
{
	char *text = NULL;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	if (!f)
		return NULL;
	put_encoded(f, path);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
