/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The story of a handshake, as the worker tells it while it goes on: text for
 * whoever owns the socket, if it was asked for with KSEAL_SO_EXPLAIN. The
 * kernel keeps it and understands nothing of it.
 */
#ifndef KSEAL_EXPLAIN_H
#define KSEAL_EXPLAIN_H

#include <linux/types.h>

struct kseal_sock;
struct netlink_ext_ack;
struct nlattr;

/**
 * kseal_explain_begin - a handshake begins
 * @ks: its session, socket lock held, process context
 *
 * Gets the memory, all of it at once, if the story was asked for: here it is
 * charged to whoever set the role or called accept(), and not to the worker.
 * Without memory there will be no story, and the handshake goes on.
 */
void kseal_explain_begin(struct kseal_sock *ks);

/* Whether the worker has to tell it. */
bool kseal_explain_wanted(const struct kseal_sock *ks);

/**
 * kseal_explain_check - is it text?
 * @attr: KSEAL_A_EXPLAIN, as the netlink policy has it checked
 * @extack: says what is wrong
 *
 * Printable ASCII in lines: what reaches a terminal has to do no harm there,
 * whoever the worker got it from.
 *
 * Return: 0 or -EINVAL.
 */
int kseal_explain_check(const struct nlattr *attr,
			struct netlink_ext_ack *extack);

/**
 * kseal_explain_append - the story goes on
 * @ks: a session, socket lock held
 * @attr: KSEAL_A_EXPLAIN, checked; NULL: nothing happens
 *
 * Dropped if nobody asked; what is beyond KSEAL_EXPLAIN_MAX is cut, whole
 * lines first, and a mark says so.
 */
void kseal_explain_append(struct kseal_sock *ks, const struct nlattr *attr);

/**
 * kseal_explain_copy - what was told so far
 * @ks: a session
 * @text: gets it, terminated
 * @size: bytes there, at least 1; what is longer is cut
 *
 * Return: the length without the terminator.
 */
size_t kseal_explain_copy(struct kseal_sock *ks, char *text, size_t size);

#endif
