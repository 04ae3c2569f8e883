/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory as a web site: each request finds a file and what of it to send. */
#ifndef SITE_H
#define SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <microhttpd.h>

struct site {
	int dir;		/* nothing outside of it is ever opened */
};

/* One request on its way; what the access log tells of it. */
struct site_request {
	char *target;		/* as it came, encoded */
	char *method;
	bool begun;
	unsigned int status;
	uint64_t bytes;		/* of the body */
};

/* Answers GET and HEAD for path, which is decoded. */
enum MHD_Result site_answer(const struct site *site, struct MHD_Connection *connection,
			    struct site_request *request, const char *path);

#endif
