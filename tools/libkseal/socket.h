/* SPDX-License-Identifier: MIT */
/* Inside libkseal only. */
#ifndef KSEAL_SOCKET_H
#define KSEAL_SOCKET_H

/*
 * Attaches a ULP to fd, or finds it attached; the second: kseal's. Return 0 or
 * -errno: -ENOPKG its module is not loaded, -EEXIST another ULP is there.
 */
int kseal_socket_ulp(int fd, const char *name);
int kseal_socket_attach(int fd);

#endif
