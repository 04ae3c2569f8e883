// SPDX-License-Identifier: MIT
/*
 * A generic netlink socket of the kernel's "kseal" family; see genl.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "genl.h"

/* A dump's messages come in buffers of at most 32 KiB (netlink_dump()). */
#define ANSWER_MAX	32768

/* Payload of NLMSG_ERROR and NLMSG_DONE alike: the error, then (see tlvs()) attributes. */
static int message_error(const struct nlmsghdr *nlh)
{
	int error;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(error))
		return nlh->nlmsg_type == NLMSG_ERROR ? -EBADMSG : 0;
	memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	return error;
}

/* Offset of the extack attributes in the payload, 0 if there are none. */
static size_t tlvs(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return len > sizeof(int) ? sizeof(int) : 0;
	if (len < sizeof(*err))
		return 0;
	/* Without NLM_F_CAPPED the whole request stands before them. */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED)) {
		if (err->msg.nlmsg_len < sizeof(err->msg) ||
		    err->msg.nlmsg_len > len - sizeof(err->error))
			return 0;
		return MNL_ALIGN(sizeof(err->error) + err->msg.nlmsg_len);
	}
	return sizeof(*err);
}

int kseal_genl_error(const struct nlmsghdr *nlh, char *text, size_t size)
{
	size_t offset = tlvs(nlh);
	int error = message_error(nlh);
	const struct nlattr *attr;

	snprintf(text, size, "%s", error ? strerror(-error) : "");
	if (!offset || offset > mnl_nlmsg_get_payload_len(nlh))
		return error;
	mnl_attr_for_each(attr, nlh, offset)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			snprintf(text, size, "%.*s", (int)mnl_attr_get_payload_len(attr),
				 (const char *)mnl_attr_get_payload(attr));
	return error;
}

struct nlmsghdr *kseal_genl_start(struct kseal_genl *g, void *buf, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = g->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++g->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = KSEAL_GENL_VERSION;
	return nlh;
}

struct talk {
	struct kseal_genl *g;
	mnl_cb_t cb;
	void *data;
	bool ended;
	int error;
};

/* One message of the answers. What cb refuses is remembered; the answers are read to their end. */
static void on_message(struct talk *t, const struct nlmsghdr *nlh)
{
	int error;

	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return;
	case NLMSG_OVERRUN:
		t->error = -ENOBUFS;
		return;
	case NLMSG_ERROR:
	case NLMSG_DONE:
		t->ended = true;
		error = kseal_genl_error(nlh, t->g->error, sizeof(t->g->error));
		if (!t->error)
			t->error = error;
		return;
	}
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		t->error = -EINTR;
	if (t->cb && !t->error && t->cb(nlh, t->data) < 0)
		t->error = errno ? -errno : -EIO;
}

int kseal_genl_talk(struct kseal_genl *g, struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	char buf[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct talk t = { .g = g, .cb = cb, .data = data };

	/* The acknowledgement is what ends the answers to anything but a dump. */
	if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		nlh->nlmsg_flags |= NLM_F_ACK;
	g->error[0] = '\0';
	if (mnl_socket_sendto(g->sock, nlh, nlh->nlmsg_len) < 0) {
		t.error = -errno;
		t.ended = true;
	}
	while (!t.ended) {
		const struct nlmsghdr *answer = (const struct nlmsghdr *)buf;
		ssize_t got = mnl_socket_recvfrom(g->sock, buf, sizeof(buf));
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			t.error = -errno;
			break;
		}
		for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left))
			if (answer->nlmsg_seq == nlh->nlmsg_seq)
				on_message(&t, answer);
	}
	if (t.error == -EINTR)
		snprintf(g->error, sizeof(g->error), "the list changed while it was read");
	else if (t.error && !g->error[0])
		snprintf(g->error, sizeof(g->error), "%s", strerror(-t.error));
	return t.error;
}

static int on_family(const struct nlmsghdr *nlh, void *data)
{
	struct kseal_genl *g = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) == 0)
			g->family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

struct group_search {
	const char *name;
	uint32_t id;		/* 0: not found */
};

static int on_groups(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr, *group, *field;
	struct group_search *search = data;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(group, attr) {
			const char *name = "";
			uint32_t id = 0;

			mnl_attr_for_each_nested(field, group) {
				if (mnl_attr_get_type(field) == CTRL_ATTR_MCAST_GRP_NAME)
					name = mnl_attr_get_str(field);
				else if (mnl_attr_get_type(field) == CTRL_ATTR_MCAST_GRP_ID)
					id = mnl_attr_get_u32(field);
			}
			if (!strcmp(name, search->name))
				search->id = id;
		}
	}
	return MNL_CB_OK;
}

static int ask_controller(struct kseal_genl *g, mnl_cb_t cb, void *data)
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint16_t family = g->family;
	struct nlmsghdr *nlh;

	g->family = GENL_ID_CTRL;
	nlh = kseal_genl_start(g, buf, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	((struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, KSEAL_GENL_NAME);
	g->family = family;
	return kseal_genl_talk(g, nlh, cb, data);
}

int kseal_genl_join(struct kseal_genl *g, const char *group)
{
	struct group_search search = { .name = group };
	int ret = ask_controller(g, on_groups, &search);

	if (!ret && !search.id)
		ret = -ENOENT;
	if (!ret && mnl_socket_setsockopt(g->sock, NETLINK_ADD_MEMBERSHIP, &search.id,
					  sizeof(search.id)) < 0)
		ret = -errno;
	return ret;
}

int kseal_genl_open(struct kseal_genl *g)
{
	int on = 1;
	int ret;

	memset(g, 0, sizeof(*g));
	g->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!g->sock)
		return -errno;
	/* Not zero, so that a stray message is not taken for the first answer. */
	g->seq = (uint32_t)time(NULL);
	if (mnl_socket_bind(g->sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(g->sock, NETLINK_CAP_ACK, &on, sizeof(on)) < 0 ||
	    mnl_socket_setsockopt(g->sock, NETLINK_EXT_ACK, &on, sizeof(on)) < 0) {
		ret = -errno;
		goto err_close;
	}
	g->portid = mnl_socket_get_portid(g->sock);
	ret = ask_controller(g, on_family, g);
	if (!ret && !g->family)
		ret = -ENOENT;
	if (ret)
		goto err_close;
	return 0;

err_close:
	kseal_genl_close(g);
	return ret;
}

void kseal_genl_close(struct kseal_genl *g)
{
	if (g->sock)
		mnl_socket_close(g->sock);
	g->sock = NULL;
}
