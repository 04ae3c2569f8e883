// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "calls.h"

/* Writes so much of what was sealed; the receiver gets it as one segment. */
static void write_pending(struct scene *s, size_t len)
{
	ssize_t n = send(s->peer.fd, s->pending, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	say(" writes %zu of %zu", len, s->pending_len);
	say_return(n);
	/* a broken connection takes nothing, and it is all the same to it */
	s->pending_len -= len;
	memmove(s->pending, s->pending + len, s->pending_len);
}

static size_t some_of_it(struct scene *s, struct chance *c)
{
	switch (chance_below(c, 6)) {
	case 0:
		return chance_below(c, s->pending_len + 1);
	case 1:
		return s->pending_len < 4 ? s->pending_len : chance_below(c, 6) % s->pending_len;
	default:
		return s->pending_len;
	}
}

/* ---- records ---- */

static size_t add(struct scene *s, int type, const void *data, size_t len, size_t padding)
{
	uint8_t *to;
	size_t n;

	s->pending = realloc(s->pending, s->pending_len + len + padding + 64);
	if (!s->pending)
		abort();
	to = s->pending + s->pending_len;
	n = peer_seal(&s->peer, type, data, len, padding, to);
	s->pending_len += n;
	s->end[0].flying += len;
	return n;
}

/* One byte or length that is not as it was sealed. */
static void spoil(struct scene *s, struct chance *c, uint8_t *record, size_t len)
{
	static const int lens[] = { 0, 1, 15, 16, 17, 24, 25, 16384, 16400, 16401, 16408, 16409,
				    16640, 16641, 65535 };
	size_t at;
	int body;

	switch (chance_below(c, 6)) {
	case 0:
	case 1:
		at = 5 + chance_below(c, len - 5);
		record[at] ^= 1 << chance_below(c, 8);
		say(" spoilt at %zu", at);
		break;
	case 2:
		record[1 + chance_below(c, 2)] ^= 1 + chance_below(c, 3);
		say(" version %02x%02x", record[1], record[2]);
		break;
	case 3:
		record[0] = chance_below(c, 2) ? 20 + chance_below(c, 5) : chance_below(c, 256);
		say(" outer type %u", record[0]);
		break;
	case 4:
		body = CHANCE_PICK(c, lens);
		record[3] = body >> 8;
		record[4] = body & 0xff;
		say(" length %d", body);
		break;
	default:
		body = (record[3] << 8 | record[4]) + (chance_below(c, 2) ? 1 : -1);
		record[3] = body >> 8;
		record[4] = body & 0xff;
		say(" length %d", body);
	}
}

static int random_type(const struct scene *s, struct chance *c)
{
	static const int some[] = { 20, 21, 22, 24, 0, 255 };
	int type = 23;

	if (chance_one_in(c, 5))
		type = chance_one_in(c, 3) ? (int)chance_below(c, 256) : CHANCE_PICK(c, some);
	if (s->version == 0x0303)
		return -type;
	/* none at all: zeroes alone */
	return chance_one_in(c, 40) ? -1 : type;
}

static void add_random(struct scene *s, struct chance *c)
{
	static uint8_t data[16400];
	int type = random_type(s, c);
	size_t len = chance_one_in(c, 10) ? 0 : chance_len(c, 16384), padding = 0, n;
	const size_t before = s->pending_len;

	if (chance_one_in(c, 4))
		padding = chance_below(c, 2) ? chance_below(c, 40) : chance_len(c, 16384 - len);
	if (chance_one_in(c, 60))
		len = 16385;
	if (!scene_has_room(s, &s->end[1], len + padding)) {
		say(" none");
		return;
	}
	chance_bytes(c, data, len);
	/* a KeyUpdate by chance is seldom one, and call_rekey makes them */
	if (abs(type) == 22 && len && chance_one_in(c, 2))
		data[0] = chance_below(c, 26);
	if (abs(type) == 22 && data[0] == 24)
		s->end[0].update = true;
	if (s->version == 0x0304 && type < 0)
		len = 0;
	n = add(s, type, data, len, padding);
	say(" [type %d len %zu pad %zu", type, len, s->version == 0x0304 ? padding : 0);
	if (chance_one_in(c, 16))
		spoil(s, c, s->pending + before, n);
	say("]");
}

void call_feed(struct scene *s, struct end *e, struct chance *c)
{
	unsigned int count = 1 + chance_below(c, 4) * chance_below(c, 2);

	say_call(s, e, "feeds");
	while (count--)
		add_random(s, c);
	write_pending(s, some_of_it(s, c));
	say_end(s);
}

void call_feed_rest(struct scene *s, struct end *e, struct chance *c)
{
	say_call(s, e, "feeds the rest:");
	write_pending(s, some_of_it(s, c));
	say_end(s);
}

void call_feed_end(struct scene *s, struct end *e, struct chance *c)
{
	struct linger reset = { .l_onoff = 1 };

	say_call(s, e, "ends with");
	if (chance_one_in(c, 3)) {
		say(" RST");
		setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(e->fd);
		e->fd = -1;
		s->peer.fd = -1;
	} else {
		say(" FIN");
		say_return(shutdown(e->fd, SHUT_WR));
	}
	say_end(s);
}

bool feed_key_update(struct scene *s)
{
	static const uint8_t message[] = { 24, 0, 0, 1, 0 };

	s->end[0].update = true;
	say_call(s, &s->end[1], "feeds KeyUpdate");
	add(s, s->version == 0x0304 ? 22 : -22, message, sizeof(message), 0);
	write_pending(s, s->pending_len);
	say_end(s);
	return true;
}
