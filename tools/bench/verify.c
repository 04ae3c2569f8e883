// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <kseal.h>
#include "bench/transfer.h"
#include "bench/verify.h"

#define CALLS 8
#define STALLS 50
#define ULP_MAX 16		/* TCP_ULP_NAME_MAX of net/tcp.h */

/* What a record has besides its content, RFC 8446 5.2 and RFC 5288 3 */
static unsigned int overhead(const struct bench_case *c)
{
	return c->version == KSEAL_VERSION_1_3 ? 5 + 1 + 16 : 5 + 8 + 16;
}

/* Bytes that TCP sent, retransmissions left out; 0 if it does not tell. */
static uint64_t wire_bytes(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
}

static int move(struct transfer *t, char *why)
{
	uint64_t ticks = 0, before;
	int i = 0, err = 0, stalls = 0;

	while (!err && (i < CALLS || t->received < t->sent)) {
		before = t->sent + t->received;
		if (t->sent < (uint64_t)(i + 1) * CALL_SIZE && i < CALLS)
			err = transfer_push(t, &ticks);
		if (!err)
			err = transfer_pull(t, &ticks, true);
		if (t->sent >= (uint64_t)(i + 1) * CALL_SIZE)
			i++;
		if (t->sent + t->received != before) {
			stalls = 0;
			continue;
		}
		if (++stalls > STALLS)
			return stack_refuse(why, -ETIMEDOUT, "the transfer stands still after %llu bytes",
					    (unsigned long long)t->received);
		transfer_wait(t);
	}
	if (err == -EBADMSG)
		return stack_refuse(why, err, "what arrived is not what was sent, after %llu bytes",
				    (unsigned long long)t->received);
	return err ? stack_refuse(why, err, "the transfer failed: %s", strerror(-err)) : 0;
}

/* The records' number follows from what they add to the bytes. */
static int check_wire(const struct transfer *t, uint64_t wire, struct proof *proof, char *why)
{
	unsigned int over = overhead(t->c);
	uint64_t extra = wire - t->sent;

	if (t->stack == &stack_tcp) {
		if (wire == t->sent)
			return 0;
		return stack_refuse(why, -EPROTO, "TCP sent %llu bytes for %llu: this is not plain TCP",
				    (unsigned long long)wire, (unsigned long long)t->sent);
	}
	if (t->stack == &stack_stunnel)
		return 0;
	if (!extra || extra % over)
		return stack_refuse(why, -EPROTO, "TCP sent %llu bytes more than were written: not records",
				    (unsigned long long)extra);
	proof->records = (double)(extra / over);
	return 0;
}

static void ulp_of(int fd, char name[ULP_MAX + 1])
{
	socklen_t len = ULP_MAX;

	memset(name, 0, ULP_MAX + 1);
	if (getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &len))
		name[0] = '\0';
}

static long long count(const struct stack *s)
{
	return s == &stack_kseal ? stack_counter("/proc/net/kseal", "tx_records") :
	       s == &stack_tls ? stack_counter("/proc/net/tls_stat", "TlsTxSw") : 0;
}

static int check_stack(const struct transfer *t, long long was, struct proof *proof, char *why)
{
	bool tls = t->stack == &stack_kseal || t->stack == &stack_tls;
	const char *wanted = tls ? t->stack->name : "";
	char ulp[ULP_MAX + 1];
	long long now;

	ulp_of(t->pair.server.fd, ulp);
	if (strcmp(ulp, wanted))
		return stack_refuse(why, -EPROTO, "the socket has the ULP \"%s\", not \"%s\"", ulp,
				    wanted);
	if (!tls)
		return 0;
	now = count(t->stack);
	if (now <= was)
		return stack_refuse(why, -EPROTO, "the kernel's counter of it did not move");
	snprintf(proof->counter, sizeof(proof->counter), "%s",
		 t->stack == &stack_kseal ? "tx_records" : "TlsTxSw");
	proof->moved = (double)(now - was);
	return 0;
}

int verify(const struct stack *s, const struct bench_case *c, struct proof *proof, char *why)
{
	/* a connection is verified the same way, whatever is measured later */
	struct bench_case bulk = *c;
	long long was = count(s);
	struct transfer t;
	uint64_t wire;
	int err;

	memset(proof, 0, sizeof(*proof));
	if (!workload_bulk(c->workload))
		bulk.workload = WORKLOAD_SEND;
	err = transfer_open(&t, s, &bulk, why);
	if (err)
		return err;
	wire = wire_bytes(t.pair.server.fd);
	err = move(&t, why);
	if (!err)
		err = check_wire(&t, wire_bytes(t.pair.server.fd) - wire, proof, why);
	if (!err)
		err = check_stack(&t, was, proof, why);
	proof->bytes = (double)t.received;
	transfer_close(&t);
	return err;
}
