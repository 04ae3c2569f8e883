/* SPDX-License-Identifier: MIT */
#ifndef KSEAL_INSTALL_H
#define KSEAL_INSTALL_H

#include <stddef.h>
#include <libmnl/libmnl.h>
#include <kseal.h>

/*
 * VERSION, CIPHER, TX and RX of a message that carries keys (linux/kseal.h). A
 * direction whose key_len is 0 is left out.
 */
void kseal_put_keys(struct nlmsghdr *nlh, const struct kseal_session_keys *keys);

/* err; why, or what strerror() has for it, is copied to errtext if there is one of size bytes. */
int kseal_refuse(int err, const char *why, char *errtext, size_t size);

#endif
