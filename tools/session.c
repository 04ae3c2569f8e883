// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include "address.h"
#include "query.h"
#include "session.h"

#define REQUEST_MAX 64
#define TRIES_MAX 8

enum field_kind { FIELD_FLAG, FIELD_U8, FIELD_U16, FIELD_U32, FIELD_U64, FIELD_STRING, FIELD_ADDRESS };

/* Where each attribute goes, and its type. */
static const struct field {
	uint16_t attr;
	uint8_t kind;
	uint16_t offset;
} fields[] = {
#define FIELD(attr, kind, member) { attr, kind, offsetof(struct session, member) }
	FIELD(KSEAL_A_SESSION_ID, FIELD_U64, id),
	FIELD(KSEAL_A_SESSION_STATE, FIELD_U8, state),
	FIELD(KSEAL_A_SESSION_UID, FIELD_U32, uid),
	FIELD(KSEAL_A_SESSION_INODE, FIELD_U64, inode),
	FIELD(KSEAL_A_SESSION_AGE, FIELD_U64, age),
	FIELD(KSEAL_A_SESSION_TX_RECORDS, FIELD_U64, tx_records),
	FIELD(KSEAL_A_SESSION_TX_BYTES, FIELD_U64, tx_bytes),
	FIELD(KSEAL_A_SESSION_RX_RECORDS, FIELD_U64, rx_records),
	FIELD(KSEAL_A_SESSION_RX_BYTES, FIELD_U64, rx_bytes),
	FIELD(KSEAL_A_SESSION_TX_UPDATES, FIELD_U64, tx_updates),
	FIELD(KSEAL_A_SESSION_RX_UPDATES, FIELD_U64, rx_updates),
	FIELD(KSEAL_A_ROLE, FIELD_U8, role),
	FIELD(KSEAL_A_PROFILE, FIELD_STRING, profile),
	FIELD(KSEAL_A_PEER, FIELD_ADDRESS, peer),
	FIELD(KSEAL_A_LOCAL, FIELD_ADDRESS, local),
	FIELD(KSEAL_A_VERSION, FIELD_U16, version),
	FIELD(KSEAL_A_CIPHER, FIELD_U16, cipher),
	FIELD(KSEAL_A_SUITE, FIELD_STRING, suite),
	FIELD(KSEAL_A_GROUP, FIELD_STRING, group),
	FIELD(KSEAL_A_ALPN, FIELD_STRING, alpn),
	FIELD(KSEAL_A_SERVER_NAME, FIELD_STRING, server_name),
	FIELD(KSEAL_A_PEER_IDENTITY, FIELD_STRING, identity),
	FIELD(KSEAL_A_ERROR, FIELD_U32, error),
	FIELD(KSEAL_A_ALERT, FIELD_U8, alert),
	FIELD(KSEAL_A_REASON, FIELD_STRING, reason),
	FIELD(KSEAL_A_SESSION_WRAPPED, FIELD_FLAG, wrapped),
	FIELD(KSEAL_A_SESSION_PASS, FIELD_FLAG, pass),
	FIELD(KSEAL_A_EVENT, FIELD_U8, event),
#undef FIELD
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

static int read_scalar(const struct nlattr *attr, size_t size, void *to)
{
	if (mnl_attr_get_payload_len(attr) != size)
		return -1;
	memcpy(to, mnl_attr_get_payload(attr), size);
	return 0;
}

static int read_string(const struct nlattr *attr, char **to)
{
	free(*to);
	*to = strndup(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	return *to ? 0 : -1;
}

static int read_address(const struct nlattr *attr, char to[ADDRESS_MAX])
{
	struct sockaddr_storage ss = { 0 };
	size_t len = mnl_attr_get_payload_len(attr);

	if (len < sizeof(struct sockaddr_in) || len > sizeof(ss))
		return -1;
	memcpy(&ss, mnl_attr_get_payload(attr), len);
	return address_text((struct sockaddr *)&ss, len, to, ADDRESS_MAX);
}

static int read_field(const struct field *f, const struct nlattr *attr, struct session *s)
{
	void *to = (char *)s + f->offset;

	switch (f->kind) {
	case FIELD_FLAG:
		*(bool *)to = true;
		return 0;
	case FIELD_U8:
		return read_scalar(attr, sizeof(uint8_t), to);
	case FIELD_U16:
		return read_scalar(attr, sizeof(uint16_t), to);
	case FIELD_U32:
		return read_scalar(attr, sizeof(uint32_t), to);
	case FIELD_U64:
		return read_scalar(attr, sizeof(uint64_t), to);
	case FIELD_STRING:
		return read_string(attr, to);
	default:
		return read_address(attr, to);
	}
}

static void read_session(const struct nlmsghdr *nlh, struct session *s)
{
	const struct nlattr *attr;
	size_t i;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		for (i = 0; i < FIELDS; i++) {
			if (fields[i].attr != mnl_attr_get_type(attr))
				continue;
			if (!read_field(&fields[i], attr, s))
				s->present |= UINT64_C(1) << fields[i].attr;
		}
	}
}

static int add_session(const struct nlmsghdr *nlh, void *data)
{
	struct session_list *list = data;
	struct session *more;

	/* doubled whenever the count is a power of two */
	if (!(list->count & (list->count - 1))) {
		more = reallocarray(list->at, list->count ? 2 * list->count : 1, sizeof(*more));
		if (!more) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		list->at = more;
	}
	memset(&list->at[list->count], 0, sizeof(*list->at));
	read_session(nlh, &list->at[list->count++]);
	return MNL_CB_OK;
}

static int by_id(const void *a, const void *b)
{
	const struct session *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int talk(uint8_t cmd, uint16_t flags, mnl_cb_t cb, void *data, char *error, size_t size)
{
	char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct kseal_genl g;
	int err = query_open(&g, error, size);

	return err ? err : query(&g, kseal_genl_start(&g, buf, cmd, flags), cb, data, error, size);
}

int session_list(struct session_list *list, char *error, size_t size)
{
	int err, tries = 0;

	memset(list, 0, sizeof(*list));
	/* EINTR: sessions came and went between the parts of the dump */
	do {
		session_list_free(list);
		err = talk(KSEAL_CMD_SESSION_GET, NLM_F_DUMP, add_session, list, error, size);
	} while (err == -EINTR && ++tries < TRIES_MAX);
	if (err)
		session_list_free(list);
	else if (list->count)
		qsort(list->at, list->count, sizeof(*list->at), by_id);
	return err;
}

static void free_strings(struct session *s)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if (fields[i].kind == FIELD_STRING)
			free(*(char **)((char *)s + fields[i].offset));
}

void session_list_free(struct session_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free_strings(&list->at[i]);
	free(list->at);
	memset(list, 0, sizeof(*list));
}

/* ---- events ---- */

/* Returns whether to go on. */
static bool read_events(const char *buf, ssize_t got, bool missed,
			bool (*cb)(const struct session *s, bool missed, void *data), void *data)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int left = (int)got;
	bool on = true;

	for (; on && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		struct session s = { 0 };

		if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
			continue;
		read_session(nlh, &s);
		on = cb(&s, missed, data);
		missed = false;
		free_strings(&s);
	}
	return on;
}

int session_watch(bool (*cb)(const struct session *s, bool missed, void *data), void *data,
		  char *error, size_t size)
{
	char buf[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool on = true, missed = false;
	struct kseal_genl g;
	int err = query_open(&g, error, size);

	if (err)
		return err;
	err = kseal_genl_join(&g, KSEAL_GENL_GROUP_SESSIONS);
	if (!err)
		on = cb(NULL, false, data);
	while (!err && on) {
		ssize_t got = mnl_socket_recvfrom(g.sock, buf, sizeof(buf));

		if (got < 0 && errno == ENOBUFS)
			missed = true;
		else if (got < 0 && errno != EINTR)
			err = -errno;
		else if (got > 0) {
			on = read_events(buf, got, missed, cb, data);
			missed = false;
		}
	}
	if (err)
		snprintf(error, size, "%s", strerror(-err));
	kseal_genl_close(&g);
	return err;
}

/* ---- counters ---- */

struct stats_reader {
	void (*cb)(const char *name, uint64_t value, void *data);
	void *data;
};

static int read_stats(const struct nlmsghdr *nlh, void *data)
{
	const struct stats_reader *r = data;
	const struct nlattr *stat, *attr;
	char *name;
	uint64_t value = 0;
	bool valued;

	mnl_attr_for_each(stat, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(stat) != KSEAL_A_STAT)
			continue;
		name = NULL;
		valued = false;
		mnl_attr_for_each_nested(attr, stat) {
			if (mnl_attr_get_type(attr) == KSEAL_A_STAT_NAME)
				read_string(attr, &name);
			else if (mnl_attr_get_type(attr) == KSEAL_A_STAT_VALUE)
				valued = !read_scalar(attr, sizeof(value), &value);
		}
		if (name && valued)
			r->cb(name, value, r->data);
		free(name);
	}
	return MNL_CB_OK;
}

int session_stats(void (*cb)(const char *name, uint64_t value, void *data), void *data,
		  char *error, size_t size)
{
	struct stats_reader r = { .cb = cb, .data = data };

	return talk(KSEAL_CMD_STATS_GET, NLM_F_ACK, read_stats, &r, error, size);
}
