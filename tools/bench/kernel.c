// SPDX-License-Identifier: GPL-2.0-or-later
/* TLS in the kernel: kseal, and mainline's ULP "tls". The same keys, set up differently. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <kseal.h>
#include "bench/stack.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
/* newer than some systems' linux/tls.h */
#ifndef TLS_RX_EXPECT_NO_PAD
#define TLS_RX_EXPECT_NO_PAD 4
#endif
#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN 5
#endif

/* ---- keys ---- */

static int make_direction(struct kseal_keys *k, const struct bench_case *c)
{
	memset(k, 0, sizeof(*k));
	k->key_len = c->cipher == KSEAL_CIPHER_AES_GCM_128 ? 16 : 32;
	/* what a handshake would leave: the secret of SHA-256, or of SHA-384 */
	if (c->version == KSEAL_VERSION_1_3)
		k->secret_len = c->cipher == KSEAL_CIPHER_AES_GCM_128 ? 32 : 48;
	if (getrandom(k->key, sizeof(k->key), 0) != sizeof(k->key) ||
	    getrandom(k->iv, sizeof(k->iv), 0) != sizeof(k->iv) ||
	    getrandom(k->secret, sizeof(k->secret), 0) != sizeof(k->secret))
		return -EIO;
	memset(k->key + k->key_len, 0, sizeof(k->key) - k->key_len);
	return 0;
}

static int make_keys(const struct bench_case *c, struct kseal_session_keys *server,
		     struct kseal_session_keys *client)
{
	memset(server, 0, sizeof(*server));
	server->version = c->version;
	server->cipher = c->cipher;
	if (make_direction(&server->tx, c) || make_direction(&server->rx, c))
		return -EIO;
	*client = *server;
	client->tx = server->rx;
	client->rx = server->tx;
	return 0;
}

/* ---- kseal ---- */

static int kseal_ready(const struct bench_case *c, char *why)
{
	if (access("/proc/net/kseal", F_OK))
		return stack_refuse(why, -ENOPKG, "kseal.ko is not loaded. Load it: modprobe kseal");
	if (c->record < KSEAL_RECORD_MIN)
		return stack_refuse(why, -EINVAL, "records have at least %d bytes", KSEAL_RECORD_MIN);
	return 0;
}

static int kseal_key(int fd, const struct kseal_session_keys *keys, const struct bench_case *c,
		     char *why)
{
	char said[128];
	uint32_t max = c->record;
	int err = kseal_install(fd, keys, said, sizeof(said));

	if (err)
		return stack_refuse(why, err, "the keys were refused: %s", said);
	if (max != RECORD_FULL &&
	    setsockopt(fd, SOL_KSEAL, KSEAL_SO_RECORD_MAX, &max, sizeof(max)))
		return stack_refuse(why, -errno, "KSEAL_SO_RECORD_MAX %u: %s", max, strerror(errno));
	return 0;
}

static int kseal_open(const struct bench_case *c, struct pair *p, char *why)
{
	struct kseal_session_keys server, client;
	int err = stack_connect(&stack_kseal, c, p, why);

	if (err)
		return err;
	err = make_keys(c, &server, &client);
	if (!err)
		err = kseal_key(p->server.fd, &server, c, why);
	if (!err)
		err = kseal_key(p->client.fd, &client, c, why);
	explicit_bzero(&server, sizeof(server));
	explicit_bzero(&client, sizeof(client));
	if (err)
		stack_close(p);
	return err;
}

const struct stack stack_kseal = {
	.name = "kseal", .title = "kseal", .in_kernel = true,
	.ready = kseal_ready, .open = kseal_open, .send = stack_send, .sendfile = stack_sendfile,
	.recv = stack_recv, .close = stack_close,
};

/* ---- mainline's ---- */

static int dropin(void)
{
	FILE *f = fopen("/sys/module/kseal/parameters/dropin", "r");
	int on;

	if (!f)
		return 0;
	on = fgetc(f) == 'Y';
	fclose(f);
	return on;
}

static int set_ulp(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3) ? -errno : 0;
}

static int set_record(int fd, unsigned int record)
{
	uint16_t max = record;

	return setsockopt(fd, SOL_TLS, TLS_TX_MAX_PAYLOAD_LEN, &max, sizeof(max)) ? -errno : 0;
}

static int set_keys(int fd, const struct kseal_session_keys *keys, bool tx)
{
	const struct kseal_keys *k = tx ? &keys->tx : &keys->rx;
	struct tls12_crypto_info_aes_gcm_128 aes128 = {
		.info = { .version = keys->version, .cipher_type = keys->cipher },
	};
	struct tls12_crypto_info_aes_gcm_256 aes256 = {
		.info = { .version = keys->version, .cipher_type = keys->cipher },
	};
	bool small = keys->cipher == KSEAL_CIPHER_AES_GCM_128;
	const void *info = small ? (void *)&aes128 : (void *)&aes256;
	socklen_t len = small ? sizeof(aes128) : sizeof(aes256);
	int err;

	memcpy(aes128.key, k->key, sizeof(aes128.key));
	memcpy(aes128.salt, k->iv, sizeof(aes128.salt));
	memcpy(aes128.iv, k->iv + sizeof(aes128.salt), sizeof(aes128.iv));
	memcpy(aes256.key, k->key, sizeof(aes256.key));
	memcpy(aes256.salt, k->iv, sizeof(aes256.salt));
	memcpy(aes256.iv, k->iv + sizeof(aes256.salt), sizeof(aes256.iv));
	err = setsockopt(fd, SOL_TLS, tx ? TLS_TX : TLS_RX, info, len) ? -errno : 0;
	explicit_bzero(&aes128, sizeof(aes128));
	explicit_bzero(&aes256, sizeof(aes256));
	return err;
}

/*
 * At its full strength: the option that lets records of TLS 1.3 be opened right into the
 * reader's memory is set, though it is for trusted peers only. Older kernels have it not.
 */
static int tls_key(int fd, const struct kseal_session_keys *keys, const struct bench_case *c,
		   char *why)
{
	int err, one = 1;

	err = set_ulp(fd);
	if (!err)
		err = set_keys(fd, keys, true);
	if (!err)
		err = set_keys(fd, keys, false);
	if (!err && c->record != RECORD_FULL)
		err = set_record(fd, c->record);
	if (err)
		return stack_refuse(why, err, "mainline's TLS refused: %s", strerror(-err));
	if (c->version == KSEAL_VERSION_1_3 && c->workload != WORKLOAD_SETUP)
		setsockopt(fd, SOL_TLS, TLS_RX_EXPECT_NO_PAD, &one, sizeof(one));
	return 0;
}

static int tls_open(const struct bench_case *c, struct pair *p, char *why)
{
	struct kseal_session_keys server, client;
	int err = stack_connect(&stack_tls, c, p, why);

	if (err)
		return err;
	err = make_keys(c, &server, &client);
	if (!err)
		err = tls_key(p->server.fd, &server, c, why);
	if (!err)
		err = tls_key(p->client.fd, &client, c, why);
	explicit_bzero(&server, sizeof(server));
	explicit_bzero(&client, sizeof(client));
	if (err)
		stack_close(p);
	return err;
}

/* Found out by trying, with full records and then with this case's. */
static int tls_ready(const struct bench_case *c, char *why)
{
	struct bench_case full = *c;
	struct pair p;
	int err;

	if (dropin())
		return stack_refuse(why, -EBUSY, "kseal.ko was loaded with dropin=1, so \"tls\" is kseal. "
				    "Load it without for a comparison");
	err = stack_connect(&stack_tls, c, &p, why);
	if (err)
		return err;
	err = set_ulp(p.server.fd);
	stack_close(&p);
	if (err == -ENOENT)
		return stack_refuse(why, err, "mainline's TLS is not loaded. Load it: modprobe tls");
	if (err)
		return stack_refuse(why, err, "the ULP \"tls\": %s", strerror(-err));
	full.record = RECORD_FULL;
	err = tls_open(&full, &p, why);
	if (err)
		return err;
	if (c->record != RECORD_FULL)
		err = set_record(p.server.fd, c->record);
	stack_close(&p);
	if (err)
		return stack_refuse(why, err, "this kernel's TLS makes full records only: it has no "
				    "TLS_TX_MAX_PAYLOAD_LEN");
	return 0;
}

const struct stack stack_tls = {
	.name = "tls", .title = "mainline tls", .in_kernel = true,
	.ready = tls_ready, .open = tls_open, .send = stack_send, .sendfile = stack_sendfile,
	.recv = stack_recv, .close = stack_close,
};
