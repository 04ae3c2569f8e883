// SPDX-License-Identifier: MIT
/* Keys of one's own handshake for one's own socket: KSEAL_CMD_INSTALL. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <kseal.h>
#include "genl.h"
#include "install.h"
#include "socket.h"

#define REQUEST_MAX 512		/* both directions at their longest take 320 bytes */

/* A direction without a key keeps those it has. */
static void put_direction(struct nlmsghdr *nlh, uint16_t type, const struct kseal_keys *keys)
{
	struct nlattr *nest;

	if (!keys->key_len)
		return;
	nest = mnl_attr_nest_start(nlh, type);
	mnl_attr_put(nlh, KSEAL_A_KEYS_KEY, keys->key_len, keys->key);
	mnl_attr_put(nlh, KSEAL_A_KEYS_IV, sizeof(keys->iv), keys->iv);
	mnl_attr_put_u64(nlh, KSEAL_A_KEYS_SEQ, keys->seq);
	if (keys->secret_len)
		mnl_attr_put(nlh, KSEAL_A_KEYS_SECRET, keys->secret_len, keys->secret);
	mnl_attr_nest_end(nlh, nest);
}

void kseal_put_keys(struct nlmsghdr *nlh, const struct kseal_session_keys *keys)
{
	mnl_attr_put_u16(nlh, KSEAL_A_VERSION, keys->version);
	mnl_attr_put_u16(nlh, KSEAL_A_CIPHER, keys->cipher);
	put_direction(nlh, KSEAL_A_TX, &keys->tx);
	put_direction(nlh, KSEAL_A_RX, &keys->rx);
}

static int send_keys(struct kseal_genl *g, int fd, const struct kseal_session_keys *keys)
{
	char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh;
	int err;

	nlh = kseal_genl_start(g, buf, KSEAL_CMD_INSTALL, NLM_F_ACK);
	mnl_attr_put_u32(nlh, KSEAL_A_FD, (uint32_t)fd);
	kseal_put_keys(nlh, keys);
	err = kseal_genl_talk(g, nlh, NULL, NULL);
	explicit_bzero(buf, sizeof(buf));
	return err;
}

static bool fits(const struct kseal_keys *keys)
{
	return keys->key_len <= sizeof(keys->key) && keys->secret_len <= sizeof(keys->secret);
}

int kseal_refuse(int err, const char *why, char *errtext, size_t size)
{
	if (errtext && size)
		snprintf(errtext, size, "%s", why ? why : strerror(-err));
	return err;
}

int kseal_install(int fd, const struct kseal_session_keys *keys, char *errtext, size_t size)
{
	struct kseal_genl g;
	int err;

	if (errtext && size)
		errtext[0] = '\0';
	if (!fits(&keys->tx) || !fits(&keys->rx))
		return kseal_refuse(-EINVAL, "a key or secret is too long", errtext, size);
	/* before the ULP is attached: without the module the socket stays as it is */
	err = kseal_genl_open(&g);
	if (err == -ENOENT)
		return kseal_refuse(-ENOPKG, "kseal.ko is not loaded", errtext, size);
	if (err)
		return kseal_refuse(err, NULL, errtext, size);
	err = kseal_socket_attach(fd);
	if (err) {
		kseal_refuse(err, NULL, errtext, size);
	} else {
		err = send_keys(&g, fd, keys);
		if (err)
			kseal_refuse(err, g.error[0] ? g.error : NULL, errtext, size);
	}
	kseal_genl_close(&g);
	return err;
}
