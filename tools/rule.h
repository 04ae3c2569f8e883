/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that wrap listeners: KSEAL_CMD_WRAP and its like, in linux/kseal.h. */
#ifndef RULE_H
#define RULE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "session.h"

struct rule_address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	bool any;		/* the port of every address */
};

struct rule {
	char address[ADDRESS_MAX];	/* "1.2.3.4:80", "*:80" */
	char *profile;
	uint32_t listeners;
};

struct rule_list {
	struct rule *at;
	size_t count;
};

/* How a rule is added, one or more. */
enum rule_how {
	RULE_AHEAD = 1 << 0,	/* whether somebody listens there or not */
	RULE_NEW = 1 << 1,	/* none is replaced */
};

/*
 * Each returns 0 or -errno as linux/kseal.h lists them, -ENOPKG the module is not loaded, with the
 * kernel's sentence in error.
 */
int rule_add(const struct rule_address *address, const char *profile, unsigned int how,
	     char *error, size_t size);
int rule_remove(const struct rule_address *address, char *error, size_t size);
int rule_list(struct rule_list *list, char *error, size_t size);
void rule_list_free(struct rule_list *list);

/* As struct rule has it. */
void rule_address_text(const struct rule_address *address, char text[ADDRESS_MAX]);

#endif
