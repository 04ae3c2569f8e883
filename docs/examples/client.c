// SPDX-License-Identifier: MIT
/*
 * client HOST PORT [PROTOCOLS]: says who answered, then sends its input and prints what comes back.
 * It reads only when its input has come to its end: more of that than both ends can hold would wait for ever, as with TCP.
 * cc client.c $(pkg-config --cflags --libs libkseal)
 */
#include <err.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <kseal.h>

static int connect_to(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found, *one;
	int fd = -1, ret = getaddrinfo(host, port, &hints, &found);

	if (ret)
		errx(1, "%s: %s", host, gai_strerror(ret));
	for (one = found; one && fd < 0; one = one->ai_next) {
		fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
		if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd < 0)
		err(1, "%s port %s", host, port);
	return fd;
}

static void check(int fd, int ret)
{
	char reason[KSEAL_REASON_MAX + 1] = "";

	if (!ret)
		return;
	kseal_reason(fd, reason, sizeof(reason));
	errx(1, "%s", reason[0] ? reason : strerror(-ret));
}

int main(int argc, char **argv)
{
	struct kseal_facts facts;
	char data[65536];
	ssize_t n;
	int fd;

	if (argc < 3)
		errx(2, "usage: client HOST PORT [PROTOCOLS]");
	fd = connect_to(argv[1], argv[2]);
	if (argc > 3)
		check(fd, kseal_alpn(fd, argv[3]));
	check(fd, kseal_connect(fd, argv[1], NULL));
	check(fd, kseal_wait(fd, 30000));
	check(fd, kseal_facts(fd, &facts));
	fprintf(stderr, "%s is %s; %s%s%s\n", argv[1], facts.peer_identity, facts.suite,
		facts.alpn[0] ? ", " : "", facts.alpn);
	while ((n = read(0, data, sizeof(data))) > 0)
		if (write(fd, data, n) != n)
			check(fd, kseal_wait(fd, 0));
	shutdown(fd, SHUT_WR);
	while ((n = read(fd, data, sizeof(data))) > 0)
		if (write(1, data, n) != n)
			err(1, "stdout");
	if (n < 0)
		err(1, "read");		/* ECONNRESET: it was cut off */
	return 0;
}
