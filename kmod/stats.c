// SPDX-License-Identifier: GPL-2.0-only
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "handshake.h"
#include "main.h"
#include "stats.h"

static const char * const names[KSEAL_STAT_COUNT] = {
#define KSEAL_STAT_NAME(id, name) [KSEAL_STAT_##id] = name,
	KSEAL_STATS(KSEAL_STAT_NAME)
#undef KSEAL_STAT_NAME
};

void kseal_stat_add(struct net *net, enum kseal_stat stat, u64 n)
{
	this_cpu_add(kseal_net(net)->stats->value[stat], n);
}

const char *kseal_stat_name(enum kseal_stat stat)
{
	return names[stat];
}

u64 kseal_stat_read(struct net *net, enum kseal_stat stat)
{
	struct kseal_stats __percpu *stats = kseal_net(net)->stats;
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats, cpu)->value[stat]);
	return sum;
}

static int show(struct seq_file *seq, void *v)
{
	struct net *net = seq->private;
	int i;

	for (i = 0; i < KSEAL_STAT_COUNT; i++)
		seq_printf(seq, "%-24s %llu\n", names[i],
			   kseal_stat_read(net, i));
	seq_printf(seq, "%-24s %u\n", KSEAL_GAUGE_HELPERS,
		   kseal_helper_count(net));
	return 0;
}

int kseal_stats_net_init(struct net *net)
{
	struct kseal_net *kn = kseal_net(net);

	kn->stats = alloc_percpu(struct kseal_stats);
	if (!kn->stats)
		return -ENOMEM;
	if (!proc_create_net_single("kseal", 0444, net->proc_net, show, NULL)) {
		free_percpu(kn->stats);
		return -ENOMEM;
	}
	return 0;
}

void kseal_stats_net_exit(struct net *net)
{
	remove_proc_entry("kseal", net->proc_net);
	free_percpu(kseal_net(net)->stats);
}
