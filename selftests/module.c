// SPDX-License-Identifier: GPL-2.0-or-later
/* The module stays as long as a socket has the ULP, and goes after it. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "worker.h"

/* Errors of a try that cannot succeed: it does not wait. */
static int try_unload(void)
{
	return syscall(SYS_delete_module, "kseal", O_NONBLOCK) ? errno : 0;
}

/* The module's users, from /proc/modules; -1: it is not loaded. */
static int users(void)
{
	FILE *f = fopen("/proc/modules", "r");
	char line[256];
	int count = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "kseal ", 6))
			sscanf(line, "kseal %*u %d", &count);
	if (f)
		fclose(f);
	return count;
}

static int users_become(int count)
{
	int64_t end = now_ms() + 5000;

	while (users() != count && now_ms() < end)
		sleep_ms(10);
	return users();
}

TEST(it_cannot_be_unloaded_while_a_socket_has_the_ulp)
{
	int before = users(), fds[2];

	ASSERT_LE(0, before);
	ASSERT_EQ(0, session_pair(AF_INET, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_128, fds));
	EXPECT_EQ(before + 2, users());
	EXPECT_EQ(EWOULDBLOCK, try_unload());
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(before, users_become(before));
}

TEST(listeners_and_their_children_count)
{
	int before = users(), listener = tcp_listen(AF_INET), client, child, queued;

	ASSERT_EQ(0, attach(listener));
	EXPECT_EQ(before + 1, users());
	client = tcp_connect(listener);
	child = accept(listener, NULL, NULL);
	queued = tcp_connect(listener);
	sleep_ms(20);
	EXPECT_EQ(before + 3, users());
	EXPECT_EQ(EWOULDBLOCK, try_unload());
	close(listener);
	close(queued);
	EXPECT_EQ(before + 1, users_become(before + 1));
	close(child);
	close(client);
	EXPECT_EQ(before, users_become(before));
}

TEST(refused_attachments_do_not_count)
{
	int before = users(), fresh = socket(AF_INET, SOCK_STREAM, 0), fds[2], i;

	EXPECT_EQ(-ENOTCONN, attach(fresh));
	ASSERT_EQ(0, tcp_pair(AF_INET, fds));
	ASSERT_EQ(0, attach(fds[0]));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EEXIST, attach(fds[0]));
	EXPECT_EQ(before + 1, users());
	close(fds[0]);
	close(fds[1]);
	close(fresh);
	EXPECT_EQ(before, users_become(before));
}

static int insert(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

TEST(it_can_be_unloaded_when_no_socket_is_left_and_loaded_again)
{
	const char *file = getenv("KSEAL_MODULE");
	int fds[2], i, err = EWOULDBLOCK;
	char byte;

	if (!file)
		SKIP(return, "KSEAL_MODULE does not name the module's file to load it again");
	ASSERT_EQ(0, users_become(0));
	for (i = 0; i < 3; i++) {
		int64_t end = now_ms() + 5000;

		ASSERT_EQ(0, session_pair(AF_INET, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_256, fds));
		ASSERT_EQ(4, send(fds[0], "data", 4, 0));
		close(fds[0]);
		EXPECT_EQ(1, recv(fds[1], &byte, 1, 0));
		close(fds[1]);
		while ((err = try_unload()) == EWOULDBLOCK && now_ms() < end)
			sleep_ms(10);
		ASSERT_EQ(0, err);
		ASSERT_EQ(-1, users());
		ASSERT_EQ(0, insert(file));
	}
}

/* ---- memory ---- */

static long available_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* A session that has sealed 64 KiB or more beyond what TCP takes, and whose peer
 * resets the connection.
 */
static int seal_for_nobody(void)
{
	struct linger linger = { .l_onoff = 1 };
	static const uint8_t data[65536];
	int fd, buffer = 4096, err;
	struct peer p;

	err = session_with_peer(AF_INET, KSEAL_VERSION_1_3, KSEAL_CIPHER_AES_GCM_128, &fd, &p);
	if (err)
		return err;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	while (send(fd, data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(p.fd);
	close(fd);
	return 0;
}

TEST(what_was_sealed_for_a_peer_that_is_gone_is_freed)
{
	long before, lost = 1 << 20;
	int try, i;

	/* Pages that nobody tracks: only their sum tells. 300 times 64 KiB are 19
	 * MB; what others take meanwhile, they take once.
	 */
	for (try = 0; try < 3 && lost > 8192; try++) {
		before = available_kb();
		ASSERT_LT(0, before);
		for (i = 0; i < 300; i++)
			ASSERT_EQ(0, seal_for_nobody());
		sleep_ms(100);
		lost = before - available_kb();
	}
	EXPECT_GE(8192, lost);
}

TEST_HARNESS_MAIN
