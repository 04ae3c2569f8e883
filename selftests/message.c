// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages after the handshake that are the helper's: KSEAL_CMD_MESSAGE. */
#include <poll.h>
#include <stdlib.h>

#include "fixture.h"
#include "worker.h"

FIXTURE(message) {
	struct worker helper;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	struct peer peer;
	uint64_t cookie;
	int fd;
};

SESSION_VARIANTS(message);

/* A client whose handshake the helper has; peer is its server. */
FIXTURE_SETUP(message)
{
	int fd[2];

	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	ASSERT_EQ(0, tcp_pair(variant->family, fd));
	self->fd = fd[0];
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&self->peer, fd[1], &self->keys);
	ASSERT_EQ(0, attach(self->fd));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_KSEAL, KSEAL_SO_SERVER_NAME, "a.test", 6));
	ASSERT_EQ(0, set_role(self->fd, KSEAL_ROLE_CLIENT));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);
	self->cookie = self->msg.cookie;
}

FIXTURE_TEARDOWN(message)
{
	close(self->fd);
	close(self->peer.fd);
	worker_close(&self->helper);
}

#define DONE() \
	ASSERT_EQ(0, worker_done(&self->helper, self->cookie, 0, NULL, 0, &self->keys))

/* A NewSessionTicket with a body of so many bytes. */
static uint8_t *make_ticket(size_t body)
{
	uint8_t *message = pattern(body + 4, body);

	message[0] = 4;
	message[1] = body >> 16;
	message[2] = body >> 8;
	message[3] = body;
	return message;
}

/* Takes in what has come, and says whether this is the helper's next message. */
#define ARRIVES(message, size)						\
	do {								\
		EXPECT_EQ(0, poll_for(self->fd, POLLIN, 20));		\
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 2000)); \
		EXPECT_EQ(KSEAL_CMD_MESSAGE, self->msg.cmd);		\
		EXPECT_EQ(self->cookie, self->msg.cookie);		\
		ASSERT_EQ(size, self->msg.len);				\
		EXPECT_EQ(0, memcmp(message, self->msg.bytes, size));	\
	} while (0)

#define NOTHING_ARRIVES()						\
	do {								\
		EXPECT_EQ(0, poll_for(self->fd, POLLIN, 20));		\
		EXPECT_EQ(-EAGAIN, worker_next(&self->helper, &self->msg, 50)); \
	} while (0)

TEST_F(message, a_ticket_reaches_the_helper_that_did_the_handshake)
{
	uint8_t *ticket = make_ticket(200);
	char got[8];

	DONE();
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 204, 0));
	ARRIVES(ticket, 204);
	/* it is no data, and data is no message */
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	EXPECT_EQ(4, recv_soon(self->fd, got, 8));
	NOTHING_ARRIVES();
	free(ticket);
}

TEST_F(message, a_split_ticket_arrives_whole)
{
	uint8_t *ticket = make_ticket(200);
	static const size_t ends[] = { 1, 3, 4, 5, 100, 204 };
	size_t i, at = 0;

	DONE();
	for (i = 0; i < 6; at = ends[i++]) {
		NOTHING_ARRIVES();
		ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket + at, ends[i] - at, 0));
	}
	ARRIVES(ticket, 204);
	free(ticket);
}

TEST_F(message, tickets_of_one_record_arrive_one_by_one)
{
	uint8_t *first = make_ticket(0), *second = make_ticket(300), both[400];

	DONE();
	memcpy(both, first, 4);
	memcpy(both + 4, second, 304);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, both, 308, 0));
	ARRIVES(first, 4);
	ARRIVES(second, 304);
	NOTHING_ARRIVES();
	free(first);
	free(second);
}

TEST_F(message, a_ticket_as_long_as_a_message_may_be_arrives_a_longer_one_does_not)
{
	size_t most = KSEAL_BYTES_MAX - 4, size, at;
	char got[8];

	DONE();
	for (size = most; size <= most + 1; size++) {
		uint8_t *ticket = make_ticket(size);

		for (at = 0; at < size + 4; at += 10000)
			ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket + at,
					       size + 4 - at < 10000 ? size + 4 - at : 10000, 0));
		if (size == most)
			ARRIVES(ticket, size + 4);
		else
			NOTHING_ARRIVES();
		free(ticket);
	}
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
}

TEST_F(message, a_ticket_that_came_before_done_arrives_after_it)
{
	uint8_t *ticket = make_ticket(50);

	ASSERT_EQ(0, worker_answer(&self->helper, self->cookie, 0, "hello", 5, false));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 54, 0));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	EXPECT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);
	/* a record whose keys the library has not: not consumed */
	DONE();
	ARRIVES(ticket, 54);
	free(ticket);
}

TEST_F(message, nothing_goes_to_a_helper_that_did_not_do_the_handshake)
{
	uint8_t *ticket = make_ticket(50);
	char got[8];

	DONE();
	worker_close(&self->helper);
	ASSERT_EQ(0, worker_start(&self->helper));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 54, 0));
	NOTHING_ARRIVES();
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
	free(ticket);
}

TEST_F(message, with_control_messages_are_the_applications)
{
	uint8_t *ticket = make_ticket(50), got[64];
	int type;

	DONE();
	ASSERT_EQ(0, set_option(self->fd, KSEAL_SO_CONTROL, 1));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, 54, 0));
	EXPECT_EQ(54, recv_type(self->fd, &type, got, 64, 0));
	EXPECT_EQ(PEER_HANDSHAKE, type);
	NOTHING_ARRIVES();
	free(ticket);
}

TEST_F(message, key_updates_are_the_kernels)
{
	char got[8];

	DONE();
	ASSERT_EQ(0, peer_key_update(&self->peer, false));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "on", 2, 0));
	EXPECT_EQ(2, recv_soon(self->fd, got, 8));
	NOTHING_ARRIVES();
}

/* ---- a server ---- */

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

TEST_F(message, a_server_gets_no_ticket)
{
	int listener = listen_as_server(variant->family), client, server;
	uint8_t *ticket = make_ticket(50);
	struct peer p;

	ASSERT_LE(0, listener);
	/* what its connections inherit */
	ASSERT_EQ(0, set_option(listener, KSEAL_SO_CONTROL, 1));
	client = tcp_connect(listener);
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(1, get_option(server, KSEAL_SO_CONTROL));
	ASSERT_EQ(0, set_option(server, KSEAL_SO_CONTROL, 0));
	peer_init(&p, client, &self->keys);
	ASSERT_EQ(15, send(client, hello, 15, 0));
	ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000));
	ASSERT_EQ(0, worker_done(&self->helper, self->msg.cookie, 15, NULL, 0, &self->keys));
	ASSERT_EQ(0, peer_send(&p, PEER_HANDSHAKE, ticket, 54, 0));
	EXPECT_EQ(EPROTO, read_error(server));
	EXPECT_TRUE(peer_alerted(&p, 2, 10));
	close(client);
	close(server);
	close(listener);
	free(ticket);
}

TEST_HARNESS_MAIN
