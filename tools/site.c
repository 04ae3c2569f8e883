// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/openat2.h>
#include "condition.h"
#include "listing.h"
#include "mime.h"
#include "range.h"
#include "site.h"

#define INDEX "index.html"
#define RACES_MAX 8

/* A response under way: what all answers share. */
struct answer {
	struct MHD_Connection *connection;
	struct site_request *request;
};

static enum MHD_Result send_response(struct answer *a, unsigned int status,
				     struct MHD_Response *response, uint64_t bytes)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_X_CONTENT_TYPE_OPTIONS, "nosniff");
	a->request->status = status;
	a->request->bytes = strcmp(a->request->method, MHD_HTTP_METHOD_HEAD) ? bytes : 0;
	result = MHD_queue_response(a->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* An answer that says no more than its status. */
static struct MHD_Response *make_short(unsigned int status, uint64_t *bytes)
{
	struct MHD_Response *response;
	char text[128];
	int len;

	len = snprintf(text, sizeof(text), "%u %s\n", status,
		       MHD_get_reason_phrase_for(status));
	*bytes = (uint64_t)len;
	response = MHD_create_response_from_buffer((size_t)len, text, MHD_RESPMEM_MUST_COPY);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					"text/plain; charset=utf-8");
	return response;
}

static enum MHD_Result send_short(struct answer *a, unsigned int status)
{
	uint64_t bytes;
	struct MHD_Response *response = make_short(status, &bytes);

	if (response && status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return send_response(a, status, response, bytes);
}

static enum MHD_Result send_error(struct answer *a, int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return send_short(a, MHD_HTTP_FORBIDDEN);
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
		return send_short(a, MHD_HTTP_SERVICE_UNAVAILABLE);
	case EIO:
		return send_short(a, MHD_HTTP_INTERNAL_SERVER_ERROR);
	default:
		return send_short(a, MHD_HTTP_NOT_FOUND);
	}
}

static void add_validators(struct MHD_Response *response, const struct validators *v)
{
	if (!response)
		return;
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, v->etag);
	if (v->modified[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_LAST_MODIFIED, v->modified);
}

static const char *field(struct answer *a, const char *name)
{
	return MHD_lookup_connection_value(a->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result send_unsatisfiable(struct answer *a, uint64_t size)
{
	struct MHD_Response *response;
	char text[64];
	uint64_t bytes;

	response = make_short(MHD_HTTP_RANGE_NOT_SATISFIABLE, &bytes);
	snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
	return send_response(a, MHD_HTTP_RANGE_NOT_SATISFIABLE, response, bytes);
}

/* Takes fd over. */
static enum MHD_Result send_part(struct answer *a, int fd, uint64_t size, enum range range,
				 uint64_t first, uint64_t length, const char *type,
				 const struct validators *v)
{
	struct MHD_Response *response;
	char text[80];

	/* of a descriptor, so that the body goes by sendfile(2) */
	response = MHD_create_response_from_fd_at_offset64(length, fd, first);
	if (!response) {
		close(fd);
		return MHD_NO;
	}
	add_validators(response, v);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	if (range == RANGE_PART) {
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first,
			 first + length - 1, size);
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
	}
	return send_response(a, range == RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK,
			     response, length);
}

/* Takes fd, a regular file, over. */
static enum MHD_Result send_file(struct answer *a, int fd, const struct stat *st,
				 const char *name)
{
	struct conditions c = {
		.match = field(a, MHD_HTTP_HEADER_IF_MATCH),
		.none_match = field(a, MHD_HTTP_HEADER_IF_NONE_MATCH),
		.modified_since = field(a, MHD_HTTP_HEADER_IF_MODIFIED_SINCE),
		.unmodified_since = field(a, MHD_HTTP_HEADER_IF_UNMODIFIED_SINCE),
		.range = field(a, MHD_HTTP_HEADER_IF_RANGE),
	};
	uint64_t first = 0, length = (uint64_t)st->st_size, size = length;
	enum range range = RANGE_WHOLE;
	struct MHD_Response *response;
	struct validators v;
	unsigned int status;

	condition_validators(st, &v);
	status = condition_check(&c, &v);
	if (status == MHD_HTTP_NOT_MODIFIED) {
		close(fd);
		response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
		add_validators(response, &v);
		return send_response(a, status, response, 0);
	}
	if (status) {
		close(fd);
		return send_short(a, status);
	}
	/* RFC 9110 14.2: ranges are for GET alone */
	if (!strcmp(a->request->method, MHD_HTTP_METHOD_GET) && condition_range(&c, &v))
		range = range_parse(field(a, MHD_HTTP_HEADER_RANGE), size, &first, &length);
	if (range == RANGE_UNSATISFIABLE) {
		close(fd);
		return send_unsatisfiable(a, size);
	}
	return send_part(a, fd, size, range, first, length, mime_type(name), &v);
}

/* Opens a file or directory beneath dir. Returns a descriptor or -errno. */
static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		/* O_NONBLOCK: opening a FIFO must not wait for its writer */
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int i;
	long fd;

	/* EAGAIN: a rename came between the steps of a ".." in a link */
	for (i = 0; i < RACES_MAX; i++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}

/* RFC 9110 15.4.2; the target is made anew, so that "//host" does not lead away. */
static enum MHD_Result send_redirect(struct answer *a, const char *path)
{
	struct MHD_Response *response;
	char *encoded, *location = NULL;
	uint64_t bytes;

	encoded = listing_encode(path);
	if (encoded && asprintf(&location, "/%s/", encoded) < 0)
		location = NULL;
	free(encoded);
	if (!location)
		return MHD_NO;
	response = make_short(MHD_HTTP_MOVED_PERMANENTLY, &bytes);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, location);
	free(location);
	return send_response(a, MHD_HTTP_MOVED_PERMANENTLY, response, bytes);
}

static enum MHD_Result send_listing(struct answer *a, int fd, const char *path)
{
	struct MHD_Response *response;
	size_t length;
	char *page;

	page = listing_page(fd, path, &length);
	if (!page)
		return send_error(a, errno);
	response = MHD_create_response_from_buffer(length, page, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(page);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				"text/html; charset=utf-8");
	return send_response(a, MHD_HTTP_OK, response, length);
}

/* Takes fd over. path has its leading slash. */
static enum MHD_Result send_directory(struct answer *a, int fd, const char *path)
{
	enum MHD_Result result;
	struct stat st;
	int file;

	file = open_beneath(fd, INDEX);
	if (file >= 0 && !fstat(file, &st) && S_ISREG(st.st_mode)) {
		close(fd);
		return send_file(a, file, &st, INDEX);
	}
	if (file >= 0)
		close(file);
	result = send_listing(a, fd, path);
	close(fd);
	return result;
}

/* RFC 9112 3.2.2: a server has to take "https://host/path" for "/path". */
static const char *skip_authority(const char *path)
{
	if (!strncasecmp(path, "http://", 7) || !strncasecmp(path, "https://", 8)) {
		path = strchr(strchr(path, ':') + 3, '/');
		return path ? path : "/";
	}
	return path;
}

/* A component that starts with a dot: "..", ".", or a dot file. */
static bool has_dot(const char *path)
{
	return path[0] == '.' || strstr(path, "/.");
}

enum MHD_Result site_answer(const struct site *site, struct MHD_Connection *connection,
			    struct site_request *request, const char *path)
{
	struct answer a = { .connection = connection, .request = request };
	const char *relative;
	struct stat st;
	int fd, err;

	if (strcmp(request->method, MHD_HTTP_METHOD_GET) &&
	    strcmp(request->method, MHD_HTTP_METHOD_HEAD))
		return send_short(&a, MHD_HTTP_METHOD_NOT_ALLOWED);
	path = skip_authority(path);
	/* the decoded path would end there and name another file */
	if (path[0] != '/' || strstr(request->target, "%00"))
		return send_short(&a, MHD_HTTP_BAD_REQUEST);
	relative = path + strspn(path, "/");
	if (has_dot(relative))
		return send_short(&a, MHD_HTTP_NOT_FOUND);
	fd = open_beneath(site->dir, *relative ? relative : ".");
	if (fd < 0)
		return send_error(&a, -fd);
	err = fstat(fd, &st) ? errno : 0;
	if (!err && S_ISREG(st.st_mode))
		return send_file(&a, fd, &st, relative);
	if (!err && S_ISDIR(st.st_mode) && path[strlen(path) - 1] == '/')
		return send_directory(&a, fd, path);
	close(fd);
	if (!err && S_ISDIR(st.st_mode))
		return send_redirect(&a, relative);
	return send_error(&a, err ? err : ENOENT);
}
