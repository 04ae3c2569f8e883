// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the handshakes of a profile share; see context.h. From above: what both
 * roles have, ALPN, the two roles, the context as a whole, its description.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include "alpn.h"
#include "certs.h"
#include "context.h"
#include "files.h"
#include "kernel.h"
#include "keys.h"
#include "psk.h"
#include "secrets.h"
#include "sessions.h"
#include "tickets.h"
#include "tls.h"
#include "verify.h"

#define LIST_MAX	1024
/* 112 bits: RSA of 2048 bits, no SHA-1 */
#define SECURITY_LEVEL	2

struct context {
	atomic_uint users;
	struct settings settings;
	struct certs *certs;		/* of servers; NULL: none */
	SSL_CTX *plain;			/* of servers that have keys alone; NULL: none */
	SSL_CTX *client;		/* NULL: no client handshakes */
	struct psk *psk;		/* NULL: none */
	struct tickets *tickets;	/* of servers; NULL: none */
	struct sessions *resumable;	/* of clients; NULL: none */
	uint8_t sessions[SHA256_DIGEST_LENGTH];	/* where its sessions are resumed */
	struct alpn alpn;
};

/* ---- suites, groups, versions ---- */

static bool may_be_used(const struct settings *settings, const struct keys_suite *suite)
{
	/* those of RSA key transport have to be allowed, named or not */
	return (suite->id >> 8 || settings->rsa_key_transport) &&
	       kernel_has_cipher(suite->cipher);
}

static bool append(char *list, const char *name)
{
	size_t len = strlen(list);

	return snprintf(list + len, LIST_MAX - len, "%s%s", len ? ":" : "", name) <
	       (int)(LIST_MAX - len);
}

static const struct keys_suite *suite_named(const char *name)
{
	const struct keys_suite *suite;
	size_t i;

	for (i = 0; (suite = keys_suite_at(i)); i++)
		if (!strcmp(suite->name, name))
			return suite;
	return NULL;
}

/* Those of a version into OpenSSL's form. With external keys those of their hash
 * come first: OpenSSL chooses the suite before it looks at the key.
 */
static bool list_suites(const struct settings *settings, uint16_t version, char *list)
{
	const struct keys_suite *suite;
	size_t i, n = settings->suites.count;
	int pass;

	list[0] = '\0';
	for (pass = settings->psk ? 0 : 1; pass < 2; pass++) {
		for (i = 0; (suite = n ? i < n ? suite_named(settings->suites.at[i]) : NULL :
					 keys_suite_at(i)); i++) {
			bool first = settings->psk && !strcmp(suite->digest, "SHA256");

			if (suite->version != version || first == pass ||
			    !may_be_used(settings, suite) ||
			    (!n && suite->cipher == KSEAL_CIPHER_AES_CCM_128))
				continue;
			if (!append(list, OPENSSL_cipher_name(suite->name)))
				return false;
		}
	}
	return true;
}

static int check_suites(const struct settings *settings, char *why, size_t size)
{
	size_t i;

	for (i = 0; i < settings->suites.count; i++) {
		const struct keys_suite *suite = suite_named(settings->suites.at[i]);

		if (suite && may_be_used(settings, suite))
			continue;
		snprintf(why, size, !suite ?
			 "suites: %s is none that kseald knows: kseald.conf(5) has a list" :
			 !kernel_has_cipher(suite->cipher) ?
			 "suites: this kernel has not the cipher of %s" :
			 "suites: %s needs rsa-key-transport = yes", settings->suites.at[i]);
		return -1;
	}
	return 0;
}

static int set_suites(SSL_CTX *ctx, const struct settings *settings, char *why, size_t size)
{
	uint16_t min = settings->version_min ?: KSEAL_VERSION_1_2;
	uint16_t max = settings->version_max ?: KSEAL_VERSION_1_3;
	char tls12[LIST_MAX], tls13[LIST_MAX];

	if (check_suites(settings, why, size))
		return -1;
	if (!list_suites(settings, KSEAL_VERSION_1_2, tls12) ||
	    !list_suites(settings, KSEAL_VERSION_1_3, tls13)) {
		snprintf(why, size, "suites: there are too many of them");
		return -1;
	}
	if (!tls13[0] && max == KSEAL_VERSION_1_3)
		max = KSEAL_VERSION_1_2;
	if (!tls12[0] && min == KSEAL_VERSION_1_2)
		min = KSEAL_VERSION_1_3;
	if (settings->psk && max == KSEAL_VERSION_1_2) {
		snprintf(why, size, "psk: keys without certificates are of TLS 1.3, which is not allowed here");
		return -1;
	}
	if (min > max) {
		snprintf(why, size, "suites: there is none for the versions that are allowed");
		return -1;
	}
	snprintf(why, size, "OpenSSL does not take the suites: %s:%s", tls13, tls12);
	return SSL_CTX_set_min_proto_version(ctx, min) &&
	       SSL_CTX_set_max_proto_version(ctx, max) &&
	       (!tls13[0] || SSL_CTX_set_ciphersuites(ctx, tls13)) &&
	       (!tls12[0] || SSL_CTX_set_cipher_list(ctx, tls12)) ? 0 : -1;
}

#if OPENSSL_VERSION_NUMBER < 0x30500000L
#define GROUPS "X25519:P-256:P-384"
#define LACKS "X25519MLKEM768, which OpenSSL 3.5 has"
#else
#define GROUPS "X25519MLKEM768:X25519:P-256:P-384"
#define LACKS NULL
#endif

const char *context_lacks(void)
{
	return LACKS;
}

static void list_groups(const struct settings *settings, char *list)
{
	list[0] = '\0';
	for (size_t i = 0; i < settings->groups.count; i++)
		append(list, settings->groups.at[i]);
	if (!list[0])
		strcpy(list, GROUPS);
}

static int set_groups(SSL_CTX *ctx, const struct settings *settings, char *why, size_t size)
{
	char list[LIST_MAX];

	list_groups(settings, list);
	if (SSL_CTX_set1_groups_list(ctx, list))
		return 0;
	snprintf(why, size, "groups: this OpenSSL (%s) has not all of %s",
		 OpenSSL_version(OPENSSL_VERSION_STRING), list);
	return -1;
}

/* ---- both roles ---- */

/* A key with a passphrase must fail, not ask on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static SSL_CTX *context_base(const SSL_METHOD *method, const struct settings *settings, char *why,
			     size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(NULL, secrets_properties(), method);

	snprintf(why, size, "no memory for OpenSSL's contexts");
	if (!ctx)
		return NULL;
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* 10,000 may wait at once */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* What is not consumed must stay in the BIO: the kernel opens it. */
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	/* in all of them: whose certificate it will be is known too late */
	if (settings_have_uri(settings))
		SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
	tls_watch(ctx);
	ERR_clear_error();
	if (!set_suites(ctx, settings, why, size) && !set_groups(ctx, settings, why, size))
		return ctx;
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- servers ---- */

static bool hash_files(EVP_MD_CTX *hash, const struct string_list *files)
{
	uint8_t bytes[4096];
	bool ok = true;

	for (size_t i = 0; i < files->count && ok; i++) {
		BIO *file = files_bio(files->at[i]);
		int len;

		ok = file;
		while (ok && (len = BIO_read(file, bytes, sizeof(bytes))) > 0)
			ok = EVP_DigestUpdate(hash, bytes, (size_t)len);
		BIO_free(file);
	}
	return ok;
}

/* RFC 5077 5.6: a session is only resumed where it would have been begun: by a profile of
 * this name, which wants the same of clients and would believe the same of them.
 */
static int name_sessions(struct context *context)
{
	const struct settings *settings = &context->settings;
	uint8_t clients = (uint8_t)settings->clients;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool ok;

	ok = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) &&
	     EVP_DigestUpdate(hash, settings->name, strlen(settings->name) + 1) &&
	     EVP_DigestUpdate(hash, &clients, sizeof(clients)) &&
	     hash_files(hash, &settings->client_ca) && hash_files(hash, &settings->crls) &&
	     EVP_DigestFinal_ex(hash, context->sessions, NULL);
	EVP_MD_CTX_free(hash);
	return ok ? 0 : -1;
}

static SSL_CTX *make_server(const struct settings *settings, char *why, size_t size)
{
	SSL_CTX *ctx = context_base(TLS_server_method(), settings, why, size);

	if (!ctx)
		return NULL;
	/* All are good: the client knows which it is fast at, unless an order was given, or
	 * an external key goes with some of them only
	 */
	if (settings->suites.count || settings->psk)
		SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (settings->suites.count && !settings->psk)
		SSL_CTX_set_options(ctx, SSL_OP_PRIORITIZE_CHACHA);
	if (!verify_clients(ctx, settings, why, size))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* RFC 6066 3 */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct context *context = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (!name)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_SSL_CTX(ssl, certs_find(context->certs, name));
	return SSL_TLSEXT_ERR_OK;
}

static int finish_server(struct context *context, SSL_CTX *ctx, char *why, size_t size)
{
	const struct settings *settings = &context->settings;

	snprintf(why, size, "no memory for OpenSSL's contexts");
	if (!SSL_CTX_set_session_id_context(ctx, context->sessions, sizeof(context->sessions)))
		return -1;
	alpn_serve(ctx, &context->alpn);
	if (context->psk)
		psk_serve(ctx, context->psk);
	if (context->certs) {
		SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
		SSL_CTX_set_tlsext_servername_arg(ctx, context);
	}
	if (!settings->tickets) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		return SSL_CTX_set_num_tickets(ctx, 0) ? 0 : -1;
	}
	return tickets_use(ctx, context->tickets, settings->clients);
}

static int make_servers(struct context *context, char *why, size_t size)
{
	const struct settings *settings = &context->settings;
	SSL_CTX *ctx;
	size_t i;

	if (settings->role == SETTINGS_ROLE_CLIENT || (!settings->n_certs && !context->psk)) {
		if (settings->role != SETTINGS_ROLE_SERVER)
			return 0;
		snprintf(why, size, "role = server needs a certificate, or a psk");
		return -1;
	}
	if (settings->tickets) {
		context->tickets = tickets_new(settings->ticket_keys, settings->ticket_lifetime,
					       why, size);
		if (!context->tickets)
			return -1;
	}
	if (settings->n_certs)
		context->certs = certs_new(settings, make_server, why, size);
	else
		context->plain = make_server(settings, why, size);
	if (!context->certs && !context->plain)
		return -1;
	/* their files could be read, or there would have been words about them */
	snprintf(why, size, "the name of the profile's sessions could not be made");
	if (name_sessions(context))
		return -1;
	if (context->plain)
		return finish_server(context, context->plain, why, size);
	for (i = 0; (ctx = certs_at(context->certs, i)); i++)
		if (finish_server(context, ctx, why, size))
			return -1;
	return 0;
}

/* ---- clients ---- */

static int check_server_name(const struct settings *settings, char *why, size_t size)
{
	const char *name = settings->server_name;

	if (!name || (strlen(name) <= KSEAL_NAME_MAX &&
		      (verify_name_is_address(name) || verify_name_is_dns(name))))
		return 0;
	snprintf(why, size, "server-name: %.300s is neither an address nor a DNS name (international names: the xn-- form)",
		 name);
	return -1;
}

static int make_client(struct context *context, char *why, size_t size)
{
	const struct settings *settings = &context->settings;
	SSL_CTX *ctx;

	if (settings->role == SETTINGS_ROLE_SERVER)
		return 0;
	if (check_server_name(settings, why, size))
		return -1;
	ctx = context->client = context_base(TLS_client_method(), settings, why, size);
	if (!ctx || verify_servers(ctx, settings, why, size))
		return -1;
	if (settings->n_certs && certs_load(ctx, settings, &settings->certs[0], why, size))
		return -1;
	if (context->psk)
		psk_offer(ctx, context->psk);
	snprintf(why, size, "no memory for OpenSSL's contexts");
	if (settings->tickets && !context->psk) {
		context->resumable = sessions_new();
		if (!context->resumable)
			return -1;
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
					       SSL_SESS_CACHE_NO_INTERNAL);
	} else {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	}
	return context->alpn.len &&
	       SSL_CTX_set_alpn_protos(ctx, context->alpn.list, context->alpn.len) ? -1 : 0;
}

/* ---- the context ---- */

struct context *context_new(struct settings *settings, char *why, size_t size)
{
	struct context *context = calloc(1, sizeof(*context));

	snprintf(why, size, "no memory for a profile");
	if (!context) {
		settings_free(settings);
		return NULL;
	}
	context->settings = *settings;
	memset(settings, 0, sizeof(*settings));
	atomic_init(&context->users, 1);
	psk_init();
	if (context->settings.psk) {
		context->psk = psk_new(context->settings.psk, why, size);
		if (!context->psk)
			goto err;
	}
	if (alpn_set(&context->alpn, &context->settings.alpn, why, size) ||
	    make_servers(context, why, size) || make_client(context, why, size))
		goto err;
	return context;

err:
	context_unref(context);
	return NULL;
}

struct context *context_ref(struct context *context)
{
	atomic_fetch_add(&context->users, 1);
	return context;
}

void context_unref(struct context *context)
{
	if (!context || atomic_fetch_sub(&context->users, 1) != 1)
		return;
	certs_free(context->certs);
	SSL_CTX_free(context->plain);
	SSL_CTX_free(context->client);
	psk_free(context->psk);
	tickets_free(context->tickets);
	sessions_free(context->resumable);
	settings_free(&context->settings);
	free(context);
}

const char *context_name(const struct context *context)
{
	return context->settings.name;
}

const char *context_server_name(const struct context *context)
{
	return context->settings.server_name;
}

bool context_can(const struct context *context, enum kseal_role role)
{
	return role == KSEAL_ROLE_SERVER ? context->certs || context->plain : !!context->client;
}

SSL *context_ssl(const struct context *context, enum kseal_role role)
{
	if (role == KSEAL_ROLE_CLIENT)
		return SSL_new(context->client);
	return SSL_new(context->certs ? certs_at(context->certs, 0) : context->plain);
}

struct sessions *context_sessions(const struct context *context)
{
	return context->resumable;
}

const struct record_shape *context_shape(const struct context *context)
{
	return &context->settings.shape;
}

/* ---- its description ---- */

static void describe_cert(X509 *cert, EVP_PKEY *key, BIO *bio)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int i;

	BIO_puts(bio, "  certificate: ");
	X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253);
	BIO_puts(bio, ", valid until ");
	ASN1_TIME_print(bio, X509_get0_notAfter(cert));
	BIO_printf(bio, ", key %s %d bits\n", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		BIO_puts(bio, i ? ", " : "    for ");
		GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i));
	}
	if (i)
		BIO_puts(bio, "\n");
	GENERAL_NAMES_free(names);
}

static void describe_list(BIO *bio, const char *what, const struct string_list *list,
			  const char *none)
{
	size_t i;

	BIO_printf(bio, "  %s: ", what);
	for (i = 0; i < list->count; i++)
		BIO_printf(bio, "%s%s", i ? ", " : "", list->at[i]);
	BIO_printf(bio, "%s\n", i ? "" : none);
}

void context_describe(const struct context *context, FILE *out)
{
	const struct settings *settings = &context->settings;
	BIO *bio = BIO_new_fp(out, BIO_NOCLOSE);
	char groups[LIST_MAX];
	SSL_CTX *ctx;
	size_t i;

	if (!bio)
		return;
	BIO_printf(bio, "profile \"%s\"\n", settings->name);
	for (i = 0; context->certs && (ctx = certs_at(context->certs, i)); i++)
		describe_cert(SSL_CTX_get0_certificate(ctx), SSL_CTX_get0_privatekey(ctx), bio);
	if (!context_can(context, KSEAL_ROLE_SERVER))
		BIO_puts(bio, "  certificate: none: clients only\n");
	if (context->client && settings->server_name)
		BIO_printf(bio, "  server name: %s, unless the socket has another\n",
			   settings->server_name);
	if (context->client && settings->pins.count)
		describe_list(bio, "pins", &settings->pins, "");
	if (context->client && (settings->ca.count || !settings->pins.count))
		describe_list(bio, "trusts", &settings->ca, "the system's authorities");
	if (settings->clients != SETTINGS_CLIENTS_NONE)
		describe_list(bio, settings->clients == SETTINGS_CLIENTS_REQUIRED ?
				   "clients need a certificate of" :
				   "clients may have a certificate of",
			      &settings->client_ca, "");
	list_groups(settings, groups);
	BIO_printf(bio, "  groups: %s\n", groups);
	if (!settings->groups.count && context_lacks())
		BIO_printf(bio, "  without %s\n", context_lacks());
	if (settings->alpn.count)
		describe_list(bio, "alpn", &settings->alpn, "");
	BIO_free(bio);
}
