/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * kseal: TLS records on TCP sockets, sealed and opened in the kernel.
 *
 * This header is the whole contract between the module, the helper (kseald),
 * and applications. It has two halves: socket options, for the program that
 * owns a socket, and a generic netlink family, for the helper, for programs
 * that bring their own keys, and for those who look on.
 *
 *
 * SOCKET OPTIONS
 *
 *   setsockopt(fd, SOL_TCP, TCP_ULP, "kseal", 5)
 *     Attaches kseal to a TCP socket that is connected, that is connecting (after
 *     connect() said EINPROGRESS), or that listens. From
 *     here on nothing leaves the socket in clear: until it has keys, reads and
 *     writes fail with ENOKEY (no role chosen yet) or block, or give EAGAIN
 *     (handshake under way). There is no way back to plain TCP. Connections
 *     accepted from a listener inherit the ULP and what is set on the listener
 *     below.
 *     Connections that wait in a listener's queue at that moment are reset, and
 *     accept() does not return them: they would be served in clear.
 *     Errors: EBUSY the socket is in a sockmap, has a psock, or carries another
 *     user of sk_user_data; EOPNOTSUPP it is in TCP repair mode; EINVAL it uses
 *     PSP; ENOTCONN none of the three; EEXIST it has a ULP; ENOMEM; ENOENT the
 *     module is not loaded; ENOPROTOOPT (a Unix socket: EOPNOTSUPP) it is not
 *     TCP, or MPTCP.
 *
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_PROFILE, name, len)
 *     Name of the helper's profile that decides certificates and trust;
 *     at most KSEAL_PROFILE_MAX bytes, no NUL needed. Default "default".
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_SERVER_NAME, name, len)
 *     Client: the DNS name or address the server's certificate is verified
 *     against, and (for a DNS name) what is sent as SNI (RFC 6066 3). At most
 *     KSEAL_NAME_MAX bytes. Without it the profile's counts; where that has none
 *     either the handshake fails with EDESTADDRREQ: nothing is ever looked up
 *     backwards.
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_ALPN, names, len)
 *     Application protocols (RFC 7301), best first, with commas between them:
 *     "h2,http/1.1"; at most KSEAL_ALPN_MAX bytes. Instead of the profile's.
 *     A client offers them; a server chooses one of them, or refuses the
 *     handshake when the client offers only others.
 *     Errors of the three: EINVAL empty, too long, or with a space or a control
 *     character; EALREADY a role was set, or there are keys. Whether the helper knows the profile
 *     comes out in the handshake. Children of a listener inherit what it has.
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_ROLE, &role, sizeof(__u32))
 *     KSEAL_ROLE_SERVER or KSEAL_ROLE_CLIENT. On a connected socket this
 *     starts the handshake; on a connecting one it starts with the connection,
 *     for which poll(2) waits too: what it then says is how both went (SO_ERROR;
 *     the handshake's time limit is for both); on a listener (server only) it is what accepted
 *     connections do by themselves.
 *     Errors: EINVAL unknown role, or client role on a listener; EALREADY a
 *     role was set; EUNATCH no helper is registered in
 *     the socket's network namespace (connected sockets; a listener may wait
 *     for one); ENOBUFS too many handshakes are under way (module parameter
 *     max_handshakes).
 *
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, &on, sizeof(__u32))
 *     1: the helper tells what happens in the handshake, step by step, as text;
 *     0, the default: nothing. On a listener for its connections, each of which
 *     then has 8 KiB for it until it is closed.
 *     Errors: EINVAL another value; EALREADY a role was set, or there are keys.
 *   getsockopt(fd, SOL_KSEAL, KSEAL_SO_EXPLAIN, char *, &len)
 *     What was told so far, while the handshake goes on and however it ends:
 *     lines of printable ASCII, at most KSEAL_EXPLAIN_MAX bytes of them, the last
 *     one a mark if there was more; NUL-terminated, cut to len. Empty if nobody
 *     asked. For people: its form may change. Never a key or a secret.
 *
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_PASS, &on, sizeof(__u32)), and get
 *     A listener's: 1: connections that are established from here on are plain
 *     TCP, as if the ULP were not there; 0, the default: they have it. Those that
 *     exist stay what they are, but for those in the queue, which turning it off
 *     resets as TCP_ULP does. EINVAL not a listener, or another value; EPERM a
 *     rule of KSEAL_CMD_WRAP is for this listener, and would be undone.
 *
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_PEER_CHAIN, &on, sizeof(__u32))
 *     1: the peer's certificates are to be kept; 0, the default. On a listener
 *     for its connections. EINVAL, EALREADY as above.
 *   getsockopt(fd, SOL_KSEAL, KSEAL_SO_PEER_CHAIN, void *, &len)
 *     They, as they came: DER (RFC 5280 4.1), the peer's own first, one behind
 *     another, KSEAL_CHAIN_MAX bytes at most (the last ones are missing if they
 *     are more). Empty: nobody asked, or the peer has none. Of a resumed
 *     session there is the first alone. ERANGE, with len as it has to be, when
 *     len is less.
 *
 * What was agreed on, once there are keys; strings, NUL-terminated, cut to len,
 * empty where there is nothing to say:
 *   KSEAL_SO_SUITE, KSEAL_SO_GROUP   IANA's names
 *   KSEAL_SO_ALPN             the protocol, not what was offered
 *   KSEAL_SO_SERVER_NAME      client: whom it is connected to; server: the name the
 *                             peer asked for (RFC 6066 3)
 *   KSEAL_SO_PEER_IDENTITY    the subject of the peer's certificate, which was
 *                             verified, or the name of its key; see
 *                             KSEAL_A_PEER_IDENTITY
 *   KSEAL_SO_PROFILE          what was set, or inherited
 *
 * How records are made; each may be set at any time, on a listener for its
 * connections, and read with getsockopt:
 *   KSEAL_SO_RECORD_MAX __u32
 *     Bytes of content in a record at most, KSEAL_RECORD_MIN to 16384 (the
 *     default): RFC 8449's limit, less one in TLS 1.3. EINVAL other values;
 *     EBUSY more than that waits in an open record (MSG_MORE). What the peer
 *     takes (RFC 6066 4) stays the most, and is what is read if it is less.
 *   KSEAL_SO_PADDING __u32
 *     TLS 1.3: what is sealed is filled with zeros to a multiple of so many
 *     bytes, or to the record's limit if that comes first (RFC 8446 5.4). 0, the
 *     default: no padding. 16385, the most: every record has the same length.
 *   KSEAL_SO_DYNAMIC __u32
 *     1: the first 40 records after a pause of a second have 1369 bytes of
 *     content, so that each can be opened as its segment arrives. 0, the
 *     default: as many as were written, up to KSEAL_SO_RECORD_MAX.
 *   KSEAL_SO_CONTROL __u32
 *     1: alerts and handshake messages that arrive are given to recvmsg(2) as
 *     mainline's TLS does: alone, with a control message of SOL_TLS,
 *     TLS_GET_RECORD_TYPE; without room for one, EIO. close_notify is such a
 *     record, and after it the end of the stream. 0, the default: they are the
 *     kernel's and the helper's business, and no read ever sees them.
 *
 * Records of another type are sent with sendmsg(2) and a control message of
 * SOL_TLS, TLS_SET_RECORD_TYPE, one byte: 21 alert, 22 handshake, 23 data.
 * EINVAL with MSG_MORE, or another type.
 *
 *   setsockopt(fd, SOL_KSEAL, KSEAL_SO_KEY_UPDATE, &request, sizeof(__u32))
 *     TLS 1.3: sends a KeyUpdate (RFC 8446 4.6.3) and goes on with the next
 *     keys; with 1 the peer is asked for the same. EOPNOTSUPP TLS 1.2; ENOKEY
 *     the keys were installed without a secret; ENOTCONN no keys; EPIPE
 *     closed. The kernel does this by itself before the AEAD limit of RFC 8446
 *     5.5, asks a peer that gets near its own, and answers one that asks.
 *
 *   getsockopt(fd, SOL_KSEAL, KSEAL_SO_INFO, struct kseal_info *, &len)
 *     State, role, negotiated version and cipher, counters, last error. A
 *     shorter len gets the fields that fit. Never a key.
 *   getsockopt(fd, SOL_KSEAL, KSEAL_SO_REASON, char *, &len)
 *     The last error as a sentence, NUL-terminated, cut to len. Empty if there
 *     was none, and for one that has no sentence: the errno stands by itself.
 *
 * What a blocked or later read, write, poll reports when a handshake fails
 * (it stays so; KSEAL_SO_REASON has the sentence):
 *   EUNATCH       no helper registered
 *   EOWNERDEAD    the helper that had the handshake died or closed its socket,
 *                 or who signs for it died
 *   ETIMEDOUT     module parameter handshake_timeout_ms passed
 *   ECONNRESET    the peer closed the connection in mid-handshake
 *   EKEYREJECTED  the peer's certificate or name did not verify, here or there
 *   EINVAL        the helper does not know the profile, or it lacks what the
 *                 role needs; or a name or a list of protocols that is none
 *   ENOBUFS       too many handshakes are under way (an accepted connection)
 *   ENOMEM        there was no memory, in the kernel or the helper
 *   EPROTO        anything else the helper or the peer refused
 *   On a connecting socket also what connect(2) reports.
 * and on a keyed session:
 *   EBADMSG       a record's tag did not verify (bad_record_mac was sent)
 *   EMSGSIZE      a record is too long (record_overflow was sent)
 *   EPROTO        a record is malformed or not allowed (alert was sent)
 *   ECONNRESET    TCP ended without close_notify (truncation, RFC 8446 6.1),
 *                 or the peer sent a fatal alert (kseal_info.alert names it)
 *   EKEYEXPIRED   the AEAD limit is reached in this direction (RFC 8446 5.5)
 *                 and the kernel cannot make the next keys: TLS 1.2, or no
 *                 secret. Or the peer sent a KeyUpdate and there is no secret:
 *                 reading goes on with the next KSEAL_CMD_INSTALL of RX. poll
 *                 says readable meanwhile, unless KSEAL_SO_CONTROL has shown
 *                 the KeyUpdate.
 *
 *
 * GENERIC NETLINK, family KSEAL_GENL_NAME, version KSEAL_GENL_VERSION
 *
 * u = userspace sends, k = kernel sends. Attributes in [] are optional. Every
 * request from userspace is acknowledged if NLM_F_ACK is set; a refusal is a
 * negative errno and an extack text that names the attribute. Set
 * NETLINK_CAP_ACK on a socket that sends keys, so that a refusal does not echo
 * them; the module wipes the request when it is done with it, refused or not
 * (a message that generic netlink itself refuses, with NLM_F_DUMP set or a
 * malformed header, never reaches it).
 *
 * KSEAL_CMD_REGISTER (u, CAP_NET_ADMIN in the netns)
 *   This netlink socket is a helper worker of its network namespace until it
 *   is closed. Handshakes are spread over all workers.
 *     -EALREADY this socket is registered.
 *
 * KSEAL_CMD_UNREGISTER (u, registered worker; no privilege)
 *   It is no worker any more, as if it were closed: what it has under way fails
 *   with EOWNERDEAD. For who cannot say when its socket is closed: an io_uring
 *   keeps one for a while after the process has ended.
 *     -ESRCH    this socket is not registered.
 *
 * KSEAL_CMD_HANDSHAKE (k -> registered worker)
 *     COOKIE u64           names the request; random, never reused
 *     [ROLE u8, PROFILE string, [SERVER_NAME string], PEER, LOCAL sockaddr,
 *      TIMEOUT u32 ms, [EXPLAIN_WANTED flag], [CHAIN_WANTED flag],
 *      [ALPN string, with commas]]
 *                          in the first message of a request only
 *     [BYTES binary]       whole TLS records as received, at most
 *                          KSEAL_BYTES_MAX. A client's first message has none.
 *   The kernel sends the next message of a request only after the worker has
 *   answered the one before.
 * KSEAL_CMD_HANDSHAKE (u, registered worker)
 *     COOKIE u64
 *     CONSUMED u32         how many of the bytes received in this request since
 *                          the last answer are used up; the rest stay in the
 *                          kernel and are sent again with what follows them
 *     [BYTES binary]       to be written to the TCP connection as they are
 *     [MORE flag]          another message of the same flight follows; the
 *                          answer is complete only with the one without it.
 *                          CONSUMED is 0 in those with it.
 *     [EXPLAIN string]     how the story goes on, whole lines, at most
 *                          KSEAL_EXPLAIN_MAX bytes of printable ASCII and
 *                          newlines; dropped where EXPLAIN_WANTED was not said
 * KSEAL_CMD_DONE (u, registered worker): the handshake has ended. [EXPLAIN] as
 * above goes with both.
 *   Success: both directions at once, or nothing.
 *     COOKIE, CONSUMED, [BYTES] as above (BYTES are written before any
 *                          record under the new keys)
 *     VERSION u16          0x0303 or 0x0304, as on the wire
 *     CIPHER u16           KSEAL_CIPHER_*
 *     TX nest, RX nest     KSEAL_A_KEYS_*, as seen from the socket
 *     [RECORD_MAX u32, PADDING u32, DYNAMIC u32]  as the socket options; what
 *                          the application set itself stays
 *     [PEER_RECORD_MAX u32]  what the peer takes, from KSEAL_RECORD_MIN; holds
 *                          whoever sets RECORD_MAX
 *     [SUITE, GROUP, SERVER_NAME, ALPN, PEER_IDENTITY strings]  facts, shown
 *                          to those who may see the session
 *     [CHAIN binary]       as KSEAL_SO_PEER_CHAIN; dropped where CHAIN_WANTED was
 *                          not said
 *     [FINISHED binary]    of a server: the client's Finished is still to come,
 *                          and has to be this (header included, RFC 8446 4.4.4,
 *                          RFC 5246 7.4.9). The kernel waits for it, within the
 *                          time limit, and the worker hears no more of the
 *                          request but KSEAL_CMD_CANCEL if it fails. RX is for
 *                          what follows it; in TLS 1.2, where a
 *                          ChangeCipherSpec goes before it, for it too.
 *     [FINISHED_RX nest]   with FINISHED in TLS 1.3: as RX, of the record it
 *                          comes in
 *     [BEHIND binary]      with FINISHED in TLS 1.3: written when it has come;
 *                          whole records, sealed under TX from SEQ on
 *   Failure:
 *     COOKIE, [CONSUMED], [BYTES]  an alert record, say
 *     ERROR u32            positive errno that the socket gets
 *     [ALERT u8]           RFC 8446 6, sent or received
 *     [REASON string]      one sentence for a person
 *   HANDSHAKE and DONE fail with
 *     -ESRCH  this socket is not registered; -ESTALE no such request (it
 *     timed out, was closed, or was answered); -EPERM another worker has it;
 *     -EINVAL, -ERANGE, -EOPNOTSUPP an attribute, named in the extack text;
 *     -ENOBUFS more bytes than one flight may have; -EPIPE TCP is gone.
 *   After -EINVAL, -ERANGE, -EOPNOTSUPP, -ENOBUFS and -ENOMEM the request is as
 *   it was; CONSUMED that is missing means 0. SUITE and GROUP have at most 63
 *   bytes, ALPN 255, PEER_IDENTITY 1023, REASON KSEAL_REASON_MAX.
 * KSEAL_CMD_MESSAGE (k -> worker)
 *     COOKIE, BYTES        a handshake message (RFC 8446 4) that came after the
 *                          handshake, header included: NewSessionTicket, for a
 *                          client. To the worker that did the handshake; best
 *                          effort, the first 64 of a session.
 * KSEAL_CMD_CANCEL (k -> worker)
 *     COOKIE, ERROR u32    the request ended (closed, timed out, reset): forget
 *                          it. Best effort; keep a time limit of your own.
 *     [ALERT u8, REASON string]  after a DONE with FINISHED: that was sent or
 *                          received; why
 *
 * KSEAL_CMD_INSTALL (u, no privilege): keys for one's own socket, which did
 * its handshake itself. The ULP is attached, no role is set.
 *     FD s32               a descriptor of the calling process
 *     VERSION, CIPHER, TX, RX as in DONE
 *     -EBADF no such descriptor; -ENOTSOCK; -EOPNOTSUPP not TCP, or a version
 *     or cipher not known; -EPROTOTYPE the ULP is not attached; -ENOTCONN not connected,
 *     closed, or listening; -EXDEV the socket is in another network namespace;
 *     -EPERM the caller is not who opened the netlink socket; -EEXIST it has
 *     keys; -EBUSY a handshake is under way; -EINVAL a missing attribute or
 *     a wrong length; -ENOENT the kernel has no such cipher; -ERANGE a SEQ at
 *     the AEAD's limit; -ENOMEM.
 *   On a session that has keys: the next keys, after a KeyUpdate that the
 *   application sent (TX alone) or received (RX alone) by itself. TLS 1.3,
 *   VERSION and CIPHER as before, SEQ 0; RX only while reading fails with
 *   EKEYEXPIRED. -EEXIST otherwise; -EALREADY the key it has; -EAGAIN no memory
 *   to seal what was written under the key before, try again.
 *
 * KSEAL_CMD_SESSION_GET (u, NLM_F_DUMP; sees one's own sessions, all of the
 * netns with CAP_NET_ADMIN)
 *   A KSEAL_CMD_SESSION_GET message per socket that carries the ULP, with the
 *   KSEAL_A_SESSION_* attributes (top level).
 * KSEAL_CMD_SESSION_EVENT (k -> multicast group KSEAL_GENL_GROUP_SESSIONS, which
 * CAP_NET_ADMIN in the netns may join)
 *   As KSEAL_CMD_SESSION_GET, with EVENT u8, enum kseal_event: a session has got
 *   its keys, has failed, or was closed by its program. Best effort: a receiver
 *   that is too slow misses some (ENOBUFS).
 * KSEAL_CMD_STATS_GET (u)
 *   One message with a STAT nest {STAT_NAME string, STAT_VALUE u64} for each
 *   counter of the network namespace (also in /proc/net/kseal), and one for
 *   the gauge "helpers": how many workers are registered now. Without one no
 *   handshake can begin.
 *
 * KSEAL_CMD_WRAP (u, CAP_NET_ADMIN in the netns): a rule. Whoever listens on the
 * address has the ULP, the profile and the server's role put on the listening
 * socket, now and whenever a new one appears, until the rule is taken back. No
 * connection to such an address begins in clear: a segment for a listener that
 * is not wrapped yet is dropped while it is being wrapped, and sent again by
 * TCP. A rule for the same address replaces the profile, for later connections.
 *     LOCAL sockaddr       listeners bound to it; 0.0.0.0 and :: are such
 *                          addresses, they mean no other
 *     [WRAP_ANY flag]      listeners of LOCAL's port, whatever their address
 *     PROFILE string
 *     [WRAP_AHEAD flag]    that nobody listens there is no error
 *     -ENOENT nobody listens there, and there was no rule; -EEXIST there is one,
 *     and the message has NLM_F_EXCL; -EOPNOTSUPP a listener is MPTCP, or the
 *     kernel has no netfilter; -EBUSY a listener carries something else; -EAGAIN
 *     its program has held it for five seconds; -ENOSPC KSEAL_WRAPS_MAX rules;
 *     -EINVAL an attribute; -ENOMEM. After an error nothing has changed.
 *   An IPv4-mapped address of IPv6 is that of IPv4. Connections that were in a
 *   listener's queue are reset before this returns. A listener that has the ULP
 *   already is left as its program made it, but does not pass (KSEAL_SO_PASS).
 * KSEAL_CMD_UNWRAP (u, CAP_NET_ADMIN in the netns)
 *     LOCAL, [WRAP_ANY]    a rule's
 *   The rule is gone; its listeners pass (KSEAL_SO_PASS). -ENOENT no such rule.
 * KSEAL_CMD_WRAP_GET (u, NLM_F_DUMP, CAP_NET_ADMIN in the netns)
 *   A KSEAL_CMD_WRAP_GET message for each rule: LOCAL, [WRAP_ANY], PROFILE, and
 *     WRAP_LISTENERS u32   how many have it now, or with their first segment
 *
 * One exception to "nobody reads keys": like those of WireGuard, macsec, ovpn
 * and xfrm, these netlink messages are seen by an nlmon device, which needs
 * CAP_NET_ADMIN in the network namespace.
 */
#ifndef _UAPI_LINUX_KSEAL_H
#define _UAPI_LINUX_KSEAL_H

#include <linux/types.h>

/* ---- socket options ---- */

#define KSEAL_ULP_NAME		"kseal"
#define SOL_KSEAL		19283	/* "KS" */

enum kseal_sockopt {
	KSEAL_SO_PROFILE = 1,		/* string, set before the role */
	KSEAL_SO_SERVER_NAME,		/* string, set before the role */
	KSEAL_SO_ROLE,			/* __u32, enum kseal_role */
	KSEAL_SO_INFO,			/* struct kseal_info, read only */
	KSEAL_SO_REASON,		/* string, read only */
	KSEAL_SO_RECORD_MAX,		/* __u32, bytes of content */
	KSEAL_SO_PADDING,		/* __u32, bytes */
	KSEAL_SO_DYNAMIC,		/* __u32, 0 or 1 */
	KSEAL_SO_CONTROL,		/* __u32, 0 or 1 */
	KSEAL_SO_KEY_UPDATE,		/* __u32, 0 or 1, write only */
	KSEAL_SO_EXPLAIN,		/* set: __u32, 0 or 1; get: string */
	KSEAL_SO_PASS,			/* __u32, 0 or 1 */
	KSEAL_SO_ALPN,			/* string: set what may be, get what is */
	KSEAL_SO_SUITE,			/* string, read only */
	KSEAL_SO_GROUP,			/* string, read only */
	KSEAL_SO_PEER_IDENTITY,		/* string, read only */
	KSEAL_SO_PEER_CHAIN,		/* set: __u32, 0 or 1; get: bytes */
};

#define KSEAL_RECORD_MIN	63	/* least KSEAL_SO_RECORD_MAX: RFC 8449 4 */

#define KSEAL_PROFILE_MAX	63	/* bytes, without NUL */
#define KSEAL_NAME_MAX		255	/* bytes, without NUL */
#define KSEAL_ALPN_MAX		255	/* bytes, without NUL */
#define KSEAL_IDENTITY_MAX	1023	/* bytes, without NUL */
#define KSEAL_CHAIN_MAX		16384	/* bytes */
#define KSEAL_FINISHED_MAX	52	/* bytes, RFC 8446 4.4.4 with SHA-384 */
#define KSEAL_BEHIND_MAX	4096	/* bytes */
#define KSEAL_REASON_MAX	255	/* bytes, without NUL */
#define KSEAL_EXPLAIN_MAX	8191	/* bytes, without NUL */
#define KSEAL_WRAPS_MAX		1024	/* rules of a network namespace */

enum kseal_role {
	KSEAL_ROLE_NONE,
	KSEAL_ROLE_SERVER,
	KSEAL_ROLE_CLIENT,
};

enum kseal_state {
	KSEAL_STATE_NEW,		/* ULP attached, no role, no keys */
	KSEAL_STATE_WAITING,		/* a handshake is under way */
	KSEAL_STATE_KEYED,		/* both directions have keys */
	KSEAL_STATE_DEAD,		/* failed; the error stays */
	KSEAL_STATE_LISTEN,		/* a listener whose children inherit */
};

/* TLS version numbers as on the wire, RFC 8446 4.2.1 */
#define KSEAL_VERSION_1_2	0x0303
#define KSEAL_VERSION_1_3	0x0304

/* The record protection algorithm; numbers as in linux/tls.h */
#define KSEAL_CIPHER_AES_GCM_128	51
#define KSEAL_CIPHER_AES_GCM_256	52
#define KSEAL_CIPHER_AES_CCM_128	53
#define KSEAL_CIPHER_CHACHA20_POLY1305	54
#define KSEAL_CIPHER_SM4_GCM		55
#define KSEAL_CIPHER_SM4_CCM		56
#define KSEAL_CIPHER_ARIA_GCM_128	57	/* TLS 1.2 only */
#define KSEAL_CIPHER_ARIA_GCM_256	58	/* TLS 1.2 only */

#define KSEAL_IV_LEN		12	/* of every cipher here, RFC 8446 5.3 */

enum kseal_event {
	KSEAL_EVENT_OPENED = 1,
	KSEAL_EVENT_FAILED,
	KSEAL_EVENT_CLOSED,
};

struct kseal_info {
	__u8	state;			/* enum kseal_state */
	__u8	role;			/* enum kseal_role */
	__u16	version;		/* 0 before KEYED */
	__u16	cipher;			/* KSEAL_CIPHER_*, 0 before KEYED */
	__u8	alert;			/* last fatal alert sent or received */
	__u8	peer_closed;		/* 1: close_notify was received */
	__s32	error;			/* positive errno, 0: none */
	__u32	reserved;
	__u64	tx_records;		/* data and control records sealed */
	__u64	tx_bytes;		/* application bytes sealed */
	__u64	rx_records;		/* records opened */
	__u64	rx_bytes;		/* application bytes opened */
	__u64	tx_updates;		/* KeyUpdates sent */
	__u64	rx_updates;		/* KeyUpdates received */
};

/* ---- generic netlink ---- */

#define KSEAL_GENL_NAME		"kseal"
#define KSEAL_GENL_VERSION	1
#define KSEAL_GENL_GROUP_SESSIONS "sessions"

#define KSEAL_BYTES_MAX		32768	/* bytes in one BYTES attribute */

enum kseal_cmd {
	KSEAL_CMD_UNSPEC,
	KSEAL_CMD_REGISTER,
	KSEAL_CMD_HANDSHAKE,
	KSEAL_CMD_DONE,
	KSEAL_CMD_CANCEL,
	KSEAL_CMD_INSTALL,
	KSEAL_CMD_SESSION_GET,
	KSEAL_CMD_STATS_GET,
	KSEAL_CMD_MESSAGE,
	KSEAL_CMD_WRAP,
	KSEAL_CMD_UNWRAP,
	KSEAL_CMD_WRAP_GET,
	KSEAL_CMD_SESSION_EVENT,
	KSEAL_CMD_UNREGISTER,

	__KSEAL_CMD_MAX,
#define KSEAL_CMD_MAX (__KSEAL_CMD_MAX - 1)
};

enum kseal_attr {
	KSEAL_A_UNSPEC,
	KSEAL_A_PAD,
	KSEAL_A_COOKIE,			/* u64 */
	KSEAL_A_ROLE,			/* u8, enum kseal_role */
	KSEAL_A_PROFILE,		/* string */
	KSEAL_A_SERVER_NAME,		/* string */
	KSEAL_A_PEER,			/* struct sockaddr_in or _in6 */
	KSEAL_A_LOCAL,			/* struct sockaddr_in or _in6 */
	KSEAL_A_TIMEOUT,		/* u32, ms */
	KSEAL_A_BYTES,			/* binary, at most KSEAL_BYTES_MAX */
	KSEAL_A_CONSUMED,		/* u32 */
	KSEAL_A_MORE,			/* flag */
	KSEAL_A_VERSION,		/* u16 */
	KSEAL_A_CIPHER,			/* u16 */
	KSEAL_A_TX,			/* nest of KSEAL_A_KEYS_* */
	KSEAL_A_RX,			/* nest of KSEAL_A_KEYS_* */
	KSEAL_A_SUITE,			/* string, IANA name */
	KSEAL_A_GROUP,			/* string, IANA name */
	KSEAL_A_ALPN,			/* string */
	/* string: the verified certificate's subject, or the name of the external
	 * key (RFC 8446 4.2.11) that was used instead
	 */
	KSEAL_A_PEER_IDENTITY,
	KSEAL_A_ERROR,			/* u32, positive errno */
	KSEAL_A_ALERT,			/* u8 */
	KSEAL_A_REASON,			/* string */
	KSEAL_A_FD,			/* s32 */
	KSEAL_A_STAT,			/* nest, repeated */
	KSEAL_A_STAT_NAME,		/* string */
	KSEAL_A_STAT_VALUE,		/* u64 */
	KSEAL_A_SESSION_ID,		/* u64, unique since the module was loaded */
	KSEAL_A_SESSION_STATE,		/* u8, enum kseal_state */
	KSEAL_A_SESSION_UID,		/* u32 */
	KSEAL_A_SESSION_INODE,		/* u64, the socket's, as in /proc/PID/fd */
	KSEAL_A_SESSION_AGE,		/* u64, ms since the ULP was attached */
	KSEAL_A_SESSION_TX_RECORDS,	/* u64 */
	KSEAL_A_SESSION_TX_BYTES,	/* u64 */
	KSEAL_A_SESSION_RX_RECORDS,	/* u64 */
	KSEAL_A_SESSION_RX_BYTES,	/* u64 */
	KSEAL_A_SESSION_TX_UPDATES,	/* u64, KeyUpdates sent */
	KSEAL_A_SESSION_RX_UPDATES,	/* u64, KeyUpdates received */
	KSEAL_A_RECORD_MAX,		/* u32, KSEAL_SO_RECORD_MAX */
	KSEAL_A_PADDING,		/* u32, KSEAL_SO_PADDING */
	KSEAL_A_DYNAMIC,		/* u32, KSEAL_SO_DYNAMIC */
	KSEAL_A_EXPLAIN_WANTED,		/* flag: the socket has KSEAL_SO_EXPLAIN set */
	KSEAL_A_EXPLAIN,		/* string, lines */
	KSEAL_A_WRAP_ANY,		/* flag: the port of every address */
	KSEAL_A_WRAP_AHEAD,		/* flag: perhaps nobody listens yet */
	KSEAL_A_WRAP_LISTENERS,		/* u32 */
	KSEAL_A_SESSION_WRAPPED,	/* flag: by a rule */
	KSEAL_A_SESSION_PASS,		/* flag: KSEAL_SO_PASS is set */
	KSEAL_A_CHAIN_WANTED,		/* flag: the socket has KSEAL_SO_PEER_CHAIN set */
	KSEAL_A_CHAIN,			/* binary, at most KSEAL_CHAIN_MAX */
	KSEAL_A_EVENT,			/* u8, enum kseal_event */
	KSEAL_A_PEER_RECORD_MAX,	/* u32, bytes of content */
	KSEAL_A_FINISHED,		/* binary, at most KSEAL_FINISHED_MAX */
	KSEAL_A_FINISHED_RX,		/* nest of KSEAL_A_KEYS_* */
	KSEAL_A_BEHIND,			/* binary, at most KSEAL_BEHIND_MAX */
	/* a session also has ROLE, PROFILE, PEER, LOCAL, and where known
	 * VERSION, CIPHER, SUITE, GROUP, ALPN, SERVER_NAME, PEER_IDENTITY,
	 * ERROR, ALERT, REASON
	 */

	__KSEAL_A_MAX,
#define KSEAL_A_MAX (__KSEAL_A_MAX - 1)
};

/* One direction's keys. Write only. */
enum kseal_keys_attr {
	KSEAL_A_KEYS_UNSPEC,
	KSEAL_A_KEYS_PAD,
	KSEAL_A_KEYS_KEY,		/* binary, the cipher's key length: 16 or 32 */
	KSEAL_A_KEYS_IV,		/* binary, KSEAL_IV_LEN: RFC 8446 7.3 write_iv;
					 * TLS 1.2 ciphers but ChaCha20-Poly1305: 4
					 * bytes of salt (RFC 5288 3), then the
					 * explicit nonce that sending begins with
					 */
	KSEAL_A_KEYS_SEQ,		/* u64, next record's sequence number */
	KSEAL_A_KEYS_SECRET,		/* binary, optional: the application traffic
					 * secret (RFC 8446 7.1), the hash's length:
					 * 32 (SHA-256, SM3) or 48 (SHA-384). With it
					 * the kernel does KeyUpdate by itself. TLS 1.3
					 */

	__KSEAL_A_KEYS_MAX,
#define KSEAL_A_KEYS_MAX (__KSEAL_A_KEYS_MAX - 1)
};

#endif /* _UAPI_LINUX_KSEAL_H */
