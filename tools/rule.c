// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include "address.h"
#include "query.h"
#include "rule.h"

#define REQUEST_MAX 512

static socklen_t address_size(const struct rule_address *address)
{
	return address->sa.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

void rule_address_text(const struct rule_address *address, char text[ADDRESS_MAX])
{
	/* the port stands in the same place in both */
	if (address->any)
		snprintf(text, ADDRESS_MAX, "*:%u", ntohs(address->in.sin_port));
	else if (address_text(&address->sa, address_size(address), text, ADDRESS_MAX))
		text[0] = '\0';
}

static int talk(uint8_t cmd, uint16_t flags, const struct rule_address *address,
		const char *profile, bool ahead, mnl_cb_t cb, void *data, char *error, size_t size)
{
	char buf[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh;
	struct kseal_genl g;
	int err = query_open(&g, error, size);

	if (err)
		return err;
	nlh = kseal_genl_start(&g, buf, cmd, flags);
	if (address)
		mnl_attr_put(nlh, KSEAL_A_LOCAL, address_size(address), &address->sa);
	if (address && address->any)
		mnl_attr_put(nlh, KSEAL_A_WRAP_ANY, 0, NULL);
	if (profile)
		mnl_attr_put_strz(nlh, KSEAL_A_PROFILE, profile);
	if (ahead)
		mnl_attr_put(nlh, KSEAL_A_WRAP_AHEAD, 0, NULL);
	return query(&g, nlh, cb, data, error, size);
}

int rule_add(const struct rule_address *address, const char *profile, unsigned int how,
	     char *error, size_t size)
{
	uint16_t flags = how & RULE_NEW ? NLM_F_ACK | NLM_F_EXCL : NLM_F_ACK;

	return talk(KSEAL_CMD_WRAP, flags, address, profile, how & RULE_AHEAD, NULL, NULL, error, size);
}

int rule_remove(const struct rule_address *address, char *error, size_t size)
{
	return talk(KSEAL_CMD_UNWRAP, NLM_F_ACK, address, NULL, false, NULL, NULL, error, size);
}

/* ---- the list ---- */

static void read_rule(const struct nlmsghdr *nlh, struct rule *rule)
{
	struct rule_address address = { .any = false };
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		size_t len = mnl_attr_get_payload_len(attr);
		const void *value = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case KSEAL_A_LOCAL:
			if (len <= sizeof(address.in6))
				memcpy(&address.sa, value, len);
			break;
		case KSEAL_A_WRAP_ANY:
			address.any = true;
			break;
		case KSEAL_A_PROFILE:
			free(rule->profile);
			rule->profile = strndup(value, len);
			break;
		case KSEAL_A_WRAP_LISTENERS:
			if (len == sizeof(rule->listeners))
				memcpy(&rule->listeners, value, len);
			break;
		}
	}
	rule_address_text(&address, rule->address);
}

static int add_rule(const struct nlmsghdr *nlh, void *data)
{
	struct rule_list *list = data;
	struct rule *more = reallocarray(list->at, list->count + 1, sizeof(*more));

	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	list->at = more;
	memset(&list->at[list->count], 0, sizeof(*list->at));
	read_rule(nlh, &list->at[list->count++]);
	return MNL_CB_OK;
}

int rule_list(struct rule_list *list, char *error, size_t size)
{
	int err;

	memset(list, 0, sizeof(*list));
	err = talk(KSEAL_CMD_WRAP_GET, NLM_F_DUMP, NULL, NULL, false, add_rule, list, error, size);
	if (err)
		rule_list_free(list);
	return err;
}

void rule_list_free(struct rule_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->at[i].profile);
	free(list->at);
	memset(list, 0, sizeof(*list));
}
