// SPDX-License-Identifier: GPL-2.0-or-later
/* kseal connect: a TLS connection as stdin and stdout, with no TLS code. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <kseal.h>
#include "address.h"
#include "command.h"
#include "helper.h"
#include "names.h"
#include "story.h"
#include "text.h"

const char connect_help[] =
	"[OPTION...] HOST:PORT\n"
	"\n"
	"  --name NAME      verify the server as NAME (default: HOST)\n"
	"  --profile P      the helper's profile (default: default)\n"
	"  --timeout S      seconds to connect and shake hands (default: 30)\n"
	"  --explain        tell each step of the handshake, or why there was none\n"
	"  -q, --quiet      do not say what was negotiated\n"
	"\n"
	"An IPv6 address stands in brackets: [::1]:443. The end of stdin is sent as\n"
	"close_notify; what the server still sends is read to its end.\n";

#define BUFFER_SIZE 65536

enum { OPT_HELP = 256, OPT_NAME, OPT_PROFILE, OPT_TIMEOUT, OPT_EXPLAIN };

struct connect_options {
	const char *name, *profile;
	long timeout;
	bool quiet, explain;
	char *host, *port;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int left_ms(int64_t end)
{
	int64_t left = end - now_ms();

	return left > 0 ? (int)left : 0;
}

/* Returns a connected socket or -errno. */
static int connect_one(const struct addrinfo *ai, int64_t end)
{
	struct pollfd p = { .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0, n;

	p.fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      ai->ai_protocol);
	if (p.fd < 0)
		return -errno;
	if (connect(p.fd, ai->ai_addr, ai->ai_addrlen)) {
		err = errno;
		if (err == EINPROGRESS) {
			n = poll(&p, 1, left_ms(end));
			if (n < 0)
				err = errno;
			else if (!n)
				err = ETIMEDOUT;
			else if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &len))
				err = errno;
		}
	}
	if (!err)
		return p.fd;
	close(p.fd);
	return -err;
}

/* Returns a connected socket, or -1 and has said why. */
static int connect_any(const struct connect_options *o, int64_t end)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all, *ai;
	char text[NI_MAXHOST + 16];
	int err, fd = -1;

	err = getaddrinfo(o->host, o->port, &hints, &all);
	if (err == EAI_SERVICE)
		fail("there is no port %s", o->port);
	else if (err)
		fail("%s:%s: %s", o->host, o->port, gai_strerror(err));
	if (err)
		return -1;
	for (ai = all; ai && fd < 0; ai = ai->ai_next) {
		fd = connect_one(ai, end);
		if (fd >= 0)
			break;
		if (address_text(ai->ai_addr, ai->ai_addrlen, text, sizeof(text)))
			snprintf(text, sizeof(text), "%s", o->host);
		fail("%s: %s", text, strerror(-fd));
	}
	freeaddrinfo(all);
	return fd;
}

/* Says why fd failed: in the kernel's sentence where there is one. */
static int fail_socket(int fd, const char *doing, int err)
{
	char reason[KSEAL_REASON_MAX + 1];
	struct kseal_info info;
	const char *alert = NULL;
	char *safe = NULL;

	if (!kseal_info(fd, &info) && info.alert)
		alert = name_alert(info.alert);
	if (!kseal_reason(fd, reason, sizeof(reason)) && reason[0])
		safe = text_escape(reason);
	fail("%s: %s%s%s%s", doing, safe ? safe : explain(err), alert ? " (alert " : "",
	     alert ? alert : "", alert ? ")" : "");
	free(safe);
	return STATUS_FAILED;
}

static void print_facts(int fd)
{
	struct kseal_info info;
	const char *version, *cipher;

	if (kseal_info(fd, &info))
		return;
	version = name_version(info.version);
	cipher = name_cipher(info.cipher);
	if (version && cipher)
		fprintf(stderr, "kseal: connected, %s, %s\n", version, cipher);
	else
		fprintf(stderr, "kseal: connected, version 0x%04x, cipher %u\n", info.version,
			info.cipher);
}

static int shake_hands(const struct connect_options *o, int fd, int64_t end)
{
	bool begun;
	int err;

	err = o->explain ? kseal_explain(fd) : 0;
	if (!err)
		err = kseal_connect(fd, o->name ? o->name : o->host, o->profile);
	begun = !err;
	if (begun)
		err = kseal_wait(fd, left_ms(end));
	if (o->explain)
		story_print(fd, err);
	if (err == -ENOPKG)
		return fail("%s", explain(err));
	if (!begun)
		return fail_socket(fd, "cannot start the handshake", err);
	if (err == -EAGAIN)
		return fail("the handshake was not done within %ld s", o->timeout);
	if (err)
		return fail_socket(fd, "handshake failed", err);
	if (!o->quiet)
		print_facts(fd);
	return STATUS_OK;
}

/* stdin's bytes on their way to the socket. */
struct upload {
	char bytes[BUFFER_SIZE];
	size_t start, len;
	bool ended;
};

static int read_stdin(struct upload *up, int fd)
{
	ssize_t n = read(STDIN_FILENO, up->bytes, sizeof(up->bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return STATUS_OK;
	if (n < 0)
		return fail("stdin: %s", strerror(errno));
	up->start = 0;
	up->len = (size_t)n;
	if (n)
		return STATUS_OK;
	up->ended = true;
	if (shutdown(fd, SHUT_WR))
		return fail_socket(fd, "cannot send close_notify", errno);
	return STATUS_OK;
}

static int write_socket(struct upload *up, int fd)
{
	ssize_t n = send(fd, up->bytes + up->start, up->len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return STATUS_OK;
	if (n < 0)
		return fail_socket(fd, "cannot send", errno);
	up->start += (size_t)n;
	up->len -= (size_t)n;
	return STATUS_OK;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (len) {
		n = write(fd, bytes, len);
		if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* *ended: the server sent close_notify. */
static int read_socket(int fd, bool *ended)
{
	static char bytes[BUFFER_SIZE];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return STATUS_OK;
	if (n < 0)
		return fail_socket(fd, errno == ECONNRESET ? "what came is cut short"
							   : "cannot receive", errno);
	*ended = !n;
	if (write_all(STDOUT_FILENO, bytes, (size_t)n))
		return fail("stdout: %s", strerror(errno));
	return STATUS_OK;
}

static int copy(int fd)
{
	static struct upload up;
	struct pollfd p[2];
	bool ended = false;
	int status = STATUS_OK;

	while (!status && !ended) {
		p[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = -1, .events = POLLIN };
		if (up.len)
			p[0].events |= POLLOUT;
		else if (!up.ended)
			p[1].fd = STDIN_FILENO;
		if (poll(p, 2, -1) < 0) {
			if (errno != EINTR)
				return fail("poll: %s", strerror(errno));
			continue;
		}
		if (p[0].revents & (POLLIN | POLLERR | POLLHUP | POLLRDHUP))
			status = read_socket(fd, &ended);
		if (!status && up.len && p[0].revents & POLLOUT)
			status = write_socket(&up, fd);
		if (!status && p[1].revents)
			status = read_stdin(&up, fd);
	}
	if (!status && up.len)
		status = fail("the server ended the connection before all was sent");
	return status;
}

static int parse(int argc, char **argv, struct connect_options *o)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, OPT_NAME },
		{ "profile", required_argument, NULL, OPT_PROFILE },
		{ "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "explain", no_argument, NULL, OPT_EXPLAIN },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "q", options, NULL)) != -1) {
		switch (c) {
		case OPT_NAME:
			o->name = optarg;
			break;
		case OPT_PROFILE:
			o->profile = optarg;
			break;
		case OPT_TIMEOUT:
			if (!parse_number(optarg, 1, 86400, &o->timeout))
				break;
			fail("--timeout takes 1 to 86400 seconds");
			return -1;
		case OPT_EXPLAIN:
			o->explain = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case OPT_HELP:
			command_help("connect");
			exit(STATUS_OK);
		default:
			return -1;
		}
	}
	if (optind + 1 != argc || address_split(argv[optind], &o->host, &o->port)) {
		fail("where to? HOST:PORT or [IPV6]:PORT");
		return -1;
	}
	if (!address_is_port(o->port, false)) {
		fail("there is no port %s", o->port);
		return -1;
	}
	return 0;
}

int connect_main(int argc, char **argv)
{
	struct connect_options o = { .timeout = 30 };
	int err, fd, status;
	int64_t end;

	if (parse(argc, argv, &o))
		return command_misuse("connect");
	signal(SIGPIPE, SIG_IGN);
	end = now_ms() + o.timeout * 1000;
	/* before the connection: once a handshake has failed for want of one, the socket is lost */
	err = helper_await(left_ms(end) < HELPER_PATIENCE_MS ? left_ms(end) : HELPER_PATIENCE_MS);
	if (err && o.explain)
		story_end(err);
	if (err)
		return fail("%s", explain(err));
	fd = connect_any(&o, end);
	if (fd < 0)
		return STATUS_FAILED;
	status = shake_hands(&o, fd, end);
	if (!status)
		status = copy(fd);
	close(fd);
	return status;
}
