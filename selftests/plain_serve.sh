#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kseal serve as a web server: what it finds, what it sends, what it keeps to
# itself. By --plain, so that it needs no module. TAP on stdout.
# KSEAL names the command (default: ../tools/kseal).
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
KSEAL=${KSEAL:-$here/../tools/kseal}
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-serve.XXXXXX")
root=$work/root
server=
# shellcheck source-path=SCRIPTDIR
. "$here/ok.sh"

finish() {
	[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
	rm -rf "$work"
}
trap finish EXIT

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

for tool in curl cmp python3; do
	command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool"; exit 4; }
done
[ -x "$KSEAL" ] || { echo "1..0 # SKIP no $KSEAL: make -C tools"; exit 4; }

mkdir -p "$root/dir/sub" "$root/site" "$root/.hidden" "$work/outside"
head -c 3000000 /dev/urandom >"$root/big.bin"
printf '0123456789' >"$root/ten.txt"
: >"$root/empty.txt"
echo '<p>index</p>' >"$root/site/index.html"
echo secret >"$root/.secret"
echo secret >"$root/.hidden/file"
echo secret >"$work/outside/file"
ln -s ../outside/file "$root/escape"
ln -s "$work/outside/file" "$root/absolute"
ln -s ten.txt "$root/link.txt"
mkfifo "$root/fifo"
echo odd >"$root/dir/<b>&\"'x.txt"
echo odd >"$root/dir/a b%20c?d#e.txt"
echo odd >"$root/dir/javascript:alert(1)"
printf 'odd' >"$root/dir/$(printf 'esc\033[31m.txt')"
echo dot >"$root/dir/.dot"

# start [ARGUMENT...]: sets server, port and url
start() {
	: >"$work/log"		# the last server's port is in it
	"$KSEAL" serve --plain -p 0 "$@" "$root" >"$work/log" 2>"$work/err" &
	server=$!
	port=
	for _ in $(seq 100); do
		port=$(sed -n 's|.*http://[^/]*:\([0-9]*\)/.*|\1|p' "$work/log" | head -n 1)
		[ -n "$port" ] && break
		kill -0 "$server" 2>/dev/null || break
		sleep 0.05
	done
	url=http://127.0.0.1:$port
	[ -n "$port" ] || { echo "Bail out! the server did not start: $(cat "$work/err")"; exit 1; }
}

# stop: by SIGTERM; the exit status is the server's
stop() {
	local pid=$server
	server=
	kill -TERM "$pid"
	wait "$pid"
}

# status [CURL ARGUMENT...]: body in $work/body, head in $work/head
status() {
	: >"$work/body"		# curl leaves it as it was if nothing comes
	curl -s --max-time 20 -o "$work/body" -D "$work/head" -w '%{http_code}' "$@"
}

field() {
	tr -d '\r' <"$work/head" | sed -n "s/^$1: //Ip" | head -n 1
}

expect() {
	local wanted=$1
	shift
	is "$(status "$@")" "$wanted"
}

body_is() {
	is "$(cat "$work/body")" "$1"
}

part() { # RANGE STATUS BODY [CONTENT-RANGE]
	expect "$2" -H "Range: $1" "$url/ten.txt" && { [ "$2" = 416 ] || body_is "$3"; } &&
		is "$(field Content-Range)" "${4-}"
}

get_big() {
	expect 200 "$url/big.bin" && cmp "$work/body" "$root/big.bin"
}

head_big() {
	is "$(status -I "$url/big.bin")" 200 && is "$(field Content-Length)" 3000000 &&
		is "$(field Accept-Ranges)" bytes
}

# bytes after a HEAD's fields would be taken for the next answer
head_sends_no_body() {
	python3 - "$port" <<'END'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(b"HEAD /ten.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
data = b""
while chunk := s.recv(65536):
    data += chunk
head, rest = data.split(b"\r\n\r\n", 1)
print(data)
sys.exit(rest != b"" or b"Content-Length: 10" not in head)
END
}

middle_of_big() {
	expect 206 -r 1000000-2500000 "$url/big.bin" &&
		cmp "$work/body" <(tail -c +1000001 "$root/big.bin" | head -c 1500001)
}

conditional() {
	local etag modified
	expect 200 "$url/ten.txt" || return 1
	etag=$(field ETag)
	modified=$(field Last-Modified)
	expect 304 -H "If-None-Match: $etag" "$url/ten.txt" && is "$(wc -c <"$work/body")" 0 &&
		is "$(field ETag)" "$etag" &&
		expect 304 -H "If-None-Match: \"x\", W/$etag" "$url/ten.txt" &&
		expect 304 -H "If-None-Match: *" "$url/ten.txt" &&
		expect 200 -H 'If-None-Match: "x"' "$url/ten.txt" &&
		expect 304 -H "If-Modified-Since: $modified" "$url/ten.txt" &&
		expect 304 -H "If-Modified-Since: Sunday, 06-Nov-44 08:49:37 GMT" "$url/ten.txt" &&
		expect 200 -H "If-Modified-Since: Sun Nov  6 08:49:37 1994" "$url/ten.txt" &&
		expect 200 -H "If-Modified-Since: nonsense" "$url/ten.txt" &&
		expect 200 -H 'If-None-Match: "x"' -H "If-Modified-Since: $modified" \
			"$url/ten.txt" &&
		expect 412 -H 'If-Match: "x"' "$url/ten.txt" &&
		expect 412 -H "If-Match: W/$etag" "$url/ten.txt" &&
		expect 200 -H "If-Match: $etag" "$url/ten.txt" &&
		expect 412 -H "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT" "$url/ten.txt"
}

if_range() {
	local etag modified
	expect 200 "$url/ten.txt" || return 1
	etag=$(field ETag)
	modified=$(field Last-Modified)
	expect 206 -r 0-1 -H "If-Range: $etag" "$url/ten.txt" && body_is 01 &&
		expect 206 -r 0-1 -H "If-Range: $modified" "$url/ten.txt" &&
		expect 200 -r 0-1 -H 'If-Range: "x"' "$url/ten.txt" && body_is 0123456789 &&
		expect 200 -r 0-1 -H "If-Range: W/$etag" "$url/ten.txt" &&
		expect 200 -r 0-1 -H "If-Range: Sun, 06 Nov 1994 08:49:37 GMT" "$url/ten.txt"
}

keep_alive() {
	is "$(curl -s --max-time 20 -w '%{num_connects} ' -o /dev/null "$url/ten.txt" \
		-o /dev/null "$url/big.bin" -o /dev/null "$url/nothing" -o /dev/null "$url/dir/")" \
		"1 0 0 0 "
}

pipelined() {
	python3 - "$port" <<'END'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
ask = b"GET /ten.txt HTTP/1.1\r\nHost: x\r\n"
s.sendall((ask + b"\r\n") * 4 + ask + b"Connection: close\r\n\r\n")
data = b""
while chunk := s.recv(65536):
    data += chunk
print(data)
sys.exit(data.count(b"200 OK") != 5 or data.count(b"0123456789") != 5)
END
}

parallel() {
	local i list=()
	for i in $(seq 50); do
		list+=(-o "$work/par.$i" "$url/big.bin")
	done
	curl -s --max-time 60 --no-progress-meter -Z --parallel-immediate --parallel-max 50 \
		"${list[@]}" || return 1
	for i in $(seq 50); do
		cmp "$work/par.$i" "$root/big.bin" || return 1
	done
	rm -f "$work"/par.*
}

thousand() {
	python3 - "$port" <<'END'
import resource, socket, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
port = int(sys.argv[1])
all = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(1200)]
for s in all:
    s.sendall(b"GET /ten.txt HTTP/1.1\r\nHost: x\r\n\r\n")
bad = 0
for s in all:
    data = b""
    while b"0123456789" not in data:
        chunk = s.recv(65536)
        if not chunk:
            bad += 1
            break
        data += chunk
print(bad, "of", len(all), "were not answered")
sys.exit(bad != 0)
END
}

traversal() {
	local path
	for path in /../outside/file /dir/../../outside/file /%2e%2e/outside/file \
		/..%2foutside%2ffile /dir/%2e%2e/%2e%2e/outside/file //../outside/file \
		/./ten.txt /escape /absolute /%2e%2e%2foutside%2ffile /dir/..; do
		expect 404 --path-as-is "$url$path" || { echo "for $path"; return 1; }
		if grep -q secret "$work/body"; then
			echo "$path gave it away"
			return 1
		fi
	done
}

dot_files() {
	expect 404 "$url/.secret" && expect 404 "$url/.hidden/file" && expect 404 "$url/.hidden/" &&
		expect 404 "$url/%2esecret" && expect 404 "$url/dir/.dot"
}

listing() {
	expect 200 "$url/dir/" || return 1
	cat "$work/body"
	grep -qF '&lt;b&gt;&amp;&quot;&#39;x.txt' "$work/body" &&
		grep -qF 'href="./javascript%3Aalert%281%29"' "$work/body" &&
		grep -qF 'href="./a%20b%2520c%3Fd%23e.txt"' "$work/body" &&
		grep -qF 'esc\x1b[31m.txt' "$work/body" &&
		grep -qF 'href="./sub/"' "$work/body" &&
		! grep -qF '<b>' "$work/body" && ! grep -q '\.dot' "$work/body" &&
		! grep -q "$(printf '\033')" "$work/body"
}

listed_name() {
	expect 200 "$url/dir/a%20b%2520c%3Fd%23e.txt" && body_is odd
}

redirect() {
	expect 301 "$url/dir" && is "$(field Location)" /dir/ &&
		expect 301 --path-as-is "http://127.0.0.1:$port//dir" &&
		is "$(field Location)" /dir/
}

types() {
	expect 200 "$url/ten.txt" && is "$(field Content-Type)" "text/plain; charset=utf-8" &&
		expect 200 "$url/big.bin" && is "$(field Content-Type)" application/octet-stream &&
		is "$(field X-Content-Type-Options)" nosniff
}

other_methods() {
	expect 405 -X DELETE "$url/ten.txt" && is "$(field Allow)" "GET, HEAD" &&
		expect 405 -d some=body "$url/ten.txt" && expect 200 "$url/ten.txt"
}

absolute_form() {
	python3 - "$port" <<'END'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(b"GET http://x/ten.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
data = b""
while chunk := s.recv(65536):
    data += chunk
print(data)
sys.exit(b"200 OK" not in data or not data.endswith(b"0123456789"))
END
}

log_lines() {
	expect 200 -A x "$url/ten.txt" && expect 404 "$url/lo%1bg" && expect 206 -r 1-3 "$url/ten.txt"
	python3 - "$port" <<'END'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(b"GET /bell\x1b[31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
while s.recv(65536):
    pass
END
	sleep 0.2
	tail -n 4 "$work/log"
	grep -Eq '^[0-9T:-]+Z 127\.0\.0\.1:[0-9]+ GET /ten\.txt 200 10$' "$work/log" &&
		grep -Eq ' GET /lo%1bg 404 [0-9]+$' "$work/log" &&
		grep -Eq ' GET /ten\.txt 206 3$' "$work/log" &&
		grep -Eq ' HEAD /big\.bin 200 0$' "$work/log" &&
		! grep -q "$(printf '\033')" "$work/log"
}

# a client that goes away in mid-file: one line, which says so, and no more
aborted() {
	python3 - "$port" <<'END'
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.sendall(b"GET /big.bin?aborted HTTP/1.1\r\nHost: x\r\n\r\n")
s.recv(100)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
END
	sleep 0.5
	tail -n 2 "$work/log"
	expect 200 "$url/ten.txt" && is "$(wc -l <"$work/err")" 1
}

start
ok "--plain warns, in capitals" grep -q 'WARNING.*UNENCRYPTED' "$work/err"
ok "says where it serves" grep -q "^kseal: serving $root on http://\[::\]:$port/" "$work/log"
ok "GET, byte for byte" get_big
ok "GET over IPv6" expect 200 -g "http://[::1]:$port/ten.txt"
ok "GET of an empty file" expect 200 "$url/empty.txt"
ok "HEAD" head_big
ok "HEAD sends no body" head_sends_no_body
ok "types" types
ok "range: first and last" part bytes=2-4 206 234 "bytes 2-4/10"
ok "range: open end" part bytes=7- 206 789 "bytes 7-9/10"
ok "range: suffix" part bytes=-3 206 789 "bytes 7-9/10"
ok "range: longer suffix" part bytes=-30 206 0123456789 "bytes 0-9/10"
ok "range: end beyond the file" part bytes=8-99 206 89 "bytes 8-9/10"
ok "range: several make the whole" part bytes=0-1,3-4 200 0123456789
ok "range: nonsense makes the whole" part bytes=5-2 200 0123456789
ok "range: beyond the file" part bytes=10- 416 "" "bytes */10"
ok "range: empty suffix" part bytes=-0 416 "" "bytes */10"
ok "range: of a large file" middle_of_big
ok "range: If-Range" if_range
ok "conditional requests" conditional
ok "keep-alive" keep_alive
ok "pipelining" pipelined
ok "50 at a time" parallel
ok "1200 connections" thousand
ok "nothing outside of the directory" traversal
ok "no dot files" dot_files
ok "a path with a NUL" expect 400 "$url/ten.txt%00.html"
ok "no FIFOs, and no waiting for them" expect 404 "$url/fifo"
ok "a link within the directory" expect 200 "$url/link.txt"
ok "a file is no directory" expect 404 "$url/ten.txt/"
ok "index.html" expect 200 "$url/site/"
ok "index.html's body" body_is '<p>index</p>'
ok "listing, escaped" listing
ok "what is listed is found" listed_name
ok "a directory without its slash" redirect
ok "other methods" other_methods
ok "absolute form" absolute_form
ok "access log" log_lines
ok "a client that goes away" aborted
ok "SIGTERM ends it well" stop

start -q -j 4
ok "with four threads" parallel
ok "with four threads, 1200 connections" thousand
ok "-q: no access log" is "$(wc -l <"$work/log")" 1
ok "a port in use is an error" \
	bash -c "'$KSEAL' serve --plain -a 127.0.0.1 -p $port '$root'; [ \$? = 1 ]"
ok "SIGTERM ends the threads" stop

# the kernel's ULP table decides; without kseal.ko nothing may be served
refuses() {
	timeout 10 "$KSEAL" serve -p 0 "$root"
	is $? 1
}

if [ ! -e /sys/module/kseal ]; then
	ok "without the module: refuses" refuses
	ok "without the module: says so" \
		bash -c "timeout 10 '$KSEAL' serve -p 0 '$root' 2>&1 | grep 'kseal.ko is not loaded'"
else
	skip "without the module: refuses" "kseal.ko is loaded"
	skip "without the module: says so" "kseal.ko is loaded"
fi

# bodies have to go by sendfile(2), or TLS in the kernel gains nothing
traced() {
	local i
	start -q
	strace -f -qq -e trace=sendfile,pread64,read,sendto,sendmsg -o "$work/trace" -p "$server" &
	local tracer=$!
	for i in $(seq 100); do
		grep -q 'TracerPid:[[:space:]]*[1-9]' "/proc/$server/status" && break
		sleep 0.05
	done
	sleep 0.3
	expect 200 "$url/big.bin" && expect 206 -r 100-2000099 "$url/big.bin"
	local result=$?
	stop
	wait "$tracer"
	return "$result"
}

# bytes that sendfile(2) sent, and what send(2) did beside the heads
by_sendfile() {
	python3 - "$work/trace" <<'END'
import re, sys
text = open(sys.argv[1]).read()
sent = sum(int(n) for n in re.findall(r"sendfile.*= (\d+)$", text, re.M))
other = sum(int(n) for n in re.findall(r"send(?:to|msg)\(.*= (\d+)$", text, re.M))
print("sendfile", sent, "others", other)
print(text[:2000])
sys.exit(sent != 3000000 + 2000000 or other > 2000)
END
}

if command -v strace >/dev/null && strace -qq -e trace=none true 2>/dev/null; then
	ok "under strace" traced
	ok "bodies go by sendfile, ranges too" by_sendfile
else
	skip "under strace" "no strace, or not allowed"
	skip "bodies go by sendfile, ranges too" "no strace, or not allowed"
fi

echo "1..$count"
exit $((failed > 0))
