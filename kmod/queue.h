/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP's receive queue, looked at without taking from it. What lies there may be
 * the sender's page cache, spliced over loopback: it can change at any time.
 * All functions: under the socket lock, or in BH with nobody owning the socket.
 */
#ifndef KSEAL_QUEUE_H
#define KSEAL_QUEUE_H

#include <linux/types.h>

struct kseal_piece;
struct sock;

/**
 * kseal_queue_peek - copy bytes
 * @sk: a TCP socket
 * @skip: bytes after those that were read
 * @to: written
 * @len: how many
 *
 * Return: whether they are all there.
 */
bool kseal_queue_peek(struct sock *sk, u32 skip, u8 *to, unsigned int len);

/**
 * kseal_queue_run - the bytes that lie in one piece with the next one
 * @sk: a TCP socket
 * @skip: bytes after those that were read
 * @run: written; empty if there is none that we can read
 *
 * Good until the socket lock is given up, or what came meanwhile is let in.
 */
void kseal_queue_run(struct sock *sk, u32 skip, struct kseal_piece *run);

/**
 * kseal_queue_find - where bytes lie
 * @sk: a TCP socket
 * @skip: bytes after those that were read
 * @len: how many; they are there
 * @piece: @max pieces, written; good until the socket lock is given up
 * @max: at most so many
 *
 * Return: how many there are; 0: more than @max, or not where we can read.
 */
unsigned int kseal_queue_find(struct sock *sk, u32 skip, unsigned int len,
			      struct kseal_piece *piece, unsigned int max);

#endif
