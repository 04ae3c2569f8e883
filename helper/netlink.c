// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages to structs and back; see netlink.h.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include "foresee.h"
#include "netlink.h"

/* ---- from the kernel ---- */

/* What a helper reads, and how long each must be; the others are skipped. */
static const struct {
	enum mnl_attr_data_type type;
	size_t max;		/* strings and binaries: bytes without NUL */
} attrs[KSEAL_A_MAX + 1] = {
	[KSEAL_A_COOKIE]	= { MNL_TYPE_U64, 0 },
	[KSEAL_A_ROLE]		= { MNL_TYPE_U8, 0 },
	[KSEAL_A_PROFILE]	= { MNL_TYPE_STRING, KSEAL_PROFILE_MAX },
	[KSEAL_A_SERVER_NAME]	= { MNL_TYPE_STRING, KSEAL_NAME_MAX },
	[KSEAL_A_TIMEOUT]	= { MNL_TYPE_U32, 0 },
	[KSEAL_A_BYTES]		= { MNL_TYPE_BINARY, KSEAL_BYTES_MAX },
	[KSEAL_A_ERROR]		= { MNL_TYPE_U32, 0 },
	[KSEAL_A_ALERT]		= { MNL_TYPE_U8, 0 },
	[KSEAL_A_REASON]	= { MNL_TYPE_STRING, KSEAL_REASON_MAX },
	[KSEAL_A_ALPN]		= { MNL_TYPE_STRING, KSEAL_ALPN_MAX },
	[KSEAL_A_EXPLAIN_WANTED] = { MNL_TYPE_FLAG, 0 },
	[KSEAL_A_CHAIN_WANTED]	= { MNL_TYPE_FLAG, 0 },
};

/* A string's length without the NUL it may end with; -1: another NUL in it. */
static int string_len(const struct nlattr *attr)
{
	const char *text = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (len && text[len - 1] == '\0')
		len--;
	return memchr(text, '\0', len) ? -1 : (int)len;
}

static bool attr_fits(const struct nlattr *attr, uint16_t type)
{
	int len;

	switch (attrs[type].type) {
	case MNL_TYPE_STRING:
		len = string_len(attr);
		return len >= 0 && (size_t)len <= attrs[type].max;
	case MNL_TYPE_BINARY:
		len = mnl_attr_get_payload_len(attr);
		return len > 0 && (size_t)len <= attrs[type].max;
	default:
		return mnl_attr_validate(attr, attrs[type].type) == 0;
	}
}

static int parse_attrs(const struct nlmsghdr *nlh, const struct nlattr *found[KSEAL_A_MAX + 1])
{
	const struct nlattr *attr;
	int ret = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type > KSEAL_A_MAX || attrs[type].type == MNL_TYPE_UNSPEC)
			continue;
		if (found[type] || !attr_fits(attr, type))
			ret = -EBADMSG;
		else
			found[type] = attr;
	}
	return ret;
}

static void copy_string(char *to, const struct nlattr *attr)
{
	int len = attr ? string_len(attr) : 0;

	if (len > 0)
		memcpy(to, mnl_attr_get_payload(attr), (size_t)len);
	to[len] = '\0';
}

static int decode_handshake(const struct nlattr **found, struct helper_handshake *handshake)
{
	if (found[KSEAL_A_BYTES]) {
		handshake->bytes = mnl_attr_get_payload(found[KSEAL_A_BYTES]);
		handshake->len = mnl_attr_get_payload_len(found[KSEAL_A_BYTES]);
	}
	handshake->first = found[KSEAL_A_ROLE];
	if (!handshake->first)
		return handshake->len ? 0 : -EBADMSG;

	if (!found[KSEAL_A_PROFILE])
		return -EBADMSG;
	handshake->role = mnl_attr_get_u8(found[KSEAL_A_ROLE]);
	if (handshake->role != KSEAL_ROLE_SERVER && handshake->role != KSEAL_ROLE_CLIENT)
		return -EBADMSG;
	copy_string(handshake->profile, found[KSEAL_A_PROFILE]);
	copy_string(handshake->server_name, found[KSEAL_A_SERVER_NAME]);
	if (found[KSEAL_A_TIMEOUT])
		handshake->timeout_ms = mnl_attr_get_u32(found[KSEAL_A_TIMEOUT]);
	copy_string(handshake->alpn, found[KSEAL_A_ALPN]);
	handshake->explain = found[KSEAL_A_EXPLAIN_WANTED];
	handshake->chain = found[KSEAL_A_CHAIN_WANTED];
	return 0;
}

/* What does not fit was not found. */
static void decode_cancel(const struct nlattr **found, struct helper_cancel *cancel)
{
	cancel->cookie = mnl_attr_get_u64(found[KSEAL_A_COOKIE]);
	if (found[KSEAL_A_ERROR])
		cancel->error = mnl_attr_get_u32(found[KSEAL_A_ERROR]);
	cancel->has_alert = found[KSEAL_A_ALERT];
	if (cancel->has_alert)
		cancel->alert = mnl_attr_get_u8(found[KSEAL_A_ALERT]);
	copy_string(cancel->reason, found[KSEAL_A_REASON]);
}

int netlink_decode(const struct nlmsghdr *nlh, struct helper_message *message)
{
	const struct nlattr *found[KSEAL_A_MAX + 1] = { NULL };
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	int ret;

	memset(message, 0, sizeof(*message));
	/* libmnl looks for attributes up to the next multiple of 4. */
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    nlh->nlmsg_len != NLMSG_ALIGN(nlh->nlmsg_len))
		return -EBADMSG;
	message->cmd = genl->cmd;
	ret = parse_attrs(nlh, found);
	if (!found[KSEAL_A_COOKIE])
		return -EBADMSG;

	switch (genl->cmd) {
	case KSEAL_CMD_HANDSHAKE:
		message->handshake.cookie = mnl_attr_get_u64(found[KSEAL_A_COOKIE]);
		return ret ?: decode_handshake(found, &message->handshake);
	case KSEAL_CMD_MESSAGE:
		if (ret || !found[KSEAL_A_BYTES])
			return -EBADMSG;
		message->late.cookie = mnl_attr_get_u64(found[KSEAL_A_COOKIE]);
		message->late.bytes = mnl_attr_get_payload(found[KSEAL_A_BYTES]);
		message->late.len = mnl_attr_get_payload_len(found[KSEAL_A_BYTES]);
		return 0;
	case KSEAL_CMD_CANCEL:
		decode_cancel(found, &message->cancel);
		return ret;
	}
	return -EOPNOTSUPP;
}

/* ---- to the kernel ---- */

static struct nlmsghdr *start(void *buf, uint16_t family, uint32_t seq, uint8_t cmd,
			      uint64_t cookie)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	/* No NLM_F_ACK: only refusals come back. */
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = KSEAL_GENL_VERSION;
	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, cookie);
	return nlh;
}

/* NULL or empty: nothing */
static void put_text(struct nlmsghdr *nlh, uint16_t type, const char *text)
{
	if (text && text[0])
		mnl_attr_put_strz(nlh, type, text);
}

static void put_bytes(struct nlmsghdr *nlh, uint32_t consumed, const uint8_t *bytes, size_t len,
		      const char *explain)
{
	assert(len <= KSEAL_BYTES_MAX);
	mnl_attr_put_u32(nlh, KSEAL_A_CONSUMED, consumed);
	if (len)
		mnl_attr_put(nlh, KSEAL_A_BYTES, len, bytes);
	assert(!explain || strlen(explain) <= KSEAL_EXPLAIN_MAX);
	put_text(nlh, KSEAL_A_EXPLAIN, explain);
}

static void put_keys(struct nlmsghdr *nlh, uint16_t type, const struct keys *keys)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, KSEAL_A_KEYS_KEY, keys->suite->key_len, keys->key);
	mnl_attr_put(nlh, KSEAL_A_KEYS_IV, sizeof(keys->iv), keys->iv);
	mnl_attr_put_u64(nlh, KSEAL_A_KEYS_SEQ, keys->seq);
	if (keys->suite->secret_len)
		mnl_attr_put(nlh, KSEAL_A_KEYS_SECRET, keys->suite->secret_len, keys->secret);
	mnl_attr_nest_end(nlh, nest);
}

size_t netlink_put_answer(void *buf, uint16_t family, uint32_t seq,
			  const struct helper_answer *answer)
{
	struct nlmsghdr *nlh = start(buf, family, seq, KSEAL_CMD_HANDSHAKE, answer->cookie);

	put_bytes(nlh, answer->consumed, answer->bytes, answer->len, answer->explain);
	if (answer->more)
		mnl_attr_put(nlh, KSEAL_A_MORE, 0, NULL);
	return nlh->nlmsg_len;
}

static void put_foreseen(struct nlmsghdr *nlh, const struct foreseen *foreseen,
			 const uint8_t *behind, size_t behind_len)
{
	assert(behind_len <= KSEAL_BEHIND_MAX);
	mnl_attr_put(nlh, KSEAL_A_FINISHED, foreseen->len, foreseen->message);
	if (foreseen->keys.suite)
		put_keys(nlh, KSEAL_A_FINISHED_RX, &foreseen->keys);
	if (behind_len)
		mnl_attr_put(nlh, KSEAL_A_BEHIND, behind_len, behind);
}

static void put_session(struct nlmsghdr *nlh, const struct tls_session *session)
{
	mnl_attr_put_u16(nlh, KSEAL_A_VERSION, session->version);
	mnl_attr_put_u16(nlh, KSEAL_A_CIPHER, session->tx.suite->cipher);
	put_keys(nlh, KSEAL_A_TX, &session->tx);
	put_keys(nlh, KSEAL_A_RX, &session->rx);
	put_text(nlh, KSEAL_A_SUITE, session->suite);
	put_text(nlh, KSEAL_A_GROUP, session->group);
	put_text(nlh, KSEAL_A_ALPN, session->alpn);
	put_text(nlh, KSEAL_A_SERVER_NAME, session->server_name);
	put_text(nlh, KSEAL_A_PEER_IDENTITY, session->peer_identity);
	if (session->record_limit)
		mnl_attr_put_u32(nlh, KSEAL_A_PEER_RECORD_MAX, session->record_limit);
	if (session->chain_len)
		mnl_attr_put(nlh, KSEAL_A_CHAIN, session->chain_len, session->chain);
}

static void put_shape(struct nlmsghdr *nlh, const struct record_shape *shape)
{
	if (shape->record_max)
		mnl_attr_put_u32(nlh, KSEAL_A_RECORD_MAX, shape->record_max);
	if (shape->padding)
		mnl_attr_put_u32(nlh, KSEAL_A_PADDING, shape->padding);
	if (shape->dynamic)
		mnl_attr_put_u32(nlh, KSEAL_A_DYNAMIC, 1);
}

static void put_failure(struct nlmsghdr *nlh, const struct tls_failure *failure)
{
	mnl_attr_put_u32(nlh, KSEAL_A_ERROR, (uint32_t)failure->error);
	if (failure->has_alert)
		mnl_attr_put_u8(nlh, KSEAL_A_ALERT, failure->alert);
	put_text(nlh, KSEAL_A_REASON, failure->reason);
}

size_t netlink_put_done(void *buf, uint16_t family, uint32_t seq, const struct helper_done *done)
{
	struct nlmsghdr *nlh = start(buf, family, seq, KSEAL_CMD_DONE, done->cookie);

	put_bytes(nlh, done->consumed, done->bytes, done->len, done->explain);
	if (!done->session) {
		put_failure(nlh, done->failure);
		return nlh->nlmsg_len;
	}
	put_session(nlh, done->session);
	if (done->session->foreseen)
		put_foreseen(nlh, done->session->foreseen, done->behind, done->behind_len);
	if (done->shape)
		put_shape(nlh, done->shape);
	return nlh->nlmsg_len;
}
