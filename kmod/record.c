// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/string.h>
#endif

static int refuse(struct kseal_refusal *why, int err, u8 alert,
		  const char *reason)
{
	why->err = err;
	why->alert = alert;
	why->reason = reason;
	return err;
}

void kseal_record_header(u8 *header, u8 type, u16 len)
{
	header[0] = type;
	header[1] = 3;
	header[2] = 3;
	header[3] = len >> 8;
	header[4] = len & 0xff;
}

void kseal_record_nonce(u8 *nonce, const u8 *iv, u64 seq)
{
	int i;

	/* RFC 8446 5.3: left-padded, network order, exclusive or */
	memcpy(nonce, iv, KSEAL_NONCE_LEN);
	for (i = 0; i < 8; i++)
		nonce[KSEAL_NONCE_LEN - 1 - i] ^= (u8)(seq >> (8 * i));
}

static int body_len(const u8 *header)
{
	return header[3] << 8 | header[4];
}

int kseal_record_check(const u8 *header, struct kseal_refusal *why)
{
	int len = body_len(header);

	/* RFC 8446 5: anything but protected records ends the connection here,
	 * change_cipher_spec included: it belongs to the handshake.
	 */
	if (header[0] != KSEAL_TYPE_DATA)
		return refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a record that is not encrypted");
	if (header[1] != 3 || header[2] != 3)
		return refuse(why, -EPROTO, KSEAL_ALERT_PROTOCOL_VERSION,
			      "the peer sent a record of a wrong version");
	if (len > KSEAL_CIPHER_MAX)
		return refuse(why, -EMSGSIZE, KSEAL_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record longer than 2^14 + 256 bytes");
	if (len < KSEAL_TAG_LEN + 1)
		return refuse(why, -EBADMSG, KSEAL_ALERT_BAD_RECORD_MAC,
			      "the peer sent a record too short to hold a tag");
	return len;
}

int kseal_record_check_handshake(const u8 *header, struct kseal_refusal *why)
{
	int len = body_len(header);

	if (header[0] < KSEAL_TYPE_CCS || header[0] > KSEAL_TYPE_DATA)
		return refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer does not speak TLS");
	if (header[1] != 3)
		return refuse(why, -EPROTO, KSEAL_ALERT_PROTOCOL_VERSION,
			      "the peer sent a record of a wrong version");
	if (len > KSEAL_CIPHER_MAX)
		return refuse(why, -EMSGSIZE, KSEAL_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record longer than 2^14 + 256 bytes");
	if (len == 0)
		return refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent an empty record in the handshake");
	return len;
}

int kseal_record_strip(const u8 *plain, size_t len, u8 *type,
		       struct kseal_refusal *why)
{
	if (len > KSEAL_INNER_MAX)
		return refuse(why, -EMSGSIZE, KSEAL_ALERT_RECORD_OVERFLOW,
			      "the peer sent a record with more than 2^14 bytes in it");
	while (len && !plain[len - 1])
		len--;
	if (!len)
		return refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a record without a content type");
	*type = plain[--len];
	if (*type != KSEAL_TYPE_DATA && *type != KSEAL_TYPE_ALERT &&
	    *type != KSEAL_TYPE_HANDSHAKE)
		return refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent a record of an unknown content type");
	if (!len && *type != KSEAL_TYPE_DATA)
		return refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE,
			      "the peer sent an empty handshake or alert record");
	return len;
}
