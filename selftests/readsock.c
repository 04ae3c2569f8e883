// SPDX-License-Identifier: GPL-2.0-or-later
/* Readers in the kernel: the socket's read_sock, through /dev/kseal_test. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "fixture.h"
#include "../kmod/selftest/kseal_test.h"

PEER_FIXTURE;

/* Returns bytes or -errno. */
static int read_sock(int fd, void *buf, size_t len, size_t step)
{
	struct kseal_test_read read = {
		.buf = (uintptr_t)buf, .len = len, .step = step, .fd = fd,
	};
	int dev = open("/dev/kseal_test", O_RDWR | O_CLOEXEC);
	int ret = dev < 0 ? -1 : ioctl(dev, KSEAL_TEST_READ_SOCK, &read);
	int err = errno;

	if (dev >= 0)
		close(dev);
	return ret < 0 ? -err : ret;
}

/* All of it, with a poll before each call. */
static int read_sock_all(int fd, uint8_t *buf, size_t len, size_t step)
{
	size_t done = 0;

	while (done < len) {
		int n;

		if (poll_for(fd, POLLIN, 2000) <= 0)
			return -ETIME;
		n = read_sock(fd, buf + done, len - done, step);
		if (n <= 0)
			return n ? n : -ENODATA;
		done += n;
	}
	return 0;
}

TEST_F(peer, read_sock_gives_the_records_content)
{
	uint8_t *data = pattern(100000, 71), *got = malloc(100000);

	ASSERT_EQ(0, peer_send_all(&self->peer, data, 100000));
	ASSERT_EQ(0, read_sock_all(self->fd, got, 100000, 100000));
	EXPECT_EQ(0, memcmp(data, got, 100000));
	EXPECT_EQ(-EAGAIN, read_sock(self->fd, got, 10, 10));
	free(data);
	free(got);
}

TEST_F(peer, read_sock_takes_a_record_in_parts)
{
	uint8_t *data = pattern(20000, 72), *got = malloc(20000);

	ASSERT_EQ(0, peer_send_all(&self->peer, data, 20000));
	ASSERT_EQ(0, read_sock_all(self->fd, got, 20000, 777));
	EXPECT_EQ(0, memcmp(data, got, 20000));
	free(data);
	free(got);
}

TEST_F(peer, read_sock_and_read_share_a_record)
{
	char got[16];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "0123456789", 10, 0));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000));
	ASSERT_EQ(4, read_sock(self->fd, got, 4, 4));
	EXPECT_EQ(0, memcmp(got, "0123", 4));
	ASSERT_EQ(3, recv(self->fd, got, 3, 0));
	EXPECT_EQ(0, memcmp(got, "456", 3));
	ASSERT_EQ(3, read_sock(self->fd, got, 16, 16));
	EXPECT_EQ(0, memcmp(got, "789", 3));
}

TEST_F(peer, read_sock_does_not_see_tickets)
{
	static const uint8_t ticket[] = { 4, 0, 0, 2, 7, 7 };
	char got[16];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, sizeof(ticket), 0));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000));
	EXPECT_EQ(4, read_sock(self->fd, got, 16, 16));
}

TEST_F(peer, read_sock_refuses_control_records_that_somebody_asked_for)
{
	uint32_t one = 1;
	char got[16];

	ASSERT_EQ(0, setsockopt(self->fd, SOL_KSEAL, KSEAL_SO_CONTROL, &one, sizeof(one)));
	ASSERT_EQ(0, peer_alert(&self->peer, 1, 90));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000));
	EXPECT_EQ(-EINVAL, read_sock(self->fd, got, 16, 16));
}

TEST_F(peer, read_sock_says_how_the_session_ended)
{
	char got[16];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "last", 4, 0));
	ASSERT_EQ(0, peer_write(&self->peer, "no record", 9));
	ASSERT_EQ(POLLIN, poll_for(self->fd, POLLIN, 2000) & POLLIN);
	EXPECT_EQ(4, read_sock(self->fd, got, 16, 16));
	EXPECT_EQ(-EPROTO, read_sock(self->fd, got, 16, 16));
	EXPECT_EQ(-EPROTO, read_sock(self->fd, got, 16, 16));
}

TEST_F(peer, read_sock_ends_with_close_notify)
{
	char got[16];

	ASSERT_EQ(0, peer_alert(&self->peer, 1, 0));
	ASSERT_LT(0, poll_for(self->fd, POLLIN, 2000));
	EXPECT_EQ(0, read_sock(self->fd, got, 16, 16));
}

TEST_HARNESS_MAIN
