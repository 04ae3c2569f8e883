/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's readiness protocol, sd_notify(3), by hand.
 */
#ifndef KSEALD_NOTIFY_H
#define KSEALD_NOTIFY_H

/* Connects to $NOTIFY_SOCKET, before a sandbox forbids it. -1: nobody asks, or it was logged. */
int notify_open(void);

/* Says READY=1 and closes fd; -1 is fine. */
void notify_ready(int fd);

#endif
