/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a test: TLS 1.3 records (RFC 8446 5) over an ordinary TCP
 * socket, on OpenSSL's AES-GCM. Written from the RFC, not from kmod/: where the
 * two differ one of them is wrong.
 */
#ifndef KSEAL_TEST_PEER_H
#define KSEAL_TEST_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <kseal.h>

#define PEER_HEADER	5
#define PEER_TAG	16
#define PEER_PLAIN_MAX	16384
#define PEER_RECORD_MAX	(PEER_HEADER + PEER_PLAIN_MAX + 256)

enum {
	PEER_CCS = 20,
	PEER_ALERT = 21,
	PEER_HANDSHAKE = 22,
	PEER_DATA = 23,
};

struct peer_dir {
	uint8_t key[32];
	size_t key_len;
	uint8_t iv[12];
	uint64_t seq;
};

struct peer {
	int fd;
	struct peer_dir tx, rx;
};

/* The peer of a socket that has these keys: its rx is the peer's tx. */
void peer_init(struct peer *p, int fd, const struct kseal_session_keys *keys);

/*
 * Seals len bytes as one record with an inner type and so many zeros of
 * padding into out (PEER_RECORD_MAX bytes, or what it takes). Nothing is
 * checked: a record that is too long is made as asked. type < 0: no inner
 * type, padding alone. Returns the record's length.
 */
size_t peer_seal(struct peer *p, int type, const void *data, size_t len, size_t padding,
		 uint8_t *out);

/* Seals and writes all of it. Returns 0 or -errno. */
int peer_send(struct peer *p, int type, const void *data, size_t len, size_t padding);
int peer_write(struct peer *p, const void *data, size_t len);

/* Seals data of any length as records of at most PEER_PLAIN_MAX and writes it. */
int peer_send_all(struct peer *p, const void *data, size_t len);

int peer_alert(struct peer *p, uint8_t level, uint8_t description);

/*
 * Reads one record as it is into out (PEER_RECORD_MAX bytes). Returns its
 * length with the header, 0 at the end of the stream before its first byte, or
 * -errno (-ENODATA the stream ends inside it, -EPROTO header not as it has to be).
 */
int peer_read(struct peer *p, uint8_t *out);

/*
 * Reads and opens one record; data has PEER_PLAIN_MAX bytes. Returns the
 * content's length, *type its type; -ENODATA at the end of the stream, -EBADMSG
 * the tag is wrong, or what peer_read() returns. *type is -1 at the end.
 */
int peer_open(struct peer *p, int *type, uint8_t *data);

/* Reads len bytes of data out of records of any size; 0 or -errno. */
int peer_recv_all(struct peer *p, void *data, size_t len);

#endif
