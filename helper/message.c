// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What handshake messages say; see message.h. From above: numbers, extensions,
 * messages, which of them it is.
 */
#include <stdio.h>
#include <string.h>
#include "chain.h"
#include "explain.h"
#include "iana.h"
#include "message.h"
#include "quote.h"
#include "wire.h"

#define ITEMS_MAX	30	/* of a list; more are counted */
#define PROTOCOLS_MAX	8	/* of ALPN: a peer chose how long they are */
#define NAMED_CURVE	3	/* RFC 8422 5.4 */

/* ---- numbers ---- */

/* Numbers of two bytes by their names. */
static bool tell_numbers(struct explain *explain, SSL *ssl, const char *label,
			 enum iana_registry registry, struct bytes numbers)
{
	struct explain_list list = { .most = ITEMS_MAX };
	char text[IANA_TEXT_MAX];
	uint32_t number;

	while (numbers.len) {
		if (!wire_take_number(&numbers, 2, &number))
			return false;
		explain_add(&list, iana_name(registry, ssl, number, text));
	}
	explain_list(explain, label, &list);
	return true;
}

/* One such number, from the front. */
static bool tell_number(struct explain *explain, SSL *ssl, const char *label,
			enum iana_registry registry, struct bytes *from)
{
	char text[IANA_TEXT_MAX];
	uint32_t number;

	if (!wire_take_number(from, 2, &number))
		return false;
	explain_fact(explain, label, "%s", iana_name(registry, ssl, number, text));
	return true;
}

/* ---- extensions ---- */

static bool server_name(struct explain *explain, struct bytes extension)
{
	struct bytes list, name;
	char text[QUOTE_MAX];
	uint32_t type;

	/* in an answer it is empty: taken note of */
	if (!extension.len)
		return true;
	if (!wire_take_vector(&extension, 2, &list) || !wire_take_number(&list, 1, &type) ||
	    !wire_take_vector(&list, 2, &name))
		return false;
	quote_bytes(text, name.at, name.len);
	explain_fact(explain, "server name", "%s", text);
	return true;
}

static bool protocols(struct explain *explain, struct bytes extension)
{
	struct explain_list list = { .most = PROTOCOLS_MAX };
	struct bytes names, name;
	char text[QUOTE_MAX];

	if (!wire_take_vector(&extension, 2, &names))
		return false;
	while (names.len) {
		if (!wire_take_vector(&names, 1, &name))
			return false;
		quote_bytes(text, name.at, name.len);
		explain_add(&list, text);
	}
	explain_list(explain, "ALPN", &list);
	return true;
}

/* What a ClientHello has keys for; a ServerHello's is alone, a HelloRetryRequest's without key. */
static bool client_shares(struct explain *explain, SSL *ssl, struct bytes extension)
{
	struct explain_list list = { .most = ITEMS_MAX };
	struct bytes shares, key;
	char text[IANA_TEXT_MAX];
	uint32_t group;

	if (!wire_take_vector(&extension, 2, &shares))
		return false;
	while (shares.len) {
		if (!wire_take_number(&shares, 2, &group) || !wire_take_vector(&shares, 2, &key))
			return false;
		explain_add(&list, iana_name(IANA_GROUP, ssl, group, text));
	}
	if (list.count)
		explain_list(explain, "key shares", &list);
	else
		explain_fact(explain, "key shares", "none: it asks for a HelloRetryRequest");
	return true;
}

static bool pre_shared_keys(struct explain *explain, struct bytes extension)
{
	struct bytes identities, identity;
	unsigned int n = 0;
	uint32_t age;

	if (!wire_take_vector(&extension, 2, &identities))
		return false;
	for (; identities.len; n++)
		if (!wire_take_vector(&identities, 2, &identity) || !wire_take_number(&identities, 4, &age))
			return false;
	explain_fact(explain, "PSK", "%u offered (tickets of earlier sessions, or external keys)", n);
	return true;
}

/* One extension of a ClientHello, RFC 8446 4.2. again: only what a second one may change. */
static bool client_extension(struct explain *explain, SSL *ssl, uint32_t type, struct bytes extension,
			     bool again)
{
	struct bytes list;

	switch (type) {
	case TLSEXT_TYPE_key_share:
		return client_shares(explain, ssl, extension);
	case TLSEXT_TYPE_psk:
		return pre_shared_keys(explain, extension);
	case TLSEXT_TYPE_early_data:
		explain_fact(explain, "early data", "announced (RFC 8446 4.2.10)");
		return true;
	}
	if (again)
		return true;
	switch (type) {
	case TLSEXT_TYPE_supported_versions:
		return wire_take_vector(&extension, 1, &list) &&
		       tell_numbers(explain, ssl, "versions", IANA_VERSION, list);
	case TLSEXT_TYPE_supported_groups:
		return wire_take_vector(&extension, 2, &list) &&
		       tell_numbers(explain, ssl, "groups", IANA_GROUP, list);
	case TLSEXT_TYPE_signature_algorithms:
		return wire_take_vector(&extension, 2, &list) &&
		       tell_numbers(explain, ssl, "signatures", IANA_SIGNATURE, list);
	case TLSEXT_TYPE_server_name:
		return server_name(explain, extension);
	case TLSEXT_TYPE_application_layer_protocol_negotiation:
		return protocols(explain, extension);
	case TLSEXT_TYPE_status_request:
		explain_fact(explain, "OCSP staple", "asked for");
		return true;
	case TLSEXT_TYPE_session_ticket:
		if (extension.len)
			explain_fact(explain, "ticket", "offered, of TLS 1.2, %zu bytes", extension.len);
		return true;
	}
	return true;
}

/* One of a ServerHello, a HelloRetryRequest or EncryptedExtensions. */
static bool server_extension(struct explain *explain, SSL *ssl, uint32_t type, struct bytes extension)
{
	uint32_t number;

	switch (type) {
	case TLSEXT_TYPE_supported_versions:
		return tell_number(explain, ssl, "version", IANA_VERSION, &extension);
	case TLSEXT_TYPE_key_share:
		return tell_number(explain, ssl, "group", IANA_GROUP, &extension);
	case TLSEXT_TYPE_psk:
		if (!wire_take_number(&extension, 2, &number))
			return false;
		explain_fact(explain, "PSK", "number %u of those offered is taken", number + 1);
		return true;
	case TLSEXT_TYPE_application_layer_protocol_negotiation:
		return protocols(explain, extension);
	case TLSEXT_TYPE_early_data:
		explain_fact(explain, "early data", "accepted");
		return true;
	}
	return true;
}

static bool server_extensions(struct explain *explain, SSL *ssl, struct bytes extensions)
{
	struct bytes extension;
	uint32_t type;

	while (extensions.len)
		if (!wire_take_extension(&extensions, &type, &extension) ||
		    !server_extension(explain, ssl, type, extension))
			return false;
	return true;
}

/* ---- messages ---- */

/* The start that both hellos have: version, random and session. */
static bool take_hello(struct bytes *body, struct bytes *version)
{
	struct bytes random, session;

	return wire_take(body, 2, version) && wire_take(body, SSL3_RANDOM_SIZE, &random) &&
	       wire_take_vector(body, 1, &session);
}

/* Whether there is an extension of this type. */
static bool has_extension(struct bytes extensions, uint32_t wanted)
{
	struct bytes extension;
	uint32_t type;

	while (wire_take_extension(&extensions, &type, &extension))
		if (type == wanted)
			return true;
	return false;
}

/* The version, if it is not in an extension: TLS 1.3 calls itself 1.2 here. */
static void tell_version(struct explain *explain, SSL *ssl, struct bytes version,
			 struct bytes extensions)
{
	if (!has_extension(extensions, TLSEXT_TYPE_supported_versions))
		tell_number(explain, ssl, "version", IANA_VERSION, &version);
}

/* RFC 8446 4.1.2 */
static bool client_hello(struct explain *explain, SSL *ssl, struct bytes body)
{
	struct bytes version, suites, compression, extensions = { NULL, 0 }, extension;
	bool again = explain_retried(explain);
	uint32_t type;

	if (!take_hello(&body, &version) || !wire_take_vector(&body, 2, &suites) ||
	    !wire_take_vector(&body, 1, &compression) ||
	    (body.len && !wire_take_vector(&body, 2, &extensions)))
		return false;
	if (again)
		explain_fact(explain, "again", "as the first one, but for:");
	else
		tell_version(explain, ssl, version, extensions);
	if (!again && !tell_numbers(explain, ssl, "suites", IANA_SUITE, suites))
		return false;
	while (extensions.len)
		if (!wire_take_extension(&extensions, &type, &extension) ||
		    !client_extension(explain, ssl, type, extension, again))
			return false;
	return true;
}

/* RFC 8446 4.1.3 */
static bool server_hello(struct explain *explain, SSL *ssl, struct bytes body)
{
	struct bytes version, suite, extensions = { NULL, 0 };
	uint32_t compression;

	/* TLS 1.2 may have no extensions, not even their length */
	if (!take_hello(&body, &version) || !wire_take(&body, 2, &suite) ||
	    !wire_take_number(&body, 1, &compression) ||
	    (body.len && !wire_take_vector(&body, 2, &extensions)))
		return false;
	tell_version(explain, ssl, version, extensions);
	tell_number(explain, ssl, "suite", IANA_SUITE, &suite);
	return server_extensions(explain, ssl, extensions);
}

/* RFC 8446 4.3.1 */
static bool encrypted_extensions(struct explain *explain, SSL *ssl, struct bytes body)
{
	struct bytes extensions;

	return wire_take_vector(&body, 2, &extensions) && server_extensions(explain, ssl, extensions);
}

/* RFC 8446 4.3.2, 4.2.4; RFC 5246 7.4.4 */
static bool certificate_request(struct explain *explain, SSL *ssl, struct bytes body)
{
	struct bytes context, extensions, extension, list = { NULL, 0 }, name;
	unsigned int n = 0;
	uint32_t type;

	/* the types of certificates in TLS 1.2, and their signatures */
	if (!wire_take_vector(&body, 1, &context) || !wire_take_vector(&body, 2, &extensions))
		return false;
	if (SSL_version(ssl) != TLS1_3_VERSION && !wire_take_vector(&body, 2, &list))
		return false;
	while (SSL_version(ssl) == TLS1_3_VERSION && extensions.len)
		if (!wire_take_extension(&extensions, &type, &extension) ||
		    (type == TLSEXT_TYPE_certificate_authorities &&
		     !wire_take_vector(&extension, 2, &list)))
			return false;
	for (; list.len; n++)
		if (!wire_take_vector(&list, 2, &name))
			return false;
	if (n)
		explain_fact(explain, "authorities", "%u named, one of which has to be behind it", n);
	else
		explain_fact(explain, "authorities", "none named");
	return true;
}

/* RFC 8446 4.4.3, RFC 5246 7.4.8 */
static bool certificate_verify(struct explain *explain, SSL *ssl, struct bytes body)
{
	return tell_number(explain, ssl, "signature", IANA_SIGNATURE, &body);
}

/* RFC 8422 5.4: nothing else is spoken here */
static bool server_key_exchange(struct explain *explain, SSL *ssl, struct bytes body)
{
	struct bytes point;
	uint32_t type;

	return wire_take_number(&body, 1, &type) && type == NAMED_CURVE &&
	       tell_number(explain, ssl, "group", IANA_GROUP, &body) &&
	       wire_take_vector(&body, 1, &point) &&
	       tell_number(explain, ssl, "signature", IANA_SIGNATURE, &body);
}

/* RFC 8446 4.6.1, RFC 5077 3.3 */
static bool new_session_ticket(struct explain *explain, SSL *ssl, struct bytes body)
{
	uint32_t lifetime, age;
	struct bytes nonce, ticket;

	if (!wire_take_number(&body, 4, &lifetime) ||
	    (SSL_version(ssl) == TLS1_3_VERSION &&
	     (!wire_take_number(&body, 4, &age) || !wire_take_vector(&body, 1, &nonce))) ||
	    !wire_take_vector(&body, 2, &ticket))
		return false;
	explain_fact(explain, "ticket", "%zu bytes, for %u s", ticket.len, lifetime);
	return true;
}

/* ---- which of them it is ---- */

#define HEADER_LEN	4	/* RFC 8446 4: type, and 3 bytes of length */

/* RFC 8446 4, RFC 5246 7.4, RFC 6066 8, RFC 8879 4 */
static const struct {
	const char *name;
	bool (*facts)(struct explain *explain, SSL *ssl, struct bytes body);
} messages[] = {
	[0]	= { "HelloRequest", NULL },
	[1]	= { "ClientHello", client_hello },
	[2]	= { "ServerHello", server_hello },
	[4]	= { "NewSessionTicket", new_session_ticket },
	[5]	= { "EndOfEarlyData", NULL },
	[8]	= { "EncryptedExtensions", encrypted_extensions },
	[11]	= { "Certificate", chain_facts },
	[12]	= { "ServerKeyExchange", server_key_exchange },
	[13]	= { "CertificateRequest", certificate_request },
	[14]	= { "ServerHelloDone", NULL },
	[15]	= { "CertificateVerify", certificate_verify },
	[16]	= { "ClientKeyExchange", NULL },
	[20]	= { "Finished", NULL },
	[22]	= { "CertificateStatus", NULL },
	[24]	= { "KeyUpdate", NULL },
	[25]	= { "CompressedCertificate", chain_compressed },
};

#define MESSAGES	(sizeof(messages) / sizeof(messages[0]))

bool message_is_retry(const uint8_t *bytes, size_t len)
{
	/* SHA-256 of "HelloRetryRequest" */
	static const uint8_t retry[SSL3_RANDOM_SIZE] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	return bytes[0] == SSL3_MT_SERVER_HELLO && len >= HEADER_LEN + 2 + sizeof(retry) &&
	       !memcmp(bytes + HEADER_LEN + 2, retry, sizeof(retry));
}

const char *message_name(const uint8_t *bytes, size_t len)
{
	if (message_is_retry(bytes, len))
		return "HelloRetryRequest";
	return bytes[0] < MESSAGES && messages[bytes[0]].name ? messages[bytes[0]].name :
								"unknown message";
}

void message_facts(struct explain *explain, SSL *ssl, const uint8_t *bytes, size_t len)
{
	if (len < HEADER_LEN || bytes[0] >= MESSAGES || !messages[bytes[0]].facts)
		return;
	if (!messages[bytes[0]].facts(explain, ssl, (struct bytes){ bytes + HEADER_LEN, len - HEADER_LEN }))
		explain_fact(explain, "the rest", "could not be read: malformed, or of a form not known here");
}
