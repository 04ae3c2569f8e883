/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixture of tests about handshakes themselves: a registered worker, a
 * listener with the ULP, and a connection to it. BEGIN() has its handshake begin.
 */
#ifndef KSEAL_TEST_BEGUN_H
#define KSEAL_TEST_BEGUN_H

#include "fixture.h"
#include "worker.h"

static const uint8_t hello[15] = { 22, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

FIXTURE(handshake) {
	struct worker helper;
	int listener, client, server;
	struct worker_msg msg;
	struct kseal_session_keys keys;
	struct peer peer;
	long timeout_ms;
};

SESSION_VARIANTS(handshake);

FIXTURE_SETUP(handshake)
{
	self->timeout_ms = param_get("handshake_timeout_ms");
	ASSERT_EQ(0, worker_start(&self->helper)) TH_LOG("%s", self->helper.g.error);
	self->listener = listen_as_server(variant->family);
	ASSERT_LE(0, self->listener);
	self->client = tcp_connect(self->listener);
	ASSERT_LE(0, self->client);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->server);
	make_keys(&self->keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&self->peer, self->client, &self->keys);
}

FIXTURE_TEARDOWN(handshake)
{
	if (param_get("handshake_timeout_ms") != self->timeout_ms)
		param_set("handshake_timeout_ms", self->timeout_ms);
	close(self->server);
	close(self->client);
	close(self->listener);
	worker_close(&self->helper);
}

#define BEGIN()								\
	do {								\
		ASSERT_EQ(0, peer_write(&self->peer, hello, sizeof(hello))); \
		ASSERT_EQ(0, worker_next(&self->helper, &self->msg, 5000)); \
		ASSERT_EQ(KSEAL_CMD_HANDSHAKE, self->msg.cmd);		\
	} while (0)

#endif
