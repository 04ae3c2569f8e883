// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "calls.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
/* newer than some systems' headers */
#define MAX_PAYLOAD_LEN 5

/* ---- keys ---- */

void call_ulp(struct scene *s, struct end *e, struct chance *c)
{
	say_call(s, e, "TCP_ULP tls");
	say_return(setsockopt(e->fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	say_end(s);
}

bool set_keys(struct scene *s, struct end *e, bool tx)
{
	unsigned int *gen = tx ? &e->tx_gen : &e->rx_gen;
	uint8_t blob[BLOB_MAX];
	size_t len = scene_blob(s, tx ? e : other(s, e), *gen, blob);
	int ret;

	say_call(s, e, "%s keys %u", tx ? "TLS_TX" : "TLS_RX", *gen);
	ret = setsockopt(e->fd, SOL_TLS, tx ? TLS_TX : TLS_RX, blob, len);
	say_return(ret);
	if (!ret)
		(*gen)++;
	say_end(s);
	return !ret;
}

void call_keys_tx(struct scene *s, struct end *e, struct chance *c)
{
	set_keys(s, e, true);
}

void call_keys_rx(struct scene *s, struct end *e, struct chance *c)
{
	set_keys(s, e, false);
}

/* The same with one thing wrong. */
void call_wrong_keys(struct scene *s, struct end *e, struct chance *c)
{
	static const uint16_t versions[] = { 0, 0x0301, 0x0302, 0x0303, 0x0304, 0x0305, 0xffff };
	static const uint16_t ciphers[] = { 0, 50, 51, 52, 53, 54, 59, 60, 0xffff };
	static const int lens[] = { 0, 1, 3, 4, 5, 8, 39, 40, 41, 55, 56, 57, 58, 60 };
	bool tx = chance_one_in(c, 2);
	uint8_t blob[64] = {};
	void *at = blob;
	uint16_t value;
	size_t len = scene_blob(s, tx ? e : other(s, e), tx ? e->tx_gen : e->rx_gen, blob);

	say_call(s, e, "%s keys with", tx ? "TLS_TX" : "TLS_RX");
	switch (chance_below(c, 5)) {
	case 0:
		value = CHANCE_PICK(c, versions);
		if (value == s->version)
			value = 1;
		memcpy(blob, &value, 2);
		say(" version %04x", value);
		break;
	case 1:
		value = CHANCE_PICK(c, ciphers);
		if (value == s->cipher)
			value = 1;
		memcpy(blob + 2, &value, 2);
		say(" cipher %u", value);
		break;
	case 2:
		at = NULL;
		say(" NULL");
		break;
	case 3:
		/* of which the beginning can be read */
		at = scene_edge(chance_below(c, 3) * 4);
		memcpy(at, blob, (uint8_t *)scene_edge(0) - (uint8_t *)at);
		say(" hole at %zu", (size_t)((uint8_t *)scene_edge(0) - (uint8_t *)at));
		break;
	default:
		value = CHANCE_PICK(c, lens);
		len = value == len ? len + 1 : value;
		say(" length %zu", len);
	}
	say_return(setsockopt(e->fd, SOL_TLS, tx ? TLS_TX : TLS_RX, at, len));
	say_end(s);
}

/* ---- SOL_TLS ---- */

void call_set_tls(struct scene *s, struct end *e, struct chance *c)
{
	static const unsigned int values[] = { 0, 0, 1, 1, 1, 2, 10, 62, 63, 64, 65, 100, 512, 1000,
					       4096, 16383, 16384, 16385, 65535, 0x10040,
					       0xffffffff };
	static const socklen_t lens[] = { 0, 1, 2, 3, 4, 5, 8 };
	static const int options[] = { TLS_TX_ZEROCOPY_RO, TLS_RX_EXPECT_NO_PAD,
				       TLS_RX_EXPECT_NO_PAD, MAX_PAYLOAD_LEN, MAX_PAYLOAD_LEN,
				       MAX_PAYLOAD_LEN, 0, 6, 100 };
	int option = CHANCE_PICK(c, options);
	socklen_t len = option == MAX_PAYLOAD_LEN ? 2 : 4;
	unsigned int value[2] = { CHANCE_PICK(c, values), chance_one_in(c, 2) };
	bool null = chance_one_in(c, 20);

	if (chance_one_in(c, 4))
		len = CHANCE_PICK(c, lens);
	say_call(s, e, "setsockopt SOL_TLS %d: %u,%u length %u%s", option, value[0], value[1], len,
		 null ? " NULL" : "");
	say_return(setsockopt(e->fd, SOL_TLS, option, null ? NULL : value, len));
	say_end(s);
}

static bool zeroes(const uint8_t *data, size_t len)
{
	while (len--)
		if (*data++)
			return false;
	return true;
}

/* What TLS_TX and TLS_RX give: key and salt are named, not shown. */
static void say_crypto(const struct scene *s, const struct end *from, unsigned int gen,
		       const uint8_t *got, size_t len)
{
	bool chacha = s->cipher == TLS_CIPHER_CHACHA20_POLY1305;
	size_t iv = chacha ? 12 : 8, salt = chacha ? 0 : 4, key = len - 4 - iv - salt - 8, i;
	uint8_t own[BLOB_MAX];

	scene_blob(s, from, gen - 1, own);
	say(" version %02x%02x cipher %u iv ", got[1], got[0], got[2]);
	if (zeroes(got + 4, iv))
		say("zero");
	for (i = 4; i < 4 + iv; i++)
		if (!zeroes(got + 4, iv))
			say("%02x", got[i]);
	say(" key %s", zeroes(got + i, key) ? "zero" : memcmp(got + i, own + i, key) ? "other" : "own");
	i += key;
	if (salt)
		say(" salt %s", zeroes(got + i, salt) ? "zero" :
		    memcmp(got + i, own + i, salt) ? "other" : "own");
	say(" seq ");
	for (i += salt; i < len; i++)
		say("%02x", got[i]);
}

void call_get_tls(struct scene *s, struct end *e, struct chance *c)
{
	static const int options[] = { TLS_TX, TLS_TX, TLS_TX, TLS_RX, TLS_RX, TLS_RX,
				       TLS_TX_ZEROCOPY_RO, TLS_RX_EXPECT_NO_PAD, MAX_PAYLOAD_LEN,
				       MAX_PAYLOAD_LEN, 0, 6, 100 };
	static const socklen_t lens[] = { 0, 1, 2, 3, 4, 5, 8, 39, 40, 41, 56, 57, 60, 64,
					  0x80000000 };
	int option = CHANCE_PICK(c, options), ret;
	uint8_t own[BLOB_MAX], got[64];
	size_t full = scene_blob(s, e, 0, own);
	bool keys = option == TLS_TX || option == TLS_RX;
	socklen_t len = keys ? full : option == MAX_PAYLOAD_LEN ? 2 : 4;

	if (chance_one_in(c, 3))
		len = CHANCE_PICK(c, lens);
	memset(got, 0xaa, sizeof(got));
	say_call(s, e, "getsockopt SOL_TLS %d length %d", option, (int)len);
	ret = getsockopt(e->fd, SOL_TLS, option, got, &len);
	say_return(ret);
	if (!ret) {
		say(" length %u", len);
		if (keys && len == full && (option == TLS_TX ? e->tx_gen : e->rx_gen))
			say_crypto(s, option == TLS_TX ? e : other(s, e),
				   option == TLS_TX ? e->tx_gen : e->rx_gen, got, len);
		else
			say_bytes(got, sizeof(got));
	}
	say_end(s);
}

/* ---- TCP's and the socket's ---- */

void call_set_other(struct scene *s, struct end *e, struct chance *c)
{
	static const struct {
		int level, name, value;
		const char *text;
	} some[] = {
		{ SOL_SOCKET, SO_RCVLOWAT, 1, "SO_RCVLOWAT 1" },
		{ SOL_SOCKET, SO_RCVLOWAT, 1, "SO_RCVLOWAT 1" },
		{ SOL_SOCKET, SO_RCVLOWAT, 50, "SO_RCVLOWAT 50" },
		{ SOL_SOCKET, SO_RCVLOWAT, 5000, "SO_RCVLOWAT 5000" },
		{ SOL_SOCKET, SO_ZEROCOPY, 1, "SO_ZEROCOPY 1" },
		{ IPPROTO_TCP, TCP_CORK, 1, "TCP_CORK 1" },
		{ IPPROTO_TCP, TCP_CORK, 0, "TCP_CORK 0" },
		{ IPPROTO_TCP, TCP_NODELAY, 0, "TCP_NODELAY 0" },
		{ IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY 1" },
		{ IPPROTO_TCP, TCP_QUICKACK, 1, "TCP_QUICKACK 1" },
		{ SOL_SOCKET, SO_OOBINLINE, 1, "SO_OOBINLINE 1" },
		{ SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE 1" },
	};
	unsigned int i = chance_below(c, sizeof(some) / sizeof(some[0]));

	if (some[i].level == SOL_SOCKET && some[i].name == SO_RCVLOWAT)
		e->lowat = true;
	say_call(s, e, "setsockopt %s", some[i].text);
	say_return(setsockopt(e->fd, some[i].level, some[i].name, &some[i].value,
			      sizeof(some[i].value)));
	say_end(s);
}

void call_get_other(struct scene *s, struct end *e, struct chance *c)
{
	static const struct {
		int level, name;
		const char *text;
	} some[] = {
		{ SOL_SOCKET, SO_ERROR, "SO_ERROR" },
		{ SOL_SOCKET, SO_ERROR, "SO_ERROR" },
		{ SOL_SOCKET, SO_ERROR, "SO_ERROR" },
		{ SOL_SOCKET, SO_RCVLOWAT, "SO_RCVLOWAT" },
		{ IPPROTO_TCP, TCP_ULP, "TCP_ULP" },
		{ IPPROTO_TCP, TCP_CORK, "TCP_CORK" },
		{ SOL_SOCKET, SO_PROTOCOL, "SO_PROTOCOL" },
	};
	unsigned int i = chance_below(c, sizeof(some) / sizeof(some[0]));
	char value[16] = {};
	socklen_t len = some[i].name == TCP_ULP && some[i].level == IPPROTO_TCP ? 16 : 4;
	int number, ret;

	say_call(s, e, "getsockopt %s", some[i].text);
	ret = getsockopt(e->fd, some[i].level, some[i].name, value, &len);
	say_return(ret);
	memcpy(&number, value, 4);
	if (!ret && len == 16)
		say(" %.15s", value);
	else if (!ret && some[i].level == SOL_SOCKET && some[i].name == SO_ERROR)
		say(" %s", number ? strerrorname_np(number) : "0");
	else if (!ret)
		say(" %d", number);
	say_end(s);
}

/* ---- the end ---- */

void call_shutdown(struct scene *s, struct end *e, struct chance *c)
{
	static const char * const names[] = { "RD", "WR", "RDWR" };
	int how = chance_one_in(c, 2) ? SHUT_WR : chance_below(c, 3);

	e->shut = true;
	say_call(s, e, "shutdown %s", names[how]);
	say_return(shutdown(e->fd, how));
	say_end(s);
}

void call_disconnect(struct scene *s, struct end *e, struct chance *c)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	say_call(s, e, "connect AF_UNSPEC");
	/* TCP's own is not what this is about */
	if (e->tx_gen || e->rx_gen)
		say_return(connect(e->fd, &none, sizeof(none)));
	else
		say(" -> not called");
	say_end(s);
}

void call_close(struct scene *s, struct end *e, struct chance *c)
{
	if (e->fd < 0)
		return;
	say_call(s, e, "close");
	say_return(close(e->fd));
	e->fd = -1;
	say_end(s);
}
