// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal bench: kseal, mainline's kernel TLS and others, measured in turns. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/kseal.h>
#include "bench/compare.h"
#include "bench/json.h"
#include "bench/page.h"
#include "bench/plot.h"
#include "bench/report.h"
#include "bench/run.h"
#include "bench/watch.h"
#include "command.h"

const char bench_help[] =
	"[OPTION...]\n"
	"       kseal bench --read FILE [--html PAGE]\n"
	"       kseal bench --compare A B\n"
	"\n"
	"  --stack LIST        kseal, tls (mainline's), tcp, openssl, stunnel\n"
	"                      (default: all that are there; in User Mode Linux the first three)\n"
	"  --workload LIST     sendfile, send, latency, setup, memory, sessions (default: all)\n"
	"  --record LIST       bytes in a record, 64 to 16384\n"
	"  --cipher LIST       aes128, aes256\n"
	"  --version LIST      1.2, 1.3\n"
	"  --connections LIST  connections, or sessions, at once\n"
	"  --rounds N          samples of each stack in each case (default: 13)\n"
	"  --seconds S         length of a sample (default: 0.25)\n"
	"  --cpu N             the CPU to run on (default: the last one)\n"
	"  --quick             a few cases, short samples: to see that it works\n"
	"  --json FILE         write all of it, every sample\n"
	"  --html PAGE         write a page with plots (needs gnuplot)\n"
	"  --list              show what would be measured\n"
	"  --read FILE         show what an earlier run wrote with --json\n"
	"  --compare           compare two files that --json wrote\n"
	"  --emulated          measure even where the CPU is imitated by software\n"
	"\n"
	"Without --record, --cipher, --version and --connections a plan that looks at all of\n"
	"them; with any of them all combinations of what they name.\n";

enum {
	OPT_HELP = 256, OPT_STACK, OPT_WORKLOAD, OPT_RECORD, OPT_CIPHER, OPT_VERSION,
	OPT_CONNECTIONS, OPT_ROUNDS, OPT_SECONDS, OPT_CPU, OPT_QUICK, OPT_JSON, OPT_HTML,
	OPT_LIST, OPT_READ, OPT_COMPARE, OPT_EMULATED,
};

#define ROUNDS 13
#define ROUNDS_MAX 100
#define SECONDS 0.25
#define SECONDS_MAX 60
#define WARM_UP_PART 0.25
#define CONNECTIONS_MAX 20000
#define LIST_MAX 256

struct bench_options {
	struct wish wish;
	bool asked[STACKS], stacks_named, list, compare, emulated;
	long rounds, cpu;
	double seconds;
	const char *json, *html, *read;
};

/* ---- lists ---- */

/* A word's value, or -1. */
typedef long word_value(const char *word);

static long record_value(const char *word)
{
	long value;

	return parse_number(word, KSEAL_RECORD_MIN + 1, RECORD_FULL, &value) ? -1 : value;
}

static long connections_value(const char *word)
{
	long value;

	return parse_number(word, 1, CONNECTIONS_MAX, &value) ? -1 : value;
}

static long cipher_value(const char *word)
{
	return !strcmp(word, "aes128") ? KSEAL_CIPHER_AES_GCM_128 :
	       !strcmp(word, "aes256") ? KSEAL_CIPHER_AES_GCM_256 : -1;
}

static long version_value(const char *word)
{
	return !strcmp(word, "1.2") ? KSEAL_VERSION_1_2 :
	       !strcmp(word, "1.3") ? KSEAL_VERSION_1_3 : -1;
}

static long workload_value(const char *word)
{
	return workload_find(word);
}

static long stack_value(const char *word)
{
	return stack_find(word);
}

/* "a,b,c" into values. Returns 0, or -1 after a message. */
static int parse_list(const char *option, const char *text, word_value *value, struct axis *axis)
{
	char copy[LIST_MAX], *word, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	axis->count = 0;
	while ((word = strsep(&rest, ","))) {
		if (axis->count == AXIS_MAX) {
			fail("--%s takes at most %d values", option, AXIS_MAX);
			return -1;
		}
		axis->at[axis->count] = value(word);
		if (axis->at[axis->count++] < 0) {
			fail("--%s does not know '%s'", option, word);
			return -1;
		}
	}
	return 0;
}

static int parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	if (end != text && !*end && *seconds >= 0.01 && *seconds <= SECONDS_MAX)
		return 0;
	fail("--seconds takes 0.01 to %d, not '%s'", SECONDS_MAX, text);
	return -1;
}

static int parse_count(const char *option, const char *text, long max, long *value)
{
	if (!parse_number(text, option[0] == 'r', max, value))
		return 0;
	fail("--%s takes a number up to %ld, not '%s'", option, max, text);
	return -1;
}

static int parse_stacks(const char *text, struct bench_options *o)
{
	struct axis named;
	size_t i;

	if (parse_list("stack", text, stack_value, &named))
		return -1;
	for (i = 0; i < named.count; i++)
		o->asked[named.at[i]] = true;
	o->stacks_named = true;
	return 0;
}

/* ---- what to do ---- */

static int show_plan(const struct plan *plan, const struct bench *b, const bool asked[STACKS])
{
	char name[CASE_NAME_MAX];
	size_t i;

	for (i = 0; i < plan->count; i++)
		puts(case_name(&plan->at[i], name));
	printf("%zu cases, about %.0f s\n", plan->count, bench_estimate(b, plan, asked));
	return STATUS_OK;
}

/* Where system calls cost what they do in User Mode Linux, TLS in user space looks worse than it is. */
static void choose_stacks(struct bench_options *o, const struct machine *m)
{
	int id;

	for (id = 0; id < STACKS && !o->stacks_named; id++)
		o->asked[id] = stacks[id]->in_kernel || m->kind != MACHINE_UML;
}

static int refuse_emulated(void)
{
	return fail("this CPU is imitated by software (QEMU without KVM): what would be measured is the "
		    "imitation, so there are no figures from it. Run this on a real machine, in a "
		    "virtual machine with KVM, or by make bench in User Mode Linux. --emulated insists; "
		    "its figures are worth nothing");
}

/* Whoever leaves kseal in wants it measured. */
static int check_kseal(const struct bench_options *o, const struct plan *plan)
{
	char why[WHY_MAX];

	if (!o->asked[STACK_KSEAL] || !stack_kseal.ready(&plan->at[0], why))
		return STATUS_OK;
	return fail("%s. (Without kseal: --stack tls,tcp)", why);
}

/* Before ten minutes are spent on what cannot be written. Returns 0, or STATUS_FAILED after a message. */
static int check_files(const struct bench_options *o)
{
	const char *const paths[] = { o->json, o->html };
	size_t i;
	FILE *f;

	for (i = 0; i < 2; i++) {
		if (!paths[i])
			continue;
		f = fopen(paths[i], "a");
		if (!f)
			return fail("%s: %s", paths[i], strerror(errno));
		fclose(f);
	}
	return STATUS_OK;
}

static int write_files(const struct bench *b, const struct bench_options *o)
{
	int status = STATUS_OK;

	if (o->json)
		status = bench_save(b, o->json);
	if (o->html && !status)
		status = page_write(b, o->html);
	return status;
}

static int measure(const struct bench_options *o, const struct plan *plan, struct bench *b)
{
	int cpu, status = check_kseal(o, plan);

	if (!status)
		status = check_files(o);
	if (status)
		return status;
	if (b->machine.kind == MACHINE_EMULATED && !o->emulated)
		return refuse_emulated();
	cpu = watch_pin((int)o->cpu);
	if (cpu < 0)
		return fail("cannot run on CPU %ld: %s", o->cpu, strerror(-cpu));
	b->machine.pinned = cpu;
	signal(SIGPIPE, SIG_IGN);
	if (bench_run(b, plan, o->asked))
		return fail("out of memory");
	report_print(b);
	status = write_files(b, o);
	return bench_failures(b) ? STATUS_FAILED : status;
}

static int run(struct bench_options *o)
{
	struct bench b = {
		.rounds = o->rounds, .seconds = o->seconds, .quick = o->wish.quick,
		.warm_up = WARM_UP_PART * o->seconds,
	};
	struct plan plan;
	int status;

	if (plan_make(&o->wish, &plan))
		return fail("out of memory");
	machine_read(&b.machine);
	choose_stacks(o, &b.machine);
	status = o->list ? show_plan(&plan, &b, o->asked) : measure(o, &plan, &b);
	plan_free(&plan);
	bench_free(&b);
	return status;
}

static int read_back(const struct bench_options *o)
{
	struct bench b;
	int status = bench_load(&b, o->read);

	if (status)
		return status;
	report_print(&b);
	if (o->html)
		status = page_write(&b, o->html);
	bench_free(&b);
	return status;
}

static int compare(char **paths)
{
	struct bench a, b;
	int status = bench_load(&a, paths[0]);

	if (status)
		return status;
	status = bench_load(&b, paths[1]);
	if (!status) {
		compare_print(&a, &b);
		bench_free(&b);
	}
	bench_free(&a);
	return status;
}

static int parse_option(int c, struct bench_options *o)
{
	struct wish *w = &o->wish;

	switch (c) {
	case OPT_STACK:
		return parse_stacks(optarg, o);
	case OPT_WORKLOAD:
		return parse_list("workload", optarg, workload_value, &w->workload);
	case OPT_RECORD:
		return parse_list("record", optarg, record_value, &w->record);
	case OPT_CIPHER:
		return parse_list("cipher", optarg, cipher_value, &w->cipher);
	case OPT_VERSION:
		return parse_list("version", optarg, version_value, &w->version);
	case OPT_CONNECTIONS:
		return parse_list("connections", optarg, connections_value, &w->connections);
	case OPT_ROUNDS:
		return parse_count("rounds", optarg, ROUNDS_MAX, &o->rounds);
	case OPT_CPU:
		return parse_count("cpu", optarg, 4096, &o->cpu);
	case OPT_SECONDS:
		return parse_seconds(optarg, &o->seconds);
	case OPT_QUICK:
		w->quick = true;
		return 0;
	case OPT_JSON:
		o->json = optarg;
		return 0;
	case OPT_HTML:
		o->html = optarg;
		return 0;
	case OPT_LIST:
		o->list = true;
		return 0;
	case OPT_READ:
		o->read = optarg;
		return 0;
	case OPT_COMPARE:
		o->compare = true;
		return 0;
	case OPT_EMULATED:
		o->emulated = true;
		return 0;
	default:
		return -1;
	}
}

int bench_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "stack", required_argument, NULL, OPT_STACK },
		{ "workload", required_argument, NULL, OPT_WORKLOAD },
		{ "record", required_argument, NULL, OPT_RECORD },
		{ "cipher", required_argument, NULL, OPT_CIPHER },
		{ "version", required_argument, NULL, OPT_VERSION },
		{ "connections", required_argument, NULL, OPT_CONNECTIONS },
		{ "rounds", required_argument, NULL, OPT_ROUNDS },
		{ "seconds", required_argument, NULL, OPT_SECONDS },
		{ "cpu", required_argument, NULL, OPT_CPU },
		{ "quick", no_argument, NULL, OPT_QUICK },
		{ "json", required_argument, NULL, OPT_JSON },
		{ "html", required_argument, NULL, OPT_HTML },
		{ "list", no_argument, NULL, OPT_LIST },
		{ "read", required_argument, NULL, OPT_READ },
		{ "compare", no_argument, NULL, OPT_COMPARE },
		{ "emulated", no_argument, NULL, OPT_EMULATED },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct bench_options o = { .rounds = 0, .cpu = -1 };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return command_help("bench");
		if (parse_option(c, &o))
			return command_misuse("bench");
	}
	if (!o.rounds)
		o.rounds = o.wish.quick ? 3 : ROUNDS;
	if (!(o.seconds > 0))
		o.seconds = o.wish.quick ? 0.05 : SECONDS;
	if (argc - optind != (o.compare ? 2 : 0)) {
		fail(o.compare ? "--compare takes two files" : "what is '%s'?", argv[optind]);
		return command_misuse("bench");
	}
	if (o.compare)
		return compare(argv + optind);
	if (o.html && !o.list && plot_ready())
		return STATUS_FAILED;
	return o.read ? read_back(&o) : run(&o);
}
