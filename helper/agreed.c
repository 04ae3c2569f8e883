// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a handshake agreed on, but for the keys; see agreed.h.
 */
#include <stdio.h>
#include <string.h>
#include <openssl/obj_mac.h>
#include <openssl/ssl.h>
#include "agreed.h"
#include "psk.h"
#include "verify.h"

/* The name in IANA's registry of supported groups. */
static const char *group_name(SSL *ssl)
{
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
	return SSL_get0_group_name(ssl) ?: "";
#else
	int nid = (int)SSL_get_negotiated_group(ssl);

	switch (nid) {
	case NID_X25519: return "x25519";
	case NID_X9_62_prime256v1: return "secp256r1";
	case NID_secp384r1: return "secp384r1";
	}
	return SSL_group_to_name(ssl, nid) ?: "";
#endif
}

/* RFC 6066 4: bytes of content in a record at most; 0: as the protocol has it. */
static uint32_t record_limit(SSL *ssl)
{
	uint8_t mode = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));

	return mode >= TLSEXT_max_fragment_length_512 && mode <= TLSEXT_max_fragment_length_4096 ?
	       256u << mode : 0;
}

void agreed_describe(SSL *ssl, enum kseal_role role, const char *name, struct tls_session *session)
{
	const char *identity = psk_used(ssl);
	const unsigned char *alpn;
	unsigned int alpn_len;

	session->record_limit = record_limit(ssl);
	session->resumed = SSL_session_reused(ssl) && !identity;
	snprintf(session->suite, sizeof(session->suite), "%s",
		 SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)));
	snprintf(session->group, sizeof(session->group), "%s", group_name(ssl));
	if (role == KSEAL_ROLE_SERVER)
		name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	if (name && (role == KSEAL_ROLE_CLIENT || verify_name_is_dns(name)))
		snprintf(session->server_name, sizeof(session->server_name), "%s", name);
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
	/* at most 255 bytes, RFC 7301 3.1 */
	if (alpn_len)
		memcpy(session->alpn, alpn, alpn_len);
	if (identity)
		snprintf(session->peer_identity, sizeof(session->peer_identity), "%s", identity);
	else
		verify_identity(ssl, session->peer_identity, sizeof(session->peer_identity));
}
