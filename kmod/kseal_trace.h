/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints, one for each transition of a session. None has a secret. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kseal

#if !defined(KSEAL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KSEAL_TRACE_H

#include <linux/tracepoint.h>
#include <uapi/linux/kseal.h>

#define KSEAL_STATE_NAMES			\
	{ KSEAL_STATE_NEW, "new" },		\
	{ KSEAL_STATE_WAITING, "waiting" },	\
	{ KSEAL_STATE_KEYED, "keyed" },		\
	{ KSEAL_STATE_DEAD, "dead" },		\
	{ KSEAL_STATE_LISTEN, "listen" }

/* A socket gets the ULP, or a child of a listener is born with it. */
TRACE_EVENT(kseal_attach,
	TP_PROTO(u64 id, const struct sock *sk),
	TP_ARGS(id, sk),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u16, family)
		__field(u16, sport)
		__field(u16, dport)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->family = sk->sk_family;
		__entry->sport = sk->sk_num;
		__entry->dport = ntohs(sk->sk_dport);
	),
	TP_printk("session=%llu family=%u sport=%u dport=%u", __entry->id,
		  __entry->family, __entry->sport, __entry->dport)
);

/* The socket is destroyed. */
TRACE_EVENT(kseal_release,
	TP_PROTO(u64 id),
	TP_ARGS(id),
	TP_STRUCT__entry(__field(u64, id)),
	TP_fast_assign(__entry->id = id;),
	TP_printk("session=%llu", __entry->id)
);

TRACE_EVENT(kseal_state,
	TP_PROTO(u64 id, u8 from, u8 to, int err),
	TP_ARGS(id, from, to, err),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u8, from)
		__field(u8, to)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->from = from;
		__entry->to = to;
		__entry->err = err;
	),
	TP_printk("session=%llu %s -> %s err=%d", __entry->id,
		  __print_symbolic(__entry->from, KSEAL_STATE_NAMES),
		  __print_symbolic(__entry->to, KSEAL_STATE_NAMES),
		  __entry->err)
);

/* Handshake bytes between a socket and its helper. */
TRACE_EVENT(kseal_relay,
	TP_PROTO(u64 id, bool to_helper, unsigned int len),
	TP_ARGS(id, to_helper, len),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(bool, to_helper)
		__field(unsigned int, len)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->to_helper = to_helper;
		__entry->len = len;
	),
	TP_printk("session=%llu %s helper len=%u", __entry->id,
		  __entry->to_helper ? "to" : "from", __entry->len)
);

/* A direction has keys; updates counts those after the first. */
TRACE_EVENT(kseal_keys,
	TP_PROTO(u64 id, bool tx, u16 version, u16 cipher, u64 updates),
	TP_ARGS(id, tx, version, cipher, updates),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(bool, tx)
		__field(u16, version)
		__field(u16, cipher)
		__field(u64, updates)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->tx = tx;
		__entry->version = version;
		__entry->cipher = cipher;
		__entry->updates = updates;
	),
	TP_printk("session=%llu %s version=%#06x cipher=%u updates=%llu",
		  __entry->id, __entry->tx ? "tx" : "rx", __entry->version,
		  __entry->cipher, __entry->updates)
);

TRACE_EVENT(kseal_alert,
	TP_PROTO(u64 id, bool sent, u8 level, u8 description),
	TP_ARGS(id, sent, level, description),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(bool, sent)
		__field(u8, level)
		__field(u8, description)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->sent = sent;
		__entry->level = level;
		__entry->description = description;
	),
	TP_printk("session=%llu %s level=%u description=%u", __entry->id,
		  __entry->sent ? "sent" : "received", __entry->level,
		  __entry->description)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kseal_trace
#include <trace/define_trace.h>
