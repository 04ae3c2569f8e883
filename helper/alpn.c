// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ssl.h>
#include "alpn.h"
#include "settings.h"

static int wish_index = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- lists ---- */

/* Returns whether there was room, and len is a protocol's. */
static bool append(struct alpn *alpn, const char *protocol, size_t len)
{
	if (!len || len > 255 || alpn->len + 1 + len > sizeof(alpn->list))
		return false;
	alpn->list[alpn->len++] = (uint8_t)len;
	memcpy(alpn->list + alpn->len, protocol, len);
	alpn->len += (unsigned int)len;
	return true;
}

int alpn_set(struct alpn *alpn, const struct string_list *list, char *why, size_t size)
{
	for (size_t i = 0; i < list->count; i++) {
		if (append(alpn, list->at[i], strlen(list->at[i])))
			continue;
		snprintf(why, size, "alpn: a protocol has 1 to 255 bytes, all of them %zu at most",
			 sizeof(alpn->list));
		return -1;
	}
	return 0;
}

/* ---- the handshake ---- */

/* RFC 7301 3.2: the server chooses; none in common is no_application_protocol. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned int in_len, void *arg)
{
	const struct alpn *wish = SSL_get_ex_data(ssl, wish_index), *alpn = wish ? wish : arg;
	unsigned char *chosen;

	if (!alpn->len)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&chosen, out_len, alpn->list, alpn->len, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void free_wish(void *parent, void *wish, CRYPTO_EX_DATA *data, int index, long argl,
		      void *argp)
{
	(void)parent, (void)data, (void)index, (void)argl, (void)argp;
	free(wish);
}

static void make_index(void)
{
	wish_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_wish);
}

void alpn_serve(SSL_CTX *ctx, const struct alpn *alpn)
{
	pthread_once(&once, make_index);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, (void *)(uintptr_t)alpn);
}

int alpn_wish(SSL *ssl, const char *protocols)
{
	struct alpn *wish = calloc(1, sizeof(*wish));
	size_t len;

	if (!wish)
		return -ENOMEM;
	for (;; protocols += len + 1) {
		len = strcspn(protocols, ",");
		if (!append(wish, protocols, len)) {
			free(wish);
			return -EINVAL;
		}
		if (!protocols[len])
			break;
	}
	pthread_once(&once, make_index);
	if (!SSL_set_ex_data(ssl, wish_index, wish)) {
		free(wish);
		return -ENOMEM;
	}
	/* of no effect on a server */
	return SSL_set_alpn_protos(ssl, wish->list, wish->len) ? -ENOMEM : 0;
}
