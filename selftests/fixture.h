/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two fixtures, for each cipher and each family: "peer", a kseal socket whose
 * other end is peer.c, and "pair", kseal at both ends.
 */
#ifndef KSEAL_TEST_FIXTURE_H
#define KSEAL_TEST_FIXTURE_H

#include <unistd.h>

#include "harness.h"
#include "session.h"

/* What a cipher or a version may change is in cipher.c, for all of them. */
#define SESSION_VARIANTS(fixture)					\
FIXTURE_VARIANT(fixture) { int family; uint16_t cipher; };		\
FIXTURE_VARIANT_ADD(fixture, ipv4_aes128) {				\
	.family = AF_INET, .cipher = KSEAL_CIPHER_AES_GCM_128 };	\
FIXTURE_VARIANT_ADD(fixture, ipv6_aes256) {				\
	.family = AF_INET6, .cipher = KSEAL_CIPHER_AES_GCM_256 }

#define PEER_FIXTURE							\
FIXTURE(peer) { int fd; struct peer peer; };				\
SESSION_VARIANTS(peer);							\
FIXTURE_SETUP(peer)							\
{									\
	ASSERT_EQ(0, session_with_peer(variant->family, KSEAL_VERSION_1_3, variant->cipher, \
				       &self->fd, &self->peer));	\
}									\
FIXTURE_TEARDOWN(peer)							\
{									\
	close(self->fd);						\
	close(self->peer.fd);						\
}									\
struct kseal_no_semicolon

#define PAIR_FIXTURE							\
FIXTURE(pair) { int fd[2]; };						\
SESSION_VARIANTS(pair);							\
FIXTURE_SETUP(pair)							\
{									\
	ASSERT_EQ(0, session_pair(variant->family, KSEAL_VERSION_1_3, variant->cipher, self->fd)); \
}									\
FIXTURE_TEARDOWN(pair)							\
{									\
	close(self->fd[0]);						\
	close(self->fd[1]);						\
}									\
struct kseal_no_semicolon

#endif
