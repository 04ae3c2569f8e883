/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A seccomp filter: the system calls that a program still needs once all is started. */
#ifndef KSEALD_FILTER_H
#define KSEALD_FILTER_H

enum filter_program {
	FILTER_KSEALD,
	FILTER_OPENER,		/* opens files for reading only */
	FILTER_KSEALD_KEYS,	/* may have sockets, of IPv4, IPv6 and unix */
};

/*
 * For all threads there are, for good. What is not needed fails with EPERM; what only
 * an intruder wants (another program, another process's memory, another io_uring)
 * ends the process. Logs a warning where the kernel has no filters.
 */
void filter_install(enum filter_program program);

#endif
