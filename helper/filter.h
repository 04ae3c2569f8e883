/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A seccomp filter: the system calls that are still needed once all is started. */
#ifndef KSEALD_FILTER_H
#define KSEALD_FILTER_H

/*
 * For all threads there are, for good. What is not needed fails with EPERM; what only
 * an intruder wants (another program, another process's memory, another io_uring)
 * ends the process. Logs a warning where the kernel has no filters.
 */
void filter_install(void);

/* Likewise for the opener, which opens files for reading only. */
void filter_install_opener(void);

#endif
