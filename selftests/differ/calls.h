/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls. Each draws its arguments from its own stream of chance, so that it
 * is the same call whichever others are dropped, and prints its line; a few
 * make several calls that belong together.
 */
#ifndef DIFFER_CALLS_H
#define DIFFER_CALLS_H

#include "scene.h"

typedef void call_fn(struct scene *s, struct end *e, struct chance *c);

/* sending.c */
call_fn call_send, call_sendmsg, call_sendfile, call_splice_to_socket;
/* Sends a KeyUpdate as an application does, by cmsg. Returns whether it went. */
bool send_key_update(struct scene *s, struct end *e);

/* receiving.c */
call_fn call_recv, call_recvmsg, call_splice_to_pipe, call_poll, call_fionread;
/* Reads until a record of this type came, or nothing. */
bool read_until_type(struct scene *s, struct end *e, int type);

/* option.c */
call_fn call_ulp, call_keys_tx, call_keys_rx, call_wrong_keys, call_set_tls, call_get_tls,
	call_set_other, call_get_other, call_shutdown, call_disconnect, call_close;
/* The next keys of a direction. Returns whether they were taken. */
bool set_keys(struct scene *s, struct end *e, bool tx);

/* feed.c: end B is plain, and writes records for end A */
call_fn call_feed, call_feed_rest, call_feed_end;
bool feed_key_update(struct scene *s);

/* rekey.c: the whole of a KeyUpdate, in either direction */
call_fn call_rekey;

#endif
