// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "session.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif

/* ---- connections ---- */

int tcp_listen(int family)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *addr = family == AF_INET6 ? (void *)&in6 : (void *)&in;
	socklen_t len = family == AF_INET6 ? sizeof(in6) : sizeof(in);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, addr, len) || listen(fd, 128)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int tcp_connect(int listener)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int fd, one = 1, err;

	if (getsockname(listener, (struct sockaddr *)&addr, &len))
		return -errno;
	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, len)) {
		err = -errno;
		close(fd);
		return err;
	}
	/* byte by byte means segment by segment */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

int tcp_pair(int family, int fd[2])
{
	int listener = tcp_listen(family);

	if (listener < 0)
		return listener;
	fd[0] = tcp_connect(listener);
	fd[1] = fd[0] < 0 ? fd[0] : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return fd[1] < 0 ? (fd[0] < 0 ? fd[0] : -errno) : 0;
}

int attach(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, KSEAL_ULP_NAME, strlen(KSEAL_ULP_NAME)) ?
	       -errno : 0;
}

int set_role(int fd, uint32_t role)
{
	return setsockopt(fd, SOL_KSEAL, KSEAL_SO_ROLE, &role, sizeof(role)) ? -errno : 0;
}

int listen_as_server(int family)
{
	int fd = tcp_listen(family), err;

	if (fd < 0)
		return fd;
	err = attach(fd);
	if (!err)
		err = set_role(fd, KSEAL_ROLE_SERVER);
	return err ? err : fd;
}

/* ---- keys ---- */

static void random_bytes(void *data, size_t len)
{
	if (getrandom(data, len, 0) != (ssize_t)len)
		abort();
}

static void make_direction(struct kseal_keys *keys, uint16_t version, uint16_t cipher)
{
	memset(keys, 0, sizeof(*keys));
	keys->key_len = peer_key_len(cipher);
	if (version == KSEAL_VERSION_1_3)
		keys->secret_len = peer_secret_len(cipher);
	random_bytes(keys->secret, keys->secret_len);
	random_bytes(keys->key, keys->key_len);
	random_bytes(keys->iv, sizeof(keys->iv));
}

void make_keys(struct kseal_session_keys *keys, uint16_t version, uint16_t cipher)
{
	keys->version = version;
	keys->cipher = cipher;
	make_direction(&keys->tx, version, cipher);
	make_direction(&keys->rx, version, cipher);
}

void swap_keys(struct kseal_session_keys *to, const struct kseal_session_keys *from)
{
	*to = *from;
	to->tx = from->rx;
	to->rx = from->tx;
}

int install(int fd, const struct kseal_session_keys *keys)
{
	return kseal_install(fd, keys, NULL, 0);
}

int session_with_peer(int family, uint16_t version, uint16_t cipher, int *fd, struct peer *p)
{
	struct kseal_session_keys keys;
	int pair[2];
	int err = tcp_pair(family, pair);

	if (err)
		return err;
	make_keys(&keys, version, cipher);
	peer_init(p, pair[0], &keys);
	*fd = pair[1];
	return install(*fd, &keys);
}

int session_pair(int family, uint16_t version, uint16_t cipher, int fd[2])
{
	struct kseal_session_keys keys, other;
	int err = tcp_pair(family, fd);

	if (err)
		return err;
	make_keys(&keys, version, cipher);
	swap_keys(&other, &keys);
	err = install(fd[0], &keys);
	return err ? err : install(fd[1], &other);
}

/* ---- data ---- */

int send_all(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		at += n;
		len -= n;
	}
	return 0;
}

int recv_all(int fd, void *data, size_t len)
{
	uint8_t *at = data;

	while (len) {
		ssize_t n = recv(fd, at, len, 0);

		if (n <= 0)
			return n ? -errno : -ENODATA;
		at += n;
		len -= n;
	}
	return 0;
}

ssize_t recv_soon(int fd, void *data, size_t len)
{
	int64_t end = now_ms() + 1000;
	ssize_t n;

	/* not poll(): a test of reading should not lean on it */
	while ((n = recv(fd, data, len, MSG_DONTWAIT)) < 0 && errno == EAGAIN && now_ms() < end)
		sleep_ms(2);
	return n < 0 ? -errno : n;
}

ssize_t send_type(int fd, uint8_t type, const void *data, size_t len, int flags)
{
	char control[CMSG_SPACE(1)] = { 0 };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = type;
	n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

ssize_t recv_type(int fd, int *type, void *data, size_t len, int flags)
{
	char control[CMSG_SPACE(1)];
	struct iovec iov = { data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t end = now_ms() + 1000;
	struct cmsghdr *cmsg;
	ssize_t n;

	*type = -1;
	do {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		n = recvmsg(fd, &msg, flags | MSG_DONTWAIT);
	} while (n < 0 && errno == EAGAIN && now_ms() < end && !usleep(2000));
	if (n < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_TLS && cmsg->cmsg_type == TLS_GET_RECORD_TYPE)
		*type = *CMSG_DATA(cmsg);
	return n;
}

int set_option(int fd, int name, uint32_t value)
{
	return setsockopt(fd, SOL_KSEAL, name, &value, sizeof(value)) ? -errno : 0;
}

int64_t get_option(int fd, int name)
{
	uint32_t value;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_KSEAL, name, &value, &len) ? -errno : value;
}

int failed_with(int fd)
{
	int64_t end = now_ms() + 5000;
	char byte;

	while (now_ms() < end) {
		ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

		if (n >= 0)
			return 0;
		if (errno != EAGAIN)
			return errno;
		sleep_ms(5);
	}
	return EAGAIN;
}

int read_error(int fd)
{
	char byte;
	ssize_t n = recv_soon(fd, &byte, 1);

	return n < 0 ? -n : 0;
}

bool peer_alerted(struct peer *p, uint8_t level, uint8_t description)
{
	uint8_t content[PEER_PLAIN_MAX];
	int type, n = peer_open(p, &type, content);

	if (n == 2 && type == PEER_ALERT && content[0] == level && content[1] == description)
		return true;
	printf("# no alert %u, %u: type %d, length %d", level, description, type, n);
	printf(n == 2 ? ", content %u, %u\n" : "\n", content[0], content[1]);
	return false;
}

uint8_t *pattern(size_t len, uint32_t seed)
{
	uint8_t *data = malloc(len + 1);
	size_t i;

	if (!data)
		abort();
	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		data[i] = seed >> 24;
	}
	return data;
}

/* ---- the rest ---- */

int poll_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, timeout_ms);

	return n < 0 ? -errno : n ? p.revents : 0;
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void sleep_ms(int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

int info_error(int fd)
{
	struct kseal_info info;

	return kseal_info(fd, &info) ? -1 : info.error;
}

int info_alert(int fd)
{
	struct kseal_info info;

	return kseal_info(fd, &info) ? -1 : info.alert;
}

int info_state(int fd)
{
	struct kseal_info info;

	return kseal_info(fd, &info) ? -1 : info.state;
}

long long counter(const char *name)
{
	FILE *f = fopen("/proc/net/kseal", "r");
	long long value, found = -1;
	char key[64];

	if (!f)
		return -1;
	while (fscanf(f, "%63s %lld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	fclose(f);
	return found;
}

static FILE *param_open(const char *name, const char *mode)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/kseal/parameters/%s", name);
	return fopen(path, mode);
}

long param_get(const char *name)
{
	FILE *f = param_open(name, "r");
	long value = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

int param_set(const char *name, long value)
{
	FILE *f = param_open(name, "w");
	int err = 0;

	if (!f)
		return -errno;
	if (fprintf(f, "%ld", value) < 0)
		err = -errno;
	return fclose(f) ? -errno : err;
}
