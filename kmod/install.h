/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys out of a netlink message, both directions or none. */
#ifndef KSEAL_INSTALL_H
#define KSEAL_INSTALL_H

#include <net/genetlink.h>

struct kseal_keys;
struct kseal_sock;

struct kseal_key_pair {
	u16 version;
	u16 cipher;
	struct kseal_keys *tx;
	struct kseal_keys *rx;
};

/**
 * kseal_install_parse - VERSION, CIPHER, TX and RX into ready keys
 * @tb: parsed attributes
 * @one: the next keys of one direction, which TX or RX alone are for
 * @pair: filled in on success
 * @extack: names the attribute on refusal
 *
 * Return: 0; -EINVAL missing, wrong length, or TX and RX equal; -EOPNOTSUPP
 * unknown version or cipher; -ERANGE no record may be sealed under SEQ; or
 * kseal_keys_create()'s.
 */
int kseal_install_parse(struct nlattr **tb, bool one, struct kseal_key_pair *pair,
			struct netlink_ext_ack *extack);

/**
 * kseal_install_one - the keys of a nest into one direction, of records received
 * @tb: parsed attributes; VERSION and CIPHER are there
 * @nest: KSEAL_A_KEYS_*
 * @keys: written
 * @extack: names the attribute on refusal, as one of RX
 *
 * Return: as kseal_install_parse().
 */
int kseal_install_one(struct nlattr **tb, const struct nlattr *nest,
		      struct kseal_keys **keys, struct netlink_ext_ack *extack);

/* Gives the pair to a session under its socket's lock; one of two to a KEYED one.
 * gfp: see kseal_sock_keyed(). Return: 0, or kseal_sock_rekey()'s.
 */
int kseal_install_apply(struct kseal_sock *ks, struct kseal_key_pair *pair,
			gfp_t gfp);

/* Wipes and frees a pair that was not applied. */
void kseal_install_drop(struct kseal_key_pair *pair);

/**
 * kseal_install_message - parse a message that carries keys
 * @info: as received; its family parses nothing for these commands
 * @tb: KSEAL_A_MAX + 1 places
 *
 * So that the caller can wipe it on every path, kseal_install_wipe().
 */
int kseal_install_message(struct genl_info *info, struct nlattr **tb);
void kseal_install_wipe(struct genl_info *info);

/* KSEAL_CMD_INSTALL */
int kseal_install_doit(struct sk_buff *skb, struct genl_info *info);

#endif
