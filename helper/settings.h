/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a profile says, as it stands in kseald.conf(5) or on the command line: names
 * of files and choices, nothing loaded yet. context.h makes contexts of it.
 */
#ifndef KSEALD_SETTINGS_H
#define KSEALD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>

/* Strings in order; NULL and 0: none. */
struct string_list {
	char **at;
	size_t count;
};

/* A certificate and its key. */
struct settings_cert {
	char *chain;		/* file: the certificate, then intermediates; PEM */
	char *key;		/* file with its private key, PEM; or a URI, see uri.h */
	char *pin;		/* file with the PIN of that; NULL: none */
	char *staple;		/* file with an OCSP response about it, DER; NULL: none */
};

enum settings_role {
	SETTINGS_ROLE_BOTH,
	SETTINGS_ROLE_SERVER,	/* no client handshakes */
	SETTINGS_ROLE_CLIENT,	/* no server handshakes */
};

/* What a server does about client certificates. */
enum settings_clients {
	SETTINGS_CLIENTS_NONE,		/* not asked for */
	SETTINGS_CLIENTS_OPTIONAL,	/* asked for; one that is sent has to be good */
	SETTINGS_CLIENTS_REQUIRED,
};

/* How a profile's sessions make their records; see KSEAL_SO_RECORD_MAX and so on. */
struct record_shape {
	uint32_t record_max;	/* 0: the kernel's default */
	uint32_t padding;
	bool dynamic;
};

struct settings {
	char name[KSEAL_PROFILE_MAX + 1];
	enum settings_role role;

	/* Of a server: the one that fits the name that the client asks for, else the
	 * first. Of a client: the first, if the server asks.
	 */
	struct settings_cert *certs;
	size_t n_certs;

	char *server_name;		/* whose certificate it must be; NULL: the socket says so */
	struct string_list ca;		/* files, PEM; none: the system's */
	struct string_list pins;	/* RFC 7469 2.4: base64 of SHA-256 of SPKI */
	struct string_list crls;	/* files, PEM */
	enum settings_clients clients;
	struct string_list client_ca;	/* files, PEM: who may be a client */

	struct string_list alpn;	/* RFC 7301, best first */
	uint16_t version_min, version_max;	/* KSEAL_VERSION_*; 0: all there are */
	struct string_list groups;	/* OpenSSL's names, best first; none: default */
	struct string_list suites;	/* IANA's names, best first; none: default */
	bool rsa_key_transport;		/* RFC 5246 7.4.7.1: no forward secrecy */

	char *psk;			/* file: identity:hex a line; NULL: none */
	char *ticket_keys;		/* directory; NULL: keys of our own */
	bool tickets;			/* whether sessions are resumed */
	uint32_t ticket_lifetime;	/* seconds, RFC 8446 4.6.1: at most 604800 */

	struct record_shape shape;
};

/* What is there when nothing was said. */
void settings_default(struct settings *settings, const char *name);

/* Frees the strings; the list is empty afterwards. */
void string_list_free(struct string_list *list);

/* Appends a copy. Returns 0 or -ENOMEM. */
int string_list_add(struct string_list *list, const char *text);

/* Likewise a certificate, all NULL. Returns it, or NULL: no memory. */
struct settings_cert *settings_add_cert(struct settings *settings);

/* Whether one of its keys is a URI, see uri.h. */
bool settings_have_uri(const struct settings *settings);

/* Makes to, which is not looked at, the same. Returns 0, or -ENOMEM (to is empty). */
int settings_copy(struct settings *to, const struct settings *from);

/* Calls each for every file that it names, and for every directory of files; not for stores. */
void settings_each_file(const struct settings *settings,
			void (*each)(void *arg, const char *path, bool directory), void *arg);

/* Frees what it points to. */
void settings_free(struct settings *settings);

#endif
