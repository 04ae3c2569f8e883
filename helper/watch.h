/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells when a file that the settings name may have changed: by inotify(7), on the
 * directories, for certificates are replaced by renaming.
 */
#ifndef KSEALD_WATCH_H
#define KSEALD_WATCH_H

#include <stdbool.h>
#include "conf.h"

struct watch;

/*
 * Watches the files of conf, and those that it was read from. Those whose directory there
 * is not, or that may not be looked at, are left out; *missing, if there are any, is one
 * of them, which conf owns. NULL: errno says why there is nothing at all.
 */
struct watch *watch_new(const struct conf *conf, const char **missing);
void watch_free(struct watch *watch);

/* Becomes readable when something happened. */
int watch_fd(const struct watch *watch);

/* Takes in what happened. Returns whether it was about one of the files. */
bool watch_happened(struct watch *watch);

#endif
