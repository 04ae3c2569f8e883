// SPDX-License-Identifier: MIT
/*
 * uring PORT DIR: files over HTTPS (GET, HTTP/1.0), with one io_uring for everything. accept, recv, read and send are those of plain TCP.
 * cc uring.c $(pkg-config --cflags --libs libkseal liburing)
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <liburing.h>
#include <kseal.h>

#define CONNECTIONS	256	/* at once; more wait in the listener's queue */
#define BYTES		65536

enum step { ACCEPT, RECEIVE, READ, SEND };

struct connection {
	enum step step;
	int fd, file;
	char data[BYTES];
	size_t len, sent;	/* of what is being sent */
	off_t offset;		/* in the file */
};

static struct io_uring ring;
static int listener, dir;

static void submit(struct connection *c, enum step step)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe)
		errx(1, "the ring is full");
	c->step = step;
	switch (step) {
	case ACCEPT:
		io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
		break;
	case RECEIVE:
		io_uring_prep_recv(sqe, c->fd, c->data + c->len, sizeof(c->data) - 1 - c->len, 0);
		break;
	case READ:
		io_uring_prep_read(sqe, c->file, c->data, sizeof(c->data), c->offset);
		break;
	case SEND:
		io_uring_prep_send(sqe, c->fd, c->data + c->sent, c->len - c->sent, MSG_NOSIGNAL);
		break;
	}
	io_uring_sqe_set_data(sqe, c);
}

static void finish(struct connection *c)
{
	close(c->fd);
	if (c->file >= 0)
		close(c->file);
	submit(c, ACCEPT);
}

/* "GET /name HTTP/1.0" */
static void answer(struct connection *c)
{
	char *name = c->data, *end;

	if (!strncmp(name, "GET /", 5) && (end = strchr(name + 5, ' '))) {
		*end = '\0';
		name += 5;
		if (!strstr(name, ".."))
			c->file = openat(dir, name, O_RDONLY | O_NOFOLLOW);
	}
	c->len = (size_t)snprintf(c->data, sizeof(c->data), c->file >= 0 ?
				  "HTTP/1.0 200 OK\r\n\r\n" : "HTTP/1.0 404 Not Found\r\n\r\n");
	c->sent = 0;
	submit(c, SEND);
}

static void go_on(struct connection *c, int res)
{
	if (c->step == ACCEPT) {
		if (res < 0)
			errx(1, "accept: %s", strerror(-res));
		c->fd = res;
		c->file = -1;
		c->len = c->sent = 0;
		c->offset = 0;
		submit(c, RECEIVE);
		return;
	}
	if (res <= 0) {		/* the end, or the handshake failed: kseal_reason() has why */
		finish(c);
		return;
	}
	switch (c->step) {
	case RECEIVE:
		c->len += (size_t)res;
		c->data[c->len] = '\0';
		if (strstr(c->data, "\r\n\r\n"))
			answer(c);
		else if (c->len + 1 < sizeof(c->data))
			submit(c, RECEIVE);
		else
			finish(c);
		return;
	case READ:
		c->len = (size_t)res;
		c->offset += res;
		c->sent = 0;
		submit(c, SEND);
		return;
	default:
		c->sent += (size_t)res;
		if (c->sent < c->len)
			submit(c, SEND);
		else if (c->file >= 0)
			submit(c, READ);
		else
			finish(c);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	struct io_uring_cqe *cqe;
	struct connection *c, *connections = calloc(CONNECTIONS, sizeof(*connections));
	int ret, res;

	if (argc != 3 || !connections)
		errx(2, "usage: uring PORT DIR");
	any.sin6_port = htons((uint16_t)atoi(argv[1]));
	listener = socket(AF_INET6, SOCK_STREAM, 0);
	dir = open(argv[2], O_RDONLY | O_DIRECTORY);
	if (dir < 0 || bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 128))
		err(1, "port %s, directory %s", argv[1], argv[2]);
	ret = kseal_server(listener, NULL);
	if (ret)
		errx(1, "kseal: %s", strerror(-ret));
	ret = io_uring_queue_init(2 * CONNECTIONS, &ring, 0);
	if (ret)
		errx(1, "io_uring: %s", strerror(-ret));
	for (c = connections; c < connections + CONNECTIONS; c++)
		submit(c, ACCEPT);
	for (;;) {
		io_uring_submit_and_wait(&ring, 1);
		while (!io_uring_peek_cqe(&ring, &cqe)) {
			c = io_uring_cqe_get_data(cqe);
			res = cqe->res;
			io_uring_cqe_seen(&ring, cqe);
			go_on(c, res);
		}
	}
}
