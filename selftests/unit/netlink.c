// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper/netlink.c: messages as the kernel sends them, well-formed and not,
 * and what is written for the kernel, attribute by attribute. Also the texts
 * that tools/libkseal/genl.c finds in refusals.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include "genl.h"
#include "foresee.h"
#include "netlink.h"
#include "tap.h"

#define FAMILY	0x1234
#define COOKIE	0xfedcba9876543210ULL

/* ---- from the kernel ---- */

static uint8_t buf[128 * 1024] __attribute__((aligned(4)));

static struct nlmsghdr *start(uint8_t cmd)
{
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;

	memset(buf, 0xa5, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = FAMILY;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = KSEAL_GENL_VERSION;
	return nlh;
}

/* As nla_put_u64_64bit() does: a pad attribute comes before. */
static struct nlmsghdr *start_first(uint8_t role)
{
	struct nlmsghdr *nlh = start(KSEAL_CMD_HANDSHAKE);
	struct sockaddr_storage addr = { 0 };

	mnl_attr_put(nlh, KSEAL_A_PAD, 0, NULL);
	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, COOKIE);
	mnl_attr_put_u8(nlh, KSEAL_A_ROLE, role);
	mnl_attr_put_strz(nlh, KSEAL_A_PROFILE, "web");
	mnl_attr_put(nlh, KSEAL_A_PEER, 16, &addr);
	mnl_attr_put(nlh, KSEAL_A_LOCAL, 28, &addr);
	mnl_attr_put_u32(nlh, KSEAL_A_TIMEOUT, 12345);
	return nlh;
}

static void decode_good(void)
{
	struct helper_message message;
	struct helper_handshake *h = &message.handshake;
	static const uint8_t longest[KSEAL_BYTES_MAX];
	uint8_t bytes[] = { 1, 2, 3, 4, 5 };
	struct nlmsghdr *nlh;

	nlh = start_first(KSEAL_ROLE_CLIENT);
	mnl_attr_put_strz(nlh, KSEAL_A_SERVER_NAME, "example.org");
	ok(netlink_decode(nlh, &message) == 0 && message.cmd == KSEAL_CMD_HANDSHAKE && h->first &&
	   h->cookie == COOKIE && h->role == KSEAL_ROLE_CLIENT && h->timeout_ms == 12345,
	   "a client's first message");
	ok(!strcmp(h->profile, "web") && !strcmp(h->server_name, "example.org") && !h->len,
	   "its names, and no bytes");

	nlh = start_first(KSEAL_ROLE_CLIENT);
	ok(netlink_decode(nlh, &message) == 0 && !h->explain, "nobody wants to know");
	mnl_attr_put(nlh, KSEAL_A_EXPLAIN_WANTED, 0, NULL);
	ok(netlink_decode(nlh, &message) == 0 && h->explain, "somebody wants to know");

	nlh = start_first(KSEAL_ROLE_CLIENT);
	ok(netlink_decode(nlh, &message) == 0 && !h->chain && !h->alpn[0], "no wishes");
	mnl_attr_put(nlh, KSEAL_A_CHAIN_WANTED, 0, NULL);
	mnl_attr_put_strz(nlh, KSEAL_A_ALPN, "h2,http/1.1");
	ok(netlink_decode(nlh, &message) == 0 && h->chain && !strcmp(h->alpn, "h2,http/1.1"),
	   "the peer's chain, and protocols");

	nlh = start_first(KSEAL_ROLE_SERVER);
	mnl_attr_put(nlh, KSEAL_A_BYTES, sizeof(bytes), bytes);
	mnl_attr_put_u32(nlh, KSEAL_A_MAX + 7, 1);
	ok(netlink_decode(nlh, &message) == 0 && h->role == KSEAL_ROLE_SERVER &&
	   h->len == sizeof(bytes) && !memcmp(h->bytes, bytes, sizeof(bytes)) &&
	   !h->server_name[0], "a server's first message; attributes from the future are skipped");

	nlh = start(KSEAL_CMD_HANDSHAKE);
	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, COOKIE);
	mnl_attr_put(nlh, KSEAL_A_BYTES, KSEAL_BYTES_MAX, longest);
	ok(netlink_decode(nlh, &message) == 0 && !h->first && h->len == KSEAL_BYTES_MAX,
	   "a later message, as long as may be");

	nlh = start(KSEAL_CMD_CANCEL);
	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, COOKIE);
	mnl_attr_put_u32(nlh, KSEAL_A_ERROR, ECONNRESET);
	ok(netlink_decode(nlh, &message) == 0 && message.cmd == KSEAL_CMD_CANCEL &&
	   message.cancel.cookie == COOKIE && message.cancel.error == ECONNRESET &&
	   !message.cancel.has_alert && !message.cancel.reason[0], "a cancel");
	mnl_attr_put_u8(nlh, KSEAL_A_ALERT, 48);
	mnl_attr_put_strz(nlh, KSEAL_A_REASON, "why");
	ok(netlink_decode(nlh, &message) == 0 && message.cancel.has_alert &&
	   message.cancel.alert == 48 && !strcmp(message.cancel.reason, "why"), "and why");

	nlh = start_first(KSEAL_ROLE_SERVER);
	mnl_attr_put_str(nlh, KSEAL_A_SERVER_NAME, "abc");
	ok(netlink_decode(nlh, &message) == 0 && !strcmp(h->server_name, "abc"),
	   "a string without NUL");
}

/* One attribute added to, or left out of, what is else a good message. */
static void decode_bad(void)
{
	static const struct {
		const char *what;
		uint16_t type;
		size_t len;
	} extra[] = {
		{ "a second COOKIE", KSEAL_A_COOKIE, 8 },
		{ "a second ROLE", KSEAL_A_ROLE, 1 },
		{ "a NUL in SERVER_NAME", KSEAL_A_SERVER_NAME, 9 },
		{ "a long SERVER_NAME", KSEAL_A_SERVER_NAME, KSEAL_NAME_MAX + 2 },
		{ "empty BYTES", KSEAL_A_BYTES, 0 },
		{ "long BYTES", KSEAL_A_BYTES, KSEAL_BYTES_MAX + 1 },
		{ "ERROR of 8 bytes", KSEAL_A_ERROR, 8 },
		{ "EXPLAIN_WANTED with something in it", KSEAL_A_EXPLAIN_WANTED, 1 },
		{ "CHAIN_WANTED with something in it", KSEAL_A_CHAIN_WANTED, 1 },
		{ "protocols that are too long", KSEAL_A_ALPN, KSEAL_ALPN_MAX + 2 },
	};
	static const uint16_t wrong_len[] = { KSEAL_A_COOKIE, KSEAL_A_ROLE, KSEAL_A_TIMEOUT };
	struct helper_message message;
	struct nlmsghdr *nlh;
	uint8_t *data = malloc(KSEAL_BYTES_MAX + 1);

	for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++) {
		memset(data, 'x', KSEAL_BYTES_MAX + 1);
		data[4] = strstr(extra[i].what, "NUL") ? '\0' : 'x';
		nlh = start_first(KSEAL_ROLE_SERVER);
		mnl_attr_put(nlh, extra[i].type, extra[i].len, data);
		ok(netlink_decode(nlh, &message) == -EBADMSG &&
		   message.handshake.cookie == COOKIE, "%s", extra[i].what);
	}
	for (size_t i = 0; i < sizeof(wrong_len) / sizeof(wrong_len[0]); i++) {
		nlh = start(KSEAL_CMD_HANDSHAKE);
		if (wrong_len[i] != KSEAL_A_COOKIE)
			mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, COOKIE);
		mnl_attr_put(nlh, wrong_len[i], 3, data);
		mnl_attr_put_u32(nlh, KSEAL_A_BYTES, 0);
		ok(netlink_decode(nlh, &message) == -EBADMSG, "attribute %u of 3 bytes",
		   wrong_len[i]);
	}
	free(data);
}

static void decode_lacking(void)
{
	struct helper_message message;
	struct nlmsghdr *nlh;

	nlh = start(KSEAL_CMD_HANDSHAKE);
	mnl_attr_put_u32(nlh, KSEAL_A_BYTES, 0);
	ok(netlink_decode(nlh, &message) == -EBADMSG && !message.handshake.cookie, "no COOKIE");

	nlh = start(KSEAL_CMD_HANDSHAKE);
	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, COOKIE);
	ok(netlink_decode(nlh, &message) == -EBADMSG, "neither ROLE nor BYTES");
	mnl_attr_put_u8(nlh, KSEAL_A_ROLE, KSEAL_ROLE_SERVER);
	ok(netlink_decode(nlh, &message) == -EBADMSG, "ROLE without PROFILE");

	ok(netlink_decode(start_first(KSEAL_ROLE_NONE), &message) == -EBADMSG, "role none");
	ok(netlink_decode(start_first(3), &message) == -EBADMSG, "role 3");

	nlh = start_first(KSEAL_ROLE_SERVER);
	((struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->cmd = KSEAL_CMD_STATS_GET;
	ok(netlink_decode(nlh, &message) == -EOPNOTSUPP, "a command not for helpers");

	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = FAMILY;
	ok(netlink_decode(nlh, &message) == -EBADMSG, "no generic netlink header");
}

/* Every message cut at every length: an error or not, but nothing outside is read (ASan). */
static void decode_cut(void)
{
	struct nlmsghdr *nlh = start_first(KSEAL_ROLE_CLIENT);
	struct helper_message message;
	size_t len, whole = 0;

	mnl_attr_put_strz(nlh, KSEAL_A_SERVER_NAME, "example.org");
	len = nlh->nlmsg_len;
	for (size_t cut = sizeof(*nlh); cut <= len; cut++) {
		struct nlmsghdr *copy = malloc(cut);

		memcpy(copy, nlh, cut);
		copy->nlmsg_len = (uint32_t)cut;
		whole += netlink_decode(copy, &message) == 0 &&
			 !strcmp(message.handshake.server_name, "example.org");
		free(copy);
	}
	ok(whole == 1, "cut at every length: only the whole message has the last attribute");
}

/* ---- to the kernel ---- */

static const struct nlattr *find(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr, *found = NULL;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == type && found)
			abort();
		if (mnl_attr_get_type(attr) == type)
			found = attr;
	}
	return found;
}

static const struct nlattr *find_nested(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr, *found = NULL;

	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == type)
			found = attr;
	return found;
}

static bool is(const struct nlattr *attr, const void *data, size_t len)
{
	return attr && mnl_attr_get_payload_len(attr) == len &&
	       !memcmp(mnl_attr_get_payload(attr), data, len);
}

static bool is_text(const struct nlattr *attr, const char *text)
{
	return is(attr, text, strlen(text) + 1);
}

static bool header_is(const struct nlmsghdr *nlh, size_t len, uint8_t cmd)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	uint64_t cookie = COOKIE;

	return nlh->nlmsg_len == len && nlh->nlmsg_type == FAMILY && nlh->nlmsg_seq == 77 &&
	       nlh->nlmsg_flags == NLM_F_REQUEST && genl->cmd == cmd &&
	       genl->version == KSEAL_GENL_VERSION && is(find(nlh, KSEAL_A_COOKIE), &cookie, 8);
}

static void encode_answer(void)
{
	static uint8_t flight[KSEAL_BYTES_MAX];
	static char story[KSEAL_EXPLAIN_MAX + 1];
	struct helper_answer answer = { .cookie = COOKIE, .consumed = 99 };
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	uint32_t consumed = 99;
	size_t len = netlink_put_answer(buf, FAMILY, 77, &answer);

	ok(header_is(nlh, len, KSEAL_CMD_HANDSHAKE), "answer: header and cookie");
	ok(is(find(nlh, KSEAL_A_CONSUMED), &consumed, 4) && !find(nlh, KSEAL_A_BYTES) &&
	   !find(nlh, KSEAL_A_MORE) && !find(nlh, KSEAL_A_EXPLAIN), "answer: consumed, no bytes");

	answer = (struct helper_answer){
		.cookie = COOKIE, .more = true, .bytes = flight, .len = sizeof(flight),
	};
	memset(flight, 0x16, sizeof(flight));
	consumed = 0;
	len = netlink_put_answer(buf, FAMILY, 77, &answer);
	ok(header_is(nlh, len, KSEAL_CMD_HANDSHAKE) && len <= NETLINK_MESSAGE_MAX &&
	   is(find(nlh, KSEAL_A_BYTES), flight, sizeof(flight)) &&
	   is(find(nlh, KSEAL_A_MORE), "", 0) && is(find(nlh, KSEAL_A_CONSUMED), &consumed, 4),
	   "answer: as many bytes as may be, and more");

	memset(story, 's', KSEAL_EXPLAIN_MAX);
	answer.explain = story;
	len = netlink_put_answer(buf, FAMILY, 77, &answer);
	ok(len <= NETLINK_MESSAGE_MAX && is_text(find(nlh, KSEAL_A_EXPLAIN), story),
	   "answer: with a story as long as may be");
}

static bool keys_are(const struct nlattr *nest, const struct keys *keys)
{
	return nest && nest->nla_type & NLA_F_NESTED &&
	       is(find_nested(nest, KSEAL_A_KEYS_KEY), keys->key, keys->suite->key_len) &&
	       is(find_nested(nest, KSEAL_A_KEYS_IV), keys->iv, KSEAL_IV_LEN) &&
	       is(find_nested(nest, KSEAL_A_KEYS_SEQ), &keys->seq, 8) &&
	       is(find_nested(nest, KSEAL_A_KEYS_SECRET), keys->secret, keys->suite->secret_len);
}

static void encode_success(uint16_t suite, uint16_t cipher)
{
	static uint8_t flight[KSEAL_BYTES_MAX];
	static char story[KSEAL_EXPLAIN_MAX + 1];
	static const uint8_t chain[KSEAL_CHAIN_MAX] = { 0x30, 0x82 };
	struct tls_session session = { .version = 0x0304, .suite = "SUITE", .group = "x25519" };
	struct helper_done done = {
		.cookie = COOKIE, .consumed = 5, .bytes = flight, .len = sizeof(flight),
		.session = &session, .explain = story,
	};
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	struct record_shape shape = { .record_max = 16384, .padding = 100, .dynamic = true };
	uint32_t consumed = 5, most = 16384, pad = 100, one = 1, limit = 512;
	uint16_t version = 0x0304;
	size_t len;

	done.shape = &shape;
	session.record_limit = limit;
	memset(&session.tx, 0x11, sizeof(session.tx));
	memset(&session.rx, 0x22, sizeof(session.rx));
	session.tx.suite = session.rx.suite = keys_suite(suite);
	memset(story, 's', KSEAL_EXPLAIN_MAX);
	memset(session.server_name, 's', KSEAL_NAME_MAX);
	memset(session.peer_identity, 'p', KSEAL_NAME_MAX);
	session.chain = chain;
	session.chain_len = sizeof(chain);
	len = netlink_put_done(buf, FAMILY, 77, &done);
	ok(header_is(nlh, len, KSEAL_CMD_DONE) && len <= NETLINK_MESSAGE_MAX,
	   "done %04x: header and cookie, with the longest of everything", suite);
	ok(is(find(nlh, KSEAL_A_VERSION), &version, 2) && is(find(nlh, KSEAL_A_CIPHER), &cipher, 2) &&
	   is(find(nlh, KSEAL_A_CONSUMED), &consumed, 4) &&
	   is(find(nlh, KSEAL_A_BYTES), flight, sizeof(flight)),
	   "done %04x: version, cipher, consumed, bytes", suite);
	ok(keys_are(find(nlh, KSEAL_A_TX), &session.tx) &&
	   keys_are(find(nlh, KSEAL_A_RX), &session.rx), "done %04x: keys of both directions", suite);
	ok(is_text(find(nlh, KSEAL_A_SUITE), "SUITE") && is_text(find(nlh, KSEAL_A_GROUP), "x25519") &&
	   is_text(find(nlh, KSEAL_A_SERVER_NAME), session.server_name) &&
	   is_text(find(nlh, KSEAL_A_PEER_IDENTITY), session.peer_identity) &&
	   is_text(find(nlh, KSEAL_A_EXPLAIN), story) &&
	   is(find(nlh, KSEAL_A_CHAIN), chain, sizeof(chain)) &&
	   !find(nlh, KSEAL_A_ALPN) && !find(nlh, KSEAL_A_ERROR), "done %04x: the facts", suite);
	ok(is(find(nlh, KSEAL_A_RECORD_MAX), &most, 4) && is(find(nlh, KSEAL_A_PADDING), &pad, 4) &&
	   is(find(nlh, KSEAL_A_DYNAMIC), &one, 4) && is(find(nlh, KSEAL_A_PEER_RECORD_MAX), &limit, 4),
	   "done %04x: how records are made, and what the peer takes", suite);
	shape = (struct record_shape){ 0 };
	session.record_limit = 0;
	netlink_put_done(buf, FAMILY, 77, &done);
	ok(!find(nlh, KSEAL_A_RECORD_MAX) && !find(nlh, KSEAL_A_PADDING) && !find(nlh, KSEAL_A_DYNAMIC) &&
	   !find(nlh, KSEAL_A_PEER_RECORD_MAX), "done %04x: nothing of it where nothing is wanted", suite);
}

/* What the client's Finished has to be: with keys of its own in TLS 1.3. */
static void encode_foreseen(uint16_t suite)
{
	struct foreseen foreseen = { .len = FORESEE_MESSAGE_MAX };
	struct tls_session session = { .version = keys_suite(suite)->version, .foreseen = &foreseen };
	static const uint8_t behind[KSEAL_BEHIND_MAX] = { 23 };
	struct helper_done done = { .cookie = COOKIE, .session = &session, .behind = behind };
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	bool tls13 = session.version == KSEAL_VERSION_1_3;

	memset(foreseen.message, 0x14, sizeof(foreseen.message));
	memset(&foreseen.keys, 0x33, sizeof(foreseen.keys));
	session.tx.suite = session.rx.suite = keys_suite(suite);
	foreseen.keys.suite = tls13 ? session.tx.suite : NULL;
	done.behind_len = tls13 ? sizeof(behind) : 0;
	netlink_put_done(buf, FAMILY, 77, &done);
	ok(is(find(nlh, KSEAL_A_FINISHED), foreseen.message, foreseen.len), "done %04x: what is to come", suite);
	ok(tls13 ? keys_are(find(nlh, KSEAL_A_FINISHED_RX), &foreseen.keys) :
		   !find(nlh, KSEAL_A_FINISHED_RX), "done %04x: under which keys", suite);
	ok(tls13 ? is(find(nlh, KSEAL_A_BEHIND), behind, sizeof(behind)) : !find(nlh, KSEAL_A_BEHIND),
	   "done %04x: and what is sent behind it", suite);
	session.foreseen = NULL;
	netlink_put_done(buf, FAMILY, 77, &done);
	ok(!find(nlh, KSEAL_A_FINISHED) && !find(nlh, KSEAL_A_FINISHED_RX) && !find(nlh, KSEAL_A_BEHIND),
	   "done %04x: nothing of it when it has come", suite);
}

static void encode_failure(void)
{
	struct tls_failure failure = {
		.error = EKEYREJECTED, .has_alert = true, .alert = 48, .reason = "why",
	};
	struct helper_done done = { .cookie = COOKIE, .failure = &failure, .explain = "end\n" };
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	uint32_t error = EKEYREJECTED;
	uint8_t alert = 48;
	size_t len = netlink_put_done(buf, FAMILY, 77, &done);

	ok(header_is(nlh, len, KSEAL_CMD_DONE) && is(find(nlh, KSEAL_A_ERROR), &error, 4) &&
	   is(find(nlh, KSEAL_A_ALERT), &alert, 1) && is_text(find(nlh, KSEAL_A_REASON), "why") &&
	   is_text(find(nlh, KSEAL_A_EXPLAIN), "end\n") &&
	   !find(nlh, KSEAL_A_TX) && !find(nlh, KSEAL_A_VERSION), "done: failure with alert");
	failure.has_alert = false;
	netlink_put_done(buf, FAMILY, 77, &done);
	ok(!find(nlh, KSEAL_A_ALERT), "done: failure without alert");
}

/* ---- refusals ---- */

static struct nlmsghdr *refusal(int error, uint16_t flags, const char *text)
{
	struct nlmsghdr *nlh;
	struct nlmsgerr *err;

	memset(buf, 0, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = flags;
	err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));
	err->error = error;
	err->msg.nlmsg_len = sizeof(err->msg) + (flags & NLM_F_CAPPED ? 4000 : 8);
	if (!(flags & NLM_F_CAPPED))
		mnl_nlmsg_put_extra_header(nlh, 8);
	if (text) {
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, 20);
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	}
	return nlh;
}

static void errors(void)
{
	struct nlmsghdr *nlh;
	char text[64];

	nlh = refusal(-EINVAL, NLM_F_CAPPED | NLM_F_ACK_TLVS, "TX: wrong length");
	ok(kseal_genl_error(nlh, text, sizeof(text)) == -EINVAL &&
	   !strcmp(text, "TX: wrong length"), "extack text of a capped refusal");
	nlh = refusal(-EINVAL, NLM_F_ACK_TLVS, "RX: missing");
	ok(kseal_genl_error(nlh, text, sizeof(text)) == -EINVAL && !strcmp(text, "RX: missing"),
	   "extack text behind the echoed request");
	ok(kseal_genl_error(nlh, text, 4) == -EINVAL && !strcmp(text, "RX:"), "cut to the buffer");
	nlh = refusal(-ESTALE, NLM_F_CAPPED, NULL);
	ok(kseal_genl_error(nlh, text, sizeof(text)) == -ESTALE &&
	   !strcmp(text, strerror(ESTALE)), "strerror's text without extack");
	nlh = refusal(0, NLM_F_CAPPED, NULL);
	ok(kseal_genl_error(nlh, text, sizeof(text)) == 0 && !text[0], "an acknowledgement");
	nlh = refusal(-EINVAL, NLM_F_ACK_TLVS, "x");
	((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->msg.nlmsg_len = 0x7fffffff;
	ok(kseal_genl_error(nlh, text, sizeof(text)) == -EINVAL &&
	   !strcmp(text, strerror(EINVAL)), "a lying length is not followed");
	nlh = refusal(-EINVAL, NLM_F_CAPPED, NULL);
	nlh->nlmsg_len = NLMSG_HDRLEN + 2;
	ok(kseal_genl_error(nlh, text, sizeof(text)) == -EBADMSG, "too short to hold an error");
}

int main(void)
{
	decode_good();
	decode_bad();
	decode_lacking();
	decode_cut();
	encode_answer();
	encode_success(0x1301, KSEAL_CIPHER_AES_GCM_128);
	encode_success(0x1302, KSEAL_CIPHER_AES_GCM_256);
	encode_foreseen(0x1302);
	encode_foreseen(0xc02b);
	encode_failure();
	errors();
	return done_testing();
}
