// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a profile may say (helper/settings.h), each in whole handshakes: versions and
 * suites, whose keys are tried on what OpenSSL seals; certificates by name, ALPN,
 * tickets, keys without certificates. Whom to trust is in trust.c.
 */
#include <errno.h>
#include <sys/stat.h>
#include "profile.h"
#include "tickets.h"

/* ---- records ---- */

static const EVP_CIPHER *cipher_of(uint16_t cipher)
{
	switch (cipher) {
	case KSEAL_CIPHER_AES_GCM_128: return EVP_aes_128_gcm();
	case KSEAL_CIPHER_AES_GCM_256: return EVP_aes_256_gcm();
	case KSEAL_CIPHER_CHACHA20_POLY1305: return EVP_chacha20_poly1305();
	}
	return NULL;
}

/* Nonce and additional data of the next record of content len; RFC 8446 5.2, 5.3,
 * RFC 5246 6.2.3.3, RFC 5288 3, RFC 7905 2. explicit: 8 bytes of the record, or NULL.
 */
static int protect(const struct relay_end *end, const struct relay_keys *keys,
		   const uint8_t *header, const uint8_t *explicit, int len, uint8_t *nonce,
		   uint8_t *aad)
{
	uint8_t seq[8];
	int i;

	for (i = 0; i < 8; i++)
		seq[i] = (uint8_t)(keys->seq >> (56 - 8 * i));
	memcpy(nonce, keys->iv, 12);
	if (explicit)
		memcpy(nonce + 4, explicit, 8);
	else
		for (i = 0; i < 8; i++)
			nonce[4 + i] ^= seq[i];
	if (end->version == KSEAL_VERSION_1_3) {
		memcpy(aad, header, 5);
		return 5;
	}
	memcpy(aad, seq, 8);
	memcpy(aad + 8, header, 3);
	aad[11] = (uint8_t)(len >> 8);
	aad[12] = (uint8_t)len;
	return 13;
}

static bool explicit_nonce(const struct relay_end *end)
{
	return end->version == KSEAL_VERSION_1_2 && end->cipher != KSEAL_CIPHER_CHACHA20_POLY1305;
}

/* Opens a record of the peer's with the keys that the kernel got. Length, or -1. */
static int open_record(struct relay_end *end, const uint8_t *record, size_t size, uint8_t *plain)
{
	size_t prefix = explicit_nonce(end) ? 13 : 5;
	int len = (int)(size - prefix - 16), n = -1, rest;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[13];
	int aad_len = protect(end, &end->rx, record, prefix > 5 ? record + 5 : NULL, len, nonce, aad);

	if (size <= prefix + 16 ||
	    !EVP_DecryptInit_ex(c, cipher_of(end->cipher), NULL, end->rx.key, nonce) ||
	    !EVP_DecryptUpdate(c, NULL, &n, aad, aad_len) ||
	    !EVP_DecryptUpdate(c, plain, &n, record + prefix, len) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(record + prefix + len)) ||
	    EVP_DecryptFinal_ex(c, plain + n, &rest) <= 0)
		n = -1;
	end->rx.seq++;
	EVP_CIPHER_CTX_free(c);
	return n;
}

/* Seals data as the kernel would. Returns the record's size. */
static size_t seal_record(struct relay_end *end, const char *text, uint8_t *record)
{
	size_t prefix = explicit_nonce(end) ? 13 : 5, len = strlen(text) + 1;
	bool tls13 = end->version == KSEAL_VERSION_1_3;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], aad[13], plain[256];
	int n, aad_len;

	memcpy(plain, text, len);
	if (tls13)
		plain[len++] = 23;
	memcpy(record, "\x17\x03\x03", 3);
	record[3] = 0;
	record[4] = (uint8_t)(prefix - 5 + len + 16);
	if (prefix > 5)
		memcpy(record + 5, end->tx.iv + 4, 8);
	aad_len = protect(end, &end->tx, record, prefix > 5 ? record + 5 : NULL, (int)len, nonce, aad);
	EVP_EncryptInit_ex(c, cipher_of(end->cipher), NULL, end->tx.key, nonce);
	EVP_EncryptUpdate(c, NULL, &n, aad, aad_len);
	EVP_EncryptUpdate(c, record + prefix, &n, plain, (int)len);
	EVP_EncryptFinal_ex(c, record + prefix + n, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, record + prefix + len);
	end->tx.seq++;
	EVP_CIPHER_CTX_free(c);
	return prefix + len + 16;
}

/* Both directions, with an OpenSSL that has done its handshake with end. */
static bool talks(struct plain *plain, struct relay_end *end)
{
	static const char there[] = "there", back[] = "and back";
	uint8_t record[512], text[512];
	int n, size;

	BIO_reset(SSL_get_wbio(plain->ssl));
	SSL_write(plain->ssl, there, sizeof(there));
	size = BIO_read(SSL_get_wbio(plain->ssl), record, sizeof(record));
	n = size > 0 ? open_record(end, record, (size_t)size, text) : -1;
	if (n < (int)sizeof(there) || memcmp(text, there, sizeof(there))) {
		note("%d bytes of %d could be opened", n, size);
		return false;
	}
	BIO_write(SSL_get_rbio(plain->ssl), record, (int)seal_record(end, back, record));
	n = SSL_read(plain->ssl, text, sizeof(text));
	if (n != sizeof(back) || memcmp(text, back, sizeof(back))) {
		note("OpenSSL read %d", n);
		return false;
	}
	return true;
}

/* ---- versions and suites ---- */

static void suite(uint16_t version, const char *openssl, const char *cert, enum kseal_role role)
{
	bool client = role == KSEAL_ROLE_CLIENT;
	struct settings settings = profile(cert);
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(role, client ? NAME : NULL);
	struct plain plain = plain_new(client);

	SSL_use_certificate_file(plain.ssl, path_of(cert, ".pem"), SSL_FILETYPE_PEM);
	SSL_use_PrivateKey_file(plain.ssl, path_of(cert, ".key"), SSL_FILETYPE_PEM);
	SSL_set_num_tickets(plain.ssl, 0);
	SSL_set_options(plain.ssl, SSL_OP_NO_TICKET);
	SSL_set_min_proto_version(plain.ssl, version);
	SSL_set_max_proto_version(plain.ssl, version);
	if (version == TLS1_3_VERSION)
		SSL_set_ciphersuites(plain.ssl, openssl);
	else
		SSL_set_cipher_list(plain.ssl, openssl);
	against(&plain, helper, end);
	ok(end->done && !end->error && !end->wrong && end->version == version &&
	   talks(&plain, end), "%s, %s, our %s: %s", openssl, cert, client ? "client" : "server",
	   end->error ? end->reason : end->suite);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void suites(void)
{
	static const struct { uint16_t version; const char *suite, *cert; } all[] = {
		{ TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", "ec" },
		{ TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", "rsa" },
		{ TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", "ed" },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", "ec" },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", "ed" },
		{ TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305", "ec" },
		{ TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", "rsa" },
		{ TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384", "rsa" },
		{ TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", "rsa" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		suite(all[i].version, all[i].suite, all[i].cert, KSEAL_ROLE_SERVER);
		suite(all[i].version, all[i].suite, all[i].cert, KSEAL_ROLE_CLIENT);
	}
}

/* ---- what two of ours agree on ---- */

static void versions(void)
{
	struct settings old = profile("ec"), new = profile(NULL);
	struct both b;

	old.version_max = KSEAL_VERSION_1_2;
	b = shake(old, new, NAME);
	succeeds(b, "a server of TLS 1.2");
	ok(b.client->version == KSEAL_VERSION_1_2 && b.client->tx.seq == 1, "is met in TLS 1.2");
	both_free(&b);

	old = profile("ec");
	old.version_max = KSEAL_VERSION_1_2;
	new = profile(NULL);
	new.version_min = KSEAL_VERSION_1_3;
	b = shake(old, new, NAME);
	fails(b, b.server, EPROTO, 70, "protocol_version", "no version in common");
	both_free(&b);

	old = profile("ec");
	string_list_add(&old.suites, "TLS_AES_128_GCM_SHA256");
	b = shake(old, profile(NULL), NAME);
	succeeds(b, "one suite");
	ok(!strcmp(b.client->suite, "TLS_AES_128_GCM_SHA256"), "and no other: %s", b.client->suite);
	both_free(&b);

	old = profile("ec");
	new = profile(NULL);
	string_list_add(&old.groups, "P-384");
	string_list_add(&new.groups, "X25519");
	b = shake(old, new, NAME);
	fails(b, b.server, EPROTO, 40, "handshake_failure", "no group in common");
	both_free(&b);
}

/* ---- names and protocols ---- */

static void server_names(void)
{
	static const struct { const char *name; const char *cert; } asked[] = {
		{ NAME, "ec" }, { "other.example.org", "other" }, { "OTHER.example.org", "other" },
		{ "a.wild.example.org", "other" },
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct settings settings = profile("ec");
		char subject[64];
		struct both b;

		add_pair(&settings, "rsa");
		add_pair(&settings, "other");
		b = shake(settings, profile(NULL), asked[i].name);
		snprintf(subject, sizeof(subject), "CN=%s", asked[i].cert);
		succeeds(b, asked[i].name);
		ok(!strcmp(b.client->peer_identity, subject), "%s gets %s", asked[i].name,
		   b.client->peer_identity);
		both_free(&b);
	}
}

/* The certificate of the same name that the client can verify. */
static void two_keys(void)
{
	struct settings settings = profile("ec");
	struct helper *helper;
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);

	add_pair(&settings, "rsa");
	helper = helper_with(&settings);
	SSL_set_tlsext_host_name(plain.ssl, NAME);
	SSL_set1_sigalgs_list(plain.ssl, "RSA-PSS+SHA256");
	against(&plain, helper, end);
	ok(end->done && !end->error &&
	   EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(plain.ssl))) ==
	   EVP_PKEY_RSA, "a client that knows RSA alone gets the RSA certificate %s", end->reason);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

static void alpn(void)
{
	struct settings serving = profile("ec"), connecting = profile(NULL);
	struct both b;

	string_list_add(&serving.alpn, "h2");
	string_list_add(&serving.alpn, "http/1.1");
	string_list_add(&connecting.alpn, "http/1.1");
	string_list_add(&connecting.alpn, "h2");
	b = shake(serving, connecting, NAME);
	succeeds(b, "ALPN");
	ok(!strcmp(b.server->alpn, "h2") && !strcmp(b.client->alpn, "h2"), "the server chooses: %s",
	   b.client->alpn);
	both_free(&b);

	serving = profile("ec");
	connecting = profile(NULL);
	string_list_add(&serving.alpn, "h2");
	string_list_add(&connecting.alpn, "smtp");
	b = shake(serving, connecting, NAME);
	fails(b, b.server, EPROTO, 120, "no_application_protocol", "no protocol in common");
	both_free(&b);
}

/* ---- keys without certificates ---- */

static void preshared(void)
{
	static const char one[] = "# of these two\nhost-a:000102030405060708090a0b0c0d0e0f\n";
	static const char two[] = "host-b:ffffffffffffffffffffffffffffffff\n"
				  "host-a:000102030405060708090a0b0c0d0e0f\n";
	static const char other[] = "host-a:000102030405060708090a0b0c0d0eff\n";
	struct settings serving, connecting;
	struct both b;

	write_bytes(path_of("one", ".psk"), one, sizeof(one) - 1);
	write_bytes(path_of("two", ".psk"), two, sizeof(two) - 1);
	write_bytes(path_of("other", ".psk"), other, sizeof(other) - 1);
	settings_default(&serving, "default");
	settings_default(&connecting, "default");
	serving.tickets = false;
	serving.psk = strdup(path_of("two", ".psk"));
	connecting.psk = strdup(path_of("one", ".psk"));
	b = shake(serving, connecting, NAME);
	succeeds(b, "a key that both have, and no certificate");
	ok(!strcmp(b.server->peer_identity, "host-a"), "the server knows whose: %s",
	   b.server->peer_identity);
	both_free(&b);

	settings_default(&serving, "default");
	settings_default(&connecting, "default");
	serving.psk = strdup(path_of("two", ".psk"));
	connecting.psk = strdup(path_of("other", ".psk"));
	b = shake(serving, connecting, NAME);
	ok(b.server->error && b.client->error, "a key of the same name that is another: %s",
	   b.server->reason);
	both_free(&b);
}

static int offer_host_a(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
			SSL_SESSION **session)
{
	static const uint8_t key[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const unsigned char suite_id[] = { 0x13, 0x01 };

	(void)md;
	*session = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*session, key, sizeof(key));
	SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite_id));
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	*id = (const unsigned char *)"host-a";
	*len = 6;
	return 1;
}

/* Whose first suite is not of the key's hash. */
static void preshared_by_openssl(void)
{
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct settings settings;
	struct helper *helper;

	settings_default(&settings, "default");
	settings.psk = strdup(path_of("two", ".psk"));
	helper = helper_with(&settings);
	SSL_set_psk_use_session_callback(plain.ssl, offer_host_a);
	against(&plain, helper, end);
	ok(end->done && !end->error && !strcmp(end->peer_identity, "host-a") &&
	   talks(&plain, end), "OpenSSL's client with a key: %s %s", end->suite, end->reason);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* ---- tickets ---- */

static SSL_SESSION *got;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(got);
	got = session;
	return 1;
}

/* A client that keeps what it gets, and comes with what it has. Returns whether it
 * was resumed.
 */
static bool visit(struct settings settings, uint16_t version, uint64_t *seq)
{
	struct helper *helper = helper_with(&settings);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	SSL_SESSION *session = got;
	char text[64];
	bool resumed;

	/* what OpenSSL itself keeps goes with its context, for good */
	SSL_CTX_set_session_cache_mode(plain.ctx, SSL_SESS_CACHE_CLIENT |
					      SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(plain.ctx, on_session);
	SSL_set_max_proto_version(plain.ssl, version);
	if (session)
		SSL_set_session(plain.ssl, session);
	against(&plain, helper, end);
	/* the tickets of TLS 1.3 come behind the handshake */
	SSL_read(plain.ssl, text, sizeof(text));
	resumed = SSL_session_reused(plain.ssl);
	ok(end->done && !end->error && talks(&plain, end), "TLS %s, %s: data in both directions",
	   version == TLS1_3_VERSION ? "1.3" : "1.2", resumed ? "resumed" : "in full");
	*seq = end->tx.seq - 1;
	/* OpenSSL does not tell of a ticket that replaces another */
	if (version == TLS1_2_VERSION) {
		SSL_SESSION_free(got);
		got = SSL_get1_session(plain.ssl);
	}
	/* or it would not be resumed */
	SSL_set_shutdown(plain.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
	return resumed;
}

static struct settings with_tickets(const char *directory)
{
	struct settings settings = profile("ec");

	settings.tickets = true;
	if (directory)
		settings.ticket_keys = strdup(path_of(directory, ""));
	return settings;
}

static void forget(void)
{
	SSL_SESSION_free(got);
	got = NULL;
}

static void tickets(uint16_t version)
{
	uint8_t key[TICKETS_FILE_LEN];
	uint64_t seq;

	mkdir(path_of("tickets", ""), 0700);
	memset(key, 1, sizeof(key));
	write_bytes(path_of("tickets/1", ""), key, sizeof(key));
	ok(!visit(with_tickets("tickets"), version, &seq) && got, "a ticket is given");
	ok(seq == (version == TLS1_3_VERSION ? 2 : 1), "the sequence number counts them: %llu",
	   (unsigned long long)seq);
	/* another host: another helper with the same files */
	ok(visit(with_tickets("tickets"), version, &seq), "and taken by another host");
	/* a new key seals, the old one opens */
	memset(key, 2, sizeof(key));
	write_bytes(path_of("tickets/2", ""), key, sizeof(key));
	ok(visit(with_tickets("tickets"), version, &seq), "after a new key was added");
	remove(path_of("tickets/1", ""));
	ok(visit(with_tickets("tickets"), version, &seq), "the new ticket is of the new key");
	ok(!visit(with_tickets(NULL), version, &seq), "who has not the key does it in full");
	remove(path_of("tickets/2", ""));
	forget();
}

/* Who came without a certificate cannot stay without one where it is required. */
static void ticket_of_a_stranger(uint16_t version)
{
	struct settings settings;
	struct helper *helper;
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	uint8_t key[TICKETS_FILE_LEN] = { 3 };
	uint64_t seq;

	write_bytes(path_of("tickets/3", ""), key, sizeof(key));
	visit(with_tickets("tickets"), version, &seq);
	settings = with_tickets("tickets");
	settings.clients = SETTINGS_CLIENTS_REQUIRED;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	helper = helper_with(&settings);
	SSL_set_max_proto_version(plain.ssl, version);
	SSL_set_session(plain.ssl, got);
	against(&plain, helper, end);
	expect_failure(end, EKEYREJECTED, version == TLS1_3_VERSION ? 116 : 40, "",
		       "a ticket is no client certificate");
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
	remove(path_of("tickets/3", ""));
	forget();
}

/* A ticket with the client's certificate in it, in records of 512 bytes: the sequence
 * number counts records.
 */
static void ticket_in_parts(void)
{
	struct settings settings = with_tickets(NULL);
	struct relay_end *end = relay_new(KSEAL_ROLE_SERVER, NULL);
	struct plain plain = plain_new(false);
	struct helper *helper;
	char text[64];

	settings.clients = SETTINGS_CLIENTS_REQUIRED;
	string_list_add(&settings.client_ca, path_of("ca", ".pem"));
	helper = helper_with(&settings);
	SSL_use_certificate_file(plain.ssl, path_of("client", ".pem"), SSL_FILETYPE_PEM);
	SSL_use_PrivateKey_file(plain.ssl, path_of("client", ".key"), SSL_FILETYPE_PEM);
	SSL_set_tlsext_max_fragment_length(plain.ssl, TLSEXT_max_fragment_length_512);
	against(&plain, helper, end);
	SSL_read(plain.ssl, text, sizeof(text));
	ok(end->done && !end->error && end->tx.seq > 2 && talks(&plain, end),
	   "tickets in %llu records", (unsigned long long)end->tx.seq);
	plain_free(&plain);
	relay_free(end);
	helper_free(helper);
}

/* ---- what is wrong ---- */

static void refused(struct settings settings, const char *words, const char *what)
{
	struct profiles *profiles = profiles_new();
	char why[1024] = "";

	ok(profiles_load(profiles, &settings, 1, why, sizeof(why)) && strstr(why, words), "%s: %s",
	   what, why);
	profiles_free(profiles);
}

static void mistakes(void)
{
	struct settings settings = profile("ec");

	free(settings.certs[0].key);
	settings.certs[0].key = strdup(path_of("other", ".key"));
	refused(settings, "is not the key of", "another key");
	settings = profile("ec");
	string_list_add(&settings.suites, "TLS_RSA_WITH_AES_128_GCM_SHA256");
	refused(settings, "rsa-key-transport", "a suite without forward secrecy");
	settings = profile("ec");
	string_list_add(&settings.suites, "TLS_NULL");
	refused(settings, "TLS_NULL", "a suite that is none");
	settings = profile("ec");
	string_list_add(&settings.groups, "curve1");
	refused(settings, "curve1", "a group that is none");
	settings = profile("ec");
	settings.psk = strdup("/nonexistent");
	refused(settings, "/nonexistent", "no key file");
	settings = profile(NULL);
	settings.role = SETTINGS_ROLE_SERVER;
	refused(settings, "needs a certificate", "a server without");
	settings = profile("ec");
	settings.certs[0].staple = strdup(path_of("ca", ".pem"));
	refused(settings, "no OCSP response", "a staple that is none");
	settings = with_tickets("nowhere");
	refused(settings, "nowhere", "no directory of ticket keys");
}

int main(void)
{
	make_files();
	suites();
	versions();
	server_names();
	two_keys();
	alpn();
	preshared();
	preshared_by_openssl();
	tickets(TLS1_3_VERSION);
	tickets(TLS1_2_VERSION);
	ticket_of_a_stranger(TLS1_3_VERSION);
	ticket_of_a_stranger(TLS1_2_VERSION);
	ticket_in_parts();
	mistakes();
	return remove_files() || done_testing();
}
