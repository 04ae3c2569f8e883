/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the subcommands share: how they are found, and how they complain. */
#ifndef COMMAND_H
#define COMMAND_H

enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
};

struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
	const char *help;	/* the synopsis after "kseal NAME ", then the options */
};

int show_main(int argc, char **argv);
int monitor_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int connect_main(int argc, char **argv);
int keygen_main(int argc, char **argv);
int bench_main(int argc, char **argv);
int wrap_main(int argc, char **argv);
int unwrap_main(int argc, char **argv);
int run_main(int argc, char **argv);

extern const char show_help[];
extern const char monitor_help[];
extern const char serve_help[];
extern const char connect_help[];
extern const char keygen_help[];
extern const char bench_help[];
extern const char wrap_help[];
extern const char unwrap_help[];
extern const char run_help[];

/* Prints the help of a command on stdout; for --help. Returns STATUS_OK. */
int command_help(const char *name);

/* Points to the help on stderr, after getopt's own message. Returns STATUS_USAGE. */
int command_misuse(const char *name);

/* Prints "kseal: ..." on stderr. Returns STATUS_FAILED. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Reads a whole decimal number between min and max. Returns 0 or -1. */
int parse_number(const char *text, long min, long max, long *value);

/*
 * What went wrong and what to do about it, as one sentence; err is a positive
 * or negative errno of libkseal.
 */
const char *explain(int err);

#endif
