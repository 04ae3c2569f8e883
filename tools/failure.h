/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failed handshakes of a server, on stderr: no more than a line a second, whatever peers do. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>
#include <sys/socket.h>

/* If the handshake of fd, whose peer this is, has failed: says so, or counts it. Any thread. */
void failure_note(int fd, const struct sockaddr *peer);

/* Says what was only counted: if it is time to, or at the end. To be called about once a second. */
void failure_flush(bool end);

#endif
