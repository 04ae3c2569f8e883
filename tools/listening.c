// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <libmnl/libmnl.h>
#include "address.h"
#include "listening.h"
#include "session.h"

struct found {
	uint16_t port;
	char *text;
	size_t size, len;
};

static int on_listener(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *diag = mnl_nlmsg_get_payload(nlh);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = diag->id.idiag_sport };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = diag->id.idiag_sport };
	struct found *found = data;
	char address[ADDRESS_MAX];
	int err, n;

	if (ntohs(diag->id.idiag_sport) != found->port)
		return MNL_CB_OK;
	memcpy(&in6.sin6_addr, diag->id.idiag_src, sizeof(in6.sin6_addr));
	memcpy(&in.sin_addr, diag->id.idiag_src, sizeof(in.sin_addr));
	if (diag->idiag_family == AF_INET6)
		err = address_text((struct sockaddr *)&in6, sizeof(in6), address, sizeof(address));
	else
		err = address_text((struct sockaddr *)&in, sizeof(in), address, sizeof(address));
	if (err || strstr(found->text, address))
		return MNL_CB_OK;
	n = snprintf(found->text + found->len, found->size - found->len, "%s%s",
		     found->len ? ", " : "", address);
	if (n > 0 && (size_t)n < found->size - found->len)
		found->len += (size_t)n;
	else
		found->text[found->len] = '\0';
	return MNL_CB_OK;
}

static void ask(struct mnl_socket *sock, uint8_t family, struct found *found)
{
	char buf[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	ssize_t got;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = family;
	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = 1 << TCP_LISTEN;
	if (mnl_socket_sendto(sock, nlh, nlh->nlmsg_len) < 0)
		return;
	do {
		got = mnl_socket_recvfrom(sock, buf, sizeof(buf));
	} while (got > 0 && mnl_cb_run(buf, (size_t)got, family, 0, on_listener, found) > 0);
}

void listening_text(uint16_t port, char *text, size_t size)
{
	struct found found = { .port = port, .text = text, .size = size };
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);

	text[0] = '\0';
	if (!sock)
		return;
	if (!mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID)) {
		ask(sock, AF_INET, &found);
		ask(sock, AF_INET6, &found);
	}
	mnl_socket_close(sock);
}
