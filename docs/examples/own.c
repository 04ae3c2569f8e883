// SPDX-License-Identifier: MIT
/*
 * own HOST PORT CA: a program with a TLS library of its own: OpenSSL does the handshake, and hands the keys over. From there on the
 * socket is an ordinary one: input is sent by write(), what comes back is printed.
 * cc own.c $(pkg-config --cflags --libs libkseal openssl)
 */
#include <err.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>
#include <kseal.h>

/* The traffic secrets (RFC 8446 7.1), as OpenSSL tells them: "LABEL RANDOM SECRET" */
static unsigned char client_secret[32], server_secret[32];

static void on_secret(const SSL *ssl, const char *line)
{
	unsigned char *secret = NULL;
	const char *hex = strrchr(line, ' ');
	int i;

	(void)ssl;
	if (!strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24))
		secret = client_secret;
	else if (!strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24))
		secret = server_secret;
	for (i = 0; secret && i < 32; i++)
		sscanf(hex + 1 + 2 * i, "%2hhx", &secret[i]);
}

/* HKDF-Expand-Label(secret, label, "", len), RFC 8446 7.1 */
static void expand(const unsigned char *secret, const char *label, unsigned char *out, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	unsigned char info[64];
	size_t n = strlen(label);

	info[0] = 0;
	info[1] = (unsigned char)len;
	info[2] = (unsigned char)(6 + n);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, n);
	info[9 + n] = 0;
	if (!ctx || EVP_PKEY_derive_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_hkdf_mode(ctx, EVP_PKEY_HKDEF_MODE_EXPAND_ONLY) <= 0 ||
	    EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) <= 0 ||
	    EVP_PKEY_CTX_set1_hkdf_key(ctx, secret, 32) <= 0 ||
	    EVP_PKEY_CTX_add1_hkdf_info(ctx, info, (int)(10 + n)) <= 0 ||
	    EVP_PKEY_derive(ctx, out, &len) <= 0)
		errx(1, "OpenSSL has no HKDF");
	EVP_PKEY_CTX_free(ctx);
}

static void fill(struct kseal_keys *keys, const unsigned char *secret)
{
	keys->key_len = 16;
	keys->secret_len = 32;		/* with it the kernel does KeyUpdates */
	memcpy(keys->secret, secret, 32);
	expand(secret, "key", keys->key, 16);
	expand(secret, "iv", keys->iv, sizeof(keys->iv));
}

static SSL *shake_hands(int fd, const char *host, const char *ca)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_keylog_callback(ctx, on_secret);
	SSL_CTX_load_verify_locations(ctx, ca, NULL);
	ssl = SSL_new(ctx);
	SSL_set1_host(ssl, host);
	SSL_set_tlsext_host_name(ssl, host);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		errx(1, "the handshake failed");
	return ssl;
}

int main(int argc, char **argv)
{
	struct kseal_session_keys keys = {
		.version = KSEAL_VERSION_1_3, .cipher = KSEAL_CIPHER_AES_GCM_128,
	};
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char data[65536], why[256];
	ssize_t n;
	int fd, ret;

	if (argc != 4 || getaddrinfo(argv[1], argv[2], &hints, &found))
		errx(2, "usage: own HOST PORT CA");
	fd = socket(found->ai_family, found->ai_socktype, 0);
	if (connect(fd, found->ai_addr, found->ai_addrlen))
		err(1, "connect");
	shake_hands(fd, argv[1], argv[3]);
	/* OpenSSL has read nothing behind the handshake: both sequence numbers are 0 */
	fill(&keys.tx, client_secret);
	fill(&keys.rx, server_secret);
	ret = kseal_install(fd, &keys, why, sizeof(why));
	if (ret)
		errx(1, "kseal: %s", why);
	OPENSSL_cleanse(&keys, sizeof(keys));
	while ((n = read(0, data, sizeof(data))) > 0)
		if (write(fd, data, n) != n)
			err(1, "write");
	shutdown(fd, SHUT_WR);
	while ((n = read(fd, data, sizeof(data))) > 0)
		if (write(1, data, n) != n)
			err(1, "stdout");
	if (n < 0)
		err(1, "read");
	return 0;
}
