// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "facts.h"
#include "names.h"

/* One of these for each attribute that is shown, in the order of the text. */
void facts_print(struct print *p, const struct session *s)
{
	const struct {
		unsigned int attr;
		const char *key, *label, *value;
	} strings[] = {
		{ KSEAL_A_LOCAL, "local", "local", s->local },
		{ KSEAL_A_PEER, "peer", "peer", s->peer },
		{ KSEAL_A_PROFILE, "profile", "profile", s->profile },
		{ KSEAL_A_SERVER_NAME, "server_name", "server name", s->server_name },
		{ KSEAL_A_PEER_IDENTITY, "peer_identity", "peer identity", s->identity },
		{ KSEAL_A_ALPN, "alpn", "ALPN", s->alpn },
		{ KSEAL_A_SUITE, "suite", "suite", s->suite },
		{ KSEAL_A_GROUP, "group", "group", s->group },
	};
	size_t i;

	print_number(p, "id", "session", s->id);
	if (session_has(s, KSEAL_A_SESSION_STATE))
		print_name(p, "state", "state", name_state(s->state), s->state);
	if (session_has(s, KSEAL_A_ROLE))
		print_name(p, "role", "role", name_role(s->role), s->role);
	if (s->wrapped)
		print_flag(p, "wrapped", "wrapped by a rule");
	if (s->pass)
		print_flag(p, "pass", "lets plain TCP pass");
	for (i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		if (session_has(s, strings[i].attr))
			print_string(p, strings[i].key, strings[i].label, strings[i].value);
	if (session_has(s, KSEAL_A_VERSION))
		print_name(p, "version", "version", name_version(s->version), s->version);
	if (session_has(s, KSEAL_A_CIPHER))
		print_name(p, "cipher", "cipher", name_cipher(s->cipher), s->cipher);
	if (session_has(s, KSEAL_A_SESSION_TX_RECORDS))
		print_number(p, "tx_records", "sent records", s->tx_records);
	if (session_has(s, KSEAL_A_SESSION_TX_BYTES))
		print_bytes(p, "tx_bytes", "sent", s->tx_bytes);
	if (session_has(s, KSEAL_A_SESSION_RX_RECORDS))
		print_number(p, "rx_records", "received records", s->rx_records);
	if (session_has(s, KSEAL_A_SESSION_RX_BYTES))
		print_bytes(p, "rx_bytes", "received", s->rx_bytes);
	if (session_has(s, KSEAL_A_SESSION_TX_UPDATES))
		print_number(p, "tx_updates", "sent KeyUpdates", s->tx_updates);
	if (session_has(s, KSEAL_A_SESSION_RX_UPDATES))
		print_number(p, "rx_updates", "received KeyUpdates", s->rx_updates);
	if (session_has(s, KSEAL_A_SESSION_AGE))
		print_age(p, "age_ms", "age", s->age);
	if (session_has(s, KSEAL_A_SESSION_UID))
		print_number(p, "uid", "uid", s->uid);
	if (session_has(s, KSEAL_A_SESSION_INODE))
		print_number(p, "inode", "socket inode", s->inode);
	if (session_has(s, KSEAL_A_ERROR))
		print_name(p, "error", "error", strerrorname_np((int)s->error), s->error);
	if (session_has(s, KSEAL_A_ALERT))
		print_name(p, "alert", "alert", name_alert(s->alert), s->alert);
	if (session_has(s, KSEAL_A_REASON))
		print_string(p, "reason", "reason", s->reason);
}
