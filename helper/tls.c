// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One TLS handshake on OpenSSL; see tls.h. From above: the profile's contexts
 * (SSL_CTX), what OpenSSL reports by callback, the handshake's steps, and what
 * is taken from it at the end.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include "alert.h"
#include "log.h"
#include "tls.h"
#include "verify.h"

/* OpenSSL's default order without ChaCha20, which the kernel part does not have yet. */
#define SUITES	"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"

struct tls_context {
	SSL_CTX *server;	/* NULL without a certificate */
	SSL_CTX *client;
};

struct tls {
	SSL *ssl;		/* owns the two BIOs */
	BIO *in, *out;
	enum kseal_role role;
	uint64_t id;
	char name[KSEAL_NAME_MAX + 1];		/* client: whom we verify */
	bool alert_received, alert_sent;
	uint8_t alert;
	uint8_t client_secret[KEYS_SECRET_MAX];	/* application traffic secrets */
	uint8_t server_secret[KEYS_SECRET_MAX];
	size_t client_secret_len, server_secret_len;
};

/* ---- what OpenSSL reports ---- */

const char *tls_reason(void)
{
	/* The first of the queue: later ones only say who passed it on. */
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) :
						       ERR_reason_error_string(error);

	return reason ?: "unknown error";
}

static const char *handshake_name(uint8_t type)
{
	/* RFC 8446 4 */
	switch (type) {
	case 1: return "ClientHello";
	case 2: return "ServerHello";
	case 4: return "NewSessionTicket";
	case 8: return "EncryptedExtensions";
	case 11: return "Certificate";
	case 13: return "CertificateRequest";
	case 15: return "CertificateVerify";
	case 20: return "Finished";
	case 24: return "KeyUpdate";
	}
	return "unknown message";
}

static void on_message(int sent, int version, int type, const void *buf, size_t len, SSL *ssl,
		       void *arg)
{
	struct tls *tls = SSL_get_app_data(ssl);
	const uint8_t *bytes = buf;

	(void)version;
	(void)arg;
	if (type == SSL3_RT_ALERT && len == 2) {
		tls->alert = bytes[1];
		tls->alert_sent |= sent;
		tls->alert_received |= !sent;
		log_debug("%016llx: alert %s (%u) %s", (unsigned long long)tls->id,
			  alert_name(bytes[1]), bytes[1], sent ? "sent" : "received");
	} else if (type == SSL3_RT_HANDSHAKE && len) {
		log_debug("%016llx: %s (%u) %s, %zu bytes", (unsigned long long)tls->id,
			  handshake_name(bytes[0]), bytes[0], sent ? "sent" : "received", len);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Bytes read from the hex text, 0 if it is not hex or too long. */
static size_t read_secret(const char *hex, uint8_t secret[KEYS_SECRET_MAX])
{
	size_t len;

	for (len = 0; hex[2 * len]; len++) {
		int high = hex_value(hex[2 * len]);
		int low = high < 0 ? -1 : hex_value(hex[2 * len + 1]);

		if (low < 0 || len == KEYS_SECRET_MAX)
			return 0;
		secret[len] = (uint8_t)(high << 4 | low);
	}
	return len;
}

/* A line of the NSS key log: label, client random, secret. The one way to a traffic secret. */
static void on_keylog(const SSL *ssl, const char *line)
{
	static const char client[] = "CLIENT_TRAFFIC_SECRET_0 ";
	static const char server[] = "SERVER_TRAFFIC_SECRET_0 ";
	struct tls *tls = SSL_get_app_data(ssl);
	const char *hex = strrchr(line, ' ');

	if (!hex)
		return;
	if (!strncmp(line, client, strlen(client)))
		tls->client_secret_len = read_secret(hex + 1, tls->client_secret);
	else if (!strncmp(line, server, strlen(server)))
		tls->server_secret_len = read_secret(hex + 1, tls->server_secret);
}

/* ---- contexts ---- */

/* A key with a passphrase must fail, not ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* What is not consumed must stay in the BIO: the kernel opens it. */
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_msg_callback(ctx, on_message);
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
	/* Tickets are records under the application key: the first sequence number says none. */
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, SUITES) ||
#if OPENSSL_VERSION_NUMBER < 0x30500000L	/* later defaults start with X25519MLKEM768 */
	    !SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") ||
#endif
	    !SSL_CTX_set_num_tickets(ctx, 0)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int load_certificate(SSL_CTX *ctx, const struct tls_context_files *files, char *why,
			    size_t size)
{
	bool loaded;

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, files->cert) != 1) {
		snprintf(why, size,
			 "--cert %s: no certificate could be read (%s): give a PEM file with the server's certificate first, then the intermediates",
			 files->cert, tls_reason());
		goto out;
	}
	loaded = SSL_CTX_use_PrivateKey_file(ctx, files->key, SSL_FILETYPE_PEM) == 1;
	/* A key of another type than the certificate's is only found by the second call. */
	if (loaded && SSL_CTX_check_private_key(ctx) == 1)
		return 0;
	if (loaded || ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509)
		snprintf(why, size,
			 "--key %s is not the key of --cert %s: give the pair that was made together",
			 files->key, files->cert);
	else
		snprintf(why, size,
			 "--key %s: no private key could be read (%s): give a PEM file without passphrase that kseald may read",
			 files->key, tls_reason());
out:
	ERR_clear_error();
	return -1;
}

struct tls_context *tls_context_new(const struct tls_context_files *files, char *why, size_t size)
{
	struct tls_context *ctx = calloc(1, sizeof(*ctx));

	snprintf(why, size, "no memory for OpenSSL's contexts");
	if (!ctx)
		return NULL;
	ctx->client = context_new(TLS_client_method());
	if (!ctx->client || verify_trust(ctx->client, files->ca, why, size))
		goto err_free;
	if (!files->cert)
		return ctx;
	ctx->server = context_new(TLS_server_method());
	if (!ctx->server || load_certificate(ctx->server, files, why, size))
		goto err_free;
	return ctx;

err_free:
	tls_context_free(ctx);
	return NULL;
}

void tls_context_free(struct tls_context *ctx)
{
	if (!ctx)
		return;
	SSL_CTX_free(ctx->server);
	SSL_CTX_free(ctx->client);
	free(ctx);
}

bool tls_context_can_serve(const struct tls_context *ctx)
{
	return ctx->server;
}

void tls_context_describe(const struct tls_context *ctx, char *text, size_t size)
{
	X509 *cert = ctx->server ? SSL_CTX_get0_certificate(ctx->server) : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;

	if (cert && bio) {
		EVP_PKEY *key = SSL_CTX_get0_privatekey(ctx->server);

		X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
		BIO_puts(bio, ", valid until ");
		ASN1_TIME_print(bio, X509_get0_notAfter(cert));
		BIO_printf(bio, ", key %s %d bits", EVP_PKEY_get0_type_name(key),
			   EVP_PKEY_get_bits(key));
	} else if (bio) {
		BIO_puts(bio, "none: clients only");
	}
	if (bio)
		len = BIO_read(bio, text, (int)size - 1);
	text[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

/* ---- one handshake ---- */

void tls_fail(struct tls_failure *failure, int error, const char *fmt, ...)
{
	va_list args;

	memset(failure, 0, sizeof(*failure));
	failure->error = error;
	va_start(args, fmt);
	vsnprintf(failure->reason, sizeof(failure->reason), fmt, args);
	va_end(args);
}

/* Whom a client wants; false: failure says what is wrong with the name. */
static bool set_name(struct tls *tls, const char *name, struct tls_failure *failure)
{
	size_t len = name ? strlen(name) : 0;

	/* RFC 6066 3: without the trailing dot */
	if (len && name[len - 1] == '.')
		len--;
	if (!len) {
		tls_fail(failure, EDESTADDRREQ,
			 "no server name: set KSEAL_SO_SERVER_NAME to whom the certificate must be for");
		return false;
	}
	if (len > KSEAL_NAME_MAX) {
		tls_fail(failure, EINVAL, "the server name is longer than %d bytes",
			 KSEAL_NAME_MAX);
		return false;
	}
	memcpy(tls->name, name, len);
	if (!verify_name_is_address(tls->name) && !verify_name_is_dns(tls->name)) {
		tls->name[0] = '\0';
		tls_fail(failure, EINVAL,
			 "the server name is neither an address nor a DNS name (international names: the xn-- form)");
		return false;
	}
	return true;
}

/* True: tls->ssl is ready for its first step. */
static bool set_ssl(struct tls *tls, SSL_CTX *ctx)
{
	tls->ssl = SSL_new(ctx);
	if (!tls->ssl)
		return false;
	SSL_set_app_data(tls->ssl, tls);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->in || !tls->out) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		return false;
	}
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	if (tls->role == KSEAL_ROLE_SERVER) {
		SSL_set_accept_state(tls->ssl);
		return true;
	}
	SSL_set_connect_state(tls->ssl);
	if (verify_expect(tls->ssl, tls->name))
		return false;
	/* RFC 6066 3: addresses are not sent */
	return verify_name_is_address(tls->name) ||
	       SSL_set_tlsext_host_name(tls->ssl, tls->name);
}

struct tls *tls_new(const struct tls_context *ctx, enum kseal_role role, const char *name,
		    uint64_t id, struct tls_failure *failure)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		return NULL;
	}
	tls->role = role;
	tls->id = id;
	if (role == KSEAL_ROLE_CLIENT && !set_name(tls, name, failure))
		goto err_free;
	if (role == KSEAL_ROLE_SERVER && !ctx->server) {
		tls_fail(failure, EINVAL,
			 "the profile has no certificate to serve with: start kseald with --cert and --key");
		goto err_free;
	}
	if (!set_ssl(tls, role == KSEAL_ROLE_SERVER ? ctx->server : ctx->client)) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		goto err_free;
	}
	return tls;

err_free:
	tls_free(tls);
	return NULL;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	OPENSSL_cleanse(tls, sizeof(*tls));
	free(tls);
}

static void explain(struct tls *tls, struct tls_failure *failure)
{
	char reason[KSEAL_REASON_MAX + 1];

	if (verify_refused(tls->ssl, tls->name, reason, sizeof(reason)))
		tls_fail(failure, EKEYREJECTED, "%s", reason);
	else if (tls->alert_received)
		tls_fail(failure, alert_is_rejection(tls->alert) ? EKEYREJECTED : EPROTO,
			 "the peer refused: alert %s (%u)", alert_name(tls->alert), tls->alert);
	else if (tls->alert_sent)
		tls_fail(failure, EPROTO, "the handshake failed: %s; alert %s (%u) was sent",
			 tls_reason(), alert_name(tls->alert), tls->alert);
	else
		tls_fail(failure, EPROTO, "the handshake failed: %s", tls_reason());
	failure->has_alert = tls->alert_received || tls->alert_sent;
	failure->alert = tls->alert;
}

enum tls_step tls_feed(struct tls *tls, const void *bytes, size_t len, size_t *consumed,
		       struct tls_failure *failure)
{
	int ret;

	ERR_clear_error();
	/* What tls_output() lent out is taken back here. */
	(void)BIO_reset(tls->out);
	*consumed = 0;
	if (len && BIO_write(tls->in, bytes, (int)len) != (int)len) {
		tls_fail(failure, ENOMEM, "kseald is out of memory");
		return TLS_STEP_FAILED;
	}
	ret = SSL_do_handshake(tls->ssl);
	*consumed = len - BIO_ctrl_pending(tls->in);
	/* Empty while OpenSSL wants more; were it not, the kernel would send the same again. */
	(void)BIO_reset(tls->in);
	if (ret == 1)
		return TLS_STEP_DONE;
	if (SSL_get_error(tls->ssl, ret) == SSL_ERROR_WANT_READ)
		return TLS_STEP_MORE;
	explain(tls, failure);
	ERR_clear_error();
	return TLS_STEP_FAILED;
}

size_t tls_output(struct tls *tls, const uint8_t **bytes)
{
	char *data;
	long len = BIO_get_mem_data(tls->out, &data);

	*bytes = (const uint8_t *)data;
	return len > 0 ? (size_t)len : 0;
}

/* ---- what was agreed on ---- */

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

static void describe(struct tls *tls, struct tls_session *session)
{
	const char *name = tls->name;

	snprintf(session->suite, sizeof(session->suite), "%s",
		 SSL_CIPHER_standard_name(SSL_get_current_cipher(tls->ssl)));
	snprintf(session->group, sizeof(session->group), "%s", group_name(tls->ssl));
	if (tls->role == KSEAL_ROLE_SERVER)
		name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
	if (name && (tls->role == KSEAL_ROLE_CLIENT || verify_name_is_dns(name)))
		snprintf(session->server_name, sizeof(session->server_name), "%s", name);
	verify_identity(tls->ssl, session->peer_identity, sizeof(session->peer_identity));
}

int tls_session(struct tls *tls, struct tls_session *session, struct tls_failure *failure)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	const struct keys_suite *suite = keys_suite(SSL_CIPHER_get_protocol_id(cipher));
	bool server = tls->role == KSEAL_ROLE_SERVER;

	memset(session, 0, sizeof(*session));
	if (SSL_version(tls->ssl) != TLS1_3_VERSION || !suite ||
	    tls->client_secret_len != suite->secret_len ||
	    tls->server_secret_len != suite->secret_len) {
		tls_fail(failure, EPROTO, "kseald has no traffic secrets for what was agreed on: %s",
			 SSL_CIPHER_get_name(cipher));
		return -1;
	}
	if (keys_derive(&session->tx, suite, server ? tls->server_secret : tls->client_secret) ||
	    keys_derive(&session->rx, suite, server ? tls->client_secret : tls->server_secret)) {
		tls_session_wipe(session);
		tls_fail(failure, ENOMEM, "kseald could not derive the traffic keys");
		return -1;
	}
	session->version = TLS1_3_VERSION;
	describe(tls, session);
	return 0;
}

void tls_session_wipe(struct tls_session *session)
{
	OPENSSL_cleanse(session, sizeof(*session));
}
