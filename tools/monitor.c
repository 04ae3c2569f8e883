// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal monitor: a line for each session that opens, fails or is closed. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jansson.h>
#include "command.h"
#include "facts.h"
#include "names.h"
#include "print.h"
#include "session.h"
#include "text.h"

const char monitor_help[] =
	"[--json] [--count N]\n"
	"\n"
	"  -j, --json      a JSON object a line\n"
	"  -n, --count N   ends after so many\n"
	"\n"
	"A line for each session of the network namespace that opens, fails or is closed: when, who, with whom,\n"
	"the name that was asked for, the protocol, who the peer is. It needs CAP_NET_ADMIN.\n";

enum { OPT_HELP = 256 };

struct monitor {
	bool json;
	long left;		/* -1: no end */
};

static const char *event_name(unsigned int event)
{
	switch (event) {
	case KSEAL_EVENT_OPENED: return "opened";
	case KSEAL_EVENT_FAILED: return "failed";
	case KSEAL_EVENT_CLOSED: return "closed";
	default: return NULL;
	}
}

static void now_text(char text[32])
{
	time_t now = time(NULL);
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&now, &tm))
		strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* " name=VALUE", where there is one; what a peer chose stands escaped */
static void print_part(const char *name, const char *value)
{
	char *safe = value && *value ? text_escape(value) : NULL;

	if (safe)
		printf(strchr(safe, ' ') ? " %s=\"%s\"" : " %s=%s", name, safe);
	free(safe);
}

static void print_line(const struct session *s)
{
	char when[32], sent[TEXT_MAX], received[TEXT_MAX], age[TEXT_MAX];

	now_text(when);
	printf("%s %s %" PRIu64 " %s %s %s", when, event_name(s->event) ? event_name(s->event) : "?", s->id,
	       name_role(s->role) ? name_role(s->role) : "-", s->local, s->peer);
	print_part("profile", s->profile);
	print_part("name", s->server_name);
	print_part("alpn", s->alpn);
	print_part("identity", s->identity);
	if (s->version)
		print_part("version", name_version(s->version));
	print_part("suite", s->suite);
	if (s->event == KSEAL_EVENT_CLOSED)
		printf(" sent=\"%s\" received=\"%s\" age=%s", text_bytes(s->tx_bytes, sent),
		       text_bytes(s->rx_bytes, received), text_age(s->age, age));
	if (s->event == KSEAL_EVENT_FAILED) {
		print_part("error", strerrorname_np((int)s->error));
		print_part("reason", s->reason);
	}
	putchar('\n');
}

static void print_json(const struct session *s)
{
	struct print p = { json_object() };
	char when[32];

	now_text(when);
	print_string(&p, "time", "", when);
	print_name(&p, "event", "", event_name(s->event), s->event);
	facts_print(&p, s);
	json_dumpf(p.object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(p.object);
}

static bool on_event(const struct session *s, bool missed, void *data)
{
	struct monitor *m = data;

	if (!s) {
		fputs("watching: a line comes when a session opens, fails or is closed; Ctrl-C ends this\n", stderr);
		return true;
	}
	if (missed)
		fail("events came faster than they were read: some are missing here");
	if (m->json)
		print_json(s);
	else
		print_line(s);
	if (fflush(stdout) || ferror(stdout))
		return false;
	return m->left < 0 || --m->left > 0;
}

int monitor_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "count", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct monitor m = { .left = -1 };
	char error[256];
	int c, err;

	while ((c = getopt_long(argc, argv, "jn:", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			m.json = true;
			break;
		case 'n':
			if (parse_number(optarg, 1, INT32_MAX, &m.left)) {
				fail("--count is a number from 1: '%s'", optarg);
				return command_misuse("monitor");
			}
			break;
		case OPT_HELP:
			return command_help("monitor");
		default:
			return command_misuse("monitor");
		}
	}
	if (optind < argc)
		return command_misuse("monitor");
	err = session_watch(on_event, &m, error, sizeof(error));
	if (err == -EPERM)
		return fail("other programs' sessions are for those with CAP_NET_ADMIN: run this as root");
	return err ? fail("%s", err == -ENOPKG ? explain(err) : error) : STATUS_OK;
}
