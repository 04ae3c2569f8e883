// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include "address.h"
#include "command.h"

#define PORT_MAX 65535

int address_text(const struct sockaddr *sa, socklen_t len, char *text, size_t size)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	struct sockaddr_in four = { .sin_family = AF_INET };
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (sa->sa_family == AF_INET6 && len >= sizeof(*six) &&
	    IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		memcpy(&four.sin_addr, &six->sin6_addr.s6_addr[12], sizeof(four.sin_addr));
		four.sin_port = six->sin6_port;
		sa = (const struct sockaddr *)&four;
		len = sizeof(four);
	}
	if (getnameinfo(sa, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return -1;
	if ((size_t)snprintf(text, size, sa->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
			     host, port) >= size)
		return -1;
	return 0;
}

int address_split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');

	if (!colon || !colon[1])
		return -1;
	*port = colon + 1;
	if (text[0] == '[') {
		if (colon[-1] != ']' || colon - text < 3)
			return -1;
		colon[-1] = '\0';
		*host = text + 1;
		return 0;
	}
	*colon = '\0';
	*host = text;
	/* a bare IPv6 address: which colon is the port's is a guess */
	return !*text || strchr(text, ':') ? -1 : 0;
}

bool address_is_port(const char *text, bool any)
{
	const char *c;
	long port;

	/* RFC 6335 5.1: a service's name has a letter */
	for (c = text; *c; c++)
		if (isalpha((unsigned char)*c))
			return true;
	/* what else strtol() would skip or take for a sign is no port */
	return isdigit((unsigned char)*text) && !parse_number(text, any ? 0 : 1, PORT_MAX, &port);
}
