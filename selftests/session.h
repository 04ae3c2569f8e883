/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairs of connected sockets, keyed or not, and small things every test needs. */
#ifndef KSEAL_TEST_SESSION_H
#define KSEAL_TEST_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <kseal.h>

#include "peer.h"

/* A listener on loopback, any port. Returns the descriptor or -errno. */
int tcp_listen(int family);
/* A connection to it; it need not be accepted. */
int tcp_connect(int listener);
/* Both ends of a connection over loopback. Returns 0 or -errno. */
int tcp_pair(int family, int fd[2]);

/* setsockopt(TCP_ULP), KSEAL_SO_ROLE. Return 0 or -errno. */
int attach(int fd);
int set_role(int fd, uint32_t role);
/* A listener whose connections are TLS; needs a helper. The descriptor or -errno. */
int listen_as_server(int family);

/* Random keys for both directions, sequence numbers 0, secrets in TLS 1.3. */
void make_keys(struct kseal_session_keys *keys, uint16_t version, uint16_t cipher);
/* The same as seen from the other end. */
void swap_keys(struct kseal_session_keys *to, const struct kseal_session_keys *from);

/* KSEAL_CMD_INSTALL; the ULP is attached if it is not. 0 or -errno. */
int install(int fd, const struct kseal_session_keys *keys);

/* fd: kseal with keys; p: the plain end. 0 or -errno. */
int session_with_peer(int family, uint16_t version, uint16_t cipher, int *fd, struct peer *p);
/* kseal at both ends. */
int session_pair(int family, uint16_t version, uint16_t cipher, int fd[2]);

/* All of it, in spite of short writes; 0 or -errno (-ENODATA: the stream ended). */
int send_all(int fd, const void *data, size_t len);
int recv_all(int fd, void *data, size_t len);

/* recv() that does not wait longer than a second: bytes, or -errno. */
ssize_t recv_soon(int fd, void *data, size_t len);

/* sendmsg() of one record of this type, or -errno. */
ssize_t send_type(int fd, uint8_t type, const void *data, size_t len, int flags);
/* recvmsg() with room for the record's type, at most a second; *type is -1 when
 * none is told. Bytes, or -errno.
 */
ssize_t recv_type(int fd, int *type, void *data, size_t len, int flags);

/* A number of SOL_KSEAL: 0 or -errno; the number or -errno. */
int set_option(int fd, int name, uint32_t value);
int64_t get_option(int fd, int name);

/* Waits until the session failed; the error by reading, or 0. */
int failed_with(int fd);

/* Waits for a read to fail, a second at most; the errno, or 0. */
int read_error(int fd);
/* Whether the peer's next record is this alert. */
bool peer_alerted(struct peer *p, uint8_t level, uint8_t description);

/* len bytes that are the same for the same seed; malloc()ed. */
uint8_t *pattern(size_t len, uint32_t seed);

/* poll() of one descriptor: the events, 0 none in time, or -errno */
int poll_for(int fd, short events, int timeout_ms);

int64_t now_ms(void);
void sleep_ms(int ms);

/* The error that KSEAL_SO_INFO shows; -1 when that fails. */
int info_error(int fd);
int info_alert(int fd);
int info_state(int fd);

/* A counter of this network namespace by its name in /proc/net/kseal; -1: none. */
long long counter(const char *name);

/* The module parameter's value, and a new one; 0 or -errno. */
long param_get(const char *name);
int param_set(const char *name, long value);

#endif
