// SPDX-License-Identifier: MIT
/* echo PORT: what comes goes back, over TLS. cc echo.c $(pkg-config --cflags --libs libkseal) */
#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <kseal.h>

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(atoi(argv[argc - 1])) };
	int listener = socket(AF_INET6, SOCK_STREAM, 0), fd, ret;
	char data[65536];
	ssize_t n;

	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 128))
		err(1, "port %s", argv[argc - 1]);
	ret = kseal_server(listener, NULL);	/* this is all there is to TLS */
	if (ret)
		errx(1, "kseal: %s", strerror(-ret));
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while ((n = read(fd, data, sizeof(data))) > 0)
			if (write(fd, data, n) != n)
				break;
		close(fd);
	}
	err(1, "accept");
}
