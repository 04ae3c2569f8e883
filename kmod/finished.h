/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client's Finished that the worker has foreseen: the kernel waits for it by
 * itself. What goes before it and beside it in its records is dealt with here.
 */
#ifndef KSEAL_FINISHED_H
#define KSEAL_FINISHED_H

#include <net/netlink.h>
#include <uapi/linux/kseal.h>

#include "install.h"
#include "record.h"

struct kseal_request;
struct kseal_sock;

struct kseal_finished {
	struct kseal_key_pair pair;	/* the session's, when it has come */
	struct kseal_keys *rx;		/* TLS 1.3: of its records */
	u8 message[KSEAL_FINISHED_MAX];
	unsigned int len;		/* bytes of it */
	unsigned int got;		/* that have come */
	unsigned int records;
	bool changed;			/* TLS 1.2: so has ChangeCipherSpec */
	struct kseal_refusal why;	/* it is refused, if there is a reason */
	char text[64];			/* the reason of a refusal by the peer */
	unsigned int behind_records;
	unsigned int behind_len;
	u8 behind[];			/* for TCP then: the first under pair.tx */
};

/**
 * kseal_finished_parse - FINISHED, FINISHED_RX and BEHIND
 * @tb: parsed attributes
 * @pair: the session's keys, taken if there is FINISHED
 * @f: written; for kseal_finished_free(); NULL: there is none
 * @extack: names the attribute on refusal
 *
 * Return: 0, -EINVAL, -ENOMEM, or kseal_install_one()'s.
 */
int kseal_finished_parse(struct nlattr **tb, struct kseal_key_pair *pair,
			 struct kseal_finished **f,
			 struct netlink_ext_ack *extack);

/* Wipes and frees; NULL is fine. Process context. */
void kseal_finished_free(struct kseal_finished *f);

/**
 * kseal_finished_take - judge records of the client
 * @ks: a WAITING session, socket lock held, or in BH with nobody owning it
 * @f: what is expected of it
 * @in: whole records
 * @len: their bytes
 * @used: written: how many bytes were taken, those of a refused record too
 * @gfp: for a record's place
 *
 * Return: 1 it has come, and what is behind it is not used; 0 more is to come; or
 * an errno: -ENOMEM, to be tried again; -EPROTO, -EBADMSG, -EMSGSIZE, -EKEYREJECTED,
 * -ECONNRESET with why filled in, again at every call. No alert is due for one of
 * the client's own.
 */
int kseal_finished_take(struct kseal_sock *ks, struct kseal_finished *f,
			const u8 *in, unsigned int len, unsigned int *used,
			gfp_t gfp);

#endif
