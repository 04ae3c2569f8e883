// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records that are sealed and opened where they lie: the caller's memory, pages
 * of files, TCP's queue; and what must not go that way, or not to its end.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "fixture.h"

#define RECORD	16384
#define PAGE	4096
#define TICKET	8000
#define SMALL	200

PEER_FIXTURE;
PAIR_FIXTURE;

/* what a read leaves alone */
#define UNTOUCHED 0xa5

static bool all(const uint8_t *p, uint8_t value, size_t n)
{
	while (n && *p == value) {
		p++;
		n--;
	}
	return !n;
}

/* A record as it goes over the wire; the caller frees it. */
static uint8_t *sealed(struct peer *p, int type, const uint8_t *data, size_t len, size_t padding,
		       size_t *size)
{
	uint8_t *record = malloc(PEER_RECORD_MAX);

	*size = peer_seal(p, type, data, len, padding, record);
	return record;
}

/* ---- received ---- */

TEST_F(peer, a_forged_record_leaves_nothing_in_the_readers_memory)
{
	uint8_t *data = pattern(RECORD, 1), *got = malloc(2 * RECORD), *record;
	size_t size, i;

	memset(got, UNTOUCHED, 2 * RECORD);
	record = sealed(&self->peer, PEER_DATA, data, RECORD, 0, &size);
	record[size - 1] ^= 1;
	ASSERT_EQ(0, peer_write(&self->peer, record, size));
	EXPECT_EQ(-EBADMSG, recv_soon(self->fd, got, 2 * RECORD));
	/* neither its first block nor any other */
	for (i = 0; i < RECORD; i += 16)
		ASSERT_NE(0, memcmp(got + i, data + i, 16)) TH_LOG("at %zu", i);
	EXPECT_TRUE(all(got, 0, RECORD) || all(got, UNTOUCHED, RECORD));
	EXPECT_TRUE(all(got + RECORD, UNTOUCHED, RECORD));
	EXPECT_TRUE(peer_alerted(&self->peer, 2, 20));
	free(data);
	free(got);
	free(record);
}

TEST_F(peer, nothing_is_written_behind_what_was_read)
{
	static const size_t sizes[] = { 4095, 4096, 4097, 8000, 16383, 16384 };
	uint8_t *data = pattern(RECORD, 2), *got = malloc(3 * RECORD);
	size_t i, off;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (off = 0; off < 3; off++) {
			memset(got, UNTOUCHED, 3 * RECORD);
			ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, sizes[i], 0));
			ASSERT_EQ(sizes[i], recv_soon(self->fd, got + 77 * off, 2 * RECORD));
			EXPECT_EQ(0, memcmp(got + 77 * off, data, sizes[i]));
			EXPECT_TRUE(all(got, UNTOUCHED, 77 * off));
			EXPECT_TRUE(all(got + 77 * off + sizes[i], UNTOUCHED, RECORD));
		}
	}
	free(data);
	free(got);
}

TEST_F(peer, large_padded_records_are_stripped)
{
	uint8_t *data = pattern(RECORD, 3), got[RECORD];
	static const size_t padding[] = { 1, 16, 4096, 8000 };
	size_t i;

	for (i = 0; i < sizeof(padding) / sizeof(padding[0]); i++) {
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, 8000, padding[i]));
		ASSERT_EQ(8000, recv_soon(self->fd, got, RECORD));
		EXPECT_EQ(0, memcmp(data, got, 8000));
	}
	free(data);
}

/* Whether 16 bytes of it, from any multiple of 16 on, are where they were. */
static bool shows(const uint8_t *got, const uint8_t *secret, size_t len)
{
	size_t i;

	for (i = 0; i + 16 <= len; i += 16)
		if (!memcmp(got + i, secret + i, 16))
			return true;
	return false;
}

static uint8_t *make_ticket(void)
{
	uint8_t *ticket = pattern(TICKET, 11);

	ticket[0] = 4;
	ticket[1] = 0;
	ticket[2] = (TICKET - 4) >> 8;
	ticket[3] = (TICKET - 4) & 0xff;
	return ticket;
}

TEST_F(peer, a_large_ticket_is_not_data)
{
	uint8_t *ticket = make_ticket(), got[RECORD];

	ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
	memset(got, UNTOUCHED, sizeof(got));
	EXPECT_EQ(-EAGAIN, recv_soon(self->fd, got, RECORD));
	EXPECT_FALSE(shows(got, ticket, TICKET));
	EXPECT_TRUE(all(got + TICKET, UNTOUCHED, RECORD - TICKET));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "data", 4, 0));
	EXPECT_EQ(4, recv_soon(self->fd, got, RECORD));
	free(ticket);
}

TEST_F(peer, memory_that_ends_in_mid_record_gets_its_part_and_the_rest_follows)
{
	uint8_t *data = pattern(RECORD, 4), got[RECORD];
	uint8_t *map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	ssize_t n;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + 2 * PAGE, 2 * PAGE, PROT_NONE));
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, RECORD, 0));
	n = recv_soon(self->fd, map, 4 * PAGE);
	ASSERT_LT(0, n);
	ASSERT_GE(2 * PAGE, n);
	EXPECT_EQ(0, memcmp(map, data, n));
	EXPECT_EQ(RECORD - n, recv_soon(self->fd, got, RECORD));
	EXPECT_EQ(0, memcmp(got, data + n, RECORD - n));
	munmap(map, 4 * PAGE);
	free(data);
}

TEST_F(peer, memory_that_is_read_only_is_not_written_to)
{
	uint8_t *data = pattern(RECORD, 5), got[RECORD];
	uint8_t *map = mmap(NULL, RECORD, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, RECORD, 0));
	EXPECT_EQ(-EFAULT, recv_soon(self->fd, map, RECORD));
	EXPECT_TRUE(all(map, 0, RECORD));
	EXPECT_EQ(RECORD, recv_soon(self->fd, got, RECORD));
	EXPECT_EQ(0, memcmp(data, got, RECORD));
	munmap(map, RECORD);
	free(data);
}

TEST_F(peer, what_was_read_into_a_files_pages_is_in_the_file)
{
	uint8_t *data = pattern(RECORD, 6), got[RECORD];
	int file = memfd_create("kseal-test", 0);
	uint8_t *map;

	ASSERT_EQ(0, ftruncate(file, RECORD));
	map = mmap(NULL, RECORD, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data, RECORD, 0));
	ASSERT_EQ(RECORD, recv_soon(self->fd, map, RECORD));
	munmap(map, RECORD);
	ASSERT_EQ(RECORD, pread(file, got, RECORD, 0));
	EXPECT_EQ(0, memcmp(data, got, RECORD));
	close(file);
	free(data);
}

/* It is not opened, and would make TCP reset the connection. */
TEST_F(peer, close_with_half_a_record_unread_sends_everything)
{
	uint8_t data[1000] = { 1 }, got[PEER_PLAIN_MAX], *record;
	size_t size;
	int type;

	record = sealed(&self->peer, PEER_DATA, data, sizeof(data), 0, &size);
	ASSERT_EQ(4, send(self->fd, "data", 4, 0));
	ASSERT_EQ(0, peer_write(&self->peer, record, size / 2));
	sleep_ms(50);
	close(self->fd);
	self->fd = -1;
	sleep_ms(50);
	EXPECT_EQ(4, peer_open(&self->peer, &type, got));
	EXPECT_EQ(2, peer_open(&self->peer, &type, got));
	EXPECT_EQ(PEER_ALERT, type);
	EXPECT_EQ(-ENODATA, peer_open(&self->peer, &type, got));
	free(record);
}

/* Pieces of TCP's queue, more than are opened there. */
TEST_F(peer, a_record_in_many_segments)
{
	static const size_t parts[] = { 1, 5, 13, 100, 700 };
	uint8_t *data = pattern(RECORD, 7), got[RECORD], *record;
	int one = 1;
	size_t i, done, size;

	setsockopt(self->peer.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		record = sealed(&self->peer, PEER_DATA, data, 6000, 0, &size);
		for (done = 0; done < size; done += parts[i]) {
			size_t n = size - done < parts[i] ? size - done : parts[i];

			ASSERT_EQ(0, peer_write(&self->peer, record + done, n));
		}
		ASSERT_EQ(6000, recv_soon(self->fd, got, RECORD));
		EXPECT_EQ(0, memcmp(data, got, 6000));
		free(record);
	}
	free(data);
}

/* Records of all sizes are read by one call, into pieces of all sizes. */
TEST_F(peer, many_records_in_one_read)
{
	static const size_t sizes[] = { 1, 4096, 17, 9000, 16384, 300, 5000 };
	uint8_t *data = pattern(200000, 8), *got = malloc(200000);
	struct iovec piece[16];
	struct msghdr msg = { .msg_iov = piece, .msg_iovlen = 16 };
	size_t i, sent = 0;

	for (i = 0; sent < 60000; i++) {
		size_t n = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];

		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data + sent, n, 0));
		sent += n;
	}
	for (i = 0; i < 16; i++)
		piece[i] = (struct iovec){ got + i * 7001, 7001 };
	ASSERT_EQ(sent, recvmsg(self->fd, &msg, MSG_WAITALL | MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(data, got, sent));
	free(data);
	free(got);
}

/* Small ones go right into the reader's memory when there are many; what is in
 * between goes another way.
 */
TEST_F(peer, small_records_with_others_in_between)
{
	uint8_t *data = pattern(100 * SMALL, 12), *got = malloc(100 * SMALL);
	uint8_t *ticket = make_ticket();
	size_t i;

	for (i = 0; i < 100; i++) {
		if (i == 30 || i == 80)
			ASSERT_EQ(0, peer_send(&self->peer, PEER_HANDSHAKE, ticket, TICKET, 0));
		if (i == 55)
			ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, "", 0, 0));
		ASSERT_EQ(0, peer_send(&self->peer, PEER_DATA, data + i * SMALL, SMALL,
				       i % 20 == 7 ? 33 : 0));
	}
	memset(got, UNTOUCHED, 100 * SMALL);
	for (i = 0; i < 100 * SMALL;) {
		ssize_t n = recv_soon(self->fd, got + i, 100 * SMALL - i);

		ASSERT_LT(0, n);
		i += n;
		ASSERT_EQ(0, memcmp(data, got, i)) TH_LOG("%zu bytes", i);
	}
	free(data);
	free(got);
	free(ticket);
}

TEST_F(peer, a_forged_record_behind_many_small_ones)
{
	uint8_t *data = pattern(50 * SMALL, 13), *got = malloc(60 * SMALL), *record;
	size_t i, size, whole;

	for (i = 0; i < 50; i++) {
		record = sealed(&self->peer, PEER_DATA, data + i * SMALL, SMALL, 0, &size);
		if (i == 40)
			record[size / 2] ^= 1;
		ASSERT_EQ(0, peer_write(&self->peer, record, size));
		free(record);
	}
	memset(got, UNTOUCHED, 60 * SMALL);
	whole = 40 * SMALL;
	for (i = 0; i < whole;) {
		ssize_t n = recv_soon(self->fd, got + i, 60 * SMALL - i);

		ASSERT_LT(0, n);
		i += n;
	}
	EXPECT_EQ(whole, i);
	EXPECT_EQ(0, memcmp(data, got, whole));
	EXPECT_EQ(-EBADMSG, recv_soon(self->fd, got + whole, 20 * SMALL));
	EXPECT_FALSE(shows(got + whole, data + whole, 10 * SMALL));
	EXPECT_TRUE(all(got + whole + SMALL, UNTOUCHED, 19 * SMALL));
	free(data);
	free(got);
}

/* ---- sent ---- */

struct scribbler {
	uint8_t *at;
	size_t len;
	volatile bool stop;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	uint8_t value = 0;

	while (!s->stop)
		memset(s->at, value++, s->len);
	return NULL;
}

static bool send_for_a_while(struct peer *p, int fd, const uint8_t *at, int file)
{
	static uint8_t got[PEER_PLAIN_MAX];
	int i, type;

	for (i = 0; i < 200; i++) {
		off_t offset = 0;
		ssize_t n = file < 0 ? send(fd, at, RECORD, 0) : sendfile(fd, file, &offset, RECORD);

		if (n != RECORD || peer_open(p, &type, got) != RECORD || type != PEER_DATA)
			return false;
	}
	return true;
}

/* Whatever is sent, it is what the tag was made of. */
TEST_F(peer, memory_that_changes_while_it_is_sent)
{
	uint8_t *memory = mmap(NULL, RECORD, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct scribbler s = { .at = memory, .len = RECORD };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
	EXPECT_TRUE(send_for_a_while(&self->peer, self->fd, memory, -1));
	s.stop = true;
	pthread_join(thread, NULL);
	munmap(memory, RECORD);
}

TEST_F(peer, a_file_that_changes_while_it_is_sent)
{
	int file = memfd_create("kseal-test", 0);
	struct scribbler s = { .len = RECORD };
	pthread_t thread;

	ASSERT_EQ(0, ftruncate(file, RECORD));
	s.at = mmap(NULL, RECORD, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, s.at);
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &s));
	EXPECT_TRUE(send_for_a_while(&self->peer, self->fd, NULL, file));
	s.stop = true;
	pthread_join(thread, NULL);
	munmap(s.at, RECORD);
	close(file);
}

TEST_F(peer, memory_that_ends_in_mid_record_is_sent_up_to_there)
{
	uint8_t *data = pattern(2 * PAGE, 9), got[PEER_PLAIN_MAX];
	uint8_t *map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	memcpy(map, data, 2 * PAGE);
	ASSERT_EQ(0, mprotect(map + 2 * PAGE, 2 * PAGE, PROT_NONE));
	ASSERT_EQ(2 * PAGE, send(self->fd, map, RECORD, 0));
	ASSERT_EQ(0, peer_recv_all(&self->peer, got, 2 * PAGE));
	EXPECT_EQ(0, memcmp(data, got, 2 * PAGE));
	munmap(map, 4 * PAGE);
	free(data);
}

TEST_F(peer, many_small_records_of_one_send)
{
	static const uint32_t most[] = { 64, 100, 256, 5000 };
	size_t len = 100000, i, done;
	uint8_t *data = pattern(len, 14), got[PEER_PLAIN_MAX];
	int type;

	for (i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		ASSERT_EQ(0, setsockopt(self->fd, SOL_KSEAL, KSEAL_SO_RECORD_MAX, &most[i],
					sizeof(most[i])));
		/* not at the beginning of a page */
		ASSERT_EQ(len - 777, send(self->fd, data + 777, len - 777, 0));
		for (done = 777; done < len;) {
			int n = peer_open(&self->peer, &type, got);

			ASSERT_EQ(len - done < most[i] ? len - done : most[i], n);
			ASSERT_EQ(0, memcmp(data + done, got, n));
			done += n;
		}
	}
	free(data);
}

/* The pages are the parent's, whoever forks meanwhile. */
TEST_F(pair, a_process_that_forks_while_it_sends_and_reads)
{
	size_t len = 100 * RECORD, done, i;
	uint8_t *data = pattern(len, 10), *got = malloc(RECORD);
	int status;

	for (done = 0, i = 0; done < len; done += RECORD, i++) {
		pid_t child = -1;

		if (i % 10 == 0)
			child = fork();
		if (!child) {
			memset(data, 0, len);
			memset(got, 0, RECORD);
			_exit(0);
		}
		ASSERT_EQ(0, send_all(self->fd[0], data + done, RECORD));
		ASSERT_EQ(0, recv_all(self->fd[1], got, RECORD));
		ASSERT_EQ(0, memcmp(data + done, got, RECORD)) TH_LOG("record %zu", i);
		if (child > 0)
			ASSERT_EQ(child, waitpid(child, &status, 0));
	}
	free(data);
	free(got);
}

TEST_HARNESS_MAIN
