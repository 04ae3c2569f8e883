#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/examples, built as their first lines say, against what make install puts into a directory. Needs kseal.ko loaded, and root.
# TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
. selftests/servers.sh

# in a copy: another guest may be at the same
build() {
	mkdir "$work/src" && cp -a VERSION tools include kmod docs "$work/src/" &&
		make -s -C "$work/src/tools" install PREFIX="$work/usr" LDCONFIG=true KSEAL_VERSION="$(<tools/.version)" &&
		PKG_CONFIG_PATH=$work/usr/lib/pkgconfig make -s -C docs/examples OUT="$work" CFLAGS="-O2 -Wall -Wextra -Werror"
}
ok "they are built by way of pkg-config" build
export LD_LIBRARY_PATH=$work/usr/lib

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/user.key" -out "$work/user.pem" -subj "/O=Users/CN=alice" \
	-addext "keyUsage=critical,digitalSignature" -addext "basicConstraints=critical,CA:TRUE" -days 30 2>/dev/null
chmod 600 "$work/user.key"
start_kseald "profile asking {
	certificate { chain = \"$work/keys/cert.pem\" key = \"$work/keys/key.pem\" }
	clients = required
	client-ca = { \"$work/user.pem\" }
}
profile alice {
	certificate { chain = \"$work/user.pem\" key = \"$work/user.key\" }
	ca = { \"$ca\" }
}"

head -c 2000000 /dev/urandom >"$work/large"
head -c 100000 /dev/urandom >"$work/medium"
cp "$work/medium" "$work/wanted"
talk() { echo hello | timeout 30 openssl s_client -quiet -verify_quiet -CAfile "$ca" -verify_return_error -connect "localhost:$1" 2>"$work/client.log" | head -n 1; }
answers() { is "$(talk "$1")" hello; }

# ---- servers ----

start "$work/echo" 8001
ok "the echo server in thirty lines" eventually answers 8001
lines() { (($(wc -l <docs/examples/echo.c) <= 36)); }
ok "which has about so many" lines
start docs/examples/echo.py 8002
ok "the one in Python" eventually answers 8002
start "$work/uring" 8003 "$work"
fetch() { curl -sS --http1.0 --max-time 60 --cacert "$ca" -o "$work/got" "https://localhost:8003/$1" && cmp "$work/got" "$work/$1"; }
ok "the file server on io_uring" eventually fetch kseald.conf
ok "a large file, whole" fetch large
missing() { is "$(curl -sS --max-time 60 --cacert "$ca" -o /dev/null -w '%{http_code}' https://localhost:8003/none)" 404; }
ok "a file that is none" missing
many() {
	local i pids=()
	for ((i = 0; i < 20; i++)); do fetch_to "$i" & pids+=($!); done
	for pid in "${pids[@]}"; do wait "$pid" || return; done
}
fetch_to() { curl -sS --http1.0 --max-time 120 --cacert "$ca" https://localhost:8003/large | cmp - "$work/large"; }
ok "twenty at once" many

# ---- clients ----

ok "the client" is "$(echo hello | timeout 30 "$work/client" localhost 8001 2>"$work/said")" hello
ok "says who answered" grep -q "localhost is .*CN=.*TLS_AES" "$work/said"
through() { timeout 60 "$work/client" localhost 8001 <"$work/medium" 2>/dev/null | cmp - "$work/wanted"; }
ok "a file there and back" through
ok "is told why there is no handshake" fails 1 "IP address mismatch" timeout 30 "$work/client" 127.0.0.2 8001
ok "the program with its own OpenSSL hands over" is "$(echo hello | timeout 30 "$work/own" localhost 8001 "$ca")" hello
own_through() { timeout 60 "$work/own" localhost 8001 "$ca" <"$work/medium" | cmp - "$work/wanted"; }
ok "a file with its keys" own_through

# ---- in mid-stream ----

start "$work/starttls" 8004
cat >"$work/mail.py" <<'END'
import smtplib, ssl, sys
with smtplib.SMTP("localhost", 8004, timeout=30) as smtp:
    if len(sys.argv) > 2:
        smtp.ehlo()
        smtp.send(b"STARTTLS\r\nMAIL FROM:<mallory@localhost>\r\n")
        print(smtp.getreply())
        print(smtp.sock.recv(1000)[:1])
    else:
        smtp.starttls(context=ssl.create_default_context(cafile=sys.argv[1]))
        smtp.sendmail("alice@localhost", ["bob@localhost"], "Subject: greetings\r\n\r\nhello bob\r\n")
END
mail() { timeout 30 python3 "$work/mail.py" "$ca" && grep -q "hello bob" "$work/server.log"; }
ok "SMTP, STARTTLS, and a message" eventually mail
injected() {
	timeout 30 python3 "$work/mail.py" "$ca" inject >"$work/injected" 2>&1
	cat "$work/injected"
	! grep -q "^(250" "$work/injected" && grep -q 220 "$work/injected"
}
ok "what is sent behind STARTTLS in clear ends it" injected

# ---- what the options tell ----

cat >"$work/facts.py" <<'END'
import ctypes, os, socket, subprocess, sys
SOL, ROLE, PROFILE, NAME, REASON, ALPN, SUITE, GROUP, IDENTITY, CHAIN = 19283, 3, 1, 2, 5, 13, 14, 15, 16, 17
def number(n): return n.to_bytes(4, sys.byteorder)
def text(s, option): return s.getsockopt(SOL, option, 1024).rstrip(b"\0").decode()
libc = ctypes.CDLL(None, use_errno=True)
def chain_of(s, room):	# Python's own getsockopt() has 1,024 bytes at most
    buffer, size = ctypes.create_string_buffer(room), ctypes.c_int(room)
    if libc.getsockopt(s.fileno(), SOL, CHAIN, buffer, ctypes.byref(size)):
        return os.strerror(ctypes.get_errno()), size.value
    return buffer.raw[:size.value]
listener = socket.create_server(("127.0.0.1", 0))
listener.setsockopt(6, 31, b"kseal")
listener.setsockopt(SOL, PROFILE, b"asking")
listener.setsockopt(SOL, ALPN, b"h2,http/1.1")
listener.setsockopt(SOL, CHAIN, number(1))
listener.setsockopt(SOL, ROLE, number(1))
client = socket.create_connection(listener.getsockname())
client.setsockopt(6, 31, b"kseal")
client.setsockopt(SOL, PROFILE, b"alice")
client.setsockopt(SOL, NAME, b"localhost")
client.setsockopt(SOL, ALPN, sys.argv[1].encode())
client.setsockopt(SOL, CHAIN, number(1))
client.setsockopt(SOL, ROLE, number(2))
server, _ = listener.accept()
try:
    client.sendall(b"hello")
    assert server.recv(5) == b"hello"
except OSError as error:
    print(error, "-", text(client, REASON))
    sys.exit(3)
for end in client, server:
    chain = chain_of(end, 16384)
    subject = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=chain, capture_output=True).stdout.decode().strip()
    print(text(end, ALPN), text(end, SUITE), text(end, GROUP), text(end, NAME), text(end, PROFILE), text(end, IDENTITY), subject)
error, size = chain_of(client, 10)
print(error, size == len(chain_of(client, 16384)))
END
facts() { timeout 30 python3 "$work/facts.py" http/1.1,spdy >"$work/facts" && cat "$work/facts" &&
	sed -n 1p "$work/facts" | grep -q "^http/1.1 TLS_AES_[0-9]*_GCM_SHA[0-9]* [a-zA-Z0-9]* localhost alice .*CN *= *localhost" &&
	sed -n 2p "$work/facts" | grep -q "^http/1.1 TLS_AES.* localhost asking CN=alice,O=Users subject=O *= *Users, CN *= *alice" &&
	is "$(sed -n 3p "$work/facts")" "Numerical result out of range True"; }
ok "each end's protocol, suite, group, name, identity and chain" facts
refused_with() { # TEXT PROTOCOLS
	local said; said=$(timeout 30 python3 "$work/facts.py" "$2")
	is $? 3 && echo "$said" && [[ $said == *"$1"* ]]
}
ok "no protocol in common" refused_with no_application_protocol spdy
ok "protocols that are none" refused_with "are no list" h2,,spdy
echo "1..$count"
((failed == 0))
