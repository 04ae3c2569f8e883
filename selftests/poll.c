// SPDX-License-Identifier: GPL-2.0-or-later
/* Readiness: poll and epoll, level and edge triggered. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "fixture.h"

static const uint8_t ticket[] = { 4, 0, 0, 1, 0 };

PEER_FIXTURE;
PAIR_FIXTURE;

static int epoll_on(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };
	int ep = epoll_create1(0);

	if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)) {
		close(ep);
		return -1;
	}
	return ep;
}

/* The events, or 0 when the time has passed. */
static int epoll_next(int ep, int timeout_ms)
{
	struct epoll_event event = { 0 };
	int n = epoll_wait(ep, &event, 1, timeout_ms);

	return n < 0 ? -errno : n ? (int)event.events : 0;
}

TEST_F(peer, a_new_session_is_writable_and_not_readable)
{
	EXPECT_EQ(POLLOUT, poll_for(self->fd, POLLIN | POLLOUT | POLLRDHUP, 0));
}

TEST_F(peer, half_a_record_is_not_readable)
{
	uint8_t record[64];
	size_t len = peer_seal(&self->peer, PEER_DATA, "whole", 5, 0, record);
	int ep = epoll_on(self->fd, EPOLLIN);
	char got[8];

	ASSERT_EQ(0, peer_write(&self->peer, record, len / 2));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 100));
	EXPECT_EQ(0, epoll_next(ep, 100));
	ASSERT_EQ(0, peer_write(&self->peer, record + len / 2, len - len / 2));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000));
	EXPECT_EQ(5, recv(self->fd, got, 8, MSG_DONTWAIT));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 0));
	close(ep);
}

TEST_F(peer, level_triggered_until_the_record_is_read_to_its_end)
{
	int ep = epoll_on(self->fd, EPOLLIN);
	char got[8];
	int i;

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "level", 5, 0));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(EPOLLIN, epoll_next(ep, 2000));
		ASSERT_EQ(1, recv(self->fd, got, 1, MSG_DONTWAIT));
	}
	EXPECT_EQ(0, epoll_next(ep, 50));
	close(ep);
}

TEST_F(peer, edge_triggered_once_for_each_arrival)
{
	int ep = epoll_on(self->fd, EPOLLIN | EPOLLET);
	char got[8];

	EXPECT_EQ(0, epoll_next(ep, 50));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "edge", 4, 0));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	EXPECT_EQ(0, epoll_next(ep, 50));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "edge", 4, 0));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	EXPECT_EQ(4, recv(self->fd, got, 4, MSG_DONTWAIT));
	EXPECT_EQ(4, recv(self->fd, got, 4, MSG_DONTWAIT));
	EXPECT_EQ(-1, recv(self->fd, got, 4, MSG_DONTWAIT));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "edge", 4, 0));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	close(ep);
}

TEST_F(peer, edge_triggered_after_a_partly_arrived_record)
{
	uint8_t record[64];
	size_t len = peer_seal(&self->peer, PEER_DATA, "slow", 4, 0, record), i;
	int ep = epoll_on(self->fd, EPOLLIN | EPOLLET);
	char got[8];

	for (i = 0; i < len - 1; i++) {
		ASSERT_EQ(0, peer_write(&self->peer, record + i, 1));
		/* an edge-triggered loop reads to EAGAIN in between */
		ASSERT_EQ(-1, recv(self->fd, got, 8, MSG_DONTWAIT));
		ASSERT_EQ(0, epoll_next(ep, 0));
	}
	ASSERT_EQ(0, peer_write(&self->peer, record + i, 1));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	EXPECT_EQ(4, recv(self->fd, got, 8, MSG_DONTWAIT));
	close(ep);
}

TEST_F(peer, edge_triggered_two_and_a_half_records_then_the_rest)
{
	uint8_t wire[256];
	size_t len = 0, cut;
	int ep = epoll_on(self->fd, EPOLLIN | EPOLLET), i;
	char got[16];

	for (i = 0; i < 3; i++) {
		cut = len + 10;
		len += peer_seal(&self->peer, PEER_DATA, "abcd", 4, 0, wire + len);
	}
	ASSERT_EQ(0, peer_write(&self->peer, wire, cut));
	ASSERT_EQ(EPOLLIN, epoll_next(ep, 2000));
	ASSERT_EQ(8, recv(self->fd, got, 16, MSG_DONTWAIT));
	ASSERT_EQ(-1, recv(self->fd, got, 16, MSG_DONTWAIT));
	ASSERT_EQ(0, peer_write(&self->peer, wire + cut, len - cut));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	EXPECT_EQ(4, recv(self->fd, got, 16, MSG_DONTWAIT));
	close(ep);
}

TEST_F(peer, a_ticket_alone_is_not_readable)
{
	int ep = epoll_on(self->fd, EPOLLIN);
	char got[8];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, sizeof(ticket), 7));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 100));
	EXPECT_EQ(0, epoll_next(ep, 50));
	EXPECT_EQ(-1, recv(self->fd, got, 8, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "after", 5, 0));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	EXPECT_EQ(5, recv(self->fd, got, 8, MSG_DONTWAIT));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 0));
	close(ep);
}

TEST_F(peer, a_ticket_and_data_in_one_segment_are_readable)
{
	uint8_t wire[256];
	size_t len = peer_seal(&self->peer, PEER_HANDSHAKE, ticket, sizeof(ticket), 0, wire);
	int ep = epoll_on(self->fd, EPOLLIN | EPOLLET);
	char got[8];

	len += peer_seal(&self->peer, PEER_DATA, "data", 4, 0, wire + len);
	ASSERT_EQ(0, peer_write(&self->peer, wire, len));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	EXPECT_EQ(4, recv(self->fd, got, 8, MSG_DONTWAIT));
	close(ep);
}

TEST_F(peer, ticket_then_half_a_record_then_the_rest_wakes)
{
	uint8_t wire[256];
	size_t first = peer_seal(&self->peer, PEER_HANDSHAKE, ticket, sizeof(ticket), 0, wire);
	size_t len = first + peer_seal(&self->peer, PEER_DATA, "data", 4, 0, wire + first);
	int ep = epoll_on(self->fd, EPOLLIN | EPOLLET);

	ASSERT_EQ(0, peer_write(&self->peer, wire, first + 3));
	EXPECT_EQ(0, epoll_next(ep, 100));
	/* nobody has read in between */
	ASSERT_EQ(0, peer_write(&self->peer, wire + first + 3, len - first - 3));
	EXPECT_EQ(EPOLLIN, epoll_next(ep, 2000));
	close(ep);
}

TEST_F(peer, epollout_comes_back_after_back_pressure)
{
	uint8_t *data = pattern(65536, 41), *got;
	int ep = epoll_on(self->fd, EPOLLOUT | EPOLLET);
	size_t sent = 0;
	ssize_t n;

	ASSERT_EQ(EPOLLOUT, epoll_next(ep, 2000));
	while ((n = send(self->fd, data, 65536, MSG_DONTWAIT)) > 0)
		sent += n;
	ASSERT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, epoll_next(ep, 100));
	EXPECT_EQ(0, poll_for(self->fd, POLLOUT, 0));
	got = malloc(sent);
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, sent));
	EXPECT_EQ(EPOLLOUT, epoll_next(ep, 5000) & EPOLLOUT);
	EXPECT_EQ(POLLOUT, poll_for(self->fd, POLLOUT, 0));
	EXPECT_EQ(100, send(self->fd, data, 100, MSG_DONTWAIT));
	close(ep);
	free(data);
	free(got);
}

struct epoll_waiter {
	int ep;
	int events;
};

static void *wait_in_epoll(void *arg)
{
	struct epoll_waiter *w = arg;

	w->events = epoll_next(w->ep, 10000);
	return NULL;
}

TEST_F(peer, a_blocked_epoll_wakes)
{
	struct epoll_waiter w = { .ep = epoll_on(self->fd, EPOLLIN) };
	int64_t start = now_ms();
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_epoll, &w));
	sleep_ms(100);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "wake", 4, 0));
	pthread_join(thread, NULL);
	EXPECT_EQ(EPOLLIN, w.events);
	EXPECT_GT(5000, now_ms() - start);
	close(w.ep);
}

TEST_F(pair, a_blocked_epoll_wakes_for_close)
{
	struct epoll_waiter w = { .ep = epoll_on(self->fd[0], EPOLLIN | EPOLLRDHUP) };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_epoll, &w));
	sleep_ms(100);
	close(self->fd[1]);
	self->fd[1] = -1;
	pthread_join(thread, NULL);
	EXPECT_EQ(EPOLLIN, w.events & EPOLLIN);
	close(w.ep);
}

TEST_F(peer, close_notify_is_readable_and_rdhup)
{
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000) & POLLIN);
	EXPECT_EQ(POLLIN | POLLRDHUP, poll_for(self->fd, POLLIN | POLLRDHUP, 2000));
}

TEST_F(peer, truncation_is_an_error_to_poll)
{
	int got;

	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	got = poll_for(self->fd, POLLIN | POLLRDHUP, 2000);
	EXPECT_EQ(POLLIN | POLLRDHUP | POLLERR | POLLHUP, got);
}

TEST_F(peer, data_before_the_fin_is_readable_before_the_error)
{
	char got[8];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "last", 4, 0));
	ASSERT_EQ(0, shutdown(self->peer.fd, SHUT_WR));
	sleep_ms(50);
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 0) & POLLERR);
	EXPECT_EQ(4, recv_soon(self->fd, got, 8));
	EXPECT_EQ(POLLERR, poll_for(self->fd, POLLIN, 2000) & POLLERR);
}

TEST_F(peer, a_broken_record_is_an_error_to_poll)
{
	uint8_t record[64];
	size_t len = peer_seal(&self->peer, PEER_DATA, "broken", 6, 0, record);
	int ep = epoll_on(self->fd, EPOLLIN);

	record[8] ^= 1;
	ASSERT_EQ(0, peer_write(&self->peer, record, len));
	EXPECT_EQ(EPOLLERR, epoll_next(ep, 2000) & EPOLLERR);
	EXPECT_EQ(POLLERR | POLLHUP | POLLIN, poll_for(self->fd, POLLIN, 0));
	close(ep);
}

/* ---- SO_RCVLOWAT ---- */

static void *second_record(void *arg)
{
	static uint8_t data[10000];

	sleep_ms(100);
	return (void *)(intptr_t)peer_send(arg, PEER_DATA, data, sizeof(data), 0);
}

struct rest {
	int fd;
	const uint8_t *data;
	size_t len;
};

static void *end_of_record(void *arg)
{
	struct rest *r = arg;

	sleep_ms(100);
	return (void *)(intptr_t)send_all(r->fd, r->data, r->len);
}

/* With a mark of 15000 a blocking read waits for as many; with one of 10000 the
 * end of a record whose beginning TCP has handed over wakes, though it is shorter
 * than the mark. At the end of their time both would see it anyhow.
 */
static bool heeds_the_mark(int fd, struct peer *p)
{
	uint8_t *data = pattern(10000, 14), got[20000], record[PEER_RECORD_MAX];
	struct rest r = { .fd = p->fd, .data = record, .len = 100 };
	struct timeval soon = { .tv_sec = 3 };
	int lowat = 10000;
	int64_t took[2] = { 0 };
	ssize_t n, first = -1, events = -1;
	pthread_t thread;
	size_t len;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	if (!peer_send(p, PEER_DATA, data, 10000, 0) &&
	    !pthread_create(&thread, NULL, second_record, p)) {
		took[0] = -now_ms();
		first = recv(fd, got, sizeof(got), 0);
		took[0] += now_ms();
		pthread_join(thread, NULL);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat));
	len = peer_seal(p, PEER_DATA, data, 10000, 0, record);
	r.data += len - 100;
	n = peer_write(p, record, len - 100) ? 0 : recv(fd, got, sizeof(got), MSG_DONTWAIT);
	if (n == -1 && !pthread_create(&thread, NULL, end_of_record, &r)) {
		/* waiting before it comes: a poll that finds it proves nothing */
		took[1] = -now_ms();
		events = poll_for(fd, POLLIN, 3000);
		took[1] += now_ms();
		pthread_join(thread, NULL);
		n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	}
	if (first == 20000 && took[0] < 2000 && events == POLLIN && took[1] < 2000 && n == 10000 &&
	    !memcmp(data, got, 10000)) {
		free(data);
		return true;
	}
	printf("# read %zd in %lld ms, poll %zd in %lld ms, read %zd\n", first,
	       (long long)took[0], events, (long long)took[1], n);
	free(data);
	return false;
}

TEST_F(peer, so_rcvlowat_counts_data_of_records)
{
	int lowat = 15000;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	EXPECT_TRUE(heeds_the_mark(self->fd, &self->peer));
}

TEST_F(peer, so_rcvlowat_from_before_the_ulp_counts_data_of_records)
{
	struct kseal_session_keys keys;
	int fds[2], lowat = 15000;
	struct peer p;

	ASSERT_EQ(0, tcp_pair(variant->family, fds));
	ASSERT_EQ(0, setsockopt(fds[1], SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	make_keys(&keys, KSEAL_VERSION_1_3, variant->cipher);
	peer_init(&p, fds[0], &keys);
	ASSERT_EQ(0, install(fds[1], &keys));
	EXPECT_TRUE(heeds_the_mark(fds[1], &p));
	close(fds[0]);
	close(fds[1]);
}

TEST_F(peer, with_so_rcvlowat_poll_counts_what_can_be_read_over_records)
{
	uint8_t *data = pattern(10000, 15), got[20000];
	int lowat = 15000;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 10000, 0));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 50));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 10000, 0));
	EXPECT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000));
	EXPECT_EQ(20000, recv(self->fd, got, sizeof(got), MSG_DONTWAIT));
	free(data);
}

TEST_HARNESS_MAIN
