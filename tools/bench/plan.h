/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is measured: cases, each of which every stack goes through. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_SIZE	(256u << 10)	/* bytes of one send or sendfile */
#define RECORD_FULL	16384u		/* content of the longest record, RFC 8446 5.1 */
#define CASE_NAME_MAX	96
#define AXIS_MAX	8		/* values of one axis on the command line */

enum workload_id {
	WORKLOAD_SENDFILE,
	WORKLOAD_SEND,
	WORKLOAD_LATENCY,
	WORKLOAD_SETUP,
	WORKLOAD_MEMORY,
	WORKLOAD_SESSIONS,
	WORKLOADS,
};

struct bench_case {
	enum workload_id workload;
	unsigned int record;		/* bytes of content in a record at most */
	uint16_t version, cipher;	/* KSEAL_VERSION_*, KSEAL_CIPHER_* */
	unsigned int connections;
	unsigned int bytes;		/* of a response; latency alone */
};

struct axis {
	size_t count;			/* 0: not named */
	long at[AXIS_MAX];
};

/* What the command line asks for. */
struct wish {
	struct axis workload, record, version, cipher, connections;
	bool quick;
};

struct plan {
	struct bench_case *at;
	size_t count;
};

/*
 * The default plan, less the workloads that are not named. Once an axis is named:
 * all combinations of what is, with full records, TLS 1.3, AES-128-GCM and one
 * connection for what is not. Returns 0, or -1 when memory is short.
 */
int plan_make(const struct wish *w, struct plan *p);
void plan_free(struct plan *p);

/* The workload's word on the command line and in JSON; NULL: there is none. */
const char *workload_name(enum workload_id id);

/* Its number, or -1. */
int workload_find(const char *name);

/* Whether it moves bytes as fast as it can: sendfile, send. */
bool workload_bulk(enum workload_id id);

/* "sendfile, 16384-byte records, TLS 1.3, AES-128-GCM". Returns name. */
const char *case_name(const struct bench_case *c, char name[CASE_NAME_MAX]);

/* Whether both stand for the same measurement. */
bool case_same(const struct bench_case *a, const struct bench_case *b);

#endif
