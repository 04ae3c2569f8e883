/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stacks with OpenSSL in them share. */
#ifndef BENCH_OPENSSL_H
#define BENCH_OPENSSL_H

#include <openssl/ssl.h>
#include "bench/stack.h"

/* One version and one cipher; a server's with a certificate of its own. NULL: OpenSSL failed. */
SSL_CTX *openssl_context(const struct bench_case *c, bool server);

/* TLS on a socket, before its handshake; NULL: out of memory. */
void *openssl_attach(SSL_CTX *ctx, int fd, const struct bench_case *c, bool server);

ssize_t openssl_send(struct end *e, const void *data, size_t len);
ssize_t openssl_sendfile(struct end *e, int fd, off_t at, size_t len);
ssize_t openssl_recv(struct end *e, void *data, size_t len);
void openssl_close(struct pair *p);

#endif
