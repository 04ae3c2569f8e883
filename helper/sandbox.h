/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process takes from itself: traces of secrets outside its memory,
 * and every privilege it does not need once registered.
 */
#ifndef KSEALD_SANDBOX_H
#define KSEALD_SANDBOX_H

#include <sys/types.h>

struct sandbox_user {
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* No core dumps, no ptrace by the same user, SIGPIPE ignored. Before any secret is read. */
void sandbox_harden(void);

/* Keeps the memory out of swap; warns where that is refused. */
void sandbox_lock_memory(void);

/* Returns 0, or -1 after logging that there is no such user. */
int sandbox_find_user(const char *name, struct sandbox_user *user);

/* What systemd made for us (RuntimeDirectory=) is root's; gives it to the user. */
void sandbox_give_runtime_directory(const struct sandbox_user *user);

/*
 * Becomes user (NULL: stays), without capabilities, for good. Before threads
 * start. Returns 0, or -1 after logging what failed.
 */
int sandbox_drop(const struct sandbox_user *user);

/* Likewise, but keeps the right to read any file (CAP_DAC_READ_SEARCH). */
int sandbox_drop_to_reading(const struct sandbox_user *user);

#endif
