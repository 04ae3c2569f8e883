// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <kseal.h>
#include "command.h"
#include "names.h"
#include "story.h"
#include "text.h"

#define END_MARK "== "		/* how kseald begins the end */

/* Of those that kseald has no part in, or cannot tell of. */
static const struct {
	int err;
	const char *what, *advice;
} ends[] = {
	{ ENOPKG, "there is no kseal in this kernel", "load it: modprobe kseal" },
	{ EUNATCH, "there is no kseald to do a handshake",
	  "start it in this network namespace: systemctl start kseald, or kseald --ca FILE" },
	{ EOWNERDEAD, "kseald ended in the middle of it",
	  "its log may say why (journalctl -u kseald); start it and try again" },
	{ ENOBUFS, "too many handshakes at once",
	  "try again, or raise the module parameter max_handshakes" },
	{ ETIMEDOUT, "it took too long", "see whose turn it was; is it TLS that is spoken at this port?" },
	{ EAGAIN, "it took longer than --timeout allows",
	  "see whose turn it was; is it TLS that is spoken at this port?" },
	{ ECONNRESET, "the peer closed the connection",
	  "is it TLS that is spoken at this port? The peer's log may say why it did" },
	{ EINVAL, "refused by kseald", "see --profile and --name, and the profiles in kseald.conf" },
	{ EPROTO, "refused by this end", "is it TLS that is spoken at this port?" },
	{ EMSGSIZE, "refused by this end", "is it TLS that is spoken at this port?" },
};

static void fact(const char *label, const char *value)
{
	fprintf(stderr, "     %-14s%s\n", label, value);
}

/* The last message that was sent or received, by its name: where the story stopped. */
static void last_step(const char *text)
{
	const char *at, *last = NULL;
	char step[80];

	for (at = text; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
		if (!strncmp(at, "-> ", 3) || !strncmp(at, "<- ", 3))
			last = at;
	if (!last)
		return;
	/* names have single spaces in them, columns are further apart */
	for (at = last + 3; *at && *at != '\n' && strncmp(at, "  ", 2); at++)
		;
	snprintf(step, sizeof(step), "%.*s, %s", (int)(at - last - 3), last + 3,
		 *last == '-' ? "sent" : "received");
	fact("last step", step);
}

/* reason: the kernel's; NULL: it has none. alert: that the kernel sent by itself, or 0. */
static void print_end(int err, const char *reason, unsigned int alert, const char *text)
{
	const char *what = "refused by this end", *advice = NULL;
	const char *name = strerrorname_np(abs(err)), *alert_name = name_alert(alert);
	char line[64];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (ends[i].err == abs(err)) {
			what = ends[i].what;
			advice = ends[i].advice;
		}
	fprintf(stderr, END_MARK "failed: %s\n", what);
	if (reason)
		fact("why", reason);
	last_step(text);
	snprintf(line, sizeof(line), "%s (%u), sent", alert_name ? alert_name : "unknown", alert);
	if (alert)
		fact("alert", line);
	fact("errno", name ? name : "unknown");
	if (advice)
		fact("what to do", advice);
}

void story_end(int err)
{
	print_end(err, NULL, 0, "");
}

void story_print(int fd, int err)
{
	char text[KSEAL_EXPLAIN_MAX + 1], reason[KSEAL_REASON_MAX + 1];
	struct kseal_info info;
	char *safe = NULL;

	if (kseal_explanation(fd, text, sizeof(text)))
		text[0] = '\0';
	if (text[0])
		fprintf(stderr, "kseal: the handshake, step by step (-> sent, <- received):\n%s", text);
	if (!err || strstr(text, "\n" END_MARK))
		return;
	if (kseal_info(fd, &info))
		info.alert = 0;
	if (!kseal_reason(fd, reason, sizeof(reason)) && reason[0])
		safe = text_escape(reason);
	print_end(err, safe, info.alert, text);
	free(safe);
}
