// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be done; see advice.h.
 */
#include <stddef.h>
#include <openssl/x509_vfy.h>
#include "advice.h"
#include "tls.h"
#include "verify.h"

/* ---- a certificate that was refused here ---- */

static const char *about_certificate(long result, enum kseal_role role)
{
	switch (result) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return role == KSEAL_ROLE_CLIENT ?
		       "if its issuer is to be trusted, name it: kseald --ca, or ca in kseald.conf; if it is trusted, the server has to send the certificates in between" :
		       "if its issuer is to be trusted, name it: client-ca in kseald.conf; if it is trusted, the client has to send the certificates in between";
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return role == KSEAL_ROLE_CLIENT ?
		       "if its authority is to be trusted, name it: kseald --ca, or ca in kseald.conf" :
		       "if its authority is to be trusted, name it: client-ca in kseald.conf";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "ask for a name that the certificate is for (kseal connect --name), or give the server one for this name";
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "compare its dates above with this machine's clock: set the clock, or have the certificate renewed";
	case X509_V_ERR_CERT_REVOKED:
	case VERIFY_STAPLE_REVOKED:
		return "its owner needs a new certificate";
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return "get a new list of revoked certificates from the authority: crls in kseald.conf";
	case X509_V_ERR_DANE_NO_MATCH:
		return "if the peer has a new key, add its pin: pins in kseald.conf; else somebody else answers";
	case X509_V_ERR_INVALID_PURPOSE:
		return "the certificate is for another purpose (keyUsage, extendedKeyUsage): the peer needs one for this";
	}
	return result >= VERIFY_STAPLE_MISSING ?
	       "the server needs a new OCSP staple, or this machine the right time" :
	       "the peer needs another certificate";
}

/* ---- alerts, RFC 8446 6.2 ---- */

struct advice {
	uint8_t alert;
	const char *here;	/* refused by this end; NULL: nothing to say */
	const char *there;	/* by the peer */
};

static const struct advice advices[] = {
	{ SSL_AD_UNEXPECTED_MESSAGE,
	  "one end breaks the protocol: is it TLS that is spoken at this port?",
	  "one end breaks the protocol; the peer's log may say more" },
	{ SSL_AD_HANDSHAKE_FAILURE,
	  "the ends have no suite, group or kind of certificate in common: compare the ClientHello above with suites and groups in kseald.conf",
	  "the ends have no suite, group or kind of certificate in common: compare the ClientHello above with what the peer has, and suites and groups in kseald.conf" },
	{ SSL_AD_BAD_CERTIFICATE, NULL,
	  "the peer does not take this end's certificate; its log should say why" },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE, NULL,
	  "this end needs a certificate with another kind of key, or for this purpose" },
	{ SSL_AD_CERTIFICATE_REVOKED, NULL, "this end needs a new certificate" },
	{ SSL_AD_CERTIFICATE_EXPIRED, NULL,
	  "compare the dates of this end's certificate with the peer's clock: renew it, or have the clock set" },
	{ SSL_AD_CERTIFICATE_UNKNOWN, NULL,
	  "the peer does not take this end's certificate; its log should say why" },
	{ SSL_AD_UNKNOWN_CA, NULL,
	  "the peer has to trust the issuer of this end's certificate; certificates in between belong into the same file, behind this end's own" },
	{ SSL_AD_ACCESS_DENIED, NULL, "the peer knows who this end is, and does not want it" },
	{ SSL_AD_DECRYPT_ERROR,
	  "a key is not the one that the other end has: compare the external keys, or the peer's certificate with its key",
	  "a key is not the one that the other end has: compare the external keys, or this end's certificate with its key" },
	{ SSL_AD_PROTOCOL_VERSION,
	  "the ends have no version in common: compare versions above with versions in kseald.conf; 1.1 and older are not spoken",
	  "the ends have no version in common: compare versions above with versions in kseald.conf and what the peer speaks" },
	{ SSL_AD_INSUFFICIENT_SECURITY, NULL, "the peer wants stronger suites or keys than this end has" },
	{ SSL_AD_INTERNAL_ERROR, "kseald's log may say more", "something is wrong at the peer; its log may say what" },
	{ SSL_AD_UNRECOGNIZED_NAME, NULL,
	  "the server has nothing of the name that it was asked for: see server name above (kseal connect --name)" },
	{ SSL_AD_UNKNOWN_PSK_IDENTITY, NULL, "the peer does not know the external key: psk in kseald.conf" },
	{ SSL_AD_CERTIFICATE_REQUIRED,
	  "this profile wants clients to have a certificate: give the client one, or see clients in kseald.conf",
	  "the server wants a certificate: name one in the profile (certificate in kseald.conf)" },
	{ SSL_AD_NO_APPLICATION_PROTOCOL,
	  "the ends have no protocol in common: compare ALPN above with alpn in kseald.conf",
	  "the server has none of the protocols that it was offered: see alpn in kseald.conf" },
};

static const char *about_alert(uint8_t alert, bool by_peer)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].alert == alert)
			return by_peer ? advices[i].there : advices[i].here;
	return NULL;
}

const char *advice_for(const SSL *ssl, enum kseal_role role, const struct tls_failure *failure,
		       bool by_peer)
{
	long result = SSL_get_verify_result(ssl);

	if (!by_peer && result != X509_V_OK)
		return about_certificate(result, role);
	return failure->has_alert ? about_alert(failure->alert, by_peer) : NULL;
}
