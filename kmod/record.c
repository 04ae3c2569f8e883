// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/string.h>
#endif

int kseal_record_refuse(struct kseal_refusal *why, int err, u8 alert,
			const char *reason)
{
	why->err = err;
	why->alert = alert;
	why->reason = reason;
	return err;
}

void kseal_record_form(struct kseal_form *form, u16 version,
		       bool explicit_nonce)
{
	bool tls13 = version == KSEAL_TLS_1_3;

	form->version = version;
	form->explicit_len = !tls13 && explicit_nonce ? KSEAL_EXPLICIT_LEN : 0;
	form->tail_len = tls13 ? 1 : 0;
	form->aad_len = tls13 ? KSEAL_HEADER_LEN : KSEAL_AAD_MAX;
}

void kseal_record_header(u8 *header, u8 type, u16 len)
{
	header[0] = type;
	header[1] = 3;
	header[2] = 3;
	header[3] = len >> 8;
	header[4] = len & 0xff;
}

void kseal_record_aad(u8 *aad, const struct kseal_form *form, u8 type, u64 seq,
		      u16 len)
{
	if (form->version == KSEAL_TLS_1_3) {
		kseal_record_header(aad, KSEAL_TYPE_DATA, len + KSEAL_TAG_LEN);
		return;
	}
	put_unaligned_be64(seq, aad);
	kseal_record_header(aad + 8, type, len);
}

void kseal_record_nonce(u8 *nonce, const u8 *iv, u64 seq)
{
	u8 *rest = nonce + KSEAL_NONCE_LEN - sizeof(seq);

	/* RFC 8446 5.3: left-padded, network order, exclusive or */
	memcpy(nonce, iv, KSEAL_NONCE_LEN);
	put_unaligned_be64(get_unaligned_be64(rest) ^ seq, rest);
}

static int body_len(const u8 *header)
{
	return header[3] << 8 | header[4];
}

/* RFC 8446 5: anything but protected records ends the connection here,
 * change_cipher_spec included: it belongs to the handshake. RFC 5246 6.2.1
 * shows the type outside.
 */
static bool outer_type_may_be(u8 type, const struct kseal_form *form)
{
	return form->version == KSEAL_TLS_1_3 ? type == KSEAL_TYPE_DATA :
	       type >= KSEAL_TYPE_ALERT && type <= KSEAL_TYPE_DATA;
}

int kseal_record_check(const u8 *header, const struct kseal_form *form,
		       bool any_type, struct kseal_refusal *why)
{
	int least = form->explicit_len + form->tail_len + KSEAL_TAG_LEN;
	int most = any_type ? KSEAL_PLAIN_MAX + least : KSEAL_CIPHER_MAX;
	int len = body_len(header);

	/* mainline leaves an empty inner plaintext to the check of the type */
	if (any_type)
		least -= form->tail_len;
	else if (!outer_type_may_be(header[0], form))
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a record that is not encrypted");
	if (len > most)
		return kseal_record_refuse(why, -EMSGSIZE, KSEAL_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record that is too long");
	if (len < least)
		return kseal_record_refuse(why, -EBADMSG, KSEAL_ALERT_BAD_RECORD_MAC,
			      "the peer sent a record too short to hold a tag");
	if (header[1] != 3 || header[2] != 3)
		return kseal_record_refuse(why, any_type ? -EINVAL : -EPROTO,
			      KSEAL_ALERT_PROTOCOL_VERSION,
			      "the peer sent a record of a wrong version");
	return len;
}

int kseal_record_check_handshake(const u8 *header, struct kseal_refusal *why)
{
	int len = body_len(header);

	if (header[0] < KSEAL_TYPE_CCS || header[0] > KSEAL_TYPE_DATA)
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer does not speak TLS");
	if (header[1] != 3)
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_PROTOCOL_VERSION,
			      "the peer sent a record of a wrong version");
	if (len > KSEAL_CIPHER_MAX)
		return kseal_record_refuse(why, -EMSGSIZE, KSEAL_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record longer than 2^14 + 256 bytes");
	if (len == 0)
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent an empty record in the handshake");
	return len;
}

static bool type_may_be(u8 type)
{
	return type == KSEAL_TYPE_DATA || type == KSEAL_TYPE_ALERT ||
	       type == KSEAL_TYPE_HANDSHAKE;
}

int kseal_record_strip(const u8 *plain, size_t len,
		       const struct kseal_form *form, bool any_type, u8 *type,
		       struct kseal_refusal *why)
{
	if (len > (size_t)KSEAL_PLAIN_MAX + form->tail_len)
		return kseal_record_refuse(why, -EMSGSIZE, KSEAL_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record with more than 2^14 bytes in it");
	if (form->tail_len) {
		while (len && !plain[len - 1])
			len--;
		if (!len)
			return kseal_record_refuse(why, any_type ? -EBADMSG : -EPROTO,
				      KSEAL_ALERT_UNEXPECTED_MESSAGE,
				      "the peer sent a record without a content type");
		*type = plain[--len];
	}
	if (any_type)
		return len;
	if (!type_may_be(*type))
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a record of an unknown content type");
	if (!len && *type != KSEAL_TYPE_DATA)
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent an empty handshake or alert record");
	return len;
}
