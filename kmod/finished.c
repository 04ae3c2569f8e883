// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/algapi.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "alert.h"
#include "cipher.h"
#include "finished.h"
#include "keys.h"
#include "kseal_trace.h"
#include "sock.h"
#include "stats.h"

/* CCS, alerts that mean nothing, pieces of Finished: more are an attack */
#define RECORDS_MAX	32

/* ---- what is expected ---- */

/* Returns how many records these are, or -EINVAL. */
static int count_records(const u8 *at, unsigned int len)
{
	unsigned int size;
	int n = 0;

	for (; len; at += size, len -= size, n++) {
		if (len < KSEAL_HEADER_LEN || at[0] != KSEAL_TYPE_DATA)
			return -EINVAL;
		size = KSEAL_HEADER_LEN + (at[3] << 8 | at[4]);
		if (size > len || size < KSEAL_HEADER_LEN + 1 + KSEAL_TAG_LEN)
			return -EINVAL;
	}
	return n;
}

static int take_behind(struct kseal_finished *f, const struct nlattr *behind,
		       struct netlink_ext_ack *extack)
{
	int n = count_records(nla_data(behind), nla_len(behind));

	if (n < 0 || f->pair.version != KSEAL_VERSION_1_3) {
		NL_SET_ERR_MSG_ATTR(extack, behind, "BEHIND is for sealed records of TLS 1.3");
		return -EINVAL;
	}
	f->behind_records = n;
	f->behind_len = nla_len(behind);
	memcpy(f->behind, nla_data(behind), f->behind_len);
	return 0;
}

int kseal_finished_parse(struct nlattr **tb, struct kseal_key_pair *pair,
			 struct kseal_finished **out,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *message = tb[KSEAL_A_FINISHED];
	const struct nlattr *behind = tb[KSEAL_A_BEHIND];
	bool tls13 = pair->version == KSEAL_VERSION_1_3;
	struct kseal_finished *f;
	int err = 0;

	*out = NULL;
	if (!message && !tb[KSEAL_A_FINISHED_RX] && !behind)
		return 0;
	if (!message) {
		NL_SET_ERR_MSG(extack, "FINISHED_RX and BEHIND go with FINISHED");
		return -EINVAL;
	}
	if (nla_len(message) <= KSEAL_MESSAGE_HEADER) {
		NL_SET_ERR_MSG_ATTR(extack, message, "FINISHED is too short");
		return -EINVAL;
	}
	if (tls13 != !!tb[KSEAL_A_FINISHED_RX]) {
		NL_SET_ERR_MSG(extack, "FINISHED_RX goes with FINISHED in TLS 1.3, and only there");
		return -EINVAL;
	}
	f = kzalloc(struct_size(f, behind, behind ? nla_len(behind) : 0),
		    GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->pair = *pair;
	pair->tx = NULL;
	pair->rx = NULL;
	f->len = nla_len(message);
	memcpy(f->message, nla_data(message), f->len);
	if (behind)
		err = take_behind(f, behind, extack);
	if (!err && tls13)
		err = kseal_install_one(tb, tb[KSEAL_A_FINISHED_RX], &f->rx,
					extack);
	if (err) {
		kseal_finished_free(f);
		return err;
	}
	*out = f;
	return 0;
}

void kseal_finished_free(struct kseal_finished *f)
{
	if (!f)
		return;
	kseal_install_drop(&f->pair);
	kseal_keys_destroy(f->rx);
	kfree_sensitive(f);
}

/* ---- what comes ---- */

static int unexpected(struct kseal_refusal *why, const char *reason)
{
	return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_UNEXPECTED_MESSAGE, reason);
}

/* RFC 8446 D.4: passed over; RFC 5246 7.1: from now on all is sealed. */
static int take_change(struct kseal_finished *f, const u8 *body,
		       unsigned int len, struct kseal_refusal *why)
{
	if (len != 1 || body[0] != 1 || f->got || f->changed)
		return unexpected(why, "the peer sent a ChangeCipherSpec out of place");
	if (!f->rx)
		f->changed = true;
	return 0;
}

static int take_alert(struct kseal_sock *ks, struct kseal_finished *f,
		      const u8 *content, unsigned int len,
		      struct kseal_refusal *why)
{
	u8 alert;

	if (len != 2)
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_DECODE_ERROR,
			      "the peer sent an alert of a wrong length");
	alert = content[1];
	kseal_stat_add(sock_net(ks->sk), KSEAL_STAT_ALERTS_RECEIVED, 1);
	trace_kseal_alert(ks->id, false, content[0], alert);
	if (alert == KSEAL_ALERT_CLOSE_NOTIFY)
		return kseal_record_refuse(why, -ECONNRESET, KSEAL_ALERT_NONE,
			      "the peer closed the connection during the handshake");
	/* RFC 8446 6.1, RFC 5246 7.2: these end nothing */
	if (f->rx ? alert == KSEAL_ALERT_USER_CANCELED :
		    content[0] == KSEAL_LEVEL_WARNING)
		return 0;
	WRITE_ONCE(ks->alert, alert);
	snprintf(f->text, sizeof(f->text), "the peer refused: alert %s (%u)",
		 kseal_alert_name(alert) ?: "unknown", alert);
	return kseal_record_refuse(why, kseal_alert_is_rejection(alert) ? -EKEYREJECTED : -EPROTO,
		      KSEAL_ALERT_NONE, f->text);
}

static int take_message(struct kseal_finished *f, const u8 *content,
			unsigned int len, struct kseal_refusal *why)
{
	/* another message, or one behind it: RFC 8446 5.1, keys change at the
	 * end of a record
	 */
	if (len > f->len - f->got || (!f->got && content[0] != f->message[0]))
		return unexpected(why, "the peer sent a handshake message out of place");
	if (crypto_memneq(content, f->message + f->got, len))
		return kseal_record_refuse(why, -EPROTO, KSEAL_ALERT_DECRYPT_ERROR,
			      "the peer's Finished does not verify");
	f->got += len;
	return f->got == f->len;
}

static int take_content(struct kseal_sock *ks, struct kseal_finished *f,
			u8 type, const u8 *content, unsigned int len,
			struct kseal_refusal *why)
{
	switch (type) {
	case KSEAL_TYPE_HANDSHAKE:
		return take_message(f, content, len, why);
	case KSEAL_TYPE_ALERT:
		return take_alert(ks, f, content, len, why);
	default:
		return unexpected(why, "the peer sent data before its Finished");
	}
}

/* Opens a record into memory behind a copy of it: what is in @record may not be
 * where the cipher can read.
 */
static int open_record(struct kseal_keys *keys, u8 *copy, unsigned int len,
		       struct kseal_refusal *why)
{
	unsigned int prefix = kseal_form_prefix(kseal_keys_form(keys));
	struct kseal_piece src = { .at = copy + prefix, .len = len - prefix };
	struct kseal_piece dst = {
		.at = copy + len, .len = len - prefix - KSEAL_TAG_LEN,
	};
	const struct kseal_body t = {
		.src = &src, .n_src = 1, .dst = &dst, .n_dst = 1, .len = dst.len,
	};
	int err = kseal_keys_open(keys, copy, &t);

	if (err == -EBADMSG)
		return kseal_record_refuse(why, err, KSEAL_ALERT_BAD_RECORD_MAC,
			      "a record from the peer failed authentication");
	if (err && err != -ENOMEM)
		return kseal_record_refuse(why, err, KSEAL_ALERT_INTERNAL_ERROR,
			      "opening a record failed in the kernel's cipher");
	return err ?: dst.len;
}

static int take_sealed(struct kseal_sock *ks, struct kseal_finished *f,
		       const u8 *record, unsigned int len, gfp_t gfp)
{
	struct kseal_keys *keys = f->rx ?: f->pair.rx;
	struct kseal_refusal *why = &f->why;
	u8 *copy, type = record[0];
	int ret;

	ret = kseal_record_check(record, kseal_keys_form(keys), false, why);
	if (ret < 0)
		return ret;
	copy = kmalloc(2 * len, gfp);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, record, len);
	ret = open_record(keys, copy, len, why);
	if (ret >= 0)
		ret = kseal_record_strip(copy + len, ret, kseal_keys_form(keys),
					 false, &type, why);
	if (ret >= 0)
		ret = take_content(ks, f, type, copy + len, ret, why);
	kfree_sensitive(copy);
	return ret;
}

static int take_record(struct kseal_sock *ks, struct kseal_finished *f,
		       const u8 *record, unsigned int len, gfp_t gfp)
{
	const u8 *body = record + KSEAL_HEADER_LEN;
	struct kseal_refusal *why = &f->why;

	if (record[0] == KSEAL_TYPE_CCS)
		return take_change(f, body, len - KSEAL_HEADER_LEN, why);
	/* RFC 8446 6: of a client that did not take our hello, in clear */
	if (record[0] == KSEAL_TYPE_ALERT && !f->changed && !f->got)
		return take_alert(ks, f, body, len - KSEAL_HEADER_LEN, why);
	if (!f->rx && !f->changed)
		return unexpected(why, "the peer sent a handshake message out of place");
	return take_sealed(ks, f, record, len, gfp);
}

int kseal_finished_take(struct kseal_sock *ks, struct kseal_finished *f,
			const u8 *in, unsigned int len, unsigned int *used,
			gfp_t gfp)
{
	unsigned int n;
	int ret = f->why.reason ? f->why.err : f->got == f->len;

	kseal_sock_owned(ks);
	for (*used = 0; *used < len && !ret; *used += n) {
		const u8 *record = in + *used;

		n = KSEAL_HEADER_LEN + (record[3] << 8 | record[4]);
		if (f->records == RECORDS_MAX)
			ret = unexpected(&f->why, "the peer sent too many records before its Finished");
		else
			ret = take_record(ks, f, record, n, gfp);
		if (ret == -ENOMEM)
			break;
		f->records++;
	}
	return ret;
}
