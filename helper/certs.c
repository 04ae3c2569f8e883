// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The certificates of a server; see certs.h. From above: loading one, its names,
 * the sorted list of all names, the search in it.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include "certs.h"
#include "files.h"
#include "loader.h"
#include "tls.h"
#include "uri.h"

#define STAPLE_MAX	(64 * 1024)

struct name {
	char *text;		/* small letters; maybe "*." first */
	SSL_CTX *ctx;		/* one of contexts */
	size_t order;		/* of two alike the first is taken */
};

struct staple {
	uint8_t *der;
	size_t len;
};

struct certs {
	SSL_CTX **contexts;
	size_t n_contexts;
	struct name *names;	/* sorted */
	size_t n_names;
};

/* ---- one pair ---- */

/* Whether reading ended as a file does, not at something damaged. */
static bool at_end(void)
{
	bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

	if (end)
		ERR_clear_error();
	return end;
}

static bool use_chain(SSL_CTX *ctx, const char *path)
{
	pem_password_cb *passphrase = SSL_CTX_get_default_passwd_cb(ctx);
	BIO *file = files_bio(path);
	X509 *cert = file ? PEM_read_bio_X509_AUX(file, NULL, passphrase, NULL) : NULL;
	bool ok = cert && SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_clear_chain_certs(ctx);

	X509_free(cert);
	while (ok && (cert = PEM_read_bio_X509(file, NULL, passphrase, NULL))) {
		ok = SSL_CTX_add0_chain_cert(ctx, cert);
		if (!ok)
			X509_free(cert);
	}
	BIO_free(file);
	return ok && at_end();
}

static bool use_key(SSL_CTX *ctx, const char *path)
{
	BIO *file = files_bio(path);
	EVP_PKEY *key = file ? PEM_read_bio_PrivateKey(file, NULL, SSL_CTX_get_default_passwd_cb(ctx),
						       NULL) : NULL;
	bool ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(file);
	return ok;
}

/* The key of a store, which fits the certificate that is in ctx. */
static int load_remote(SSL_CTX *ctx, const struct settings *settings,
		       const struct settings_cert *cert, char *why, size_t size)
{
	EVP_PKEY *public = X509_get0_pubkey(SSL_CTX_get0_certificate(ctx));
	EVP_PKEY *key = loader_load(cert, public, settings->rsa_key_transport &&
				    EVP_PKEY_is_a(public, "RSA"), why, size);
	int ret = -1;

	if (!key)
		return -1;
	if (SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1)
		ret = 0;
	else
		snprintf(why, size, "OpenSSL does not take the key of %s: %s", cert->chain,
			 tls_reason());
	EVP_PKEY_free(key);
	return ret;
}

int certs_load(SSL_CTX *ctx, const struct settings *settings, const struct settings_cert *cert,
	       char *why, size_t size)
{
	bool loaded;

	ERR_clear_error();
	if (!use_chain(ctx, cert->chain)) {
		snprintf(why, size,
			 "%s: no certificate could be read (%s): give a PEM file with the certificate first, then the intermediates",
			 cert->chain, tls_reason());
		goto out;
	}
	if (uri_is(cert->key)) {
		if (!load_remote(ctx, settings, cert, why, size))
			return 0;
		goto out;
	}
	loaded = use_key(ctx, cert->key);
	/* A key of another type than the certificate's is only found by the second call. */
	if (loaded && SSL_CTX_check_private_key(ctx) == 1)
		return 0;
	if (loaded || ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509)
		snprintf(why, size, "%s is not the key of %s: give the pair that was made together",
			 cert->key, cert->chain);
	else
		snprintf(why, size,
			 "%s: no private key could be read (%s): give a PEM file without passphrase that kseald may read",
			 cert->key, tls_reason());
out:
	ERR_clear_error();
	return -1;
}

/* ---- OCSP stapling ---- */

static void free_staple(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct staple *staple = ptr;

	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	if (staple)
		OPENSSL_free(staple->der);
	OPENSSL_free(staple);
}

static int staple_index(void)
{
	static int index = -1;

	if (index < 0)
		index = X509_get_ex_new_index(0, NULL, NULL, NULL, free_staple);
	return index;
}

/* RFC 6066 8: a client asks for it. OpenSSL frees what it is given. */
static int on_status(SSL *ssl, void *arg)
{
	/* the one that was chosen for this client */
	X509 *cert = SSL_get_certificate(ssl);
	const struct staple *staple = cert ? X509_get_ex_data(cert, staple_index()) : NULL;
	uint8_t *copy = staple ? OPENSSL_memdup(staple->der, staple->len) : NULL;

	(void)arg;
	if (!copy)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->len);
	return SSL_TLSEXT_ERR_OK;
}

static int load_staple(SSL_CTX *ctx, const char *path, char *why, size_t size)
{
	struct staple *staple = OPENSSL_zalloc(sizeof(*staple));
	BIO *file = files_bio(path);
	OCSP_RESPONSE *response = NULL;
	const uint8_t *at;
	int len = -1;

	if (staple)
		staple->der = OPENSSL_malloc(STAPLE_MAX);
	if (file && staple && staple->der)
		len = BIO_read(file, staple->der, STAPLE_MAX);
	BIO_free(file);
	if (len > 0) {
		at = staple->der;
		staple->len = (size_t)len;
		response = d2i_OCSP_RESPONSE(NULL, &at, len);
	}
	if (!response || OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
	    !X509_set_ex_data(SSL_CTX_get0_certificate(ctx), staple_index(), staple)) {
		snprintf(why, size,
			 "%s: no OCSP response could be read: give the DER file that openssl ocsp -respout wrote",
			 path);
		OCSP_RESPONSE_free(response);
		free_staple(NULL, staple, NULL, 0, 0, NULL);
		ERR_clear_error();
		return -1;
	}
	OCSP_RESPONSE_free(response);
	SSL_CTX_set_tlsext_status_cb(ctx, on_status);
	return 0;
}

/* ---- names ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static int compare_order(const void *a, const void *b)
{
	const struct name *first = a, *second = b;

	return compare(a, b) ?: (first->order > second->order) - (first->order < second->order);
}

static int add_name(struct certs *certs, const char *text, size_t len, SSL_CTX *ctx)
{
	struct name *names = reallocarray(certs->names, certs->n_names + 1, sizeof(*names));
	char *copy = strndup(text, len);

	if (names)
		certs->names = names;
	if (!names || !copy) {
		free(copy);
		return -1;
	}
	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	names[certs->n_names++] = (struct name){ copy, ctx, certs->n_contexts };
	return 0;
}

/* Its DNS names, RFC 6125 6.4.4: the common name only if there are none. */
static int add_names(struct certs *certs, X509 *cert, SSL_CTX *ctx)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int i, ret = 0, n = 0;
	char common[256];

	for (i = 0; i < sk_GENERAL_NAME_num(all) && !ret; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
		const ASN1_STRING *text = name->type == GEN_DNS ? name->d.dNSName : NULL;

		if (!text)
			continue;
		n++;
		ret = add_name(certs, (const char *)ASN1_STRING_get0_data(text),
			       (size_t)ASN1_STRING_length(text), ctx);
	}
	GENERAL_NAMES_free(all);
	if (!n && !ret && X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
						    common, sizeof(common)) > 0)
		ret = add_name(certs, common, strlen(common), ctx);
	return ret;
}

/* The names of a list that begins at from, in one text, sorted. */
static char *joined(struct certs *certs, size_t from)
{
	size_t i, len = 1;
	char *text, *at;

	qsort(certs->names + from, certs->n_names - from, sizeof(*certs->names), compare);
	for (i = from; i < certs->n_names; i++)
		len += strlen(certs->names[i].text) + 1;
	at = text = calloc(1, len);
	for (i = from; text && i < certs->n_names; i++)
		at += sprintf(at, "%s ", certs->names[i].text);
	return text;
}

/* ---- all of them ---- */

struct known {
	char *names;		/* joined() */
	SSL_CTX *ctx;
};

/* A certificate with the same names and a key of another type goes beside the one
 * that is there: which of them is sent depends on what the client can verify.
 */
static SSL_CTX *same_names(const struct known *known, size_t n, const char *names, X509 *cert)
{
	int type = EVP_PKEY_get_base_id(X509_get0_pubkey(cert));

	while (n--) {
		X509 *other = SSL_CTX_get0_certificate(known[n].ctx);

		if (!strcmp(known[n].names, names) &&
		    EVP_PKEY_get_base_id(X509_get0_pubkey(other)) != type)
			return known[n].ctx;
	}
	return NULL;
}

static int add(struct certs *certs, struct known *known, const struct settings *settings,
	       const struct settings_cert *cert,
	       SSL_CTX *(*make)(const struct settings *settings, char *why, size_t size),
	       char *why, size_t size)
{
	size_t from = certs->n_names;
	SSL_CTX *ctx = make(settings, why, size), *beside;
	char *names;

	if (!ctx)
		return -1;
	certs->contexts[certs->n_contexts++] = ctx;
	if (certs_load(ctx, settings, cert, why, size) ||
	    (cert->staple && load_staple(ctx, cert->staple, why, size)))
		return -1;
	snprintf(why, size, "no memory for the names in %s", cert->chain);
	if (add_names(certs, SSL_CTX_get0_certificate(ctx), ctx))
		return -1;
	names = joined(certs, from);
	if (!names)
		return -1;
	beside = same_names(known, certs->n_contexts - 1, names, SSL_CTX_get0_certificate(ctx));
	known[certs->n_contexts - 1] = (struct known){ names, ctx };
	if (!beside)
		return 0;
	while (certs->n_names > from)
		free(certs->names[--certs->n_names].text);
	/* which makes it the current one there */
	if (certs_load(beside, settings, cert, why, size))
		return -1;
	return cert->staple ? load_staple(beside, cert->staple, why, size) : 0;
}

struct certs *certs_new(const struct settings *settings,
			SSL_CTX *(*make)(const struct settings *settings, char *why, size_t size),
			char *why, size_t size)
{
	struct certs *certs = calloc(1, sizeof(*certs));
	struct known *known = calloc(settings->n_certs, sizeof(*known));
	size_t i;
	int ret = -1;

	snprintf(why, size, "no memory for the certificates");
	if (certs)
		certs->contexts = calloc(settings->n_certs, sizeof(*certs->contexts));
	if (certs && certs->contexts && known)
		ret = 0;
	for (i = 0; !ret && i < settings->n_certs; i++)
		ret = add(certs, known, settings, &settings->certs[i], make, why, size);
	for (i = 0; known && i < settings->n_certs; i++)
		free(known[i].names);
	free(known);
	if (ret) {
		certs_free(certs);
		return NULL;
	}
	qsort(certs->names, certs->n_names, sizeof(*certs->names), compare_order);
	return certs;
}

void certs_free(struct certs *certs)
{
	if (!certs)
		return;
	while (certs->n_names)
		free(certs->names[--certs->n_names].text);
	free(certs->names);
	while (certs->n_contexts)
		SSL_CTX_free(certs->contexts[--certs->n_contexts]);
	free(certs->contexts);
	free(certs);
}

/* ---- which one ---- */

static SSL_CTX *find(const struct certs *certs, char *text)
{
	const struct name wanted = { .text = text };
	const struct name *found = certs->n_names ?
		bsearch(&wanted, certs->names, certs->n_names, sizeof(wanted), compare) : NULL;

	if (!found)
		return NULL;
	while (found > certs->names && !compare(found - 1, &wanted))
		found--;
	return found->ctx;
}

SSL_CTX *certs_find(const struct certs *certs, const char *name)
{
	char text[KSEAL_NAME_MAX + 2];
	SSL_CTX *ctx;
	char *dot;
	size_t i;

	if (!name || strlen(name) > KSEAL_NAME_MAX)
		return certs->contexts[0];
	for (i = 0; name[i]; i++)
		text[i] = (char)tolower((unsigned char)name[i]);
	text[i] = '\0';
	ctx = find(certs, text);
	dot = strchr(text, '.');
	/* RFC 9525 6.3: the wildcard is one whole label, the first */
	if (!ctx && dot && dot > text) {
		dot[-1] = '*';
		ctx = find(certs, dot - 1);
	}
	return ctx ?: certs->contexts[0];
}

SSL_CTX *certs_at(const struct certs *certs, size_t i)
{
	return i < certs->n_contexts ? certs->contexts[i] : NULL;
}
