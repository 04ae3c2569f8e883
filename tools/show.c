// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal show: the sessions and counters of the kernel. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "command.h"
#include "facts.h"
#include "names.h"
#include "print.h"
#include "rule.h"
#include "session.h"
#include "table.h"
#include "text.h"

const char show_help[] =
	"[--json] [--stats] [ID]\n"
	"\n"
	"  ID            one session, with all that is known of it\n"
	"  -j, --json    JSON: {\"sessions\": [...], \"wraps\": [...], \"stats\": {...}}\n"
	"  -s, --stats   the counters of the network namespace; alone: nothing else\n"
	"\n"
	"Shows the sessions of one's own sockets; all of the network namespace with\n"
	"CAP_NET_ADMIN.\n";

enum { OPT_HELP = 256 };

struct show_options {
	bool json;
	bool stats;
	bool one;
	uint64_t id;
};

static char *name_or_number(const char *name, unsigned int value)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%u", value);
	return strdup(name ? name : text);
}

static char *number(uint64_t value)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return strdup(text);
}

enum {
	COLUMN_ID, COLUMN_STATE, COLUMN_ROLE, COLUMN_LOCAL, COLUMN_PEER, COLUMN_VERSION,
	COLUMN_CIPHER, COLUMN_TX_RECORDS, COLUMN_RX_RECORDS, COLUMN_TX, COLUMN_RX, COLUMN_AGE,
	COLUMN_NAME, COLUMNS,
};

static const struct column columns[COLUMNS] = {
	[COLUMN_ID] = { "ID", true, 0 },
	[COLUMN_STATE] = { "STATE", false, 0 },
	[COLUMN_ROLE] = { "ROLE", false, 5 },
	[COLUMN_LOCAL] = { "LOCAL", false, 9 },
	[COLUMN_PEER] = { "PEER", false, 0 },
	[COLUMN_VERSION] = { "VERSION", false, 4 },
	[COLUMN_CIPHER] = { "CIPHER", false, 6 },
	[COLUMN_TX_RECORDS] = { "TX-REC", true, 2 },
	[COLUMN_RX_RECORDS] = { "RX-REC", true, 3 },
	[COLUMN_TX] = { "TX", true, 10 },
	[COLUMN_RX] = { "RX", true, 11 },
	[COLUMN_AGE] = { "AGE", true, 8 },
	[COLUMN_NAME] = { "NAME", false, 0 },
};

static void fill_row(const struct session *s, char **row)
{
	char text[TEXT_MAX];

	row[COLUMN_ID] = number(s->id);
	row[COLUMN_STATE] = name_or_number(name_state(s->state), s->state);
	row[COLUMN_ROLE] = name_or_number(name_role(s->role), s->role);
	row[COLUMN_LOCAL] = strdup(s->local);
	if (s->state != KSEAL_STATE_LISTEN)
		row[COLUMN_PEER] = strdup(s->peer);
	if (s->version)
		row[COLUMN_VERSION] = name_or_number(name_version(s->version), s->version);
	if (s->suite)
		row[COLUMN_CIPHER] = text_escape(s->suite);
	else if (s->cipher)
		row[COLUMN_CIPHER] = name_or_number(name_cipher(s->cipher), s->cipher);
	row[COLUMN_TX_RECORDS] = number(s->tx_records);
	row[COLUMN_RX_RECORDS] = number(s->rx_records);
	row[COLUMN_TX] = strdup(text_bytes(s->tx_bytes, text));
	row[COLUMN_RX] = strdup(text_bytes(s->rx_bytes, text));
	row[COLUMN_AGE] = strdup(text_age(s->age, text));
	if (s->server_name)
		row[COLUMN_NAME] = text_escape(s->server_name);
}

static void print_table(const struct session_list *list)
{
	char **cells;
	size_t i;

	if (!list->count) {
		puts("no sessions");
		return;
	}
	cells = calloc(list->count, COLUMNS * sizeof(*cells));
	if (!cells)
		return;
	for (i = 0; i < list->count; i++)
		fill_row(&list->at[i], cells + i * COLUMNS);
	table_print(columns, COLUMNS, cells, list->count, table_width());
	for (i = 0; i < list->count * COLUMNS; i++)
		free(cells[i]);
	free(cells);
}

/* ---- rules ---- */

static void print_rules(const struct rule_list *list)
{
	static const struct column rule_columns[] = {
		{ "WRAPPED", false, 0 }, { "PROFILE", false, 0 }, { "LISTENERS", true, 0 },
	};
	char **cells = calloc(list->count, 3 * sizeof(*cells));
	size_t i;

	if (!cells)
		return;
	for (i = 0; i < list->count; i++) {
		cells[3 * i] = strdup(list->at[i].address);
		cells[3 * i + 1] = text_escape(list->at[i].profile ? list->at[i].profile : "");
		cells[3 * i + 2] = number(list->at[i].listeners);
	}
	table_print(rule_columns, 3, cells, list->count, table_width());
	for (i = 0; i < 3 * list->count; i++)
		free(cells[i]);
	free(cells);
}

static json_t *json_rules(const struct rule_list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < list->count; i++)
		json_array_append_new(array, json_pack("{s:s, s:s?, s:I}", "address",
						       list->at[i].address, "profile",
						       list->at[i].profile, "listeners",
						       (json_int_t)list->at[i].listeners));
	return array;
}

/* Rules are for those who may make them; others see none. */
static void show_rules(json_t *root)
{
	struct rule_list list;
	char error[256];

	if (rule_list(&list, error, sizeof(error)))
		return;
	if (root) {
		json_object_set_new(root, "wraps", json_rules(&list));
	} else if (list.count) {
		putchar('\n');
		print_rules(&list);
	}
	rule_list_free(&list);
}

static const struct session *find(const struct session_list *list, uint64_t id)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->at[i].id == id)
			return &list->at[i];
	return NULL;
}

static int show_sessions(const struct show_options *o, json_t *root)
{
	const struct session *only = NULL;
	struct session_list list;
	struct print p = { NULL };
	char error[256];
	json_t *array;
	size_t i;
	int err, status = STATUS_OK;

	err = session_list(&list, error, sizeof(error));
	if (err)
		return fail("%s", err == -ENOPKG ? explain(err) : error);
	if (o->one) {
		only = find(&list, o->id);
		if (!only)
			status = fail("there is no session %" PRIu64 " (or it is not yours)",
				      o->id);
		else if (!root)
			facts_print(&p, only);
	} else if (!root) {
		print_table(&list);
	}
	if (root && !status) {
		array = json_array();
		for (i = 0; i < list.count; i++) {
			if (only && only != &list.at[i])
				continue;
			p.object = json_object();
			facts_print(&p, &list.at[i]);
			json_array_append_new(array, p.object);
		}
		json_object_set_new(root, "sessions", array);
	}
	session_list_free(&list);
	return status;
}

static void print_stat(const char *name, uint64_t value, void *data)
{
	print_number(data, name, name, value);
}

static int show_stats(json_t *root)
{
	struct print p = { root ? json_object() : NULL };
	char error[256];
	int err;

	err = session_stats(print_stat, &p, error, sizeof(error));
	if (err) {
		json_decref(p.object);
		return fail("%s", err == -ENOPKG ? explain(err) : error);
	}
	if (root)
		json_object_set_new(root, "stats", p.object);
	return STATUS_OK;
}

static int show(const struct show_options *o)
{
	json_t *root = o->json ? json_object() : NULL;
	int status = STATUS_OK;

	if (o->one || o->json || !o->stats)
		status = show_sessions(o, root);
	if (!status && !o->one && (o->json || !o->stats))
		show_rules(root);
	if (!status && o->stats)
		status = show_stats(root);
	if (!status && root) {
		json_dumpf(root, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	}
	json_decref(root);
	if (fflush(stdout) || ferror(stdout))
		return fail("stdout: %s", strerror(errno));
	return status;
}

int show_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "stats", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct show_options o = { 0 };
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "js", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			o.json = true;
			break;
		case 's':
			o.stats = true;
			break;
		case OPT_HELP:
			return command_help("show");
		default:
			return command_misuse("show");
		}
	}
	if (optind < argc) {
		errno = 0;
		o.id = strtoull(argv[optind], &end, 10);
		o.one = true;
		if (errno || *end || end == argv[optind] || argv[optind][0] == '-' ||
		    optind + 1 < argc) {
			fail("a session has one number: '%s'", argv[argc - 1]);
			return command_misuse("show");
		}
	}
	return show(&o);
}
