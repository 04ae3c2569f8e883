// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include "bench/transfer.h"
#include "bench/watch.h"

#define WAIT_MS 100

const struct source *source_get(void)
{
	static struct source source = { .fd = -1 };
	uint32_t seed = 1;
	uint8_t *bytes;
	size_t i;
	int fd;

	if (source.bytes)
		return &source;
	fd = memfd_create("kseal bench", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, SOURCE_SIZE))
		return NULL;
	bytes = mmap(NULL, SOURCE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		return NULL;
	for (i = 0; i < SOURCE_SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = seed >> 24;
	}
	source.fd = fd;
	source.bytes = bytes;
	return &source;
}

/* One for all: every stack reads into the same pages. */
static uint8_t *buffer_get(void)
{
	static uint8_t *buffer;
	void *at;

	if (buffer)
		return buffer;
	at = mmap(NULL, CALL_SIZE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	buffer = at == MAP_FAILED ? NULL : at;
	return buffer;
}

int transfer_open(struct transfer *t, const struct stack *s, const struct bench_case *c, char *why)
{
	memset(t, 0, sizeof(*t));
	t->stack = s;
	t->c = c;
	t->buffer = buffer_get();
	t->pair.client.fd = t->pair.server.fd = -1;
	if (!t->buffer || !source_get())
		return stack_refuse(why, -ENOMEM, "no memory for the buffers");
	return s->open(c, &t->pair, why);
}

void transfer_close(struct transfer *t)
{
	if (t->pair.client.fd >= 0)
		t->stack->close(&t->pair);
}

int transfer_push(struct transfer *t, uint64_t *ticks)
{
	const struct source *s = source_get();
	bool file = t->c->workload == WORKLOAD_SENDFILE;
	uint64_t at = t->sent % SOURCE_SIZE, start = watch_ticks();
	size_t left = CALL_SIZE - at % CALL_SIZE;
	ssize_t n = 0;

	while (left) {
		n = file ? t->stack->sendfile(&t->pair.server, s->fd, (off_t)at, left) :
			   t->stack->send(&t->pair.server, s->bytes + at, left);
		if (n <= 0)
			break;
		at += (uint64_t)n;
		left -= (size_t)n;
		t->sent += (uint64_t)n;
	}
	*ticks += watch_ticks() - start;
	return n < 0 && n != -EAGAIN ? (int)n : 0;
}

int transfer_pull(struct transfer *t, uint64_t *ticks, bool check)
{
	const struct source *s = source_get();
	uint64_t start = watch_ticks(), at;
	ssize_t n = 0;

	while (t->received < t->sent) {
		at = t->received % CALL_SIZE;
		n = t->stack->recv(&t->pair.client, t->buffer, CALL_SIZE - at);
		if (n <= 0)
			break;
		if (check && memcmp(t->buffer, s->bytes + t->received % SOURCE_SIZE, (size_t)n))
			return -EBADMSG;
		t->received += (uint64_t)n;
	}
	*ticks += watch_ticks() - start;
	if (t->received == t->sent || n == -EAGAIN)
		return 0;
	return n ? (int)n : -EPIPE;
}

void transfer_wait(struct transfer *t)
{
	struct pollfd fds[] = {
		{ .fd = t->pair.client.fd, .events = POLLIN },
		{ .fd = t->pair.server.fd, .events = POLLOUT },
	};

	t->waits++;
	/* what was sent already is on its way; room to send does not matter before it came */
	poll(fds, t->received < t->sent ? 1 : 2, WAIT_MS);
}
