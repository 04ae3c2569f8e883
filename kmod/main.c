// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <net/net_namespace.h>

#include "aead.h"
#include "handshake.h"
#include "main.h"
#include "mainline.h"
#include "netlink.h"
#include "sock.h"
#include "stash.h"
#include "wrap.h"

unsigned int kseal_net_id;
struct workqueue_struct *kseal_wq;

unsigned int kseal_handshake_timeout_ms = 15000;
module_param_named(handshake_timeout_ms, kseal_handshake_timeout_ms, uint, 0644);
MODULE_PARM_DESC(handshake_timeout_ms, "time limit of a handshake, ms (15000)");

unsigned int kseal_max_handshakes = 16384;
module_param_named(max_handshakes, kseal_max_handshakes, uint, 0644);
MODULE_PARM_DESC(max_handshakes,
		 "handshakes under way at once in a network namespace (16384)");

static int __net_init net_init(struct net *net)
{
	struct kseal_net *kn = kseal_net(net);

	spin_lock_init(&kn->lock);
	xa_init_flags(&kn->sessions, XA_FLAGS_LOCK_BH);
	INIT_LIST_HEAD(&kn->helpers);
	INIT_LIST_HEAD(&kn->left);
	hash_init(kn->requests);
	kseal_wrap_net_init(net);
	return kseal_stats_net_init(net);
}

/* No socket is left: each holds its namespace until it is destroyed. */
static void __net_exit net_exit(struct net *net)
{
	kseal_wrap_net_exit(net);
	WARN_ON_ONCE(!xa_empty(&kseal_net(net)->sessions));
	kseal_helper_exit(net);
	kseal_stats_net_exit(net);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &kseal_net_id,
	.size = sizeof(struct kseal_net),
};

static int __init kseal_init(void)
{
	int err;

	err = kseal_aead_choose();
	if (err)
		return err;
	kseal_wq = alloc_workqueue("kseal", WQ_UNBOUND, 512);
	if (!kseal_wq)
		return -ENOMEM;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto destroy_wq;
	err = kseal_netlink_init();
	if (err)
		goto unregister_pernet;
	/* The ULPs last, and first the one whose name may be taken: a socket
	 * that got a ULP would be left with freed code if we failed.
	 */
	err = kseal_mainline_init();
	if (err)
		goto exit_netlink;
	err = kseal_sock_init();
	if (err)
		goto exit_mainline;
	return 0;

exit_mainline:
	kseal_mainline_exit();
exit_netlink:
	kseal_netlink_exit();
unregister_pernet:
	unregister_pernet_subsys(&net_ops);
destroy_wq:
	destroy_workqueue(kseal_wq);
	return err;
}

static void __exit kseal_exit(void)
{
	kseal_sock_exit();
	kseal_mainline_exit();
	kseal_netlink_exit();
	/* the last works put their requests, which need the namespaces */
	flush_workqueue(kseal_wq);
	unregister_pernet_subsys(&net_ops);
	destroy_workqueue(kseal_wq);
	kseal_stash_exit();
}

module_init(kseal_init);
module_exit(kseal_exit);
MODULE_DESCRIPTION("TLS records on TCP sockets, sealed and opened in the kernel");
MODULE_LICENSE("GPL");
MODULE_VERSION(KSEAL_VERSION);
MODULE_ALIAS_TCP_ULP("kseal");
MODULE_ALIAS_GENL_FAMILY(KSEAL_GENL_NAME);
