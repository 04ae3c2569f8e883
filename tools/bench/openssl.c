// SPDX-License-Identifier: GPL-2.0-or-later
/* TLS in user space: OpenSSL on both ends, by SSL_write and SSL_read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <kseal.h>
#include "bench/openssl.h"
#include "bench/stack.h"
#include "cert.h"

#define FRAGMENT_MIN 512u		/* of SSL_CTX_set_max_send_fragment() */
#define FILE_CHUNK (32u << 10)		/* what a server reads of a file at once */
#define HANDSHAKE_TRIES 1000

static struct {
	SSL_CTX *client, *server;
	uint16_t version, cipher;
} contexts;

static int fail_openssl(char *why, const char *what)
{
	char text[160] = "unknown error";
	unsigned long err = ERR_get_error();

	if (err)
		ERR_error_string_n(err, text, sizeof(text));
	return stack_refuse(why, -EPROTO, "OpenSSL, %s: %s", what, text);
}

/* A key and a certificate for these connections alone. */
static bool certify(SSL_CTX *ctx)
{
	EVP_PKEY *key = cert_key("p256");
	X509 *cert = key ? cert_ca(key, "kseal bench", 1) : NULL;
	bool ok = cert && SSL_CTX_use_certificate(ctx, cert) == 1 &&
		  SSL_CTX_use_PrivateKey(ctx, key) == 1;

	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}

SSL_CTX *openssl_context(const struct bench_case *c, bool server)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	bool small = c->cipher == KSEAL_CIPHER_AES_GCM_128;

	if (!ctx)
		return NULL;
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_num_tickets(ctx, 0);
	/* fewer system calls: several records are read at once */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, 4 * RECORD_FULL);
	if (SSL_CTX_set_min_proto_version(ctx, c->version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, c->version) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, small ? "TLS_AES_128_GCM_SHA256" :
						  "TLS_AES_256_GCM_SHA384") != 1 ||
	    SSL_CTX_set_cipher_list(ctx, small ? "ECDHE-ECDSA-AES128-GCM-SHA256" :
						 "ECDHE-ECDSA-AES256-GCM-SHA384") != 1 ||
	    (server && !certify(ctx))) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int make_contexts(const struct bench_case *c, char *why)
{
	if (contexts.server && contexts.version == c->version && contexts.cipher == c->cipher)
		return 0;
	SSL_CTX_free(contexts.client);
	SSL_CTX_free(contexts.server);
	contexts.client = openssl_context(c, false);
	contexts.server = openssl_context(c, true);
	if (!contexts.client || !contexts.server)
		return fail_openssl(why, "setting up");
	contexts.version = c->version;
	contexts.cipher = c->cipher;
	return 0;
}

static int openssl_ready(const struct bench_case *c, char *why)
{
	if (c->workload == WORKLOAD_SETUP)
		return stack_refuse(why, -EOPNOTSUPP, "OpenSSL takes no keys: it needs a handshake, which "
				    "is not measured here");
	if (c->record < FRAGMENT_MIN)
		return stack_refuse(why, -EINVAL, "OpenSSL's records have at least %u bytes",
				    FRAGMENT_MIN);
	return 0;
}

static bool waits(SSL *ssl, int ret)
{
	int err = SSL_get_error(ssl, ret);

	return err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE;
}

void *openssl_attach(SSL_CTX *ctx, int fd, const struct bench_case *c, bool server)
{
	SSL *ssl = SSL_new(ctx);

	if (!ssl)
		return NULL;
	SSL_set_fd(ssl, fd);
	SSL_set_max_send_fragment(ssl, c->record);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

/* Both ends are here: each goes on until it waits for the other. */
static int shake_hands(SSL *client, SSL *server, char *why)
{
	int i, a = 0, b = 0;

	for (i = 0; i < HANDSHAKE_TRIES; i++) {
		ERR_clear_error();
		a = SSL_do_handshake(client);
		if (a != 1 && !waits(client, a))
			break;
		b = SSL_do_handshake(server);
		if (b != 1 && !waits(server, b))
			break;
		if (a == 1 && b == 1)
			return 0;
	}
	return fail_openssl(why, "the handshake");
}

static int openssl_open(const struct bench_case *c, struct pair *p, char *why)
{
	int err = make_contexts(c, why);

	if (!err)
		err = stack_connect(&stack_openssl, c, p, why);
	if (err)
		return err;
	p->client.tls = openssl_attach(contexts.client, p->client.fd, c, false);
	p->server.tls = openssl_attach(contexts.server, p->server.fd, c, true);
	if (!p->client.tls || !p->server.tls)
		err = fail_openssl(why, "a connection");
	else
		err = shake_hands(p->client.tls, p->server.tls, why);
	if (err)
		openssl_close(p);
	return err;
}

ssize_t openssl_send(struct end *e, const void *data, size_t len)
{
	size_t n;
	int ret = SSL_write_ex(e->tls, data, len, &n);

	return ret == 1 ? (ssize_t)n : waits(e->tls, ret) ? -EAGAIN : -EIO;
}

/* No sendfile for TLS in user space: the file is read, and written. */
ssize_t openssl_sendfile(struct end *e, int fd, off_t at, size_t len)
{
	static char chunk[FILE_CHUNK];
	ssize_t got = pread(fd, chunk, len < sizeof(chunk) ? len : sizeof(chunk), at);

	return got <= 0 ? got : openssl_send(e, chunk, (size_t)got);
}

ssize_t openssl_recv(struct end *e, void *data, size_t len)
{
	size_t n;
	int ret = SSL_read_ex(e->tls, data, len, &n);

	if (ret == 1)
		return (ssize_t)n;
	return SSL_get_error(e->tls, ret) == SSL_ERROR_ZERO_RETURN ? 0 :
	       waits(e->tls, ret) ? -EAGAIN : -EIO;
}

void openssl_close(struct pair *p)
{
	SSL_free(p->client.tls);
	SSL_free(p->server.tls);
	p->client.tls = p->server.tls = NULL;
	stack_close(p);
}

const struct stack stack_openssl = {
	.name = "openssl", .title = "OpenSSL",
	.ready = openssl_ready, .open = openssl_open, .send = openssl_send,
	.sendfile = openssl_sendfile, .recv = openssl_recv, .close = openssl_close,
};
