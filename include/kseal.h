/* SPDX-License-Identifier: MIT */
/*
 * libkseal: TLS at the socket. A program that calls one of these on its TCP
 * socket goes on with read, write, sendfile, splice, poll and io_uring as
 * before; the kernel seals and opens the records.
 *
 * Every function returns 0 or a negative errno. -ENOPKG means that kseal.ko is
 * not loaded: the socket is then still plain TCP, and must not be used as if it
 * were not. After any other failure of one that sets something up close the
 * socket: it may have the ULP, and there is no way back.
 * What else they return is listed in linux/kseal.h and kseal(7).
 */
#ifndef KSEAL_H
#define KSEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kseal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whoever ignores what these return may go on in clear, or without keys. */
#if defined(__GNUC__) || defined(__clang__)
#define KSEAL_CHECK_RESULT __attribute__((__warn_unused_result__))
#else
#define KSEAL_CHECK_RESULT
#endif

#define KSEAL_KEY_MAX		32	/* bytes of the longest AEAD key */
#define KSEAL_SECRET_MAX	48	/* bytes of the longest traffic secret */

/* One direction's keys, RFC 8446 7.3, as derived by the caller's TLS library. */
struct kseal_keys {
	uint8_t key[KSEAL_KEY_MAX];
	size_t key_len;			/* 16 or 32, as the cipher has it */
	uint8_t iv[KSEAL_IV_LEN];	/* see KSEAL_A_KEYS_IV for TLS 1.2 */
	uint64_t seq;			/* the next record's sequence number */
	uint8_t secret[KSEAL_SECRET_MAX];
	size_t secret_len;		/* 32, 48, or 0: the kernel cannot do KeyUpdate */
};

struct kseal_session_keys {
	uint16_t version;		/* KSEAL_VERSION_* */
	uint16_t cipher;		/* KSEAL_CIPHER_* */
	struct kseal_keys tx;
	struct kseal_keys rx;
};

/*
 * Makes fd, connected or listening, the server's end of TLS. profile names the
 * certificates that kseald is to use; NULL: "default". Connections accepted
 * from a listener do their handshakes by themselves, from accept() on.
 * Call it right after listen(): connections that were established before it are reset
 * when they are accepted.
 */
KSEAL_CHECK_RESULT int kseal_server(int fd, const char *profile);

/*
 * Makes fd, connected or connecting, the client's end of TLS, and starts the
 * handshake, with the connection if need be, without waiting for it. server_name is the DNS name or the address which the server's
 * certificate has to have; NULL: what the profile says.
 */
KSEAL_CHECK_RESULT int kseal_connect(int fd, const char *server_name, const char *profile);

/*
 * Application protocols (RFC 7301), best first: "h2,http/1.1", instead of the profile's. Before
 * kseal_server() or kseal_connect(). -EINVAL empty, too long, or with a character that none has (what
 * else is wrong with it comes out in the handshake); -EALREADY, -ENOPROTOOPT as with kseal_explain().
 */
KSEAL_CHECK_RESULT int kseal_alpn(int fd, const char *protocols);

/*
 * Has the peer's certificates kept for kseal_peer_chain(); before kseal_server() or kseal_connect(), of
 * a listener for its connections. -EALREADY, -ENOPROTOOPT as with kseal_explain().
 */
KSEAL_CHECK_RESULT int kseal_keep_peer_chain(int fd);

/*
 * A listener's connections from here on are plain TCP (on), or TLS again: for whoever wants to
 * undo kseal_server(), which nothing else does; plain connections in its queue are reset when they
 * are accepted after the latter. -EINVAL fd does not listen, -ENOPROTOOPT it does not carry kseal,
 * -EPERM a rule of KSEAL_CMD_WRAP is for it, which is stronger.
 */
KSEAL_CHECK_RESULT int kseal_pass(int fd, bool on);

/*
 * Waits until the handshake on fd has ended. timeout_ms < 0: for ever.
 * Returns 0 (keyed), the handshake's error (kseal_reason() has the sentence),
 * -EAGAIN timeout_ms passed and the handshake is still under way, -EINTR,
 * -ENOKEY no handshake was started, -EINVAL fd listens, -ENOPROTOOPT fd does
 * not carry kseal.
 */
KSEAL_CHECK_RESULT int kseal_wait(int fd, int timeout_ms);

/*
 * State, negotiated facts and counters of fd. Fields which the running module does
 * not know are 0. -ENOPROTOOPT: fd does not carry kseal.
 */
int kseal_info(int fd, struct kseal_info *info);

/*
 * The last error of fd as a sentence, "" if there was none, or none that has a sentence; always
 * terminated. -EINVAL: size is 0; so with kseal_explanation().
 */
int kseal_reason(int fd, char *text, size_t size);

/* What was agreed on, in words; each "" where there is nothing to say. */
struct kseal_facts {
	char suite[64];			/* IANA's names */
	char group[64];
	char alpn[KSEAL_ALPN_MAX + 1];	/* the protocol that was chosen */
	char server_name[KSEAL_NAME_MAX + 1];	/* a server: what the peer asked for */
	char peer_identity[KSEAL_IDENTITY_MAX + 1];	/* verified: a certificate's subject, or a key's name */
	char profile[KSEAL_PROFILE_MAX + 1];	/* what was asked for: "" is the default one */
};

/* Once fd has keys (kseal_wait()). -ENOPROTOOPT: fd does not carry kseal, or the module is older. */
int kseal_facts(int fd, struct kseal_facts *facts);

/*
 * The peer's certificates, if kseal_keep_peer_chain() asked for them: DER, its own first, one
 * behind another; of a resumed session its own alone. *len: bytes at chain, and then of all of them.
 * -ERANGE: there is less room than that.
 */
int kseal_peer_chain(int fd, void *chain, size_t *len);

/*
 * Asks, before kseal_server() or kseal_connect(), that the handshake of fd be explained; of a
 * listener: those of its connections. -EALREADY it is too late, -ENOPROTOOPT the module is older
 * than this.
 */
int kseal_explain(int fd);

/*
 * What happened in the handshake of fd so far, step by step, in lines for a person; "" if nobody
 * asked for it. At most KSEAL_EXPLAIN_MAX bytes, cut to size; always terminated.
 */
int kseal_explanation(int fd, char *text, size_t size);

/*
 * For programs that did the handshake themselves: hands both directions' keys
 * to the kernel and attaches the ULP if fd does not have it yet. The caller goes
 * on owning, and has to wipe, *keys. errtext, which may be NULL, gets the
 * kernel's sentence on a refusal.
 * A session that has keys gets the next ones so too, after a KeyUpdate that the
 * program sent (rx.key_len is 0) or received (tx.key_len is 0) by itself; see
 * KSEAL_CMD_INSTALL in linux/kseal.h.
 */
KSEAL_CHECK_RESULT int kseal_install(int fd, const struct kseal_session_keys *keys, char *errtext,
				     size_t size);

/*
 * The same keys for the kernel's own TLS (tls.ko). kseal_install() never falls back to it; a program
 * that wants it where kseal.ko is not loaded says so:
 *	ret = kseal_install(fd, &keys, why, sizeof(why));
 *	if (ret == -ENOPKG)
 *		ret = kseal_install_mainline(fd, &keys, why, sizeof(why));
 * The socket is not kseal's then: there is nothing of SOL_KSEAL (-ENOPROTOOPT), and alerts, KeyUpdate,
 * tickets and close_notify are the program's, see kseal_install_mainline(3). No secret is used, and
 * nobody counts records (RFC 8446 5.5).
 * After an error with both directions' keys close the socket: it may have keys for sending alone, or
 * none and be plain TCP. The next keys are as with kseal_install(), one direction at a time; after an
 * error it has those that it had. -EBUSY: this kernel's TLS (before Linux 6.14) has one key for ever.
 * -ENOPKG tls.ko is not loaded (the kernel loads it by itself for CAP_NET_ADMIN), -EEXIST the socket has
 * another ULP, kseal's too, or keys that these do not follow, -ENOTCONN, -EOPNOTSUPP the version or the
 * cipher is not one of linux/tls.h or of this kernel's, -ENOENT the kernel does not have the cipher's
 * code, -EINVAL a key's length, both directions have one key and IV, one is missing and there are no
 * keys, or the next keys are for another version or cipher or begin with another number than 0.
 */
KSEAL_CHECK_RESULT int kseal_install_mainline(int fd, const struct kseal_session_keys *keys,
					      char *errtext, size_t size);

#ifdef __cplusplus
}
#endif

#endif
