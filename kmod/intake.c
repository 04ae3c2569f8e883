// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <uapi/linux/kseal.h>

#include "assemble.h"
#include "handshake.h"
#include "intake.h"

/* Received and not yet used up, per request: what one message to the helper
 * may hold twice over.
 */
#define IN_MAX		(2 * KSEAL_BYTES_MAX)

static int grow(struct kseal_request *req, unsigned int size, gfp_t gfp)
{
	u8 *in;

	if (size <= req->in_size)
		return 0;
	size = roundup_pow_of_two(size);
	in = gfpflags_allow_blocking(gfp) ? kvmalloc(size, gfp) :
					    kmalloc(size, gfp);
	if (!in)
		return -ENOMEM;
	if (req->in_len)
		memcpy(in, req->in, req->in_len);
	kvfree(req->in);
	req->in = in;
	req->in_size = size;
	return 0;
}

struct intake {
	struct kseal_request *req;
	gfp_t gfp;
};

static int take(read_descriptor_t *desc, struct sk_buff *skb,
		unsigned int offset, size_t len)
{
	const struct intake *intake = desc->arg.data;
	struct kseal_request *req = intake->req;
	unsigned int n = min_t(size_t, len, IN_MAX - req->in_len);

	desc->error = grow(req, req->in_len + n, intake->gfp);
	if (!desc->error)
		desc->error = skb_copy_bits(skb, offset, req->in + req->in_len, n);
	if (desc->error)
		return 0;
	req->in_len += n;
	desc->count = IN_MAX - req->in_len;
	return n;
}

int kseal_intake(struct kseal_request *req, gfp_t gfp)
{
	struct intake intake = { req, gfp };
	read_descriptor_t desc = { .arg.data = &intake, .count = 1 };

	if (req->in_len < IN_MAX)
		kseal_assemble_tcp(req->sk, &desc, take);
	return desc.error;
}

int kseal_intake_records(const struct kseal_request *req,
			 struct kseal_refusal *why)
{
	unsigned int pos = 0;

	while (req->in_len - pos >= KSEAL_HEADER_LEN) {
		int len = kseal_record_check_handshake(req->in + pos, why);

		if (len < 0)
			return pos ? pos : len;
		len += KSEAL_HEADER_LEN;
		if (pos + len > req->in_len || pos + len > KSEAL_BYTES_MAX)
			break;
		pos += len;
	}
	return pos;
}
