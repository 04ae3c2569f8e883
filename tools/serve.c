// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kseal serve: a web server without a line of TLS code. One call on the listening
 * socket, and every connection accepted from it is TLS.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <microhttpd.h>
#include <kseal.h>
#include "address.h"
#include "command.h"
#include "failure.h"
#include "helper.h"
#include "site.h"
#include "text.h"

const char serve_help[] =
	"[OPTION...] DIR\n"
	"\n"
	"  -a, --address ADDR   listen on this address (default: ::, IPv4 as well)\n"
	"  -p, --port PORT      number or service (default: 8443; 0: any that is free)\n"
	"  --profile P          the helper's profile (default: default)\n"
	"  -j, --threads N      (default: 1)\n"
	"  -q, --quiet          no access log\n"
	"  --plain              plain HTTP, for comparisons: NO ENCRYPTION\n"
	"\n"
	"GET, HEAD, ranges, conditional requests, index.html or a listing. Names that\n"
	"start with a dot are not served.\n";

#define CONNECTIONS_MAX 65536
#define CONNECTION_TIMEOUT 60	/* seconds without a byte */
#define DESCRIPTORS_ASIDE 64	/* not for connections */
#define THREADS_MAX 256

enum { OPT_HELP = 256, OPT_PROFILE, OPT_PLAIN };

struct serve_options {
	const char *address, *port, *profile, *directory;
	long threads;
	bool quiet, plain;
};

struct server {
	const struct serve_options *options;
	struct site site;
	atomic_bool running;
};

static void *begin_request(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct site_request *request = calloc(1, sizeof(*request));

	(void)cls;
	(void)connection;
	if (request)
		request->target = strdup(target);
	return request;
}

static enum MHD_Result answer_request(void *cls, struct MHD_Connection *connection,
				      const char *url, const char *method, const char *version,
				      const char *body, size_t *body_size, void **context)
{
	const struct server *server = cls;
	struct site_request *request = *context;

	(void)version;
	(void)body;
	if (!request || !request->target)
		return MHD_NO;
	if (!request->begun) {
		request->begun = true;
		request->method = strdup(method);
		return request->method ? MHD_YES : MHD_NO;
	}
	/* what a request brings along is not wanted, but has to pass */
	if (*body_size) {
		*body_size = 0;
		return MHD_YES;
	}
	return site_answer(&server->site, connection, request, url);
}

static void log_request(const struct site_request *request, struct MHD_Connection *connection,
			bool whole)
{
	const union MHD_ConnectionInfo *info;
	char peer[NI_MAXHOST + 16] = "-", when[32] = "";
	char *method, *target;
	time_t now = time(NULL);
	struct tm tm;

	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info)
		address_text(info->client_addr, info->client_addr->sa_family == AF_INET6 ?
			     sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), peer,
			     sizeof(peer));
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	method = text_escape(request->method);
	target = text_escape(request->target);
	if (method && target)
		printf("%s %s %s %s %u %" PRIu64 "%s\n", when, peer, method, target,
		       request->status, request->bytes, whole ? "" : " incomplete");
	free(method);
	free(target);
}

static void end_request(void *cls, struct MHD_Connection *connection, void **context,
			enum MHD_RequestTerminationCode why)
{
	const struct server *server = cls;
	struct site_request *request = *context;

	if (!request)
		return;
	if (!server->options->quiet && request->method && request->target)
		log_request(request, connection, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	free(request->method);
	free(request->target);
	free(request);
	*context = NULL;
}

/*
 * The module resets connections that came between listen() and kseal_server(). Should one ever
 * come through as plain TCP, it is not answered: after SHUT_RDWR nothing that is written leaves.
 */
static void check_begin(int fd)
{
	struct kseal_info info;

	if (kseal_info(fd, &info))
		shutdown(fd, SHUT_RDWR);
}

/* A handshake that fails is the end of its connection; MHD calls this before it closes fd. */
static void check_end(int fd, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *peer;

	peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (peer)
		failure_note(fd, peer->client_addr);
}

static void check_connection(void *cls, struct MHD_Connection *connection, void **context,
			     enum MHD_ConnectionNotificationCode code)
{
	const struct server *server = cls;
	const union MHD_ConnectionInfo *info;

	(void)context;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!info || server->options->plain)
		return;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		check_begin(info->connect_fd);
	else
		check_end(info->connect_fd, connection);
}

/* MHD's complaints matter while it starts. Later they are about peers: not one line each. */
static void log_complaint(void *cls, const char *fmt, va_list ap)
{
	const struct server *server = cls;

	if (!atomic_load(&server->running))
		vfprintf(stderr, fmt, ap);
}

/* Returns how many connections there may be at once. */
static unsigned int raise_limits(void)
{
	struct rlimit limit;
	rlim_t files;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 1;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur > 2 * CONNECTIONS_MAX + DESCRIPTORS_ASIDE)
		limit.rlim_cur = 2 * CONNECTIONS_MAX + DESCRIPTORS_ASIDE;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 1;
	/* each has its socket and a file */
	files = limit.rlim_cur > DESCRIPTORS_ASIDE ? limit.rlim_cur - DESCRIPTORS_ASIDE : 2;
	return files / 2 < CONNECTIONS_MAX ? (unsigned int)(files / 2) : CONNECTIONS_MAX;
}

static int listen_on(const struct addrinfo *ai)
{
	int one = 1, zero = 0;
	int fd, err;

	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, SOMAXCONN))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

/* Returns a listening socket or -1, and has said why. */
static int open_listener(const struct serve_options *o)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	const char *address = o->address ? o->address : "::";
	struct addrinfo *ai;
	int err, fd;

	err = getaddrinfo(address, o->port, &hints, &ai);
	if (err == EAI_SERVICE)
		fail("there is no port %s", o->port);
	else if (err)
		fail("%s: %s", address, gai_strerror(err));
	if (err)
		return -1;
	fd = listen_on(ai);
	freeaddrinfo(ai);
	if (fd == -EAFNOSUPPORT && !o->address) {
		hints.ai_family = AF_INET;
		address = "0.0.0.0";
		if (!getaddrinfo(address, o->port, &hints, &ai)) {
			fd = listen_on(ai);
			freeaddrinfo(ai);
		}
	}
	if (fd < 0)
		fail("%s port %s: %s", address, o->port, strerror(-fd));
	return fd < 0 ? -1 : fd;
}

static int seal_listener(int fd, const struct serve_options *o)
{
	int err;

	if (o->plain) {
		fputs("kseal: WARNING: --plain: EVERYTHING IS SENT UNENCRYPTED, to anyone who "
		      "listens.\n", stderr);
		return STATUS_OK;
	}
	err = kseal_server(fd, o->profile);
	/* a listener may wait for its helper, but who starts a server wants to hear of it */
	if (!err)
		err = helper_await(HELPER_PATIENCE_MS);
	return err ? fail("%s", explain(err)) : STATUS_OK;
}

static struct MHD_Daemon *start_daemon(struct server *server, int fd)
{
	const struct serve_options *o = server->options;
	struct MHD_OptionItem pool[] = {
		{ MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)o->threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	/* of one thread MHD makes no pool */
	if (o->threads < 2)
		pool[0].option = MHD_OPTION_END;
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0,
				NULL, NULL, answer_request, server,
				MHD_OPTION_EXTERNAL_LOGGER, log_complaint, server,
				MHD_OPTION_LISTEN_SOCKET, fd,
				MHD_OPTION_CONNECTION_LIMIT, raise_limits(),
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_TIMEOUT,
				MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
				MHD_OPTION_URI_LOG_CALLBACK, begin_request, server,
				MHD_OPTION_NOTIFY_COMPLETED, end_request, server,
				MHD_OPTION_NOTIFY_CONNECTION, check_connection, server,
				MHD_OPTION_ARRAY, pool,
				MHD_OPTION_END);
}

static void announce(const struct serve_options *o, int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char where[NI_MAXHOST + 16];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) ||
	    address_text((struct sockaddr *)&ss, len, where, sizeof(where)))
		snprintf(where, sizeof(where), "?");
	if (o->plain)
		printf("kseal: serving %s on http://%s/ (plain: not encrypted)\n", o->directory,
		       where);
	else
		printf("kseal: serving %s on https://%s/ (profile %s)\n", o->directory, where,
		       o->profile ? o->profile : "default");
}

static int serve(const struct serve_options *o)
{
	struct server server = { .options = o };
	struct MHD_Daemon *daemon;
	sigset_t ends;
	const struct timespec second = { .tv_sec = 1 };
	int fd, status = STATUS_FAILED;

	server.site.dir = open(o->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (server.site.dir < 0)
		return fail("%s: %s", o->directory, strerror(errno));
	fd = open_listener(o);
	if (fd < 0)
		goto close_dir;
	if (seal_listener(fd, o))
		goto close_listener;
	/* before the threads, which inherit it: the signals are for sigwait() below */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	daemon = start_daemon(&server, fd);
	if (!daemon) {
		fail("the web server did not start");
		goto close_listener;
	}
	atomic_store(&server.running, true);
	announce(o, fd);
	while (sigtimedwait(&ends, NULL, &second) < 0)
		failure_flush(false);
	MHD_stop_daemon(daemon);
	failure_flush(true);
	fd = -1;
	status = STATUS_OK;
close_listener:
	if (fd >= 0)
		close(fd);
close_dir:
	close(server.site.dir);
	return status;
}

static int parse(int argc, char **argv, struct serve_options *o)
{
	static const struct option options[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "profile", required_argument, NULL, OPT_PROFILE },
		{ "threads", required_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "plain", no_argument, NULL, OPT_PLAIN },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "a:p:j:q", options, NULL)) != -1) {
		switch (c) {
		case 'a':
			o->address = optarg;
			break;
		case 'p':
			o->port = optarg;
			if (address_is_port(optarg, true))
				break;
			fail("there is no port %s", optarg);
			return -1;
		case OPT_PROFILE:
			o->profile = optarg;
			break;
		case 'j':
			if (!parse_number(optarg, 1, THREADS_MAX, &o->threads))
				break;
			fail("-j takes 1 to %d threads", THREADS_MAX);
			return -1;
		case 'q':
			o->quiet = true;
			break;
		case OPT_PLAIN:
			o->plain = true;
			break;
		case OPT_HELP:
			command_help("serve");
			exit(STATUS_OK);
		default:
			return -1;
		}
	}
	if (optind + 1 != argc) {
		fail("which directory?");
		return -1;
	}
	o->directory = argv[optind];
	return 0;
}

int serve_main(int argc, char **argv)
{
	struct serve_options o = { .port = "8443", .threads = 1 };

	if (parse(argc, argv, &o))
		return command_misuse("serve");
	return serve(&o);
}
