/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The code beside this folder is written against the newest kernel; this file
 * is included before everything else and makes older ones look new. It and
 * compat.c are the only places that know versions. What is asked of the headers
 * (KSEAL_COMPAT_*) is found out by Kbuild.include.
 */
#ifndef KSEAL_COMPAT_H
#define KSEAL_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "kseal needs Linux 6.1 or newer"
#endif

#if __has_include(<crypto/utils.h>)
#include <crypto/utils.h>
#else
#include <crypto/algapi.h>
#endif
#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
#include <linux/bvec.h>
#include <linux/tls.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include <net/tcp.h>

/* proto->accept took flags, err, kern before 6.10; proto_ops->accept flags, kern */
#ifdef KSEAL_COMPAT_ACCEPT
struct proto_accept_arg {
	int flags;
	int err;
	int is_empty;
	bool kern;
};
#endif

static inline struct sock *kseal_compat_accept(const struct proto *base,
					       struct sock *sk,
					       struct proto_accept_arg *arg)
{
#ifdef KSEAL_COMPAT_ACCEPT
	return base->accept(sk, arg->flags, &arg->err, arg->kern);
#else
	return base->accept(sk, arg);
#endif
}

static inline int kseal_compat_ops_accept(const struct proto_ops *base,
					  struct socket *sock,
					  struct socket *child,
					  struct proto_accept_arg *arg)
{
#ifdef KSEAL_COMPAT_ACCEPT
	return base->accept(sock, child, arg->flags, arg->kern);
#else
	return base->accept(sock, child, arg);
#endif
}

#ifndef MSG_SPLICE_PAGES
#define MSG_SPLICE_PAGES 0x8000000
#endif

struct kseal_proto_calls {
	struct sock *(*accept)(struct sock *sk, struct proto_accept_arg *arg);
	int (*sendmsg)(struct sock *sk, struct msghdr *msg, size_t size);
	int (*recvmsg)(struct sock *sk, struct msghdr *msg, size_t len,
		       int flags);
	void (*splice_eof)(struct socket *sock);
};

/**
 * kseal_compat_proto - hang the calls whose form depends on the kernel
 * @prot: a copy of TCP's
 * @calls: in the newest kernel's form
 */
void kseal_compat_proto(struct proto *prot,
			const struct kseal_proto_calls *calls);

/**
 * kseal_compat_ops - likewise for struct proto_ops: no way around sendmsg
 * @ops: a copy of inet's
 * @accept: in the newest kernel's form
 */
void kseal_compat_ops(struct proto_ops *ops,
		      int (*accept)(struct socket *sock, struct socket *child,
				    struct proto_accept_arg *arg));

/**
 * kseal_compat_push - give pages to TCP without copying them
 * @sk: a TCP socket, locked, with a struct socket
 * @vec: pieces of pages that nobody writes to any more
 * @n: how many
 * @bytes: their length in all
 * @flags: MSG_MORE; never waits
 *
 * Return: bytes taken (at least one), or a negative errno.
 */
int kseal_compat_push(struct sock *sk, struct bio_vec *vec, unsigned int n,
		      size_t bytes, int flags);

/* proto->recvmsg had one more argument */
static inline int kseal_compat_recvmsg(const struct proto *base,
				       struct sock *sk, struct msghdr *msg,
				       size_t len, int flags)
{
#ifdef KSEAL_COMPAT_RECVMSG
	int addr_len = 0;

	return base->recvmsg(sk, msg, len, flags, &addr_len);
#else
	return base->recvmsg(sk, msg, len, flags);
#endif
}

static inline struct ubuf_info *kseal_compat_zerocopy_alloc(struct sock *sk,
							    size_t size)
{
#ifdef KSEAL_COMPAT_ZEROCOPY
	return msg_zerocopy_realloc(sk, size, NULL);
#else
	return msg_zerocopy_realloc(sk, size, NULL, false);
#endif
}

/* inet_hashtables.h: the table is the namespace's */
#ifdef KSEAL_COMPAT_HASHINFO
#define KSEAL_HASHINFO(net) (net)->ipv4.tcp_death_row.hashinfo,
#else
#define KSEAL_HASHINFO(net)
#endif
#define kseal_compat_established4(net, ...) \
	__inet_lookup_established(net, KSEAL_HASHINFO(net) __VA_ARGS__)
#define kseal_compat_established6(net, ...) \
	__inet6_lookup_established(net, KSEAL_HASHINFO(net) __VA_ARGS__)
#define kseal_compat_lookup4(net, ...) \
	__inet_lookup_listener(net, KSEAL_HASHINFO(net) __VA_ARGS__)
#define kseal_compat_lookup6(net, ...) \
	inet6_lookup_listener(net, KSEAL_HASHINFO(net) __VA_ARGS__)

/* Pins user memory; there is no such call before 6.3. */
static inline ssize_t kseal_compat_extract_pages(struct iov_iter *iter,
						 struct page ***pages,
						 size_t len, unsigned int max,
						 size_t *offset)
{
#ifdef KSEAL_COMPAT_NO_EXTRACT
	return -EOPNOTSUPP;
#else
	return iov_iter_extract_pages(iter, pages, len, max, 0, offset);
#endif
}

/**
 * kseal_compat_ulp - hang the calls for inet_diag, whose form has changed
 * @ops: the ULP
 * @info: in the newest kernel's form
 * @size: likewise; both are the same for every ULP of ours
 */
void kseal_compat_ulp(struct tcp_ulp_ops *ops,
		      int (*info)(struct sock *sk, struct sk_buff *skb,
				  bool net_admin),
		      size_t (*size)(const struct sock *sk, bool net_admin));

#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN 5
#define TLS_INFO_TX_MAX_PAYLOAD_LEN 7
#endif

#ifdef KSEAL_COMPAT_SOCK_I_UID
#define sk_uid(sk) sock_i_uid(sk)
#endif

#endif
