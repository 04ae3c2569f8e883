// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What comes from outside, changed at random: a peer's handshake in both roles and both
 * versions, explained; each handshake message by itself, which encryption guards above; and the
 * kernel's netlink messages. Nothing has to succeed; nothing may crash, hang, leak or break the
 * contract with the kernel. See fuzz.h; best under ASan: make SANITIZE=1.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include "explain.h"
#include "fuzz.h"
#include "profile.h"
#include "seen.h"

/* ---- handshakes ---- */

/* As relay(), but what goes one way is changed once, at a message of chance. */
static bool disturbed(struct helper *helper, bool towards_server)
{
	struct relay_end *server = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct relay_end *client = relay_new(KSEAL_ROLE_CLIENT, NAME);
	struct relay_end *victim = towards_server ? server : client;
	unsigned int steps = 0, when = chance(3);
	bool good;

	server->chunk = chance(4) ? 0 : 1 + chance(2000);
	server->explain = client->explain = true;
	ends[0] = server;
	ends[1] = client;
	relay_connect(client, server);
	while (give(helper, client) | give(helper, server)) {
		/* what has not been given yet */
		if (victim->in_len > victim->given && steps++ == when)
			victim->in_len = victim->given +
				change(victim->in + victim->given, victim->in_len - victim->given,
				       RELAY_IN_MAX - victim->in_len);
	}
	/* of those that wait for more nobody says anything */
	request_expire(helper->table, 1000 + 3600 * 1000);
	good = !server->wrong && !client->wrong && !request_count(helper->table);
	relay_free(server);
	relay_free(client);
	return good;
}

static struct helper *both_roles(uint16_t version, bool clients)
{
	struct settings settings = profile("ec");

	settings.tickets = true;
	settings.version_min = settings.version_max = version;
	if (clients) {
		settings.clients = SETTINGS_CLIENTS_OPTIONAL;
		string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	}
	string_list_add(&settings.alpn, "h2");
	return helper_with(&settings);
}

static void handshakes(time_t seconds)
{
	struct helper *helpers[] = {
		both_roles(KSEAL_VERSION_1_2, true), both_roles(KSEAL_VERSION_1_3, true),
		both_roles(KSEAL_VERSION_1_2, false), both_roles(KSEAL_VERSION_1_3, false),
	};
	unsigned int n = 0, bad = 0;

	fuzz_target(seconds);
	for (; !bad && fuzz_next(); n++) {
		struct helper *helper = helpers[chance(4)];

		bad += !disturbed(helper, chance(2));
	}
	if (bad)
		fuzz_again();
	ok(!bad && n > 20, "%u disturbed handshakes", n);
	for (size_t i = 0; i < 4; i++)
		helper_free(helpers[i]);
}

/* ---- messages ---- */

/* With a client's certificate; and a HelloRetryRequest in TLS 1.3. Returns its end, for its version. */
static struct plain watched(uint16_t version)
{
	struct helper *helper = both_roles(version, true);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	SSL_use_certificate_file(plain.ssl, path_of("client", ".pem"), SSL_FILETYPE_PEM);
	SSL_use_PrivateKey_file(plain.ssl, path_of("client", ".key"), SSL_FILETYPE_PEM);
	SSL_set_tlsext_host_name(plain.ssl, NAME);
	SSL_set_alpn_protos(plain.ssl, (const unsigned char *)"\x02h2", 3);
	SSL_set1_groups_list(plain.ssl, "X448:P-256");
	SSL_set_msg_callback(plain.ssl, see);
	against(&plain, helper, end);
	ok(end->done && !end->error, "a handshake to take messages from %s", end->reason);
	relay_free(end);
	helper_free(helper);
	return plain;
}

/* Each told many times over, changed; the story is text, and bounded. */
static bool told(SSL *ssl, size_t which)
{
	struct explain *explain = explain_new(ssl, KSEAL_ROLE_CLIENT, 1, true);
	const char *story;
	bool good = true;

	for (int i = 0; i < 4; i++) {
		size_t room = seen[which].len + 64, len = seen[which].len;
		uint8_t *bytes = malloc(room), *copy;

		memcpy(bytes, seen[which].bytes, len);
		for (unsigned int n = 1 + chance(3); n; n--)
			len = change(bytes, len, room);
		copy = malloc(len ?: 1);
		memcpy(copy, bytes, len);
		explain_message(explain, chance(2), SSL3_RT_HANDSHAKE, copy, len);
		free(copy);
		free(bytes);
	}
	story = explain_take(explain);
	for (const char *at = story; at && *at; at++)
		good &= *at == '\n' || (*at >= ' ' && *at <= '~');
	good &= !story || strlen(story) <= KSEAL_EXPLAIN_MAX;
	explain_free(explain);
	return good;
}

static void messages(time_t seconds)
{
	struct plain plain[] = { watched(KSEAL_VERSION_1_3), watched(KSEAL_VERSION_1_2) };
	unsigned long n = 0, bad = 0;

	fuzz_target(seconds);
	for (; !bad && fuzz_next(); n++) {
		/* also as if it were of the other version */
		SSL *ssl = plain[chance(2)].ssl;

		bad += !told(ssl, chance((uint32_t)n_seen));
	}
	if (bad)
		fuzz_again();
	ok(!bad && n > 100, "%lu stories of changed messages", n);
	for (size_t i = 0; i < n_seen; i++)
		free(seen[i].bytes);
	plain_free(&plain[0]);
	plain_free(&plain[1]);
}

/* ---- netlink ---- */

static size_t a_message(uint8_t *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	static const uint8_t bytes[200] = { 22, 3, 1 };

	genl->cmd = (uint8_t[]){ KSEAL_CMD_HANDSHAKE, KSEAL_CMD_MESSAGE, KSEAL_CMD_CANCEL }[chance(3)];
	mnl_attr_put_u64(nlh, KSEAL_A_COOKIE, 1);
	if (genl->cmd == KSEAL_CMD_CANCEL) {
		mnl_attr_put_u32(nlh, KSEAL_A_ERROR, ECONNRESET);
		return nlh->nlmsg_len;
	}
	if (genl->cmd == KSEAL_CMD_HANDSHAKE) {
		mnl_attr_put_u8(nlh, KSEAL_A_ROLE, KSEAL_ROLE_CLIENT);
		mnl_attr_put_strz(nlh, KSEAL_A_PROFILE, "default");
		mnl_attr_put_strz(nlh, KSEAL_A_SERVER_NAME, NAME);
		mnl_attr_put_u32(nlh, KSEAL_A_TIMEOUT, 15000);
		mnl_attr_put(nlh, KSEAL_A_EXPLAIN_WANTED, 0, NULL);
	}
	mnl_attr_put(nlh, KSEAL_A_BYTES, chance(sizeof(bytes)), bytes);
	return nlh->nlmsg_len;
}

/* What could be read lies in the message, and has an end. */
static bool sane(const struct helper_message *message, const uint8_t *buf, size_t len)
{
	const struct helper_handshake *h = &message->handshake;

	switch (message->cmd) {
	case KSEAL_CMD_HANDSHAKE:
		return (!h->len || (h->bytes >= buf && h->bytes + h->len <= buf + len)) &&
		       (!h->first || (memchr(h->profile, 0, sizeof(h->profile)) &&
				      memchr(h->server_name, 0, sizeof(h->server_name))));
	case KSEAL_CMD_MESSAGE:
		return message->late.bytes >= buf && message->late.bytes + message->late.len <= buf + len;
	}
	return message->cmd == KSEAL_CMD_CANCEL;
}

static void netlink(time_t seconds)
{
	static uint8_t buf[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned long n = 0, read = 0, bad = 0;

	fuzz_target(seconds);
	while (!bad && fuzz_next()) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
		struct helper_message message;
		size_t len = a_message(buf);
		int i, times = 1 + (int)chance(3);

		for (i = 0; i < times; i++)
			len = NLMSG_HDRLEN + change(buf + NLMSG_HDRLEN, len - NLMSG_HDRLEN,
						    sizeof(buf) - NLMSG_HDRLEN);
		nlh->nlmsg_len = (uint32_t)len;
		n++;
		/* a copy of its very size, for ASan to see what is read behind it */
		nlh = malloc(len);
		memcpy(nlh, buf, len);
		if (mnl_nlmsg_ok(nlh, (int)len) && !netlink_decode(nlh, &message)) {
			read++;
			bad += !sane(&message, (const uint8_t *)nlh, len);
		}
		free(nlh);
	}
	if (bad)
		fuzz_again();
	ok(!bad && read && read < n, "%lu changed messages, of which %lu could still be read", n, read);
}

int main(void)
{
	time_t seconds = fuzz_begin();

	make_files();
	handshakes(seconds - seconds / 2);
	messages(seconds / 4 ?: 1);
	netlink(seconds / 4 ?: 1);
	return remove_files() || done_testing();
}
