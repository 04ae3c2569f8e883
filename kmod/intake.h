/* SPDX-License-Identifier: GPL-2.0-only */
/* A handshake's bytes: out of TCP's queue, until they are whole records. */
#ifndef KSEAL_INTAKE_H
#define KSEAL_INTAKE_H

#include <linux/types.h>

#include "record.h"

struct kseal_request;

/* What may be taken in BH, where memory is charged to nobody: a usual hello. */
#define KSEAL_INTAKE_BH_MAX	4096

/**
 * kseal_intake - take what TCP has
 * @req: the request, its socket locked, or in BH with nobody owning it
 * @gfp: for the bytes' place
 *
 * Return: 0, or -ENOMEM: the rest stays in TCP.
 */
int kseal_intake(struct kseal_request *req, gfp_t gfp);

/**
 * kseal_intake_records - how much of what was taken can be given to a worker
 * @req: the request, as above
 * @why: filled in when a record is refused
 *
 * Return: bytes of whole records at the start, no more than one message holds;
 * or an errno: what comes first is no record of a handshake (RFC 8446 5.1).
 */
int kseal_intake_records(const struct kseal_request *req,
			 struct kseal_refusal *why);

#endif
