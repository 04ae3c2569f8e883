// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal unwrap: later connections are plain TCP again. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>
#include <kseal.h>
#include "command.h"
#include "target.h"

const char unwrap_help[] =
	"PORT|ADDR:PORT|PID:FD|--all\n"
	"\n"
	"  -a, --all   every rule of this network namespace\n"
	"\n"
	"As it was wrapped. Connections that exist stay TLS; later ones are PLAIN TCP.\n";

static int unwrap_descriptor(const struct target *target)
{
	int fd = target_open(target), err;

	if (fd < 0)
		return STATUS_FAILED;
	err = kseal_pass(fd, true);
	close(fd);
	if (err == -ENOPROTOOPT)
		return fail("descriptor %d of process %d is not wrapped", target->number,
			    (int)target->pid);
	if (err)
		return fail("descriptor %d of process %d: %s", target->number, (int)target->pid,
			    explain(err));
	printf("descriptor %d of process %d: later connections are plain TCP\n", target->number,
	       (int)target->pid);
	return STATUS_OK;
}

static int unwrap_address(const struct target *target)
{
	char address[ADDRESS_MAX], error[256];
	int err = rule_remove(&target->address, error, sizeof(error));

	rule_address_text(&target->address, address);
	if (err == -ENOENT)
		return fail("no rule wraps %s: kseal show lists those there are", address);
	if (err == -EPERM)
		return fail("a rule needs CAP_NET_ADMIN in this network namespace: run this as root");
	if (err)
		return fail("%s: %s", address, err == -ENOPKG ? explain(err) : error);
	printf("%s: later connections are plain TCP\n", address);
	return STATUS_OK;
}

static int unwrap_all(void)
{
	struct rule_list list;
	struct target target;
	char error[256];
	int status = STATUS_OK, err = rule_list(&list, error, sizeof(error));
	size_t i;

	if (err)
		return fail("%s", err == -ENOPKG ? explain(err) : error);
	for (i = 0; i < list.count; i++)
		if (target_parse(list.at[i].address, &target) || unwrap_address(&target))
			status = STATUS_FAILED;
	rule_list_free(&list);
	return status;
}

int unwrap_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct target target;
	bool all = false;
	int c;

	while ((c = getopt_long(argc, argv, "a", options, NULL)) != -1) {
		if (c != 'a')
			return c == 'h' ? command_help("unwrap") : command_misuse("unwrap");
		all = true;
	}
	if (all && optind == argc)
		return unwrap_all();
	if (all || optind + 1 != argc) {
		fail("unwrap what? One port, address or descriptor");
		return command_misuse("unwrap");
	}
	if (target_parse(argv[optind], &target))
		return STATUS_USAGE;
	return target.is_descriptor ? unwrap_descriptor(&target) : unwrap_address(&target);
}
