// SPDX-License-Identifier: MIT
/*
 * starttls PORT: an SMTP server (RFC 5321) that takes a message only behind STARTTLS (RFC 3207), and prints it.
 * The connection begins in clear and becomes TLS in the middle. cc starttls.c $(pkg-config --cflags --libs libkseal)
 *
 * What a client sends behind STARTTLS without waiting for the answer, a command that an attacker has put there, say, is
 * read by the kernel as a TLS record, which it is not: the handshake fails. So the program must not have read ahead: it reads
 * byte by byte before the switch.
 */
#include <err.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <kseal.h>

static bool read_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len + 1 < size && read(fd, line + len, 1) == 1)
		if (line[len++] == '\n')
			break;
	line[len] = '\0';
	return len && line[len - 1] == '\n';
}

static bool say(int fd, const char *text)
{
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool take_message(int fd)
{
	char line[1000];

	if (!say(fd, "354 go on\r\n"))
		return false;
	while (read_line(fd, line, sizeof(line)) && strcmp(line, ".\r\n"))
		fputs(line, stdout);
	fflush(stdout);
	return say(fd, "250 taken\r\n");
}

static bool serve(int fd)
{
	char line[1000];
	bool secure = false;
	int ret;

	say(fd, "220 localhost ready\r\n");
	while (read_line(fd, line, sizeof(line))) {
		if (!strncasecmp(line, "EHLO", 4)) {
			say(fd, secure ? "250 localhost\r\n" : "250-localhost\r\n250 STARTTLS\r\n");
		} else if (!strncasecmp(line, "STARTTLS", 8) && !secure) {
			say(fd, "220 go on\r\n");	/* in clear: before the switch */
			ret = kseal_server(fd, NULL);
			if (!ret)
				ret = kseal_wait(fd, 30000);
			if (ret) {
				fprintf(stderr, "STARTTLS: %s\n", strerror(-ret));
				return false;
			}
			secure = true;
		} else if (!strncasecmp(line, "QUIT", 4)) {
			return say(fd, "221 good bye\r\n");
		} else if (!secure) {
			say(fd, "530 STARTTLS first\r\n");
		} else if (!strncasecmp(line, "DATA", 4)) {
			take_message(fd);
		} else {
			say(fd, "250 so be it\r\n");
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(atoi(argv[argc - 1])) };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), fd;

	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 128))
		err(1, "port %s", argv[argc - 1]);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		serve(fd);
		close(fd);
	}
	err(1, "accept");
}
