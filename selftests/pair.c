// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pair.h"
#include "session.h"

int pair_keys(struct pair *p, const struct kseal_session_keys *keys)
{
	struct kseal_session_keys swapped;
	int fd[2], err = tcp_pair(AF_INET, fd);

	p->keys = *keys;
	p->openssl = peer_has_cipher(keys->cipher);
	p->mirror = -1;
	p->plain = -1;
	p->fd = fd[1];
	peer_init(&p->peer, fd[0], keys);
	if (!err)
		err = install(p->fd, keys);
	if (err || p->openssl)
		return err;
	err = tcp_pair(AF_INET, fd);
	p->plain = fd[0];
	p->mirror = fd[1];
	swap_keys(&swapped, keys);
	if (!err)
		err = install(p->mirror, &swapped);
	return err ? err : set_option(p->mirror, KSEAL_SO_CONTROL, 1);
}

int pair_open(struct pair *p, uint16_t version, uint16_t cipher)
{
	struct kseal_session_keys keys;

	make_keys(&keys, version, cipher);
	return pair_keys(p, &keys);
}

void pair_close(struct pair *p)
{
	close(p->fd);
	close(p->peer.fd);
	if (!p->openssl) {
		close(p->mirror);
		close(p->plain);
	}
}

int seal(struct pair *p, int type, const void *data, size_t len, uint8_t *record)
{
	struct peer wire = { .fd = p->plain };
	ssize_t n;

	if (p->openssl)
		return peer_seal(&p->peer, type, data, len, 0, record);
	n = send_type(p->mirror, type, data, len, 0);
	return n < 0 ? n : peer_read(&wire, record);
}

int seal_and_send(struct pair *p, int type, const void *data, size_t len)
{
	uint8_t record[PEER_RECORD_MAX];
	int n = seal(p, type, data, len, record);

	return n < 0 ? n : peer_write(&p->peer, record, n);
}

int open_next(struct pair *p, int *type, uint8_t *data)
{
	struct peer wire = { .fd = p->plain };
	uint8_t record[PEER_RECORD_MAX];
	int n;

	if (p->openssl)
		return peer_open(&p->peer, type, data);
	*type = -1;
	n = peer_read(&p->peer, record);
	if (n <= 0)
		return n ? n : -ENODATA;
	n = peer_write(&wire, record, n);
	return n ? n : recv_type(p->mirror, type, data, PEER_PLAIN_MAX, 0);
}

bool alerted(struct pair *p, uint8_t level, uint8_t description)
{
	uint8_t content[PEER_PLAIN_MAX];
	int type, n = open_next(p, &type, content);

	if (n == 2 && type == PEER_ALERT && content[0] == level && content[1] == description)
		return true;
	printf("# no alert %u, %u: type %d, length %d\n", level, description, type, n);
	return false;
}
