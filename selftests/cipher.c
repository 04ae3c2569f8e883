// SPDX-License-Identifier: GPL-2.0-or-later
/* Every cipher in every version it is for. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "harness.h"
#include "pair.h"
#include "session.h"

#define BULK 200000

FIXTURE(cipher) { struct pair p; };
FIXTURE_VARIANT(cipher) { uint16_t version, cipher; };

#define VARIANT(name, v, c)						\
FIXTURE_VARIANT_ADD(cipher, name) {					\
	.version = KSEAL_VERSION_##v, .cipher = KSEAL_CIPHER_##c }

VARIANT(tls12_aes128gcm, 1_2, AES_GCM_128);
VARIANT(tls13_aes128gcm, 1_3, AES_GCM_128);
VARIANT(tls12_aes256gcm, 1_2, AES_GCM_256);
VARIANT(tls13_aes256gcm, 1_3, AES_GCM_256);
VARIANT(tls12_aes128ccm, 1_2, AES_CCM_128);
VARIANT(tls13_aes128ccm, 1_3, AES_CCM_128);
VARIANT(tls12_chacha20, 1_2, CHACHA20_POLY1305);
VARIANT(tls13_chacha20, 1_3, CHACHA20_POLY1305);
VARIANT(tls12_aria128gcm, 1_2, ARIA_GCM_128);
VARIANT(tls12_aria256gcm, 1_2, ARIA_GCM_256);
VARIANT(tls12_sm4gcm, 1_2, SM4_GCM);
VARIANT(tls13_sm4gcm, 1_3, SM4_GCM);
VARIANT(tls12_sm4ccm, 1_2, SM4_CCM);
VARIANT(tls13_sm4ccm, 1_3, SM4_CCM);

static size_t explicit_len(const struct pair *p)
{
	return p->keys.version == KSEAL_VERSION_1_2 &&
	       p->keys.cipher != KSEAL_CIPHER_CHACHA20_POLY1305 ? PEER_EXPLICIT : 0;
}

/* Tried once, before the tests fork: each time the kernel looks for a module,
 * which takes seconds where it is emulated.
 */
static bool absent[64];

__attribute__((constructor)) static void try_ciphers(void)
{
	static const uint16_t ciphers[] = {
		KSEAL_CIPHER_AES_GCM_128, KSEAL_CIPHER_AES_GCM_256, KSEAL_CIPHER_AES_CCM_128,
		KSEAL_CIPHER_CHACHA20_POLY1305, KSEAL_CIPHER_ARIA_GCM_128,
		KSEAL_CIPHER_ARIA_GCM_256, KSEAL_CIPHER_SM4_GCM, KSEAL_CIPHER_SM4_CCM,
	};
	size_t i;

	for (i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		struct pair p;

		absent[ciphers[i]] = pair_open(&p, KSEAL_VERSION_1_2, ciphers[i]) == -ENOENT;
		pair_close(&p);
	}
}

FIXTURE_SETUP(cipher)
{
	if (absent[variant->cipher])
		SKIP(return, "the kernel has not this cipher");
	ASSERT_EQ(0, pair_open(&self->p, variant->version, variant->cipher));
}

FIXTURE_TEARDOWN(cipher)
{
	pair_close(&self->p);
}

/* ---- data ---- */

static const size_t sizes[] = { 1, 2, 15, 16, 17, 255, 256, 16383, 16384, 16385, BULK };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct flow {
	struct pair *p;
	const uint8_t *data;
	size_t len;
	int err;
};

static void *seal_all(void *arg)
{
	struct flow *f = arg;

	while (f->len && !f->err) {
		size_t n = f->len < PEER_PLAIN_MAX ? f->len : PEER_PLAIN_MAX;

		f->err = seal_and_send(f->p, PEER_DATA, f->data, n);
		f->data += n;
		f->len -= n;
	}
	return NULL;
}

static void *write_all(void *arg)
{
	struct flow *f = arg;

	f->err = send_all(f->p->fd, f->data, f->len);
	return NULL;
}

TEST_F(cipher, what_the_other_end_sealed_is_opened)
{
	uint8_t *data = pattern(BULK, 61), *got = malloc(BULK);
	struct kseal_info info;
	size_t i, total = 0;

	for (i = 0; i < SIZES; i++) {
		struct flow f = { .p = &self->p, .data = data, .len = sizes[i] };
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, seal_all, &f));
		ASSERT_EQ(0, recv_all(self->p.fd, got, sizes[i])) TH_LOG("%zu bytes", sizes[i]);
		pthread_join(thread, NULL);
		EXPECT_EQ(0, f.err);
		EXPECT_EQ(0, memcmp(data, got, sizes[i]));
		total += sizes[i];
	}
	ASSERT_EQ(0, kseal_info(self->p.fd, &info));
	EXPECT_EQ(total, info.rx_bytes);
	EXPECT_EQ(variant->version, info.version);
	EXPECT_EQ(variant->cipher, info.cipher);
	free(data);
	free(got);
}

TEST_F(cipher, what_is_sealed_is_opened_by_the_other_end)
{
	uint8_t *data = pattern(BULK, 62), got[PEER_PLAIN_MAX];
	size_t i;

	for (i = 0; i < SIZES; i++) {
		struct flow f = { .p = &self->p, .data = data, .len = sizes[i] };
		size_t done = 0;
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, write_all, &f));
		while (done < sizes[i]) {
			size_t left = sizes[i] - done;
			int type, n = open_next(&self->p, &type, got);

			/* each is as full as it can be */
			ASSERT_EQ(left < PEER_PLAIN_MAX ? left : PEER_PLAIN_MAX, n);
			ASSERT_EQ(PEER_DATA, type);
			ASSERT_EQ(0, memcmp(data + done, got, n));
			done += n;
		}
		pthread_join(thread, NULL);
		EXPECT_EQ(0, f.err);
	}
	free(data);
}

TEST_F(cipher, kseal_and_kseal_understand_each_other)
{
	uint8_t *data = pattern(BULK, 63), *got = malloc(BULK);
	int fd[2], i;

	ASSERT_EQ(0, session_pair(AF_INET, variant->version, variant->cipher, fd));
	for (i = 0; i < 2; i++) {
		struct pair way = { .fd = fd[i] };
		struct flow f = { .p = &way, .data = data, .len = BULK };
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, write_all, &f));
		ASSERT_EQ(0, recv_all(fd[!i], got, BULK));
		pthread_join(thread, NULL);
		EXPECT_EQ(0, f.err);
		EXPECT_EQ(0, memcmp(data, got, BULK));
	}
	close(fd[0]);
	close(fd[1]);
	free(data);
	free(got);
}

TEST_F(cipher, empty_records_are_passed_over)
{
	char got[8];

	/* kseal itself makes none */
	if (!self->p.openssl)
		SKIP(return, "OpenSSL has not this cipher");
	ASSERT_EQ(0, seal_and_send(&self->p, PEER_DATA, NULL, 0));
	EXPECT_EQ(0, poll_for(self->p.fd, POLLIN, 50));
	ASSERT_EQ(0, seal_and_send(&self->p, PEER_DATA, "on", 2));
	EXPECT_EQ(2, recv_soon(self->p.fd, got, 8));
}

static void *send_file(void *arg)
{
	struct flow *f = arg;
	int file = memfd_create("kseal-test", 0);
	off_t offset = 0;

	if (file < 0 || write(file, f->data, f->len) != (ssize_t)f->len)
		f->err = EIO;
	while (!f->err && offset < (off_t)f->len)
		if (sendfile(f->p->fd, file, &offset, f->len - offset) <= 0)
			f->err = errno;
	close(file);
	return NULL;
}

TEST_F(cipher, sendfile_is_exact)
{
	uint8_t *data = pattern(BULK, 64), got[PEER_PLAIN_MAX];
	struct flow f = { .p = &self->p, .data = data, .len = BULK };
	pthread_t thread;
	size_t done = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_file, &f));
	while (done < BULK) {
		int type, n = open_next(&self->p, &type, got);

		ASSERT_LT(0, n);
		ASSERT_EQ(PEER_DATA, type);
		ASSERT_EQ(0, memcmp(data + done, got, n));
		done += n;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, f.err);
	free(data);
}

/* ---- what is refused ---- */

/* A fresh session gets this record: what a read says, and whether the other end
 * gets that alert.
 */
static int refusal(struct __test_metadata *_metadata, struct pair *p, const uint8_t *record,
		   size_t len, int alert)
{
	int err;

	if (peer_write(&p->peer, record, len))
		return -1;
	err = read_error(p->fd);
	EXPECT_TRUE(alerted(p, 2, alert));
	EXPECT_EQ(alert, info_alert(p->fd));
	EXPECT_EQ(KSEAL_STATE_DEAD, info_state(p->fd));
	EXPECT_EQ(err, read_error(p->fd));
	return err;
}

TEST_F(cipher, a_flipped_bit_in_every_region_is_bad_record_mac)
{
	size_t explicit = explicit_len(&self->p), tail = variant->version == KSEAL_VERSION_1_3;
	/* where the sealed part and the tag begin */
	size_t text = PEER_HEADER + explicit, tag = text + 100 + tail;
	const size_t at[] = { PEER_HEADER, text - 1, text, text + 50, tag - 1, tag,
			      tag + PEER_TAG - 1 };
	uint8_t *data = pattern(100, 65), record[256];
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct pair p;

		if (at[i] < PEER_HEADER)
			continue;
		ASSERT_EQ(0, pair_open(&p, variant->version, variant->cipher));
		ASSERT_EQ(tag + PEER_TAG, seal(&p, PEER_DATA, data, 100, record));
		record[at[i]] ^= 1 << i;
		EXPECT_EQ(EBADMSG, refusal(_metadata, &p, record, tag + PEER_TAG, 20))
			TH_LOG("byte %zu", at[i]);
		pair_close(&p);
	}
	free(data);
}

TEST_F(cipher, a_changed_header_is_refused)
{
	bool tls13 = variant->version == KSEAL_VERSION_1_3;
	/* In TLS 1.2 the type is in the clear, and authenticated: one that could be
	 * fails there. The length is authenticated in both.
	 */
	const struct { int at, value, err, alert; } changes[] = {
		{ 0, PEER_ALERT, tls13 ? EPROTO : EBADMSG, tls13 ? 10 : 20 },
		{ 0, PEER_HANDSHAKE, tls13 ? EPROTO : EBADMSG, tls13 ? 10 : 20 },
		{ 0, PEER_CCS, EPROTO, 10 },
		{ 0, 24, EPROTO, 10 },
		{ 1, 2, EPROTO, 70 },
		{ 2, 1, EPROTO, 70 },
		{ 2, 4, EPROTO, 70 },
		{ 4, -1, EBADMSG, 20 },
	};
	uint8_t record[256];
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct pair p;
		int n;

		ASSERT_EQ(0, pair_open(&p, variant->version, variant->cipher));
		n = seal(&p, PEER_DATA, "0123456789", 10, record);
		ASSERT_LT(0, n);
		record[changes[i].at] = changes[i].value < 0 ? record[4] - 1 : changes[i].value;
		EXPECT_EQ(changes[i].err, refusal(_metadata, &p, record, n, changes[i].alert))
			TH_LOG("change %zu", i);
		pair_close(&p);
	}
}

TEST_F(cipher, a_replayed_record_is_bad_record_mac)
{
	uint8_t record[64];
	int n = seal(&self->p, PEER_DATA, "once", 4, record);
	char got[8];

	ASSERT_LT(0, n);
	ASSERT_EQ(0, peer_write(&self->p.peer, record, n));
	ASSERT_EQ(4, recv_soon(self->p.fd, got, 8));
	EXPECT_EQ(EBADMSG, refusal(_metadata, &self->p, record, n, 20));
}

TEST_F(cipher, a_missing_record_is_bad_record_mac)
{
	uint8_t record[64];
	int n;

	ASSERT_LT(0, seal(&self->p, PEER_DATA, "one", 3, record));
	n = seal(&self->p, PEER_DATA, "two", 3, record);
	ASSERT_LT(0, n);
	EXPECT_EQ(EBADMSG, refusal(_metadata, &self->p, record, n, 20));
}

TEST_F(cipher, a_record_too_short_is_bad_record_mac)
{
	size_t least = explicit_len(&self->p) + PEER_TAG +
		       (variant->version == KSEAL_VERSION_1_3);
	const size_t lens[] = { 0, 1, 15, least - 1, least };
	size_t i;

	/* the last has room for a tag, which is wrong */
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint8_t record[64] = { PEER_DATA, 3, 3, 0, lens[i] };
		struct pair p;

		ASSERT_EQ(0, pair_open(&p, variant->version, variant->cipher));
		EXPECT_EQ(EBADMSG, refusal(_metadata, &p, record, PEER_HEADER + lens[i], 20))
			TH_LOG("%zu bytes", lens[i]);
		pair_close(&p);
	}
}

TEST_F(cipher, a_record_too_long_is_overflow)
{
	uint8_t header[PEER_HEADER] = { PEER_DATA, 3, 3, (16384 + 257) >> 8, (16384 + 257) & 0xff };

	EXPECT_EQ(EMSGSIZE, refusal(_metadata, &self->p, header, PEER_HEADER, 22));
}

TEST_F(cipher, too_much_inside_a_record_is_overflow)
{
	uint8_t *data = pattern(16385, 66), *record = malloc(PEER_RECORD_MAX);
	int n;

	if (!self->p.openssl)
		SKIP(goto out, "OpenSSL has not this cipher");
	n = seal(&self->p, PEER_DATA, data, 16385, record);
	EXPECT_EQ(EMSGSIZE, refusal(_metadata, &self->p, record, n, 22));
out:
	free(data);
	free(record);
}

TEST_F(cipher, content_types_that_may_not_be_are_unexpected)
{
	static const int types[] = { 1, PEER_CCS, 24, 255 };
	size_t i;

	if (!self->p.openssl)
		SKIP(return, "OpenSSL has not this cipher");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		uint8_t record[64];
		struct pair p;
		int n;

		ASSERT_EQ(0, pair_open(&p, variant->version, variant->cipher));
		n = seal(&p, types[i], "x", 1, record);
		EXPECT_EQ(EPROTO, refusal(_metadata, &p, record, n, 10)) TH_LOG("type %d", types[i]);
		pair_close(&p);
	}
}

/* ---- alerts and ends ---- */

TEST_F(cipher, close_notify_ends_the_stream_both_ways)
{
	struct kseal_info info;
	uint8_t got[PEER_PLAIN_MAX];
	int type;

	ASSERT_EQ(0, seal_and_send(&self->p, PEER_DATA, "bye", 3));
	ASSERT_EQ(0, seal_and_send(&self->p, PEER_ALERT, "\1\0", 2));
	EXPECT_EQ(3, recv_soon(self->p.fd, got, 8));
	EXPECT_EQ(0, recv_soon(self->p.fd, got, 8));
	EXPECT_EQ(0, recv_soon(self->p.fd, got, 8));
	ASSERT_EQ(0, kseal_info(self->p.fd, &info));
	EXPECT_EQ(1, info.peer_closed);
	EXPECT_EQ(0, info.error);
	/* RFC 5246 7.2.1 wants an answer at once, RFC 8446 6.1 does not: ours comes
	 * when the application closes, and until then it may send
	 */
	ASSERT_EQ(5, send(self->p.fd, "still", 5, MSG_NOSIGNAL));
	EXPECT_EQ(5, open_next(&self->p, &type, got));
	ASSERT_EQ(0, shutdown(self->p.fd, SHUT_WR));
	EXPECT_TRUE(alerted(&self->p, 1, 0));
	EXPECT_EQ(0, peer_read(&self->p.peer, got));
}

TEST_F(cipher, a_fatal_alert_from_the_other_end_is_a_reset)
{
	ASSERT_EQ(0, seal_and_send(&self->p, PEER_ALERT, "\2\50", 2));
	EXPECT_EQ(ECONNRESET, read_error(self->p.fd));
	EXPECT_EQ(40, info_alert(self->p.fd));
	EXPECT_EQ(KSEAL_STATE_DEAD, info_state(self->p.fd));
}

TEST_F(cipher, an_end_without_close_notify_is_a_truncation)
{
	char got[8];

	ASSERT_EQ(0, seal_and_send(&self->p, PEER_DATA, "cut", 3));
	ASSERT_EQ(0, shutdown(self->p.peer.fd, SHUT_WR));
	EXPECT_EQ(3, recv_soon(self->p.fd, got, 8));
	EXPECT_EQ(ECONNRESET, read_error(self->p.fd));
}

/* ---- nonces ---- */

static uint64_t be64(const uint8_t *at)
{
	uint64_t value = 0;
	int i;

	for (i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

TEST_F(cipher, explicit_nonces_begin_as_installed_and_never_repeat)
{
	/* one that carries into every byte but the first, and one that wraps */
	static const uint8_t first[][8] = { { 0, 255, 255, 255, 255, 255, 255, 250 },
					    { 255, 255, 255, 255, 255, 255, 255, 250 } };
	struct kseal_session_keys keys;
	uint8_t record[PEER_RECORD_MAX];
	size_t i, k;

	if (!explicit_len(&self->p))
		SKIP(return, "no part of the nonce is in the record");
	for (k = 0; k < 2; k++) {
		struct pair p;

		make_keys(&keys, variant->version, variant->cipher);
		memcpy(keys.tx.iv + 4, first[k], 8);
		ASSERT_EQ(0, pair_keys(&p, &keys));
		for (i = 0; i < 300; i++) {
			ASSERT_EQ(1, send(p.fd, "x", 1, 0));
			if (i % 100 == 50)
				ASSERT_EQ(2, send_type(p.fd, PEER_ALERT, "\1\132", 2, 0));
		}
		for (i = 0; i < 303; i++) {
			ASSERT_LT(0, peer_read(&p.peer, record));
			ASSERT_EQ(be64(first[k]) + i, be64(record + PEER_HEADER));
		}
		pair_close(&p);
	}
}

TEST_F(cipher, sequence_numbers_go_on_where_they_were)
{
	struct kseal_session_keys keys;
	uint8_t got[PEER_PLAIN_MAX];
	struct pair p;
	int type;

	make_keys(&keys, variant->version, variant->cipher);
	keys.tx.seq = 255;
	keys.rx.seq = 65535;
	ASSERT_EQ(0, pair_keys(&p, &keys));
	ASSERT_EQ(2, send(p.fd, "go", 2, 0));
	ASSERT_EQ(2, send(p.fd, "on", 2, 0));
	EXPECT_EQ(2, open_next(&p, &type, got));
	EXPECT_EQ(2, open_next(&p, &type, got));
	ASSERT_EQ(0, seal_and_send(&p, PEER_DATA, "and", 3));
	ASSERT_EQ(0, seal_and_send(&p, PEER_DATA, "on", 2));
	EXPECT_EQ(3, recv_soon(p.fd, got, 3));
	EXPECT_EQ(2, recv_soon(p.fd, got, 3));
	pair_close(&p);
}

/* ---- keys that do not fit ---- */

TEST_F(cipher, keys_that_do_not_fit_are_refused)
{
	struct kseal_session_keys keys;
	bool tls13 = variant->version == KSEAL_VERSION_1_3;
	int fd[2];

	ASSERT_EQ(0, tcp_pair(AF_INET, fd));
	make_keys(&keys, variant->version, variant->cipher);
	keys.rx.key_len = 48 - keys.rx.key_len;
	EXPECT_EQ(-EINVAL, install(fd[0], &keys));
	make_keys(&keys, variant->version, variant->cipher);
	/* TLS 1.2 has no traffic secrets; and not every length is a hash's */
	keys.tx.secret_len = tls13 ? 80 - keys.tx.secret_len : 32;
	EXPECT_EQ(-EINVAL, install(fd[0], &keys));
	make_keys(&keys, variant->version, variant->cipher);
	keys.rx = keys.tx;
	EXPECT_EQ(-EINVAL, install(fd[0], &keys));
	/* another explicit nonce does not tell two directions apart */
	memset(keys.rx.iv + 4, 0x5a, 8);
	EXPECT_EQ(explicit_len(&self->p) ? -EINVAL : 0, install(fd[0], &keys));
	close(fd[0]);
	close(fd[1]);
}

TEST(aria_is_not_in_tls13_and_the_rest_is_in_neither)
{
	static const struct { uint16_t version, cipher; } none[] = {
		{ KSEAL_VERSION_1_3, KSEAL_CIPHER_ARIA_GCM_128 },
		{ KSEAL_VERSION_1_3, KSEAL_CIPHER_ARIA_GCM_256 },
		{ 0x0302, KSEAL_CIPHER_AES_GCM_128 },
		{ 0x0305, KSEAL_CIPHER_AES_GCM_128 },
	};
	struct kseal_session_keys keys;
	int fd[2];
	size_t i;

	ASSERT_EQ(0, tcp_pair(AF_INET, fd));
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		make_keys(&keys, none[i].version, none[i].cipher);
		EXPECT_EQ(-EOPNOTSUPP, install(fd[0], &keys)) TH_LOG("%zu", i);
	}
	make_keys(&keys, KSEAL_VERSION_1_2, KSEAL_CIPHER_AES_GCM_128);
	keys.cipher = 50;
	EXPECT_EQ(-EOPNOTSUPP, install(fd[0], &keys));
	keys.cipher = 59;
	EXPECT_EQ(-EOPNOTSUPP, install(fd[0], &keys));
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
