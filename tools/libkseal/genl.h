/* SPDX-License-Identifier: MIT */
/*
 * A generic netlink socket of the kernel's "kseal" family, on libmnl: opened,
 * resolved and ready. Shared by libkseal, the kseal command and kseald; not
 * installed.
 */
#ifndef KSEAL_GENL_H
#define KSEAL_GENL_H

#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>
#include <linux/kseal.h>

struct kseal_genl {
	struct mnl_socket *sock;
	uint32_t portid;
	uint16_t family;	/* the resolved id of KSEAL_GENL_NAME */
	uint32_t seq;		/* of the last request */
	char error[256];	/* the last refusal as text: extack's, or strerror's */
};

/*
 * Opens the socket (NETLINK_CAP_ACK and NETLINK_EXT_ACK set) and resolves the
 * family. Returns 0, or -errno: -ENOENT the module is not loaded.
 */
int kseal_genl_open(struct kseal_genl *g);
void kseal_genl_close(struct kseal_genl *g);

/* Joins a multicast group of the family. Returns 0 or -errno: -ENOENT there is none, -EPERM. */
int kseal_genl_join(struct kseal_genl *g, const char *group);

/*
 * Starts a request in buf (at least 64 bytes): netlink and genetlink headers;
 * attributes are added with mnl_attr_put_*(). flags: NLM_F_ACK, NLM_F_DUMP.
 */
struct nlmsghdr *kseal_genl_start(struct kseal_genl *g, void *buf, uint8_t cmd,
				  uint16_t flags);

/*
 * Sends a request and reads the answers up to its end: calls cb (may be NULL)
 * with each data message. Returns 0 or -errno; g->error has the kernel's text.
 * Not for sockets that registered as a worker: there answers and requests mix.
 */
int kseal_genl_talk(struct kseal_genl *g, struct nlmsghdr *nlh, mnl_cb_t cb,
		    void *data);

/*
 * Reads the extack text of an NLMSG_ERROR message into text (size bytes,
 * always terminated; strerror's text if the kernel gave none). Returns the
 * message's error: 0 or -errno.
 */
int kseal_genl_error(const struct nlmsghdr *nlh, char *text, size_t size);

#endif
