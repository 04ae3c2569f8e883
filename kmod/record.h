/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TLS record as bytes (RFC 8446 5, RFC 5246 6.2): header, additional data,
 * nonce, inner type, padding. No socket, no lock, no memory: user-space tests
 * and fuzzers compile record.c as it is.
 */
#ifndef KSEAL_RECORD_H
#define KSEAL_RECORD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

static inline u64 get_unaligned_be64(const void *p)
{
	u64 x;

	memcpy(&x, p, sizeof(x));
	return be64toh(x);
}

static inline void put_unaligned_be64(u64 x, void *p)
{
	x = htobe64(x);
	memcpy(p, &x, sizeof(x));
}
#endif

#define KSEAL_TLS_1_2		0x0303
#define KSEAL_TLS_1_3		0x0304

#define KSEAL_HEADER_LEN	5		/* type, version, length */
#define KSEAL_TAG_LEN		16		/* of every cipher we have */
#define KSEAL_NONCE_LEN		12		/* RFC 8446 5.3, RFC 5288 3 */
#define KSEAL_SALT_LEN		4		/* RFC 5288 3: the fixed part of it */
#define KSEAL_EXPLICIT_LEN	8		/* and the part in the record */
#define KSEAL_AAD_MAX		13		/* RFC 5246 6.2.3.3 */
#define KSEAL_PLAIN_MAX		16384		/* RFC 8446 5.1: 2^14 */
#define KSEAL_INNER_MAX		(KSEAL_PLAIN_MAX + 1)	/* with the type, 5.4 */
#define KSEAL_CIPHER_MAX	(KSEAL_PLAIN_MAX + 256)	/* RFC 8446 5.2 */
#define KSEAL_RECORD_MAX	(KSEAL_HEADER_LEN + KSEAL_CIPHER_MAX)
/* what sealing adds at most to the application's bytes, padding aside */
#define KSEAL_PREFIX_MAX	(KSEAL_HEADER_LEN + KSEAL_EXPLICIT_LEN)
#define KSEAL_OVERHEAD_MAX	(KSEAL_PREFIX_MAX + 1 + KSEAL_TAG_LEN)

/* RFC 8446 5.1, ContentType */
enum kseal_content_type {
	KSEAL_TYPE_CCS		= 20,
	KSEAL_TYPE_ALERT	= 21,
	KSEAL_TYPE_HANDSHAKE	= 22,
	KSEAL_TYPE_DATA		= 23,
};

#define KSEAL_LEVEL_WARNING	1	/* RFC 8446 6, AlertLevel */
#define KSEAL_LEVEL_FATAL	2

/* RFC 8446 4, HandshakeType: those that come after the handshake */
enum kseal_handshake_type {
	KSEAL_HELLO_REQUEST		= 0,	/* RFC 5246 7.4.1.1 */
	KSEAL_CLIENT_HELLO		= 1,
	KSEAL_NEW_SESSION_TICKET	= 4,
	KSEAL_KEY_UPDATE		= 24,
};

#define KSEAL_MESSAGE_HEADER	4	/* type, length: RFC 8446 4 */

/* RFC 8446 6, those that the kernel sends or tells apart */
enum kseal_alert {
	KSEAL_ALERT_CLOSE_NOTIFY	= 0,
	KSEAL_ALERT_UNEXPECTED_MESSAGE	= 10,
	KSEAL_ALERT_BAD_RECORD_MAC	= 20,
	KSEAL_ALERT_RECORD_OVERFLOW	= 22,
	KSEAL_ALERT_ILLEGAL_PARAMETER	= 47,
	KSEAL_ALERT_DECODE_ERROR	= 50,
	KSEAL_ALERT_DECRYPT_ERROR	= 51,
	KSEAL_ALERT_PROTOCOL_VERSION	= 70,
	KSEAL_ALERT_INTERNAL_ERROR	= 80,
	KSEAL_ALERT_USER_CANCELED	= 90,
	KSEAL_ALERT_NO_RENEGOTIATION	= 100,	/* RFC 5246 7.2.2 */
	KSEAL_ALERT_NONE		= 255,
};

/* Why a record is refused: what the reader gets and what the peer is told. */
struct kseal_refusal {
	int err;		/* -errno */
	u8 alert;		/* enum kseal_alert */
	const char *reason;	/* for a person */
};

/* Fills in why. Return: err. */
int kseal_record_refuse(struct kseal_refusal *why, int err, u8 alert,
			const char *reason);

/* How a version and a cipher lay out a record, in bytes:
 *   header, explicit nonce, sealed {content, tail}, tag
 */
struct kseal_form {
	u16 version;		/* KSEAL_TLS_* */
	u8 explicit_len;	/* KSEAL_EXPLICIT_LEN, or 0 */
	u8 tail_len;		/* the inner content type: 1 in TLS 1.3 */
	u8 aad_len;		/* additional data, which is not sent */
};

/**
 * kseal_record_form - the layout that goes with a version and a cipher
 * @form: written
 * @version: KSEAL_TLS_*
 * @explicit_nonce: the cipher puts part of the nonce into TLS 1.2 records
 *	(RFC 5288 3, RFC 6655 3; not RFC 7905)
 */
void kseal_record_form(struct kseal_form *form, u16 version,
		       bool explicit_nonce);

/* Bytes before the sealed part, and bytes that sealing adds in all. */
static inline unsigned int kseal_form_prefix(const struct kseal_form *form)
{
	return KSEAL_HEADER_LEN + form->explicit_len;
}

static inline unsigned int kseal_form_overhead(const struct kseal_form *form)
{
	return kseal_form_prefix(form) + form->tail_len + KSEAL_TAG_LEN;
}

/**
 * kseal_record_header - write a record's header
 * @header: KSEAL_HEADER_LEN bytes
 * @type: outer content type
 * @len: bytes that follow the header
 *
 * RFC 8446 5.1: legacy_record_version is 0x0303, which is TLS 1.2's own.
 */
void kseal_record_header(u8 *header, u8 type, u16 len);

/**
 * kseal_record_aad - the additional data of a record
 * @aad: form->aad_len bytes, written
 * @form: the layout
 * @type: content type (TLS 1.3: not looked at, it is inside)
 * @seq: the record's sequence number
 * @len: bytes that are sealed, without the tag
 *
 * RFC 8446 5.2: the header; RFC 5246 6.2.3.3: sequence number, type, version,
 * length of the plaintext.
 */
void kseal_record_aad(u8 *aad, const struct kseal_form *form, u8 type, u64 seq,
		      u16 len);

/**
 * kseal_record_nonce - the per-record nonce of RFC 8446 5.3 and RFC 7905 2
 * @nonce: KSEAL_NONCE_LEN bytes, written
 * @iv: KSEAL_NONCE_LEN bytes, the direction's write_iv
 * @seq: the record's sequence number
 */
void kseal_record_nonce(u8 *nonce, const u8 *iv, u64 seq);

/**
 * kseal_record_check - judge the header of a protected record
 * @header: KSEAL_HEADER_LEN bytes from the peer
 * @form: the layout
 * @any_type: take every content type (mainline's convention)
 * @why: filled in on refusal
 *
 * Return: bytes that follow the header (enough for a tag, at most
 * KSEAL_CIPHER_MAX), or a negative errno: -EPROTO wrong type or version (the
 * version is -EINVAL in mainline's convention), -EMSGSIZE too long, -EBADMSG
 * too short to hold a tag. RFC 8446 5.1, 5.2; RFC 5246 6.2.
 */
int kseal_record_check(const u8 *header, const struct kseal_form *form,
		       bool any_type, struct kseal_refusal *why);

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
 * kseal_record_strip - find the content of an opened record
 * @plain: what was sealed: TLSInnerPlaintext (RFC 8446 5.2) or the plaintext
 * @len: its length
 * @form: the layout
 * @any_type: take every content type but 0 (mainline's convention)
 * @type: the outer content type; TLS 1.3: replaced by the inner one
 * @why: filled in on refusal
 *
 * Return: length of the content (0 to KSEAL_PLAIN_MAX), or -EPROTO (no type:
 * RFC 8446 5.4, -EBADMSG in mainline's convention; or one that may not be
 * protected, or an empty handshake or alert record: 5.1), -EMSGSIZE.
 */
int kseal_record_strip(const u8 *plain, size_t len,
		       const struct kseal_form *form, bool any_type, u8 *type,
		       struct kseal_refusal *why);

#endif
