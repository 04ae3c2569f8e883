// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <net/netlink.h>

#include "explain.h"
#include "sock.h"

static const char cut_mark[] = "[cut: there is no room for more]\n";

/* what may be told before the mark has to fit behind it */
#define TOLD_MAX	(KSEAL_EXPLAIN_MAX - (sizeof(cut_mark) - 1))

void kseal_explain_begin(struct kseal_sock *ks)
{
	char *text;

	kseal_sock_owned(ks);
	if (!ks->explain.asked)
		return;
	text = kmalloc(KSEAL_EXPLAIN_MAX, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	spin_lock_bh(&ks->text_lock);
	ks->explain.text = text;
	spin_unlock_bh(&ks->text_lock);
}

bool kseal_explain_wanted(const struct kseal_sock *ks)
{
	kseal_sock_owned(ks);
	return ks->explain.text;
}

/* As with the other strings, a terminator is allowed and not needed. */
static size_t text_len(const struct nlattr *attr)
{
	size_t len = nla_len(attr);

	return len && !((const char *)nla_data(attr))[len - 1] ? len - 1 : len;
}

int kseal_explain_check(const struct nlattr *attr,
			struct netlink_ext_ack *extack)
{
	const char *text = nla_data(attr);
	size_t i, len = text_len(attr);

	for (i = 0; i < len; i++)
		if ((text[i] < ' ' || text[i] > '~') && text[i] != '\n') {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "EXPLAIN has bytes that are neither printable ASCII nor newlines");
			return -EINVAL;
		}
	return 0;
}

/* How much of it there is room for, up to the end of a line if there is one. */
static size_t fitting(const char *text, size_t len, size_t room)
{
	size_t n;

	if (len <= room)
		return len;
	for (n = room; n; n--)
		if (text[n - 1] == '\n')
			return n;
	return room;
}

static void put(struct kseal_sock *ks, const char *text, size_t len)
{
	lockdep_assert_held(&ks->text_lock);
	memcpy(ks->explain.text + ks->explain.len, text, len);
	ks->explain.len += len;
}

void kseal_explain_append(struct kseal_sock *ks, const struct nlattr *attr)
{
	size_t len, n;

	kseal_sock_owned(ks);
	if (!attr || !ks->explain.text || ks->explain.cut)
		return;
	len = text_len(attr);
	n = fitting(nla_data(attr), len, TOLD_MAX - ks->explain.len);
	spin_lock_bh(&ks->text_lock);
	put(ks, nla_data(attr), n);
	if (n < len) {
		put(ks, cut_mark, sizeof(cut_mark) - 1);
		ks->explain.cut = true;
	}
	spin_unlock_bh(&ks->text_lock);
}

size_t kseal_explain_copy(struct kseal_sock *ks, char *text, size_t size)
{
	size_t len = 0;

	spin_lock_bh(&ks->text_lock);
	if (ks->explain.text) {
		len = min_t(size_t, ks->explain.len, size - 1);
		memcpy(text, ks->explain.text, len);
	}
	spin_unlock_bh(&ks->text_lock);
	text[len] = '\0';
	return len;
}
