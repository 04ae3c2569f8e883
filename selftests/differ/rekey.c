// SPDX-License-Identifier: GPL-2.0-or-later
#include "calls.h"

/* From the plain end to end A. */
static void rekey_from_peer(struct scene *s, struct chance *c)
{
	if (s->peer.fd < 0 || !feed_key_update(s))
		return;
	scene_peer_keys(s, s->peer_gen + 1);
	/* records under the next keys may be there before the keys are */
	if (chance_one_in(c, 2))
		call_feed(s, &s->end[1], c);
	read_until_type(s, &s->end[0], 22);
	if (chance_one_in(c, 2))
		call_poll(s, &s->end[0], c);
	if (chance_one_in(c, 2))
		call_recv(s, &s->end[0], c);
	set_keys(s, &s->end[0], false);
}

static void rekey_from(struct scene *s, struct end *e, struct chance *c)
{
	struct end *to = other(s, e);

	/* half of them with data before that was not ended */
	if (chance_one_in(c, 2))
		call_send(s, e, c);
	if (!chance_one_in(c, 6) && !send_key_update(s, e))
		return;
	set_keys(s, e, true);
	if (chance_one_in(c, 2))
		call_send(s, e, c);
	if (to->plain)
		return;
	read_until_type(s, to, 22);
	if (chance_one_in(c, 2))
		call_poll(s, to, c);
	set_keys(s, to, false);
}

void call_rekey(struct scene *s, struct end *e, struct chance *c)
{
	if (e->plain)
		rekey_from_peer(s, c);
	else
		rekey_from(s, e, c);
}
