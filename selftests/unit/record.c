// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/record.c as the kernel compiles it: header, additional data, nonce, what
 * is refused and with which alert. RFC 8446 5, RFC 5246 6.2; the nonces are
 * worked out by hand from RFC 8446 5.3.
 */
#include "../../kmod/record.c"

#include <stdio.h>

#include "tap.h"

static void test_header(void)
{
	u8 header[KSEAL_HEADER_LEN];

	kseal_record_header(header, KSEAL_TYPE_DATA, 0x1234);
	ok(!memcmp(header, "\x17\x03\x03\x12\x34", 5), "a header's bytes");
}

static void test_nonce(void)
{
	static const u8 iv[] = { 0x5d, 0x31, 0x3e, 0xb2, 0x67, 0x12, 0x76, 0xee, 0x13, 0x00,
				 0x0b, 0x30 };
	u8 nonce[KSEAL_NONCE_LEN];

	kseal_record_nonce(nonce, iv, 0);
	ok(!memcmp(nonce, iv, sizeof(iv)), "the first record's nonce is the IV");
	kseal_record_nonce(nonce, iv, 1);
	ok(nonce[11] == 0x31 && !memcmp(nonce, iv, 11), "the second differs in the last byte");
	kseal_record_nonce(nonce, iv, 0x0102030405060708);
	ok(!memcmp(nonce, "\x5d\x31\x3e\xb2\x66\x10\x75\xea\x16\x06\x0c\x38", 12),
	   "all eight bytes of a sequence number, in network order");
}

static struct kseal_form form_of(u16 version, bool explicit_nonce)
{
	struct kseal_form form;

	kseal_record_form(&form, version, explicit_nonce);
	return form;
}

static void test_form(void)
{
	struct kseal_form tls13 = form_of(0x0304, true), gcm12 = form_of(0x0303, true);
	struct kseal_form chacha12 = form_of(0x0303, false);

	ok(kseal_form_prefix(&tls13) == 5 && kseal_form_overhead(&tls13) == 22,
	   "TLS 1.3: header, type, tag");
	ok(kseal_form_prefix(&gcm12) == 13 && kseal_form_overhead(&gcm12) == 29,
	   "TLS 1.2 AES-GCM: header, explicit nonce, tag");
	ok(kseal_form_prefix(&chacha12) == 5 && kseal_form_overhead(&chacha12) == 21,
	   "TLS 1.2 ChaCha20-Poly1305: header, tag");
}

static void test_aad(void)
{
	struct kseal_form tls13 = form_of(0x0304, true), tls12 = form_of(0x0303, true);
	u8 aad[KSEAL_AAD_MAX];

	kseal_record_aad(aad, &tls13, KSEAL_TYPE_ALERT, 7, 3);
	ok(tls13.aad_len == 5 && !memcmp(aad, "\x17\x03\x03\x00\x13", 5),
	   "TLS 1.3: the header, whose type and length are those outside");
	kseal_record_aad(aad, &tls12, KSEAL_TYPE_ALERT, 0x0102030405060708, 0x1234);
	ok(tls12.aad_len == 13 &&
	   !memcmp(aad, "\1\2\3\4\5\6\7\x08\x15\x03\x03\x12\x34", 13),
	   "TLS 1.2: number, type, version, length of the plaintext");
}

static int check_form(const struct kseal_form *form, bool any_type, u8 type, u8 major, u8 minor,
		      unsigned int len, struct kseal_refusal *why)
{
	u8 header[] = { type, major, minor, len >> 8, len & 0xff };

	memset(why, 0, sizeof(*why));
	return kseal_record_check(header, form, any_type, why);
}

static int check(u8 type, u8 major, u8 minor, unsigned int len, struct kseal_refusal *why)
{
	struct kseal_form tls13 = form_of(0x0304, true);

	return check_form(&tls13, false, type, major, minor, len, why);
}

static void test_headers_of_tls12(void)
{
	struct kseal_form form = form_of(0x0303, true);
	struct kseal_refusal why;
	unsigned int type, taken = 0;

	ok(check_form(&form, false, 23, 3, 3, 24, &why) == 24, "empty data: nonce and tag");
	ok(check_form(&form, false, 23, 3, 3, 23, &why) == -EBADMSG && why.alert == 20,
	   "no room for nonce and tag");
	ok(check_form(&form, false, 22, 3, 1, 100, &why) == -EPROTO && why.alert == 70,
	   "version 0x0301 in TLS 1.2");
	for (type = 0; type < 256; type++)
		taken += check_form(&form, false, type, 3, 3, 100, &why) == 100;
	ok(taken == 3, "alert, handshake and data, and no other type");
}

/* mainline's convention: see kmod/mainline.h */
static void test_headers_of_any_type(void)
{
	struct kseal_form tls13 = form_of(0x0304, true), tls12 = form_of(0x0303, true);
	struct kseal_refusal why;
	unsigned int type, taken = 0;

	for (type = 0; type < 256; type++)
		taken += check_form(&tls12, true, type, 3, 3, 100, &why) == 100;
	ok(taken == 256, "every type");
	ok(check_form(&tls13, true, 23, 3, 4, 100, &why) == -EINVAL, "the version is EINVAL");
	ok(check_form(&tls13, true, 0x55, 0x55, 0x55, 0x5555, &why) == -EMSGSIZE,
	   "the length is looked at before the version");
	ok(check_form(&tls13, true, 23, 3, 3, 16384 + 17, &why) == 16401, "the most in TLS 1.3");
	ok(check_form(&tls13, true, 23, 3, 3, 16384 + 18, &why) == -EMSGSIZE, "and one more");
	ok(check_form(&tls12, true, 23, 3, 3, 16384 + 24, &why) == 16408, "the most in TLS 1.2");
	ok(check_form(&tls12, true, 23, 3, 3, 16384 + 25, &why) == -EMSGSIZE, "and one more");
	ok(check_form(&tls13, true, 23, 3, 3, 16, &why) == 16, "a tag alone");
	ok(check_form(&tls13, true, 23, 3, 3, 15, &why) == -EBADMSG, "less than a tag");
}

static void test_protected_headers(void)
{
	struct kseal_refusal why;
	unsigned int type, bad = 0;

	ok(check(23, 3, 3, 17, &why) == 17, "the shortest record: type and tag");
	ok(check(23, 3, 3, 16640, &why) == 16640, "the longest record: 2^14 + 256");
	ok(check(23, 3, 3, 16641, &why) == -EMSGSIZE && why.alert == 22, "one more: record_overflow");
	ok(check(23, 3, 3, 65535, &why) == -EMSGSIZE && why.alert == 22, "the most a header can say");
	ok(check(23, 3, 3, 16, &why) == -EBADMSG && why.alert == 20, "no room for tag and type");
	ok(check(23, 3, 3, 0, &why) == -EBADMSG && why.alert == 20, "no bytes at all");
	ok(check(23, 3, 1, 100, &why) == -EPROTO && why.alert == 70, "version 0x0301");
	ok(check(23, 2, 3, 100, &why) == -EPROTO && why.alert == 70, "version 0x0203");
	for (type = 0; type < 256; type++)
		if (type != 23 && (check(type, 3, 3, 100, &why) != -EPROTO || why.alert != 10))
			bad++;
	ok(bad == 0, "each of the 255 other types: unexpected_message");
	ok(why.reason && *why.reason, "a refusal has a sentence");
}

static void test_handshake_headers(void)
{
	struct kseal_refusal why = { 0 };
	unsigned int type, taken = 0;

	for (type = 0; type < 256; type++) {
		u8 header[] = { type, 3, 1, 0, 10 };
		int len = kseal_record_check_handshake(header, &why);

		taken += len == 10;
		if (len < 0 && (len != -EPROTO || why.alert != 10))
			taken += 1000;
	}
	ok(taken == 4, "types 20 to 23 with version 0x0301, and no other");
	ok(kseal_record_check_handshake((const u8 *)"GET /", &why) == -EPROTO && why.alert == 10,
	   "plain HTTP");
	ok(kseal_record_check_handshake((const u8 *)"\x16\x02\x00\x00\x10", &why) == -EPROTO &&
	   why.alert == 70, "SSL 2");
	ok(kseal_record_check_handshake((const u8 *)"\x16\x03\x01\x41\x01", &why) == -EMSGSIZE &&
	   why.alert == 22, "too long");
	ok(kseal_record_check_handshake((const u8 *)"\x16\x03\x01\x00\x00", &why) == -EPROTO &&
	   why.alert == 10, "empty");
}

static int strip(const void *plain, size_t len, u8 *type, struct kseal_refusal *why)
{
	struct kseal_form tls13 = form_of(0x0304, true);

	memset(why, 0, sizeof(*why));
	*type = 0xee;
	return kseal_record_strip(plain, len, &tls13, false, type, why);
}

static void test_strip_of_tls12(void)
{
	static u8 big[KSEAL_PLAIN_MAX + 1];
	struct kseal_form form = form_of(0x0303, true);
	struct kseal_refusal why;
	u8 type = 21;

	ok(kseal_record_strip((const u8 *)"\1\0", 2, &form, false, &type, &why) == 2 && type == 21,
	   "TLS 1.2: nothing is inside but the content");
	ok(kseal_record_strip(big, 0, &form, false, &type, &why) == -EPROTO && why.alert == 10,
	   "an empty alert of TLS 1.2");
	type = 23;
	ok(kseal_record_strip(big, 0, &form, false, &type, &why) == 0, "empty data of TLS 1.2");
	ok(kseal_record_strip(big, KSEAL_PLAIN_MAX, &form, false, &type, &why) == KSEAL_PLAIN_MAX,
	   "2^14 bytes of zeros");
	ok(kseal_record_strip(big, KSEAL_PLAIN_MAX + 1, &form, false, &type, &why) == -EMSGSIZE &&
	   why.alert == 22, "2^14 + 1 bytes");
}

static void test_strip_of_any_type(void)
{
	struct kseal_form form = form_of(0x0304, true);
	struct kseal_refusal why;
	u8 type;

	ok(kseal_record_strip((const u8 *)"abc\x18\0", 5, &form, true, &type, &why) == 3 &&
	   type == 24, "every inner type");
	ok(kseal_record_strip((const u8 *)"\x16", 1, &form, true, &type, &why) == 0 && type == 22,
	   "an empty handshake record");
	ok(kseal_record_strip((const u8 *)"\0\0", 2, &form, true, &type, &why) == -EBADMSG,
	   "no type at all");
}

static void test_strip(void)
{
	static u8 big[KSEAL_INNER_MAX + 1];
	struct kseal_refusal why;
	u8 type;

	ok(strip("abc\x17", 4, &type, &why) == 3 && type == 23, "data without padding");
	ok(strip("abc\x17\0\0\0", 7, &type, &why) == 3 && type == 23, "data with padding");
	ok(strip("ab\0\x17\0", 5, &type, &why) == 3, "a zero in the data is no padding");
	ok(strip("\x17", 1, &type, &why) == 0 && type == 23, "empty data");
	ok(strip("\x01\0\x15", 3, &type, &why) == 2 && type == 21, "an alert");
	ok(strip("\x15", 1, &type, &why) == -EPROTO && why.alert == 10, "an empty alert record");
	ok(strip("\x16\0", 2, &type, &why) == -EPROTO && why.alert == 10, "an empty handshake record");
	ok(strip("\0\0\0\0", 4, &type, &why) == -EPROTO && why.alert == 10 && type == 0xee,
	   "no type, padding alone");
	ok(strip("abc\x14", 4, &type, &why) == -EPROTO && why.alert == 10,
	   "change_cipher_spec, protected");
	ok(strip("abc\x18", 4, &type, &why) == -EPROTO && why.alert == 10, "heartbeat");
	memset(big, 'x', KSEAL_PLAIN_MAX);
	big[KSEAL_PLAIN_MAX] = 23;
	ok(strip(big, KSEAL_INNER_MAX, &type, &why) == KSEAL_PLAIN_MAX, "2^14 bytes of data");
	ok(strip(big, KSEAL_INNER_MAX + 1, &type, &why) == -EMSGSIZE && why.alert == 22,
	   "one byte of padding too much: record_overflow");
}

int main(void)
{
	test_header();
	test_form();
	test_aad();
	test_nonce();
	test_protected_headers();
	test_headers_of_tls12();
	test_headers_of_any_type();
	test_handshake_headers();
	test_strip();
	test_strip_of_tls12();
	test_strip_of_any_type();
	return done_testing();
}
