#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The commands end to end, with the module and the helper: serve, connect, show.
# Needs kseal.ko loaded, and root. TAP on stdout. KSEAL and KSEALD name the programs.
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
KSEAL=${KSEAL:-$here/../tools/kseal}
KSEALD=${KSEALD:-$here/../helper/kseald}
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-tools.XXXXXX")
chmod 755 "$work"
root=$work/root
keys=$work/keys
helper='' server='' other=''
# shellcheck source-path=SCRIPTDIR
. "$here/ok.sh"

finish() {
	local pid
	for pid in $other $server $helper; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$work"
}
trap finish EXIT

# eventually COMMAND...: within 5 s
eventually() {
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	"$@"
}

[ -e /sys/module/kseal ] || { echo "1..0 # SKIP kseal.ko is not loaded"; exit 4; }
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP not root"; exit 4; }
for tool in curl cmp python3 openssl "$KSEAL" "$KSEALD"; do
	command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool"; exit 4; }
done
ip link set lo up 2>/dev/null

mkdir "$root"
head -c 3000000 /dev/urandom >"$root/big.bin"
printf '0123456789' >"$root/ten.txt"
"$KSEAL" keygen -d "$keys" localhost 127.0.0.1 ::1 >/dev/null || exit 1
url=https://localhost

secure() { # CURL ARGUMENT...
	curl -sS --max-time 30 --cacert "$keys/ca.pem" "$@"
}

start_helper() {
	helper_with --cert "$keys/cert.pem" --key "$keys/key.pem" --ca "$keys/ca.pem"
}

helper_with() { # ARGUMENT...
	"$KSEALD" --foreground "$@" >"$work/helper.log" 2>&1 &
	helper=$!
}

end_helper() {
	kill $helper
	wait $helper 2>/dev/null
	helper=
}

serve() {
	: >"$work/serve.log"
	"$KSEAL" serve -p 0 "$root" >"$work/serve.log" 2>"$work/serve.err" &
	server=$!
}

# sets port
wait_server() {
	for _ in $(seq 500); do
		port=$(sed -n 's|.*https://[^/]*:\([0-9]*\)/.*|\1|p' "$work/serve.log")
		[ -n "$port" ] && return 0
		kill -0 $server 2>/dev/null || break
		sleep 0.02
	done
	echo "Bail out! the server did not start: $(cat "$work/serve.err" "$work/helper.log")"
	exit 1
}

end_server() {
	kill -TERM $server
	wait $server
	local status=$?
	server=
	return "$status"
}

# pasted one after the other: neither is ready when the next one starts
helper_comes_late() {
	local result
	serve
	eventually grep -q "waiting" "$work/serve.err" && start_helper && wait_server &&
		is "$(grep -c "waiting" "$work/serve.err")" 1 && get 0-9 0 10 &&
		eventually grep -q 'ready, 1 worker$' "$work/helper.log"
	result=$?
	end_server && return "$result"
}

connect_waits() {
	fetch ten.txt "localhost:$port" >"$work/got" &
	local client=$!
	eventually grep -q "waiting" "$work/connect.err" && start_helper && wait "$client" &&
		is "$(tail -c 10 "$work/got")" 0123456789
}

# no failed handshake is left of finding out that there is none
no_trace() {
	local before
	before="$(stat_of handshakes_no_helper) $(stat_of handshakes_failed)"
	fails 1 "no helper" "$KSEAL" serve -p 0 "$root" && fails 1 "no helper" "$KSEAL" connect localhost:1 &&
		fails 1 "== failed: there is no kseald" "$KSEAL" connect --explain localhost:1 &&
		is "$(stat_of handshakes_no_helper) $(stat_of handshakes_failed)" "$before"
}

# nothing of it is left when its process has ended: a ring's sockets are closed later
ended_is_gone() {
	local lines try
	for ((try = 0; try < 20; try++)); do
		kill $helper
		wait $helper 2>/dev/null
		# at once, by the shell itself
		mapfile -t lines </proc/net/kseal
		: >"$work/helper.log"
		start_helper
		eventually grep -q "ready" "$work/helper.log" || return
		is "$(printf '%s\n' "${lines[@]}" | grep "^helpers " | tr -s ' ')" "helpers 0" || return
	done
}

unknown_ca() {
	"$KSEAL" keygen -d "$work/other" localhost >/dev/null && end_helper
	helper_with --ca "$work/other/ca.pem"
	eventually grep -q 'ready, 1 worker; clients only: no certificate' "$work/helper.log" || return 1
	openssl s_server -accept "$free" -cert "$keys/cert.pem" -key "$keys/key.pem" -tls1_3 \
		-quiet -naccept 1 </dev/null >/dev/null 2>&1 &
	other=$!
	wait_port "$free"
	fails 1 "name it (--ca, or ca in kseald.conf)" "$KSEAL" connect --explain "localhost:$free" | tee "$work/connect.err"
	local result=${PIPESTATUS[0]}
	end_other
	((result == 0)) && explains "<- Certificate (11) encrypted, handshake keys" " issuer CN=kseal test CA" \
		" alert unknown_ca (48), fatal, by this end" "== failed: refused by this end" \
		" why certificate of localhost was not accepted: " " errno EKEYREJECTED" \
		" what to do if its " "kseal: handshake failed: certificate of localhost was not accepted"
}

get() { # RANGE FIRST LENGTH: the bytes of big.bin
	secure ${1:+-r "$1"} -o "$work/body" "$url:$port/big.bin" &&
		cmp "$work/body" <(tail -c +$(($2 + 1)) "$root/big.bin" | head -c "$3")
}

stat_of() {
	"$KSEAL" show --stats | awk -v name="$1" '$1 == name { print $2 }'
}

by_splice() {
	local before after
	before=$(stat_of tx_splice_bytes)
	get "" 0 3000000 || return 1
	after=$(stat_of tx_splice_bytes)
	[ $((after - before)) -ge 3000000 ] || { echo "$before, $after"; return 1; }
}

keep_alive() {
	is "$(secure -w '%{num_connects} ' -o /dev/null "$url:$port/ten.txt" -o /dev/null \
		"$url:$port/big.bin" -o /dev/null "$url:$port/nothing")" "1 0 0 "
}

parallel() {
	local i list=()
	for i in $(seq 50); do
		list+=(-o "$work/par.$i" "$url:$port/big.bin")
	done
	secure --no-progress-meter -Z --parallel-immediate --parallel-max 50 "${list[@]}" ||
		return 1
	for i in $(seq 50); do
		cmp "$work/par.$i" "$root/big.bin" || return 1
	done
	rm -f "$work"/par.*
}

many() {
	python3 - "$port" "$keys/ca.pem" <<'END'
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
all = []
for i in range(300):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
    all.append(context.wrap_socket(s, server_hostname="localhost"))
for s in all:
    s.sendall(b"GET /ten.txt HTTP/1.1\r\nHost: x\r\n\r\n")
for s in all:
    data = b""
    while not data.endswith(b"0123456789"):
        chunk = s.recv(65536)
        assert chunk, data
        data += chunk
END
}

# a person who speaks HTTP to it gets an alert, and nothing of the file
no_plain() {
	python3 - "$port" <<'END'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
s.sendall(b"GET /ten.txt HTTP/1.1\r\nHost: x\r\n\r\n")
data = b""
try:
    while chunk := s.recv(65536):
        data += chunk
except ConnectionResetError:
    pass
print(data)
sys.exit(b"HTTP" in data or b"0123" in data or len(data) > 7)
END
}

# clients that go away in mid-handshake or speak nonsense: a line a second, which counts them
bad_clients() {
	python3 - "$port" <<'END'
import os, socket, sys
for i in range(50):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
    s.sendall(os.urandom(100)[:i * 2] if i % 2 else b"\x16\x03\x01\x02\x00\x01")
    s.close()
END
	eventually told 52
	cat "$work/serve.err"
	told 52 && get 0-9 0 10 && ! grep -v 'handshake.*failed' "$work/serve.err" &&
		[ "$(wc -l <"$work/serve.err")" -le 9 ]
}

# told COUNT: of so many failed handshakes the server has spoken
told() {
	is "$(awk '/^kseal: handshake with .* failed: ./ { n++ }
		/^kseal: [0-9]+ handshakes failed, .*: ./ { n += $2 }
		END { print n + 0 }' "$work/serve.err")" "$1"
}

# the handshake of somebody who does not trust our CA, and a person's plain HTTP
tells_failures() {
	! curl -s --max-time 20 -o "$work/body" "$url:$port/ten.txt" && eventually told 1 &&
		grep -E '^kseal: handshake with (127.0.0.1|\[::1\]):[0-9]+ failed: the peer refused: alert unknown_ca' \
			"$work/serve.err" && no_plain && eventually told 2
}

fetch() {
	printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" |
		timeout 30 "$KSEAL" connect "${@:2}" 2>"$work/connect.err"
}

connect_ten() {
	is "$(fetch ten.txt "localhost:$port" | tail -c 10)" 0123456789 &&
		cat "$work/connect.err" && grep -q 'TLS 1.3, AES-' "$work/connect.err"
}

connect_big() {
	fetch big.bin -q "127.0.0.1:$port" | tail -c 3000000 | cmp - "$root/big.bin" &&
		[ ! -s "$work/connect.err" ]
}

# explains LINE...: connect --explain said these, spaces apart
explains() {
	local line
	tr -s ' ' <"$work/connect.err" >"$work/told"
	for line; do
		grep -qF -- "$line" "$work/told" || { echo "there is no '$line' in:"; cat "$work/told"; return 1; }
	done
}

# nothing else stands there: the arrows' lines, without the rest
steps() {
	sed -n 's/^\([-<][->] [A-Za-z]*\( ([0-9]*)\)\{0,1\}\)  *\(in clear\|encrypted, [a-z]*\).*/\1: \3/p' "$work/connect.err" |
		sed 's/encrypted, //' | paste -sd';'
}

explain_serve() {
	is "$(fetch ten.txt --explain "localhost:$port" | tail -c 10)" 0123456789 || return 1
	is "$(steps)" "-> ClientHello (1): in clear;<- ServerHello (2): in clear;<- ChangeCipherSpec: in clear;$(
		)<- EncryptedExtensions (8): handshake;<- Certificate (11): handshake;<- CertificateVerify (15): handshake;$(
		)<- Finished (20): handshake;-> ChangeCipherSpec: in clear;-> Finished (20): handshake" &&
		explains ' server name "localhost"' " versions TLS 1.3, TLS 1.2" " key shares " \
			" subject CN=localhost" " for DNS:localhost, IP Address:127.0.0.1, " \
			"== done: TLS 1.3, TLS_AES_" " server CN=localhost, verified for localhost, trusted because of CN=kseal test CA" \
			"kseal: connected, TLS 1.3, AES-"
}

explain_resumed() {
	fetch ten.txt --explain "localhost:$port" >"$work/got"
	explains " PSK number 1 of those offered is taken" " session resumed" \
		" server CN=localhost, verified for localhost when the session began"
}

explain_s_server() { # OPTION LINE...
	openssl s_server -accept "$free" -cert "$keys/cert.pem" -key "$keys/key.pem" "$1" -www -quiet >/dev/null 2>&1 &
	other=$!
	wait_port "$free"
	fetch / --explain "localhost:$free" >"$work/got"
	kill $other
	end_other
	grep -q '^HTTP/1.0 200' "$work/got" && explains "${@:2}"
}

# neither of kseald's doing: the kernel refuses, the command gives up
explain_failures() {
	fails 1 "handshake failed" "$KSEAL" connect --explain --profile nonesuch "localhost:$port" >"$work/connect.err" &&
		explains "== failed: refused by kseald" ' why profile "nonesuch" is not known to kseald' " errno EINVAL" &&
		fails 1 "handshake failed" "$KSEAL" connect --explain --name wrong.example.org "localhost:$port" \
			>"$work/connect.err" &&
		explains "-> Alert in clear 2 bytes" " alert bad_certificate (42), sent" " errno EKEYREJECTED" \
			" what to do ask for a name that the certificate is for (kseal connect --name)"
}

# all of it, within a minute
arrived() { # FILE
	for _ in $(seq 600); do
		[ "$(stat -c %s "$work/$1" 2>/dev/null)" = 20000000 ] && return
		sleep 0.1
	done
}

# 20 MB up while 20 MB come down
both_ways() {
	head -c 20000000 /dev/urandom >"$work/up"
	# s_server ends with its input, and so does the connection with ours
	(cat "$work/up"; arrived down; arrived got) | openssl s_server -accept "$free" -cert "$keys/cert.pem" \
		-key "$keys/key.pem" -tls1_3 -quiet -naccept 1 >"$work/down" 2>/dev/null &
	other=$!
	wait_port "$free"
	(cat "$work/up"; arrived got) | timeout 60 "$KSEAL" connect -q "localhost:$free" >"$work/got"
	end_other
	cmp "$work/up" "$work/down" && cmp "$work/up" "$work/got"
}

free_port() {
	python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# without a connection, which would be taken for the test's
wait_port() {
	eventually grep -qi ":$(printf %04X "$1") [0-9a-f]*:0000 0A" /proc/net/tcp /proc/net/tcp6
}

# a server of Python's ssl with these lines after the handshake, as s
python_server() {
	{
		cat <<END
import os, socket, ssl, struct, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("$keys/cert.pem", "$keys/key.pem")
l = socket.create_server(("127.0.0.1", $free))
s = context.wrap_socket(l.accept()[0], server_side=True)
END
		cat
	} >"$work/server.py"
	python3 "$work/server.py" >"$work/server.out" 2>&1 &
	other=$!
	wait_port "$free"
}

end_other() {
	wait "$other"
	other=
}

# what was taken from stdin and never sent is not lost in silence
early_end() {
	python_server <<-'END'
		s.recv(10)
		time.sleep(1)
		try:
		    s.unwrap()
		except ssl.SSLError:
		    pass
		time.sleep(3)		# what is unread at close() would be a reset
	END
	head -c 20000000 /dev/zero | fails 1 "before all was sent" \
		"$KSEAL" connect -q "localhost:$free"
	local result=$?
	end_other
	return "$result"
}

half_close() {
	python_server <<-'END'
		data = b""
		while chunk := s.recv(65536):
		    data += chunk
		s.sendall(b"got " + data)
		s.unwrap()
	END
	local said
	said=$(printf abc | timeout 20 "$KSEAL" connect -q --name localhost "127.0.0.1:$free" 2>&1)
	local status=$?
	end_other
	cat "$work/server.out"
	is "$status $said" "0 got abc"
}

truncated() {
	python_server <<-'END'
		s.sendall(b"half of it")
		time.sleep(0.3)
		os.close(s.detach())
	END
	local said
	said=$( (sleep 2) | timeout 20 "$KSEAL" connect -q "localhost:$free" 2>"$work/connect.err")
	local status=$?
	end_other
	cat "$work/connect.err"
	is "$status $said" "1 half of it" && grep -q 'cut short' "$work/connect.err"
}

silent_server() {
	python3 -c "
import socket
l = socket.create_server(('127.0.0.1', $free))
s = l.accept()[0]
while s.recv(65536):
    pass" &
	other=$!
	wait_port "$free"
	fails 1 "not done within 2 s" "$KSEAL" connect --explain --timeout 2 "localhost:$free" >"$work/connect.err"
	local result=$?
	end_other
	((result == 0)) && explains "== failed: it took longer than --timeout allows" " last step ClientHello (1), sent"
}

not_tls() {
	python3 -c "
import socket
l = socket.create_server(('127.0.0.1', $free))
s = l.accept()[0]
s.recv(4096)		# what is unread at close() would be a reset
s.sendall(b'HTTP/1.0 400 Bad Request\r\n\r\n')
s.close()" &
	other=$!
	wait_port "$free"
	fails 1 "handshake failed" "$KSEAL" connect --explain --timeout 10 "localhost:$free" >"$work/connect.err"
	local result=$?
	end_other
	((result == 0)) && explains "-> ClientHello (1) in clear" "== failed: refused by this end" \
		" last step ClientHello (1), sent" " alert unexpected_message (10), sent" " errno EPROTO" " what to do is it TLS that is spoken at this port?"
}

json() { # EXPRESSION of sessions and stats
	"$KSEAL" show --json --stats | python3 -c "
import json, sys
j = json.load(sys.stdin)
sessions, stats = j['sessions'], j['stats']
print(sessions)
sys.exit(not ($1))"
}

# also those that were only counted when the server is told to end
tells_at_the_end() {
	: >"$work/serve.err"
	serve
	wait_server
	for _ in 1 2 3; do
		curl -s --max-time 20 -o "$work/body" "$url:$port/ten.txt"
	done
	end_server && cat "$work/serve.err" && told 3
}

one_session() {
	local id
	id=$("$KSEAL" show | awk '$2 == "keyed" && $3 == "client" { print $1 }')
	"$KSEAL" show "$id" | tee "$work/one"
	grep -Eq '^ +state +keyed$' "$work/one" &&
		grep -Eq "^ +peer +127.0.0.1:$port\$" "$work/one" &&
		grep -Eq '^ +server name +localhost$' "$work/one" &&
		grep -Eq '^ +peer identity +.*localhost' "$work/one" &&
		is "$("$KSEAL" show --json "$id" | grep -c '"id":')" 1
}

narrow() {
	local width
	width=$(python3 - "$KSEAL" <<'END'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if not pid:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    os.execv(sys.argv[1], [sys.argv[1], "show"])
data = b""
try:
    while chunk := os.read(fd, 65536):
        data += chunk
except OSError:
    pass
lines = data.decode().splitlines()
print(max(map(len, lines)) if len(lines) > 3 else "no lines")
END
)
	echo "$width"
	[ "$width" -le 60 ]
}

ok "the module's version" is "$(cat /sys/module/kseal/version)" "$(cat "$here/../VERSION")"
mapfile -t none < <("$KSEAL" show)
ok "no sessions at first" is "${none[0]}" "no sessions"
ok "serve and connect without a helper" no_trace
ok "serve waits for a helper" helper_comes_late
serve
wait_server
ok "it does not if there is one" is "$(cat "$work/serve.err")" ""
ok "counts the helpers" is "$(stat_of helpers)" 1
ok "and none that has ended" ended_is_gone
free=$(free_port)
ok "connect without a server" fails 1 "Connection refused" "$KSEAL" connect "localhost:$free"
ok "GET" get "" 0 3000000
ok "a range" get 1000-2000999 1000 2000000
ok "bodies are sealed from the page cache" by_splice
ok "IPv6" secure -g -o "$work/body" "https://[::1]:$port/ten.txt"
ok "keep-alive" keep_alive
ok "50 at a time" parallel
ok "300 connections" many
ok "no plain HTTP, no client that trusts another CA: both are told" tells_failures
ok "bad clients are counted" bad_clients
# the first, as what comes later is resumed
ok "connect --explain, to kseal serve" explain_serve
ok "connect --explain, resumed" explain_resumed
ok "connect" connect_ten
ok "connect, a large answer" connect_big
ok "connect --explain, to openssl s_server, TLS 1.3" explain_s_server -tls1_3 \
	"<- CertificateVerify (15) encrypted, handshake keys" "== done: TLS 1.3, "
ok "connect --explain, to openssl s_server, TLS 1.2" explain_s_server -tls1_2 \
	"<- Certificate (11) in clear" "<- ServerKeyExchange (12) in clear" " signature ecdsa_secp256r1_sha256" \
	" what follows from the peer is encrypted" "<- Finished (20) encrypted, application keys" "== done: TLS 1.2, "
ok "connect --explain, refused" explain_failures
ok "connect, both ways at once" both_ways
ok "connect, half-closed" half_close
ok "connect, a server that ends early" early_end
ok "connect, a stream cut short" truncated
ok "connect, the wrong name" fails 1 "hostname mismatch" \
	"$KSEAL" connect --name example.com "localhost:$port"
ok "connect, not TLS" not_tls
ok "connect, no answer" silent_server

mkfifo "$work/silence"
exec 9<>"$work/silence"
"$KSEAL" connect -q --name localhost "127.0.0.1:$port" <&9 >/dev/null 2>&1 &
other=$!
eventually bash -c "'$KSEAL' show | grep -q 'keyed.*client'"
ok "show" bash -c "'$KSEAL' | grep -E '^ *[0-9]+ +keyed +client +127.0.0.1:[0-9]+ +127.0.0.1:$port'"
ok "show one" one_session
ok "show is the default" bash -c "[ \"\$('$KSEAL' -s | head -n 1)\" = \"\$('$KSEAL' show -s | head -n 1)\" ] &&
	'$KSEAL' \$('$KSEAL' show | awk '\$2 == \"listen\" { print \$1 }') | grep -q 'state  *listen'"
ok "show none" fails 1 "no session" "$KSEAL" show 4000000000
ok "show --json" json "len([s for s in sessions if s['state'] == 'keyed']) == 2 and
	len([s for s in sessions if s['state'] == 'listen']) == 1 and
	{s['version'] for s in sessions if s['state'] == 'keyed'} == {'TLS 1.3'} and
	stats['handshakes_done'] > 300"
ok "show on a narrow terminal" narrow
kill $other
wait $other 2>/dev/null
other=

end_helper
ok "connect waits for a helper" connect_waits
end_server
ok "serve ends well" is $? 0
ok "one line in the log for each request" \
	bash -c "[ \$(grep -c ' GET /ten.txt 200 10\$' '$work/serve.log') -ge 300 ]"
ok "serve tells of failures at its end" tells_at_the_end
ok "nothing is left" eventually bash -c "[ \"\$('$KSEAL' show)\" = 'no sessions' ]"
ok "connect to a server of an unknown CA" unknown_ca

echo "1..$count"
exit $((failed > 0))
