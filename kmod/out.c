// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "gcm/gcm.h"
#include "out.h"

int kseal_out_make(struct kseal_out *out)
{
	if (!out->vec)
		out->vec = kcalloc(KSEAL_OUT_MAX, sizeof(*out->vec),
				   GFP_KERNEL_ACCOUNT);
	return out->vec ? 0 : -ENOMEM;
}

/* ---- the end of the list ---- */

/* Another piece of page memory, up to len bytes; contiguous ones grow the last
 * piece. Returns its length and where it is; 0: no memory, or no place in the
 * list.
 */
static unsigned int add(struct sock *sk, struct kseal_out *out,
			unsigned int len, struct bio_vec *piece)
{
	struct page_frag *frag = sk_page_frag(sk);
	struct bio_vec *vec = NULL;

	if (!sk_page_frag_refill(sk, frag))
		return 0;
	len = min(len, frag->size - frag->offset);
	if (out->end > out->first)
		vec = &out->vec[out->end - 1];
	if (vec && vec->bv_page == frag->page &&
	    vec->bv_offset + vec->bv_len == frag->offset) {
		vec->bv_len += len;
	} else {
		if (out->end == KSEAL_OUT_MAX)
			return 0;
		vec = &out->vec[out->end++];
		get_page(frag->page);
		bvec_set_page(vec, frag->page, len, frag->offset);
	}
	bvec_set_page(piece, frag->page, len, frag->offset);
	frag->offset += len;
	WRITE_ONCE(out->bytes, out->bytes + len);
	return len;
}

/* The page fragment has moved on and stays so. */
void kseal_out_cut(struct kseal_out *out, unsigned int len)
{
	WRITE_ONCE(out->bytes, out->bytes - len);
	while (len) {
		struct bio_vec *vec = &out->vec[out->end - 1];
		unsigned int n = min(len, vec->bv_len);

		vec->bv_len -= n;
		len -= n;
		if (!vec->bv_len) {
			put_page(vec->bv_page);
			out->end--;
		}
	}
}

u8 *kseal_out_reserve(struct sock *sk, struct kseal_out *out, unsigned int len,
		      unsigned int prefix, struct kseal_piece *dst,
		      unsigned int *n)
{
	unsigned int done = 0;
	struct bio_vec piece;
	u8 *start = NULL;

	for (*n = 0; done < len; (*n)++) {
		unsigned int got = *n < KSEAL_PIECES_MAX ?
			add(sk, out, len - done, &piece) : 0;
		/* a fragment has at least 32 bytes: the prefix is in one piece */
		unsigned int skip = done ? 0 : prefix;
		u8 *at;

		if (!got) {
			kseal_out_cut(out, done);
			return NULL;
		}
		at = page_address(piece.bv_page) + piece.bv_offset;
		if (!done)
			start = at;
		dst[*n] = (struct kseal_piece){ at + skip, got - skip };
		done += got;
	}
	return start;
}

int kseal_out_copy(struct sock *sk, struct kseal_out *out, const void *data,
		   size_t len)
{
	struct bio_vec piece;
	size_t done = 0;

	while (done < len) {
		unsigned int got = add(sk, out, len - done, &piece);

		if (!got) {
			kseal_out_cut(out, done);
			return -ENOMEM;
		}
		memcpy(page_address(piece.bv_page) + piece.bv_offset,
		       data + done, got);
		done += got;
	}
	return 0;
}

/* ---- its beginning ---- */

static void drop_taken(struct kseal_out *out, unsigned int taken)
{
	WRITE_ONCE(out->bytes, out->bytes - taken);
	while (taken) {
		struct bio_vec *vec = &out->vec[out->first];
		unsigned int n = min(taken, vec->bv_len);

		vec->bv_offset += n;
		vec->bv_len -= n;
		taken -= n;
		if (!vec->bv_len) {
			put_page(vec->bv_page);
			out->first++;
		}
	}
	if (out->first == out->end)
		out->first = out->end = 0;
}

int kseal_out_push(struct sock *sk, struct kseal_out *out, int flags)
{
	while (out->bytes) {
		int ret;

		/* TCP notes a full buffer on the struct socket */
		if (!sk->sk_socket)
			return -EPIPE;
		/* TCP would take the error, which is the application's */
		if (sk->sk_err)
			return -EPIPE;
		ret = kseal_compat_push(sk, &out->vec[out->first],
					out->end - out->first, out->bytes,
					flags);
		if (ret <= 0)
			return ret ?: -EAGAIN;
		drop_taken(out, ret);
	}
	return 0;
}

int kseal_out_force(struct sock *sk, struct kseal_out *out)
{
	u8 shutdown = sk->sk_shutdown;
	int sndbuf = sk->sk_sndbuf, sk_err = sk->sk_err;
	u32 lowat = tcp_sk(sk)->notsent_lowat;
	unsigned int before;
	int err;

	if (!out->bytes)
		return 0;
	/* an error of ours is no error of TCP's */
	if (sk->sk_state != TCP_CLOSE)
		WRITE_ONCE(sk->sk_err, 0);

	/* inet_shutdown() marks the socket before it tells us */
	WRITE_ONCE(sk->sk_shutdown, shutdown & ~SEND_SHUTDOWN);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, U32_MAX);
	do {
		before = out->bytes;
		/* Room for one more buffer, and not more than that: when memory
		 * is short TCP still charges a socket that goes beyond its
		 * limit, but not one that is below it.
		 */
		WRITE_ONCE(sk->sk_sndbuf, sk->sk_wmem_queued + 1);
		err = kseal_out_push(sk, out, 0);
	} while (err == -EAGAIN && out->bytes < before);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, lowat);
	WRITE_ONCE(sk->sk_sndbuf, sndbuf);
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | shutdown);
	if (sk_err && !sk->sk_err)
		WRITE_ONCE(sk->sk_err, sk_err);
	return err;
}

void kseal_out_drop(struct kseal_out *out)
{
	kseal_out_cut(out, out->bytes);
	out->first = 0;
	out->end = 0;
}

void kseal_out_free(struct kseal_out *out)
{
	kseal_out_drop(out);
	kfree(out->vec);
	out->vec = NULL;
}
