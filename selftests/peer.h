/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a test: TLS 1.3 and 1.2 records (RFC 8446 5, RFC 5246 6.2)
 * over an ordinary TCP socket, on OpenSSL's ciphers. Written from the RFCs, not
 * from kmod/: where the two differ one of them is wrong.
 */
#ifndef KSEAL_TEST_PEER_H
#define KSEAL_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kseal.h>

#define PEER_HEADER	5
#define PEER_TAG	16
#define PEER_PLAIN_MAX	16384
#define PEER_EXPLICIT	8	/* RFC 5288 3: the nonce's part in the record */
#define PEER_RECORD_MAX	(PEER_HEADER + PEER_PLAIN_MAX + 256)

enum {
	PEER_CCS = 20,
	PEER_ALERT = 21,
	PEER_HANDSHAKE = 22,
	PEER_DATA = 23,
};

struct peer_dir {
	uint16_t version, cipher;
	uint8_t key[32];
	uint8_t iv[12];
	uint64_t seq;
	uint8_t secret[48];
	size_t secret_len;
};

struct peer {
	int fd;
	struct peer_dir tx, rx;
};

/* Whether OpenSSL has the cipher: not SM4's modes before 3.1. */
int peer_has_cipher(uint16_t cipher);
/* Bytes of a cipher's key, of its suite's secret. */
size_t peer_key_len(uint16_t cipher);
size_t peer_secret_len(uint16_t cipher);

/* The peer of a socket that has these keys: its rx is the peer's tx. */
void peer_init(struct peer *p, int fd, const struct kseal_session_keys *keys);

/*
 * Seals len bytes as one record with an inner type and so many zeros of
 * padding into out (PEER_RECORD_MAX bytes, or what it takes). Nothing is
 * checked: a record that is too long is made as asked. type < 0: no inner
 * type, padding alone (TLS 1.2: type -type, no padding). Returns the record's
 * length.
 */
size_t peer_seal(struct peer *p, int type, const void *data, size_t len, size_t padding,
		 uint8_t *out);

/* Seals and writes all of it. Returns 0 or -errno. */
int peer_send(struct peer *p, int type, const void *data, size_t len, size_t padding);
int peer_write(struct peer *p, const void *data, size_t len);

/* Seals data of any length as records of at most PEER_PLAIN_MAX and writes it. */
int peer_send_all(struct peer *p, const void *data, size_t len);

int peer_alert(struct peer *p, uint8_t level, uint8_t description);

/* RFC 8446 7.2: this direction's next secret, key and IV. */
void peer_next_keys(struct peer_dir *d);
/* Sends a KeyUpdate and goes on with the next keys. */
int peer_key_update(struct peer *p, bool request);

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
