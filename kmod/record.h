/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TLS 1.3 record as bytes (RFC 8446 5): header, nonce, inner type,
 * padding. No socket, no lock, no memory: user-space tests and fuzzers compile
 * record.c as it is.
 */
#ifndef KSEAL_RECORD_H
#define KSEAL_RECORD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
#endif

#define KSEAL_HEADER_LEN	5		/* type, version, length */
#define KSEAL_TAG_LEN		16		/* AES-GCM, RFC 5116 5.1 */
#define KSEAL_NONCE_LEN		12		/* RFC 8446 5.3 */
#define KSEAL_PLAIN_MAX		16384		/* RFC 8446 5.1: 2^14 */
#define KSEAL_INNER_MAX		(KSEAL_PLAIN_MAX + 1)	/* with the type, 5.4 */
#define KSEAL_CIPHER_MAX	(KSEAL_PLAIN_MAX + 256)	/* RFC 8446 5.2 */
#define KSEAL_RECORD_MAX	(KSEAL_HEADER_LEN + KSEAL_CIPHER_MAX)
/* what sealing adds to the application's bytes: header, inner type, tag */
#define KSEAL_OVERHEAD		(KSEAL_HEADER_LEN + 1 + KSEAL_TAG_LEN)

/* RFC 8446 5.1, ContentType */
enum kseal_content_type {
	KSEAL_TYPE_CCS		= 20,
	KSEAL_TYPE_ALERT	= 21,
	KSEAL_TYPE_HANDSHAKE	= 22,
	KSEAL_TYPE_DATA		= 23,
};

/* RFC 8446 6, those that the kernel sends or tells apart */
enum kseal_alert {
	KSEAL_ALERT_CLOSE_NOTIFY	= 0,
	KSEAL_ALERT_UNEXPECTED_MESSAGE	= 10,
	KSEAL_ALERT_BAD_RECORD_MAC	= 20,
	KSEAL_ALERT_RECORD_OVERFLOW	= 22,
	KSEAL_ALERT_DECODE_ERROR	= 50,
	KSEAL_ALERT_PROTOCOL_VERSION	= 70,
	KSEAL_ALERT_INTERNAL_ERROR	= 80,
	KSEAL_ALERT_USER_CANCELED	= 90,
	KSEAL_ALERT_NONE		= 255,
};

/* Why a record is refused: what the reader gets and what the peer is told. */
struct kseal_refusal {
	int err;		/* -errno */
	u8 alert;		/* enum kseal_alert */
	const char *reason;	/* for a person */
};

/**
 * kseal_record_header - write a record's header
 * @header: KSEAL_HEADER_LEN bytes
 * @type: outer content type
 * @len: bytes that follow the header
 *
 * RFC 8446 5.1: legacy_record_version is 0x0303.
 */
void kseal_record_header(u8 *header, u8 type, u16 len);

/**
 * kseal_record_nonce - the per-record nonce of RFC 8446 5.3
 * @nonce: KSEAL_NONCE_LEN bytes, written
 * @iv: KSEAL_NONCE_LEN bytes, the direction's write_iv
 * @seq: the record's sequence number
 */
void kseal_record_nonce(u8 *nonce, const u8 *iv, u64 seq);

/**
 * kseal_record_check - judge the header of a protected record
 * @header: KSEAL_HEADER_LEN bytes from the peer
 * @why: filled in on refusal
 *
 * Return: bytes that follow the header (KSEAL_TAG_LEN + 1 to KSEAL_CIPHER_MAX),
 * or a negative errno: -EPROTO wrong type or version, -EMSGSIZE too long,
 * -EBADMSG too short to hold a tag. RFC 8446 5.1, 5.2.
 */
int kseal_record_check(const u8 *header, struct kseal_refusal *why);

/**
 * kseal_record_check_handshake - judge the header of a record in a handshake
 * @header: KSEAL_HEADER_LEN bytes from the peer
 * @why: filled in on refusal
 *
 * Types handshake, alert, change_cipher_spec and application_data (protected
 * handshake messages), any 3.x version (RFC 8446 5.1: ignored), lengths up to
 * KSEAL_CIPHER_MAX; whether the type fits the moment is for the helper's TLS
 * library to say.
 *
 * Return: bytes that follow the header, or -EPROTO, -EMSGSIZE.
 */
int kseal_record_check_handshake(const u8 *header, struct kseal_refusal *why);

/**
 * kseal_record_strip - take padding and inner type off an opened record
 * @plain: TLSInnerPlaintext, RFC 8446 5.2
 * @len: its length, at least 1
 * @type: the inner content type, written on success
 * @why: filled in on refusal
 *
 * Return: length of the content (0 to KSEAL_PLAIN_MAX), or -EPROTO (no type:
 * RFC 8446 5.4, or one that may not be protected, or an empty handshake or
 * alert record: 5.1), -EMSGSIZE.
 */
int kseal_record_strip(const u8 *plain, size_t len, u8 *type,
		       struct kseal_refusal *why);

#endif
