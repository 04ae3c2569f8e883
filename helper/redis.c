// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection to a Redis server; see redis.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <hiredis/hiredis.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "clock.h"
#include "redis.h"

#define REPLY_MAX	4096
#define AUTH_MAX	1024
#define PORT		6379	/* registered for it */
#define ARGS_MAX	6

static int __attribute__((format(printf, 2, 3))) failed(struct redis *redis, const char *fmt, ...)
{
	const struct redis_options *o = redis->options;
	size_t size = sizeof(redis->why);
	va_list args;
	int len;

	if (o->host[0] == '/')
		len = snprintf(redis->why, size, "%s: ", o->host);
	else
		len = snprintf(redis->why, size, "%s port %d: ", o->host, o->port);
	va_start(args, fmt);
	vsnprintf(redis->why + len, size - (size_t)len, fmt, args);
	va_end(args);
	/* some of it are words of others */
	for (char *at = redis->why; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return -1;
}

/* ---- bytes ---- */

static int64_t deadline_of(const struct redis *redis)
{
	return (int64_t)clock_now() + (int64_t)redis->options->timeout * 1000;
}

static int wait_for(struct redis *redis, short events, int64_t deadline)
{
	struct pollfd fds[2] = {
		{ .fd = redis->context->fd, .events = events },
		{ .fd = redis->wake, .events = POLLIN },
	};
	int64_t left = deadline - (int64_t)clock_now();
	int n = poll(fds, 2, left > 0 ? (int)left : 0);

	if (n < 0 && errno != EINTR)
		return failed(redis, "poll: %s", strerror(errno));
	if (fds[1].revents) {
		redis->interrupted = true;
		return failed(redis, "interrupted");
	}
	if (!n)
		return failed(redis, "no answer within %u s: see whether the server is well, or give --timeout",
			      redis->options->timeout);
	return 0;
}

/* Why OpenSSL failed. */
static int bio_failed(struct redis *redis)
{
	long verified = X509_V_OK;
	unsigned long error = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(error);
	int of_system = errno;
	SSL *ssl = NULL;

	BIO_get_ssl(redis->bio, &ssl);
	if (ssl)
		verified = SSL_get_verify_result(ssl);
	if (verified != X509_V_OK)
		return failed(redis, "its certificate is not good for %s: %s: see --ca, and the names in it",
			      redis->options->host, X509_verify_cert_error_string(verified));
	if (error)
		return failed(redis, "TLS: %s: see whether it speaks TLS on this port, and whether it wants --cert",
			      reason ? reason : "unknown error");
	return failed(redis, "it closed the connection%s%s", of_system ? ": " : "",
		      of_system ? strerror(of_system) : "");
}

/* What the last operation, which returned ret, waits for. Returns 0 when it may be tried again. */
static int again(struct redis *redis, int64_t deadline)
{
	if (!BIO_should_retry(redis->bio))
		return bio_failed(redis);
	return wait_for(redis, BIO_should_write(redis->bio) ? POLLOUT : POLLIN, deadline);
}

static void forget_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

static int send_all(struct redis *redis, const char *bytes, size_t len, int64_t deadline)
{
	while (len) {
		int n;

		forget_errors();
		n = BIO_write(redis->bio, bytes, (int)len);
		if (n <= 0 && !BIO_should_retry(redis->bio)) {
			char why;

			/* who closes has sent the reason before, as an alert */
			forget_errors();
			BIO_read(redis->bio, &why, 1);
			return bio_failed(redis);
		}
		if (n <= 0 && again(redis, deadline))
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* ---- commands ---- */

/* *reply is NULL while it is incomplete. A parser for each try, so that it has one copy. */
static int parse(struct redis *redis, const char *bytes, size_t len, redisReply **reply)
{
	redisReader *reader = redisReaderCreate();
	int ret = 0;

	if (!reader)
		return failed(redis, "no memory");
	if (redisReaderFeed(reader, bytes, len) != REDIS_OK ||
	    redisReaderGetReply(reader, (void **)reply) != REDIS_OK)
		ret = failed(redis, "what it answers is not understood (%s): see whether it is a Redis server",
			     reader->errstr);
	if (reader->buf)
		OPENSSL_cleanse(reader->buf, reader->len);
	redisReaderFree(reader);
	return ret;
}

static void forget(redisReply *reply)
{
	if (reply && reply->str)
		OPENSSL_cleanse(reply->str, (size_t)reply->len);
	if (reply)
		freeReplyObject(reply);
}

static redisReply *receive(struct redis *redis, int64_t deadline)
{
	char bytes[REPLY_MAX];
	redisReply *reply = NULL;
	size_t len = 0;

	for (;;) {
		int n;

		forget_errors();
		n = BIO_read(redis->bio, bytes + len, (int)(sizeof(bytes) - len));
		if (n <= 0 && again(redis, deadline))
			break;
		if (n <= 0)
			continue;
		len += (size_t)n;
		/* status, error, number, string: nothing that holds others */
		if (!memchr("+-:$", bytes[0], 4)) {
			failed(redis, "what it answers is not understood: see whether it is a Redis server");
			break;
		}
		if (parse(redis, bytes, len, &reply) || reply)
			break;
		if (len == sizeof(bytes)) {
			failed(redis, "it answers more than %d bytes: see what else uses this prefix", REPLY_MAX);
			break;
		}
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return reply;
}

struct arg {
	const void *bytes;
	size_t len;
};

static struct arg text(const char *string)
{
	return (struct arg){ string, strlen(string) };
}

/* Returns the reply, which may be an error; NULL if there was none. */
static redisReply *command(struct redis *redis, const struct arg *args, int n)
{
	int64_t deadline = deadline_of(redis);
	const char *at[ARGS_MAX];
	size_t lens[ARGS_MAX];
	redisReply *reply = NULL;
	long long len;
	char *bytes;

	for (int i = 0; i < n; i++) {
		at[i] = args[i].bytes;
		lens[i] = args[i].len;
	}
	len = redisFormatCommandArgv(&bytes, n, at, lens);
	if (len < 0) {
		failed(redis, "no memory");
		return NULL;
	}
	if (!send_all(redis, bytes, (size_t)len, deadline))
		reply = receive(redis, deadline);
	OPENSSL_cleanse(bytes, (size_t)len);
	redisFreeCommand(bytes);
	return reply;
}

/* Says what is wrong with a reply, which is not what the command has for an answer. */
static int refuse(struct redis *redis, const redisReply *reply, const char *what)
{
	if (!reply)
		return -1;
	if (reply->type == REDIS_REPLY_ERROR)
		return failed(redis, "it refuses %s: %s", what, reply->str);
	return failed(redis, "its answer to %s is none: see whether it is a Redis server", what);
}

/* A command that is answered by a status. */
static int say(struct redis *redis, const struct arg *args, int n)
{
	redisReply *reply = command(redis, args, n);
	int ret = 0;

	if (!reply || reply->type != REDIS_REPLY_STATUS)
		ret = refuse(redis, reply, args[0].bytes);
	forget(reply);
	return ret;
}

int redis_ping(struct redis *redis)
{
	const struct arg args[] = { text("PING") };

	return say(redis, args, 1);
}

int redis_get(struct redis *redis, const char *name, uint8_t *value, size_t size, size_t *len)
{
	const struct arg args[] = { text("GET"), text(name) };
	redisReply *reply = command(redis, args, 2);
	int ret = 1;

	*len = 0;
	if (reply && reply->type == REDIS_REPLY_STRING) {
		*len = (size_t)reply->len;
		if (*len <= size)
			memcpy(value, reply->str, *len);
	} else if (reply && reply->type == REDIS_REPLY_NIL) {
		ret = 0;
	} else if (!reply || reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "WRONGTYPE", 9)) {
		ret = refuse(redis, reply, "GET");
	}
	forget(reply);
	return ret;
}

int redis_add(struct redis *redis, const char *name, const uint8_t *value, size_t len, int64_t ms)
{
	char life[24];
	struct arg args[ARGS_MAX] = {
		text("SET"), text(name), { value, len }, text("NX"), text("PX"), { life, 0 },
	};
	redisReply *reply;
	int ret = 0;

	args[5].len = (size_t)snprintf(life, sizeof(life), "%" PRId64, ms);
	reply = command(redis, args, ARGS_MAX);
	if (!reply || (reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_NIL))
		ret = refuse(redis, reply, "SET");
	forget(reply);
	return ret;
}

int redis_left(struct redis *redis, const char *name, int64_t *ms)
{
	const struct arg args[] = { text("PTTL"), text(name) };
	redisReply *reply = command(redis, args, 2);
	int ret = 0;

	if (reply && reply->type == REDIS_REPLY_INTEGER)
		*ms = reply->integer;
	else
		ret = refuse(redis, reply, "PTTL");
	forget(reply);
	return ret;
}

/* ---- the connection ---- */

bool redis_address(struct redis_options *options, const char *address)
{
	const char *host = address, *end, *port;
	size_t len;
	int rest = 0;

	if (address[0] == '[') {
		host++;
		end = strchr(host, ']');
		port = end ? end + 1 : NULL;
	} else {
		end = address[0] == '/' ? host + strlen(host) : host + strcspn(host, ":");
		port = end;
	}
	len = end ? (size_t)(end - host) : 0;
	if (!len || len >= sizeof(options->host))
		return false;
	memcpy(options->host, host, len);
	options->host[len] = '\0';
	options->port = PORT;
	if (!*port)
		return true;
	return sscanf(port, ":%5d%n", &options->port, &rest) == 1 && !port[rest] &&
	       options->port > 0 && options->port < 65536;
}

static int tls_error(struct redis *redis, const char *option, const char *file)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	return failed(redis, "%s %s: %s: give a PEM file that kseald-keys may read", option, file,
		      reason ? reason : "cannot be read");
}

static int set_up(struct redis *redis, SSL_CTX *ctx)
{
	const struct redis_options *o = redis->options;

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(ctx, SSL_OP_CLEANSE_PLAINTEXT);
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION))
		return failed(redis, "OpenSSL does not offer TLS 1.2");
	if (o->ca ? !SSL_CTX_load_verify_locations(ctx, o->ca, NULL) :
		    !SSL_CTX_set_default_verify_paths(ctx))
		return tls_error(redis, "--ca", o->ca ?: "");
	if (o->cert && SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1)
		return tls_error(redis, "--cert", o->cert);
	if (o->key && SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1)
		return tls_error(redis, "--key", o->key);
	return 0;
}

/* The name is verified in the handshake: RFC 6125, or the address as such. */
static int set_name(const char *host, SSL *ssl)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host))
		return 0;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
						X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host) ? 0 : -1;
}

static int open_tls(struct redis *redis, int64_t deadline)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	BIO *bio;
	int ret = 0;

	ERR_clear_error();
	if (!ctx)
		return failed(redis, "no memory");
	if (set_up(redis, ctx)) {
		SSL_CTX_free(ctx);
		return -1;
	}
	bio = BIO_new_ssl(ctx, 1);
	SSL_CTX_free(ctx);
	if (!bio)
		return failed(redis, "no memory");
	redis->bio = BIO_push(bio, redis->bio);
	BIO_get_ssl(bio, &ssl);
	if (set_name(redis->options->host, ssl))
		return failed(redis, "no memory");
	do {
		forget_errors();
		if (BIO_do_handshake(bio) == 1)
			return 0;
		ret = again(redis, deadline);
	} while (!ret);
	return ret;
}

static int connect_to(struct redis *redis)
{
	const struct redis_options *o = redis->options;
	const struct timeval limit = { .tv_sec = o->timeout };
	int flags;

	redis->context = o->host[0] == '/' ? redisConnectUnixWithTimeout(o->host, limit) :
					     redisConnectWithTimeout(o->host, o->port, limit);
	if (!redis->context)
		return failed(redis, "no memory");
	if (redis->context->err)
		return failed(redis, "%s: see whether the server runs, and --server",
			      redis->context->errstr);
	flags = fcntl(redis->context->fd, F_GETFL);
	if (flags < 0 || fcntl(redis->context->fd, F_SETFL, flags | O_NONBLOCK))
		return failed(redis, "fcntl: %s", strerror(errno));
	redis->bio = BIO_new_socket(redis->context->fd, BIO_NOCLOSE);
	return redis->bio ? 0 : failed(redis, "no memory");
}

/* The file's bytes are in buf then, which the caller wipes. */
static int authenticate(struct redis *redis, char buf[AUTH_MAX])
{
	int fd = open(redis->options->auth, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, AUTH_MAX - 1);
	struct arg args[3] = { text("AUTH") };
	int n = 1;

	if (len < 0)
		failed(redis, "--auth %s: %s: give a file that kseald-keys may read",
		       redis->options->auth, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return -1;
	buf[len] = '\0';
	for (char *line = buf; n < 3 && *line; n++) {
		char *end = line + strcspn(line, "\n");

		args[n] = (struct arg){ line, (size_t)(end - line) };
		line = *end ? end + 1 : end;
	}
	if (n == 1)
		return failed(redis, "--auth %s: it is empty: write the password there, or the user and in the next line the password",
			      redis->options->auth);
	return say(redis, args, n);
}

static int introduce(struct redis *redis)
{
	char buf[AUTH_MAX], db[16];
	struct arg args[2] = { text("SELECT"), { db, 0 } };
	int ret = 0;

	if (redis->options->auth) {
		ret = authenticate(redis, buf);
		OPENSSL_cleanse(buf, sizeof(buf));
	}
	if (ret || !redis->options->db)
		return ret;
	args[1].len = (size_t)snprintf(db, sizeof(db), "%u", redis->options->db);
	return say(redis, args, 2);
}

int redis_open(struct redis *redis, const struct redis_options *options, int wake)
{
	memset(redis, 0, sizeof(*redis));
	redis->options = options;
	redis->wake = wake;
	if (!connect_to(redis) && (!options->tls || !open_tls(redis, deadline_of(redis))) &&
	    !introduce(redis))
		return 0;
	redis_close(redis);
	return -1;
}

void redis_close(struct redis *redis)
{
	BIO_free_all(redis->bio);
	if (redis->context)
		redisFree(redis->context);
	redis->bio = NULL;
	redis->context = NULL;
}
