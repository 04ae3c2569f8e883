/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a network namespace, and a gauge: /proc/net/kseal and
 * KSEAL_CMD_STATS_GET.
 */
#ifndef KSEAL_STATS_H
#define KSEAL_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

struct net;
struct seq_file;

/* One table for the enum, the names and the order in which they are shown. */
#define KSEAL_STATS(X) \
	X(SESSIONS_ATTACHED,	"sessions_attached")	\
	X(SESSIONS_CLOSED,	"sessions_closed")	\
	X(HANDSHAKES_STARTED,	"handshakes_started")	\
	X(HANDSHAKES_DONE,	"handshakes_done")	\
	X(HANDSHAKES_FAILED,	"handshakes_failed")	\
	X(HANDSHAKES_TIMEOUT,	"handshakes_timeout")	\
	X(HANDSHAKES_NO_HELPER,	"handshakes_no_helper")	\
	X(HANDSHAKES_HELPER_LOST, "handshakes_helper_lost") \
	X(HANDSHAKES_REFUSED,	"handshakes_refused")	\
	X(HANDSHAKES_RETRIED,	"handshakes_retried")	\
	X(KEYS_INSTALLED,	"keys_installed")	\
	X(PLAIN_RESET,		"plain_reset")		\
	X(LISTENERS_WRAPPED,	"listeners_wrapped")	\
	X(WRAP_DROPPED,		"wrap_dropped")		\
	X(TX_RECORDS,		"tx_records")		\
	X(TX_BYTES,		"tx_bytes")		\
	X(TX_SPLICE_BYTES,	"tx_splice_bytes")	\
	X(RX_RECORDS,		"rx_records")		\
	X(RX_BYTES,		"rx_bytes")		\
	X(RX_BAD_TAG,		"rx_bad_tag")		\
	X(RX_MALFORMED,		"rx_malformed")		\
	X(RX_TRUNCATED,		"rx_truncated")		\
	X(RX_TICKETS,		"rx_tickets")		\
	X(ALERTS_SENT,		"alerts_sent")		\
	X(ALERTS_RECEIVED,	"alerts_received")	\
	X(TX_KEY_UPDATES,	"tx_key_updates")	\
	X(RX_KEY_UPDATES,	"rx_key_updates")	\
	X(KEY_LIMIT,		"key_limit")

enum kseal_stat {
#define KSEAL_STAT_ENUM(id, name) KSEAL_STAT_##id,
	KSEAL_STATS(KSEAL_STAT_ENUM)
#undef KSEAL_STAT_ENUM
	KSEAL_STAT_COUNT,
};

/* Shown after them: the workers that are registered now (kseal_helper_count()). */
#define KSEAL_GAUGE_HELPERS "helpers"

struct kseal_stats {
	u64 value[KSEAL_STAT_COUNT];
};

/**
 * kseal_stat_add - count something
 * @net: the namespace of the socket it happened on
 * @stat: which counter
 * @n: how much
 *
 * Any context.
 */
void kseal_stat_add(struct net *net, enum kseal_stat stat, u64 n);

/* Likewise for what happens with each record. ks: the session. */
#define kseal_count(ks, stat, n) this_cpu_add((ks)->stats->value[stat], n)

/**
 * kseal_stat_name - a counter's name as people and programs see it
 * @stat: which counter
 */
const char *kseal_stat_name(enum kseal_stat stat);

/**
 * kseal_stat_read - a counter's sum over all CPUs
 * @net: the namespace
 * @stat: which counter
 */
u64 kseal_stat_read(struct net *net, enum kseal_stat stat);

/* One namespace's counters and its /proc/net/kseal. Return: 0 or -ENOMEM. */
int kseal_stats_net_init(struct net *net);
void kseal_stats_net_exit(struct net *net);

#endif
