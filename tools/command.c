// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "command.h"

int fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("kseal: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

int parse_number(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	if (errno || end == text || *end || *value < min || *value > max)
		return -1;
	return 0;
}

static const struct {
	int err;
	const char *text;
} explanations[] = {
	{ ENOPKG, "kseal.ko is not loaded. Load it: modprobe kseal" },
	{ EUNATCH, "no helper is registered in this network namespace. Start kseald" },
	{ EOWNERDEAD, "the helper ended in the middle of the handshake; see its log" },
	{ ENOBUFS, "too many handshakes are under way (module parameter max_handshakes)" },
	{ EEXIST, "the socket has another upper layer protocol already" },
	{ ETIMEDOUT, "timed out" },
	{ ECONNRESET, "the connection was reset, or ended without close_notify" },
	{ EKEYREJECTED, "the certificate or its name did not verify" },
	{ EBADMSG, "a record was not authentic" },
	{ EMSGSIZE, "a record was too long" },
	{ EPROTO, "the peer or the helper refused, or broke the protocol" },
	{ EKEYEXPIRED, "the keys may not be used any longer (RFC 8446 5.5)" },
	{ EDESTADDRREQ, "the server has to have a name" },
};

const char *explain(int err)
{
	size_t i;

	err = abs(err);
	for (i = 0; i < sizeof(explanations) / sizeof(*explanations); i++)
		if (explanations[i].err == err)
			return explanations[i].text;
	return strerror(err);
}
