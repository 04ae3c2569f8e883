/* SPDX-License-Identifier: MIT */
/* Inside libkseal only. */
#ifndef KSEAL_SOCKET_H
#define KSEAL_SOCKET_H

/*
 * Attaches the ULP to fd, or finds it attached. Returns 0 or -errno: -ENOPKG the
 * module is not loaded, -EEXIST another ULP is there.
 */
int kseal_socket_attach(int fd);

#endif
