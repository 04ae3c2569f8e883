/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to a Redis server. hiredis connects, formats commands and parses replies; the
 * bytes pass through OpenSSL, as not all of its versions have TLS, and within a time limit.
 * What the server says is not trusted: replies are short, and no arrays.
 */
#ifndef KSEALD_REDIS_H
#define KSEALD_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bio.h>

struct redis_options {
	char host[256];		/* a name or an address; with a / in front: a socket's path */
	int port;
	bool tls;
	const char *ca;		/* PEM; NULL: the system's */
	const char *cert, *key;	/* of our own, PEM; or NULL */
	const char *auth;	/* a file: password, or user and password in two lines; or NULL */
	unsigned int db;
	unsigned int timeout;	/* s, for the connection and for each reply */
};

struct redis {
	const struct redis_options *options;
	struct redisContext *context;
	BIO *bio;
	int wake;
	bool interrupted;	/* by wake */
	char why[512];		/* of the last function that failed: a sentence */
};

/* Reads "HOST", "HOST:PORT", "[ADDRESS]:PORT" or "/PATH" into host and port. */
bool redis_address(struct redis_options *options, const char *text);

/*
 * Connects, verifies the server's certificate against host, says who we are. Files are read
 * anew. wake: a descriptor that ends any waiting for answers once it can be read; -1 for none.
 * Returns 0, or -1; then it is closed.
 */
int redis_open(struct redis *redis, const struct redis_options *options, int wake);
void redis_close(struct redis *redis);

/* Returns 0 if the server answers, or -1. */
int redis_ping(struct redis *redis);

/*
 * Gets name's value. Returns 1 with its len, and if that is no more than size, with value; len
 * is 0 if it is no string. Returns 0 if there is none, or -1. The caller wipes value.
 */
int redis_get(struct redis *redis, const char *name, uint8_t *value, size_t size, size_t *len);

/* Adds name for so many ms. Returns 0, also if it was there, when its value stays, or -1. */
int redis_add(struct redis *redis, const char *name, const uint8_t *value, size_t len, int64_t ms);

/* How long name stays, in ms; negative: it was not told. Returns 0 or -1. */
int redis_left(struct redis *redis, const char *name, int64_t *ms);

#endif
