// SPDX-License-Identifier: MIT
/* The socket options of kseal as functions. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <kseal.h>
#include "socket.h"

#define ULP_NAME_MAX 16		/* TCP_ULP_NAME_MAX of net/tcp.h */

int kseal_socket_ulp(int fd, const char *wanted)
{
	char name[ULP_NAME_MAX + 1] = "";
	socklen_t len = ULP_NAME_MAX;
	int err;

	if (!setsockopt(fd, SOL_TCP, TCP_ULP, wanted, strlen(wanted)))
		return 0;
	err = -errno;
	/* the kernel looks for the module first, so ENOENT does not say that there is none on the socket */
	if (err != -ENOENT && err != -EEXIST)
		return err;
	if (getsockopt(fd, SOL_TCP, TCP_ULP, name, &len))
		return -errno;
	if (!*name)
		return err == -ENOENT ? -ENOPKG : err;
	return strcmp(name, wanted) ? -EEXIST : 0;
}

int kseal_socket_attach(int fd)
{
	return kseal_socket_ulp(fd, KSEAL_ULP_NAME);
}

static int set_string(int fd, int option, const char *text)
{
	if (!text)
		return 0;
	return setsockopt(fd, SOL_KSEAL, option, text, strlen(text)) ? -errno : 0;
}

static int set_number(int fd, int option, uint32_t value)
{
	return setsockopt(fd, SOL_KSEAL, option, &value, sizeof(value)) ? -errno : 0;
}

int kseal_server(int fd, const char *profile)
{
	int err;

	err = kseal_socket_attach(fd);
	if (!err)
		err = set_string(fd, KSEAL_SO_PROFILE, profile);
	if (!err)
		err = set_number(fd, KSEAL_SO_ROLE, KSEAL_ROLE_SERVER);
	return err;
}

int kseal_explain(int fd)
{
	int err;

	err = kseal_socket_attach(fd);
	return err ? err : set_number(fd, KSEAL_SO_EXPLAIN, 1);
}

int kseal_keep_peer_chain(int fd)
{
	int err;

	err = kseal_socket_attach(fd);
	return err ? err : set_number(fd, KSEAL_SO_PEER_CHAIN, 1);
}

int kseal_alpn(int fd, const char *protocols)
{
	int err;

	err = kseal_socket_attach(fd);
	return err ? err : set_string(fd, KSEAL_SO_ALPN, protocols);
}

/* Of a level it does not know TCP says EOPNOTSUPP or ENOPROTOOPT, as the kernel and family go. */
static int level_error(int err)
{
	return err == -EOPNOTSUPP ? -ENOPROTOOPT : err;
}

int kseal_pass(int fd, bool on)
{
	return level_error(set_number(fd, KSEAL_SO_PASS, on));
}

int kseal_connect(int fd, const char *server_name, const char *profile)
{
	int err;

	if (server_name && !*server_name)
		return -EDESTADDRREQ;
	err = kseal_socket_attach(fd);
	if (!err)
		err = set_string(fd, KSEAL_SO_PROFILE, profile);
	if (!err && server_name)
		err = set_string(fd, KSEAL_SO_SERVER_NAME, server_name);
	if (!err)
		err = set_number(fd, KSEAL_SO_ROLE, KSEAL_ROLE_CLIENT);
	return err;
}

static int get_option(int fd, int option, void *value, socklen_t len)
{
	return getsockopt(fd, SOL_KSEAL, option, value, &len) ? level_error(-errno) : 0;
}

int kseal_info(int fd, struct kseal_info *info)
{
	memset(info, 0, sizeof(*info));
	return get_option(fd, KSEAL_SO_INFO, info, sizeof(*info));
}

static int get_text(int fd, int option, char *text, size_t size)
{
	socklen_t len = size > INT_MAX ? INT_MAX : size;
	int err;

	if (!size)
		return -EINVAL;
	memset(text, 0, len);
	err = get_option(fd, option, text, len);
	text[err ? 0 : len - 1] = '\0';
	return err;
}

int kseal_facts(int fd, struct kseal_facts *facts)
{
	const struct {
		int option;
		char *text;
		size_t size;
	} texts[] = {
		{ KSEAL_SO_SUITE, facts->suite, sizeof(facts->suite) },
		{ KSEAL_SO_GROUP, facts->group, sizeof(facts->group) },
		{ KSEAL_SO_ALPN, facts->alpn, sizeof(facts->alpn) },
		{ KSEAL_SO_SERVER_NAME, facts->server_name, sizeof(facts->server_name) },
		{ KSEAL_SO_PEER_IDENTITY, facts->peer_identity, sizeof(facts->peer_identity) },
		{ KSEAL_SO_PROFILE, facts->profile, sizeof(facts->profile) },
	};
	size_t i;
	int err = 0;

	memset(facts, 0, sizeof(*facts));
	for (i = 0; i < sizeof(texts) / sizeof(*texts) && !err; i++)
		err = get_text(fd, texts[i].option, texts[i].text, texts[i].size);
	return err;
}

int kseal_peer_chain(int fd, void *chain, size_t *len)
{
	socklen_t size = *len > INT_MAX ? INT_MAX : *len;
	int err = 0;

	if (getsockopt(fd, SOL_KSEAL, KSEAL_SO_PEER_CHAIN, chain, &size))
		err = level_error(-errno);
	if (!err || err == -ERANGE)
		*len = size;
	return err;
}

int kseal_reason(int fd, char *text, size_t size)
{
	return get_text(fd, KSEAL_SO_REASON, text, size);
}

int kseal_explanation(int fd, char *text, size_t size)
{
	return get_text(fd, KSEAL_SO_EXPLAIN, text, size);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Returns 1 while the handshake is under way, else what kseal_wait() returns. */
static int outcome(int fd)
{
	struct kseal_info info;
	int err;

	err = kseal_info(fd, &info);
	if (err)
		return err;
	switch (info.state) {
	case KSEAL_STATE_WAITING:
		return 1;
	case KSEAL_STATE_KEYED:
		return 0;
	case KSEAL_STATE_DEAD:
		return info.error > 0 ? -info.error : -EPROTO;
	case KSEAL_STATE_NEW:
		return -ENOKEY;
	default:
		return -EINVAL;
	}
}

int kseal_wait(int fd, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int64_t left = timeout_ms;
	int n = 0, ret;

	for (;;) {
		ret = outcome(fd);
		if (ret <= 0)
			return ret;
		/* an event that leaves the state as it is, POLLHUP say, must not spin */
		if (n > 0 && poll(NULL, 0, 1) < 0)
			return -errno;
		if (timeout_ms >= 0) {
			left = end - now_ms();
			if (left <= 0)
				return -EAGAIN;
		}
		n = poll(&p, 1, timeout_ms < 0 ? -1 : (int)left);
		if (n < 0)
			return -errno;
	}
}
