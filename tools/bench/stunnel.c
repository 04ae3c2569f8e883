// SPDX-License-Identifier: GPL-2.0-or-later
/* A process in front: stunnel takes TLS from the client, and has plain TCP to the server. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <kseal.h>
#include "bench/openssl.h"
#include "bench/stack.h"
#include "cert.h"

#define START_TRIES 300		/* of 10 ms */
#define WAIT_MS 3000

static struct {
	pid_t pid;
	uint16_t version, cipher;	/* that it was started for */
	in_port_t port;			/* network order */
	int backend;			/* the listener that it connects to */
	SSL_CTX *client;
	char dir[32];
} front = { .backend = -1 };

static void in_dir(char path[64], const char *name)
{
	snprintf(path, 64, "%s/%s", front.dir, name);
}

static void stop(void)
{
	char path[64];

	if (front.pid > 0) {
		kill(front.pid, SIGTERM);
		waitpid(front.pid, NULL, 0);
	}
	front.pid = 0;
	if (front.backend >= 0)
		close(front.backend);
	front.backend = -1;
	SSL_CTX_free(front.client);
	front.client = NULL;
	if (!front.dir[0])
		return;
	in_dir(path, "pem");
	unlink(path);
	in_dir(path, "conf");
	unlink(path);
	in_dir(path, "log");
	unlink(path);
	rmdir(front.dir);
	front.dir[0] = '\0';
}

/* A listener on loopback and its port; the port is free again once fd is closed. */
static int listen_any(in_port_t *port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&in, len) && !listen(fd, 64) &&
	    !getsockname(fd, (struct sockaddr *)&in, &len)) {
		*port = in.sin_port;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_to(in_port_t port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port,
	};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (struct sockaddr *)&in, sizeof(in))) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool write_pem(void)
{
	EVP_PKEY *key = cert_key("p256");
	X509 *cert = key ? cert_ca(key, "kseal bench", 1) : NULL;
	char path[64];
	bool ok;
	FILE *f;

	in_dir(path, "pem");
	f = fopen(path, "w");
	ok = f && cert && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) &&
	     PEM_write_X509(f, cert);
	if (f)
		ok = !fclose(f) && ok;
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok;
}

static bool write_conf(const struct bench_case *c, in_port_t backend)
{
	bool small = c->cipher == KSEAL_CIPHER_AES_GCM_128, tls13 = c->version == KSEAL_VERSION_1_3;
	const char *version = tls13 ? "TLSv1.3" : "TLSv1.2";
	char path[64];
	FILE *f;

	in_dir(path, "conf");
	f = fopen(path, "w");
	if (!f)
		return false;
	fprintf(f, "foreground = quiet\noutput = %s/log\npid =\ndebug = 3\n"
		"socket = a:TCP_NODELAY=1\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n"
		"[bench]\naccept = 127.0.0.1:%u\nconnect = 127.0.0.1:%u\ncert = %s/pem\n"
		"sslVersionMin = %s\nsslVersionMax = %s\nciphersuites = %s\nciphers = %s\n",
		front.dir, ntohs(front.port), ntohs(backend), front.dir, version, version,
		small ? "TLS_AES_128_GCM_SHA256" : "TLS_AES_256_GCM_SHA384",
		small ? "ECDHE-ECDSA-AES128-GCM-SHA256" : "ECDHE-ECDSA-AES256-GCM-SHA384");
	return !fclose(f);
}

static int spawn(void)
{
	char path[64];

	in_dir(path, "conf");
	front.pid = fork();
	if (front.pid)
		return front.pid < 0 ? -errno : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("stunnel4", "stunnel4", path, NULL);
	execlp("stunnel", "stunnel", path, NULL);
	_exit(127);
}

/* The last thing that it said before it ended. */
static int say_last(char *why)
{
	char path[64], line[160], last[160] = "it said nothing";
	FILE *f;

	in_dir(path, "log");
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		strcpy(last, line);
	}
	if (f)
		fclose(f);
	return stack_refuse(why, -EIO, "stunnel ended at once: %s", last);
}

/* Until it takes connections; the one that found out is closed. */
static int wait_for_it(char *why)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int i, fd, status;

	for (i = 0; i < START_TRIES; i++) {
		if (waitpid(front.pid, &status, WNOHANG) == front.pid) {
			front.pid = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
				return stack_refuse(why, -ENOENT, "stunnel is not installed. Install it: "
						    "apt-get install stunnel4");
			return say_last(why);
		}
		fd = connect_to(front.port);
		if (fd >= 0) {
			close(fd);
			fd = accept4(front.backend, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
			if (fd >= 0)
				close(fd);
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	return stack_refuse(why, -ETIMEDOUT, "stunnel takes no connections");
}

static int start(const struct bench_case *c, char *why)
{
	static bool registered;
	in_port_t backend;
	int fd, err;

	if (front.pid > 0 && front.version == c->version && front.cipher == c->cipher)
		return 0;
	stop();
	strcpy(front.dir, "/tmp/kseal-bench.XXXXXX");
	if (!mkdtemp(front.dir)) {
		front.dir[0] = '\0';
		return stack_refuse(why, -errno, "/tmp: %s", strerror(errno));
	}
	if (!registered)
		registered = !atexit(stop);
	front.backend = listen_any(&backend);
	fd = listen_any(&front.port);
	if (fd >= 0)
		close(fd);
	front.client = openssl_context(c, false);
	if (front.backend < 0 || fd < 0 || !front.client || !write_pem() || !write_conf(c, backend))
		return stack_refuse(why, -EIO, "stunnel could not be set up in %s", front.dir);
	stack_block(front.backend, false);
	front.version = c->version;
	front.cipher = c->cipher;
	err = spawn();
	return err ? stack_refuse(why, err, "stunnel: %s", strerror(-err)) : wait_for_it(why);
}

static int stunnel_ready(const struct bench_case *c, char *why)
{
	if (!workload_bulk(c->workload) && c->workload != WORKLOAD_LATENCY)
		return stack_refuse(why, -EOPNOTSUPP, "not measured through another process");
	if (c->record != RECORD_FULL)
		return stack_refuse(why, -EOPNOTSUPP, "stunnel makes its records as it likes");
	return start(c, why);
}

/* stunnel connects to the server's end after the handshake. */
static int stunnel_open(const struct bench_case *c, struct pair *p, char *why)
{
	struct pollfd backend = { .fd = front.backend, .events = POLLIN };
	int err = start(c, why), one = 1;

	p->server.fd = p->client.fd = -1;
	p->server.tls = p->client.tls = NULL;
	if (err)
		return err;
	p->client.fd = connect_to(front.port);
	if (p->client.fd >= 0)
		p->client.tls = openssl_attach(front.client, p->client.fd, c, false);
	backend.fd = front.backend;
	if (p->client.tls && SSL_do_handshake(p->client.tls) == 1 &&
	    poll(&backend, 1, WAIT_MS) == 1)
		p->server.fd = accept4(front.backend, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (p->server.fd < 0) {
		openssl_close(p);
		return stack_refuse(why, -EIO, "no connection through stunnel");
	}
	setsockopt(p->server.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	stack_block(p->client.fd, false);
	return 0;
}

static ssize_t stunnel_send(struct end *e, const void *data, size_t len)
{
	return e->tls ? openssl_send(e, data, len) : stack_send(e, data, len);
}

static ssize_t stunnel_recv(struct end *e, void *data, size_t len)
{
	return e->tls ? openssl_recv(e, data, len) : stack_recv(e, data, len);
}

const struct stack stack_stunnel = {
	.name = "stunnel", .title = "stunnel",
	.ready = stunnel_ready, .open = stunnel_open, .send = stunnel_send,
	.sendfile = stack_sendfile, .recv = stunnel_recv, .close = openssl_close,
};
