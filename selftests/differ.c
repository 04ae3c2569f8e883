// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls on sockets with the ULP "tls", and what they give: the same on
 * every kernel that implements it, which differ.sh compares.
 *
 *     differ SEED COUNT          so many seeds from SEED on
 *     differ -f FILE             for each line "LABEL SEED DROPPED,DROPPED...":
 *                                that seed without those calls ("-": with all)
 *
 * Each line of the output is "LABEL INDEX.PART END CALL -> RESULT".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "differ/calls.h"

#define CALLS_MAX 80

enum who { TLS_END, ANY_END, PLAIN_END };

struct kind {
	call_fn *call;
	enum who who;
	unsigned int weight;
};

static const struct kind kinds[] = {
	{ call_send, TLS_END, 24 },
	{ call_sendmsg, TLS_END, 20 },
	{ call_sendfile, TLS_END, 8 },
	{ call_splice_to_socket, TLS_END, 8 },
	{ call_recv, TLS_END, 24 },
	{ call_recvmsg, TLS_END, 30 },
	{ call_splice_to_pipe, TLS_END, 10 },
	{ call_poll, TLS_END, 12 },
	{ call_fionread, TLS_END, 3 },
	{ call_get_tls, TLS_END, 8 },
	{ call_set_tls, TLS_END, 10 },
	{ call_wrong_keys, TLS_END, 3 },
	{ call_keys_tx, TLS_END, 1 },
	{ call_keys_rx, TLS_END, 1 },
	{ call_set_other, TLS_END, 6 },
	{ call_get_other, TLS_END, 8 },
	{ call_ulp, TLS_END, 1 },
	{ call_shutdown, TLS_END, 2 },
	{ call_disconnect, TLS_END, 1 },
	{ call_rekey, ANY_END, 8 },
	{ call_feed, PLAIN_END, 60 },
	{ call_feed_rest, PLAIN_END, 12 },
	{ call_feed_end, PLAIN_END, 2 },
};

static unsigned int weight_of(const struct scene *s, const struct kind *k)
{
	bool pair = !s->end[1].plain;

	/* calls that have nothing to do with the directions that have keys */
	if (k->who == PLAIN_END && (pair || !s->rx))
		return 0;
	if (!s->tx && (k->call == call_send || k->call == call_sendmsg ||
		       k->call == call_sendfile || k->call == call_splice_to_socket))
		return 1;
	if (!s->rx && (k->call == call_recv || k->call == call_recvmsg ||
		       k->call == call_splice_to_pipe))
		return 1;
	return k->weight;
}

static const struct kind *pick(const struct scene *s, struct chance *c)
{
	const size_t count = sizeof(kinds) / sizeof(kinds[0]);
	unsigned int total = 0, at, i;

	for (i = 0; i < count; i++)
		total += weight_of(s, &kinds[i]);
	at = chance_below(c, total);
	for (i = 0; at >= weight_of(s, &kinds[i]); i++)
		at -= weight_of(s, &kinds[i]);
	return &kinds[i];
}

static void one_call(struct scene *s)
{
	const struct kind *k;
	struct end *e = &s->end[0];
	struct chance c;

	chance_begin(&c, s->seed, s->index);
	k = pick(s, &c);
	if (k->who == PLAIN_END)
		e = &s->end[1];
	else if (k->who == ANY_END && s->end[1].plain && s->rx && (!s->tx || chance_one_in(&c, 2)))
		e = &s->end[1];
	else if (!s->end[1].plain && chance_one_in(&c, 2))
		e = &s->end[1];
	if (e->fd >= 0)
		k->call(s, e, &c);
}

/* The set-up is calls too: they can be dropped, and another may come between. */
static bool set_up(struct scene *s)
{
	static const struct {
		unsigned int end;
		call_fn *call;
		bool tx, rx;
	} steps[] = {
		{ 0, call_ulp, false, false },
		{ 0, call_keys_tx, true, false },
		{ 0, call_keys_rx, false, true },
		{ 1, call_ulp, false, false },
		{ 1, call_keys_tx, false, true },
		{ 1, call_keys_rx, true, false },
	};
	unsigned int step = s->index / 2;
	struct chance c;

	if (step >= sizeof(steps) / sizeof(steps[0]))
		return false;
	chance_begin(&c, s->seed, s->index);
	if (s->index & 1) {
		if (chance_one_in(&c, 30))
			one_call(s);
		return true;
	}
	if ((steps[step].end && s->end[1].plain) || (steps[step].tx && !s->tx) ||
	    (steps[step].rx && !s->rx))
		return true;
	/* now and then it is forgotten */
	if (!chance_one_in(&c, 100))
		steps[step].call(s, &s->end[steps[step].end], &c);
	return true;
}

static bool is_dropped(const char *dropped, unsigned int index)
{
	while (dropped && *dropped && *dropped != '-') {
		if (strtoul(dropped, NULL, 10) == index)
			return true;
		dropped = strchr(dropped, ',');
		dropped += !!dropped;
	}
	return false;
}

static void run(const char *label, uint64_t seed, const char *dropped)
{
	unsigned int count;
	struct scene s;
	struct chance c;

	scene_open(&s, label, seed);
	chance_begin(&c, seed, 3ULL << 40);
	count = 12 + 5 + chance_below(&c, CALLS_MAX - 17);
	for (s.index = 0; s.index < count; s.index++) {
		s.sub = 0;
		if (!is_dropped(dropped, s.index) && !set_up(&s))
			one_call(&s);
	}
	/* what the end of it sends */
	s.sub = 0;
	call_close(&s, &s.end[0], &c);
	scene_close(&s);
}

static int run_file(const char *path)
{
	static char label[64], dropped[4096];
	FILE *f = fopen(path, "r");
	unsigned long long seed;

	if (!f) {
		perror(path);
		return 1;
	}
	while (fscanf(f, "%63s %llu %4095s", label, &seed, dropped) == 3)
		run(label, seed, dropped);
	fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long long seed, count;
	char label[32];

	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "-f"))
		return run_file(argv[2]);
	if (argc != 3) {
		fprintf(stderr, "usage: differ SEED COUNT | differ -f FILE\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 0);
	for (count = strtoull(argv[2], NULL, 0); count; count--, seed++) {
		snprintf(label, sizeof(label), "%llu", seed);
		run(label, seed, NULL);
	}
	return 0;
}
