/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seccomp filters: the system calls that a program still needs once all is started. */
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

/*
 * For the keeper (keeper.h), and so for the signers that it starts: no other program, no
 * other process's memory, and so on, which fails with EPERM. Stores bring code of their
 * own, which needs files, sockets and memory that nobody here knows.
 */
void filter_install_keeper(void);

/* For a signer, in addition: threads, but no processes. */
void filter_install_signer(void);

#endif
