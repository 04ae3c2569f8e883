// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "scene.h"

#define BUFFERS (4 << 20)

/* ---- keys ---- */

struct layout {
	uint16_t cipher;
	uint8_t iv, key, salt;
};

static const struct layout layouts[] = {
	{ TLS_CIPHER_AES_GCM_128, 8, 16, 4 },
	{ TLS_CIPHER_AES_GCM_256, 8, 32, 4 },
	{ TLS_CIPHER_CHACHA20_POLY1305, 12, 32, 0 },
	{ TLS_CIPHER_AES_CCM_128, 8, 16, 4 },
};

static const struct layout *layout_of(uint16_t cipher)
{
	const struct layout *l = layouts;

	while (l->cipher != cipher)
		l++;
	return l;
}

static void make_seq(struct chance *c, unsigned int gen, uint8_t *seq)
{
	memset(seq, 0, 8);
	switch (chance_below(c, gen ? 8 : 4)) {
	case 0:
		chance_bytes(c, seq, 8);
		break;
	case 1:
		/* soon with a carry; the last of all is not what this is about */
		memset(seq + 1 + chance_below(c, 7), 0xff, 8);
		seq[7] = 0xfe;
		break;
	}
}

size_t scene_blob(const struct scene *s, const struct end *e, unsigned int gen, uint8_t *blob)
{
	const struct layout *l = layout_of(s->cipher);
	size_t secret = l->iv + l->key + l->salt;
	uint8_t seq[16];	/* what make_seq() fills at once, and more */
	struct chance c;

	chance_begin(&c, s->seed, 1ULL << 40 | gen << 8 | e->name);
	memcpy(blob, &s->version, 2);
	memcpy(blob + 2, &s->cipher, 2);
	chance_bytes(&c, blob + 4, secret);
	make_seq(&c, gen, seq);
	memcpy(blob + 4 + secret, seq, 8);
	return 4 + secret + 8;
}

void scene_peer_keys(struct scene *s, unsigned int gen)
{
	const struct layout *l = layout_of(s->cipher);
	struct peer_dir *d = &s->peer.tx;
	uint8_t blob[BLOB_MAX];
	const uint8_t *iv = blob + 4, *key = iv + l->iv, *salt = key + l->key;
	int i;

	scene_blob(s, &s->end[1], gen, blob);
	d->version = s->version;
	d->cipher = s->cipher;
	memcpy(d->key, key, l->key);
	memcpy(d->iv, salt, l->salt);
	memcpy(d->iv + l->salt, iv, l->iv);
	d->seq = 0;
	for (i = 0; i < 8; i++)
		d->seq = d->seq << 8 | salt[l->salt + i];
	s->peer_gen = gen;
}

/* ---- the connection ---- */

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* Before the connection: the window's scale follows from it. */
static int make_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = BUFFERS, one = 1;
	struct timeval tv = { .tv_usec = 20000 };

	must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void connect_pair(int *one, int *two)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = make_socket();

	must(!bind(listener, (void *)&at, len) && !listen(listener, 1) &&
	     !getsockname(listener, (void *)&at, &len), "listen");
	*one = make_socket();
	must(!connect(*one, (void *)&at, len), "connect");
	*two = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(*two >= 0, "accept");
	close(listener);
}

void scene_open(struct scene *s, const char *label, uint64_t seed)
{
	static const char * const setups[] = { "tx", "rx", "both", "pair" };
	unsigned int setup;
	struct chance c;

	memset(s, 0, sizeof(*s));
	chance_begin(&c, seed, 2ULL << 40);
	s->label = label;
	s->seed = seed;
	s->version = chance_one_in(&c, 3) ? TLS_1_2_VERSION : TLS_1_3_VERSION;
	s->cipher = CHANCE_PICK(&c, layouts).cipher;
	setup = chance_below(&c, 4);
	s->tx = setup != 1;
	s->rx = setup != 0;
	s->end[0].name = 'A';
	s->end[1].name = 'B';
	s->end[1].plain = setup != 3;
	connect_pair(&s->end[0].fd, &s->end[1].fd);
	scene_peer_keys(s, 0);
	s->peer.fd = s->end[1].fd;
	printf("%s set-up %s version %04x cipher %u\n", label, setups[setup], s->version,
	       s->cipher);
}

void scene_close(struct scene *s)
{
	struct linger reset = { .l_onoff = 1 };
	int i;

	for (i = 1; i >= 0; i--) {
		if (s->end[i].fd < 0)
			continue;
		/* no TIME_WAIT: there are only so many ports */
		setsockopt(s->end[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(s->end[i].fd);
	}
	free(s->pending);
}

/* ---- bytes on their way ---- */

void scene_sent(struct scene *s, struct end *e, ssize_t len)
{
	if (len < 0)
		e->failed = true;
	if (len > 0 && !other(s, e)->plain)
		other(s, e)->flying += len;
}

void scene_read(struct scene *s, struct end *e, ssize_t len)
{
	if (len > 0)
		e->flying -= (size_t)len < e->flying ? (size_t)len : e->flying;
}

bool scene_has_room(struct scene *s, struct end *e, size_t len)
{
	return other(s, e)->flying + len <= FLYING_MAX;
}

uint8_t *scene_edge(size_t len)
{
	static uint8_t *edge;
	const size_t size = 16 << 12;

	if (!edge) {
		edge = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(edge != MAP_FAILED && !mprotect(edge + size, 4096, PROT_NONE), "mmap");
	}
	return edge + size - len;
}

static bool info_of(const struct end *e, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return e->fd >= 0 && !getsockopt(e->fd, IPPROTO_TCP, TCP_INFO, info, &len) &&
	       info->tcpi_state != 7 /* TCP_CLOSE */;
}

/* Whether all that TCP was given has arrived; a cork is no reason to wait. */
static bool arrived(const struct end *from, const struct end *to)
{
	struct tcp_info out, in;
	int one = 1;

	if (!info_of(from, &out))
		return true;
	if (out.tcpi_notsent_bytes) {
		setsockopt(from->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		info_of(from, &out);
	}
	if (!info_of(to, &in))
		return true;
	return !out.tcpi_notsent_bytes &&
	       in.tcpi_bytes_received >= out.tcpi_bytes_sent - out.tcpi_bytes_retrans;
}

static void settle(struct scene *s)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int tries = 1500;

	while (tries-- && !(arrived(&s->end[0], &s->end[1]) && arrived(&s->end[1], &s->end[0])))
		nanosleep(&pause, NULL);
	if (tries < 0)
		say(" unsettled");
}

/* ---- lines ---- */

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

void say_call(struct scene *s, const struct end *e, const char *format, ...)
{
	va_list args;

	printf("%s %u.%u %c ", s->label, s->index, s->sub++, e->name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

void say_return(ssize_t ret)
{
	if (ret < 0)
		printf(" -> %s", strerrorname_np(errno) ?: "?");
	else
		printf(" -> %zd", ret);
}

void say_bytes(const void *data, size_t len)
{
	if (len)
		printf(" #%08x", (unsigned int)hash_on(HASH_START, data, len));
}

void say_flags(const struct flag_name *names, int flags)
{
	const char *comma = "";

	if (!flags)
		printf("0");
	for (; names->name; names++) {
		if (!(flags & names->flag))
			continue;
		printf("%s%s", comma, names->name);
		flags &= ~names->flag;
		comma = "|";
	}
	if (flags)
		printf("%s%#x", comma, flags);
}

/* The headers of records in a piece of the stream, as they become whole. */
static void say_headers(struct end *e, const uint8_t *data, size_t len)
{
	while (len) {
		size_t n = e->body_left < len ? e->body_left : len;

		e->body_left -= n;
		data += n;
		len -= n;
		if (!len)
			break;
		e->header[e->header_len++] = *data++;
		len--;
		if (e->header_len < sizeof(e->header))
			continue;
		e->header_len = 0;
		e->body_left = e->header[3] << 8 | e->header[4];
		printf(" %u/%02x%02x/%zu", e->header[0], e->header[1], e->header[2],
		       e->body_left);
	}
}

/* What has arrived at the plain end. */
static void say_arrived(struct scene *s, struct end *e)
{
	static uint8_t data[1 << 16];
	uint64_t hash = HASH_START;
	size_t total = 0;
	ssize_t n;

	if (!e->plain || e->ended || e->fd < 0)
		return;
	while ((n = recv(e->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
		if (!total)
			printf(" | wire");
		if (s->end[0].tx_gen)
			say_headers(e, data, n);
		hash = hash_on(hash, data, n);
		total += n;
	}
	if (total)
		printf(" %zu bytes #%08x", total, (unsigned int)hash);
	if (n < 0 && errno == EAGAIN)
		return;
	printf(" | wire ends: %s", n ? strerrorname_np(errno) : "FIN");
	e->ended = true;
}

void say_end(struct scene *s)
{
	settle(s);
	say_arrived(s, &s->end[1]);
	printf("\n");
}
