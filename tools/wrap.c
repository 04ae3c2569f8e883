// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal wrap: TLS for the connections of a program that knows nothing of it. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <kseal.h>
#include "command.h"
#include "helper.h"
#include "listening.h"
#include "preload/rules.h"
#include "program.h"
#include "target.h"
#include "trial.h"

const char wrap_help[] =
	"[--profile P] [--ahead] PORT|ADDR:PORT|PID:FD\n"
	"       kseal wrap [--profile P] [PORT|ADDR:PORT] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"  PORT            whoever listens on it, whatever the address; also *:PORT\n"
	"  ADDR:PORT       whoever is bound to this address: 0.0.0.0:80, [::]:80, 192.0.2.1:80\n"
	"  PID:FD          one listening descriptor of one process, and no other\n"
	"  -p, --profile P the helper's profile (default: default)\n"
	"  -a, --ahead     nobody needs to listen there yet\n"
	"  -- COMMAND      runs it, wrapped from its first connection on, until it ends;\n"
	"                  without an address all that it listens on, by a library before its\n"
	"                  own, so that it may not be static; that needs no rights\n"
	"\n"
	"Every later connection is TLS; those that wait to be accepted are reset. A rule\n"
	"for a port or an address stays until kseal unwrap: it holds for listeners that\n"
	"come later, too. It needs CAP_NET_ADMIN; PID:FD the right to trace the process.\n";

enum { OPT_HELP = 256 };

struct wrap_options {
	const char *profile;
	bool ahead;
	char **command;		/* NULL: none */
};

/* ---- before ---- */

/* A rule for a server that cannot serve would be an outage. */
static int check_profile(const char *profile)
{
	char reason[KSEAL_REASON_MAX + 1];
	int err = helper_await(HELPER_PATIENCE_MS);

	if (!err)
		err = trial_server(profile, reason, sizeof(reason));
	else
		reason[0] = '\0';
	if (err == -EINVAL && reason[0])
		return fail("profile '%s' does not do for a server: %s", profile, reason);
	if (err)
		return fail("nothing was wrapped: %s", reason[0] ? reason : explain(err));
	return STATUS_OK;
}

/* ---- a descriptor ---- */

static int wrap_descriptor(const struct target *target, const char *profile)
{
	int fd = target_open(target), err;

	if (fd < 0)
		return STATUS_FAILED;
	err = kseal_server(fd, profile);
	/* it was unwrapped perhaps; the profile stays what it was */
	if (err == -EALREADY && !kseal_pass(fd, false)) {
		close(fd);
		printf("descriptor %d of process %d is wrapped, with the profile that it had\n",
		       target->number, (int)target->pid);
		return STATUS_OK;
	}
	close(fd);
	if (err == -EEXIST)
		return fail("descriptor %d of process %d has another upper layer protocol",
			    target->number, (int)target->pid);
	if (err)
		return fail("descriptor %d of process %d: %s", target->number, (int)target->pid,
			    explain(err));
	printf("descriptor %d of process %d is wrapped, profile %s, until it is closed\n",
	       target->number, (int)target->pid, profile);
	return STATUS_OK;
}

/* ---- a rule ---- */

static unsigned int count_listeners(const char *address)
{
	struct rule_list list;
	unsigned int count = 0;
	char error[256];
	size_t i;

	if (rule_list(&list, error, sizeof(error)))
		return 0;
	for (i = 0; i < list.count; i++)
		if (!strcmp(list.at[i].address, address))
			count = list.at[i].listeners;
	rule_list_free(&list);
	return count;
}

static int explain_rule(const struct target *target, int err, const char *error)
{
	char address[ADDRESS_MAX], others[256];

	rule_address_text(&target->address, address);
	switch (err) {
	case -ENOENT:
		listening_text(ntohs(target->address.in.sin_port), others, sizeof(others));
		return fail("nobody listens on %s%s%s: start the program first, or wrap it --ahead",
			    address, others[0] ? ", but on " : "", others);
	case -EOPNOTSUPP:
		return fail("%s: %s. Have the program use TCP (Go: GODEBUG=multipathtcp=0)",
			    address, error);
	case -EEXIST:
		return fail("a rule for %s is there already, and stays when the command ends: start the command by "
			    "itself, or kseal unwrap %s first", address, address);
	case -EAGAIN:
		return fail("%s: %s, and was for five seconds: nothing has changed, try again", address, error);
	case -EPERM:
		return fail("a rule needs CAP_NET_ADMIN in this network namespace: run this as "
			    "root. For a program of your own: kseal wrap PID:FD");
	case -ENOPKG:
		return fail("%s", explain(err));
	default:
		return fail("%s: %s", address, error);
	}
}

static int add_rule(const struct target *target, const struct wrap_options *o, unsigned int how)
{
	char error[256];
	int err = rule_add(&target->address, o->profile, how, error, sizeof(error));

	return err ? explain_rule(target, err, error) : STATUS_OK;
}

static int wrap_address(const struct target *target, const struct wrap_options *o)
{
	char address[ADDRESS_MAX];
	int status = add_rule(target, o, o->ahead ? RULE_AHEAD : 0);
	unsigned int count;

	if (status)
		return status;
	rule_address_text(&target->address, address);
	count = count_listeners(address);
	printf("%s is wrapped, profile %s: %u listener%s now, and every later one\n", address,
	       o->profile, count, count == 1 ? "" : "s");
	return STATUS_OK;
}

/* ---- a command ---- */

static pid_t child;

static void pass_on(int number)
{
	if (child > 0)
		kill(child, number);
}

static int wait_for_child(void)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail("the command was lost: %s", strerror(errno));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_command(char **command)
{
	static const int numbers[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
	const struct sigaction action = { .sa_handler = pass_on };
	sigset_t blocked, before;
	size_t i;

	/* none is lost between fork() and knowing whom it goes to */
	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	fflush(NULL);
	child = fork();
	if (!child) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execvp(command[0], command);
		fail("%s: %s", command[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaction(numbers[i], &action, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return child < 0 ? fail("fork: %s", strerror(errno)) : wait_for_child();
}

static int wrap_command(const struct target *target, const struct wrap_options *o)
{
	char address[ADDRESS_MAX], error[256];
	/* it goes with the command, so it has to be the command's */
	int status = add_rule(target, o, RULE_AHEAD | RULE_NEW), err;
	unsigned int count;

	if (status)
		return status;
	status = run_command(o->command);
	rule_address_text(&target->address, address);
	count = count_listeners(address);
	if (count) {
		fail("the command has ended, but %u listener%s on %s: the rule stays, for kseal unwrap %s", count,
		     count == 1 ? " is left" : "s are left", address, address);
		return status;
	}
	err = rule_remove(&target->address, error, sizeof(error));
	if (err)
		fail("the rule for %s could not be taken back: %s", address, error);
	return status;
}

/* Whatever it listens on. */
static int wrap_program(char **command, const char *profile)
{
	int status = program_check(command[0]);

	if (!status)
		status = program_preload();
	if (status)
		return status;
	if (setenv(RULES_LISTEN, "1", 1) || setenv(RULES_PROFILE, profile, 1))
		return fail("%s", strerror(errno));
	execvp(command[0], command);
	return fail("%s: %s", command[0], strerror(errno));
}

int wrap_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "ahead", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct wrap_options o = { .profile = "default" };
	struct target target;
	int c, status;

	/* + : the command's options are its own */
	while ((c = getopt_long(argc, argv, "+p:a", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			o.profile = optarg;
			break;
		case 'a':
			o.ahead = true;
			break;
		case OPT_HELP:
			return command_help("wrap");
		default:
			return command_misuse("wrap");
		}
	}
	if (optind < argc && !strcmp(argv[optind - 1], "--")) {
		status = check_profile(o.profile);
		return status ? status : wrap_program(&argv[optind], o.profile);
	}
	if (optind + 1 < argc && !strcmp(argv[optind + 1], "--"))
		o.command = argv[optind + 2] ? &argv[optind + 2] : NULL;
	if (optind >= argc || (optind + 1 < argc && !o.command)) {
		fail("wrap what? One port, address or descriptor");
		return command_misuse("wrap");
	}
	if (target_parse(argv[optind], &target))
		return STATUS_USAGE;
	if (target.is_descriptor && (o.command || o.ahead)) {
		fail("a descriptor is there already: neither --ahead nor a command goes with it");
		return STATUS_USAGE;
	}
	status = check_profile(o.profile);
	if (status)
		return status;
	if (target.is_descriptor)
		return wrap_descriptor(&target, o.profile);
	return o.command ? wrap_command(&target, &o) : wrap_address(&target, &o);
}
