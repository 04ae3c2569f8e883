/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The story of a handshake (KSEAL_SO_EXPLAIN) on stderr, for kseal connect --explain. */
#ifndef STORY_H
#define STORY_H

/*
 * What kseald told of the handshake of fd, which ended with err (0, or an errno, negative or
 * not); and the end, where kseald could not tell it: the kernel or this command gave up.
 */
void story_print(int fd, int err);

/* The end alone, where it did not come to a connection. */
void story_end(int err);

#endif
