#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs that nobody here wrote, unmodified, from Debian's packages, wrapped; their clients too, where they are not TLS clients by
# themselves. Of each: data intact, large and small; who does not trust refuses; nothing in clear; a thousand connections opened and closed.
# Needs kseal.ko loaded, root, and what packages.sh has unpacked. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
deb=$PWD/selftests/bin/deb
[[ -d $deb ]] || { echo "1..0 # SKIP packages.sh has unpacked nothing"; exit 4; }
. selftests/servers.sh
thousand=1000; [[ ${KSEAL_VM_VARIANT:-} = debug || ${KSEAL_VM_ACCEL:-} = tcg ]] && thousand=100
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
run() { timeout 120 "$kseal" run -- "$@"; }
secure() { curl -sS --max-time 60 --cacert "$ca" "$@"; }
visit() { timeout 600 selftests/visit.py "$ca" "$@"; }

# wrapped NAME PORT CLEAR: it is, its peers can refuse, nothing is in clear, and a thousand come and go
wrapped() {
	ok "$1: wrapped" eventually "$kseal" wrap "$2"
	ok "$1: who does not trust refuses" untrusted "$2"
	ok "$1: nothing in clear" unreadable "$2" "$3"
	ok "$1: $thousand connections, opened and closed" visit "$2" many "$thousand"
}
untrusted() { visit "$1" untrusted | tee "$work/refusal" | grep "^refused" || { cat "$work/refusal"; return 1; }; }
unreadable() { # what comes, if anything, is an alert or a reset
	visit "$1" clear "$2" >"$work/clear"
	cat "$work/clear"
	grep -q '^b.\\x15\\x03\|^b..$\|reset by peer' "$work/clear"
}
same() { # FILE: as it was served
	cmp "$work/got" "$1"
}

start_kseald
mkdir "$work/www"
echo small >"$work/www/small"
head -c 5000000 /dev/urandom >"$work/www/large"
chmod -R a+rX "$work/www"

# ---- redis ----

redis=$(command -v redis-server || command -v redis-check-rdb)
ln -s "$redis" "$work/redis-server"
start "$work/redis-server" --port 6379 --bind 127.0.0.1 --save "" --dir "$work"
wrapped redis 6379 'PING\r\n'
pong() { is "$(run redis-cli -h localhost ping)" PONG; }
ok "redis: redis-cli, its connection TLS too" pong
large_value() {
	run redis-cli -h localhost -x set large <"$work/www/large" && run redis-cli -h localhost get large | head -c 5000000 >"$work/got" && same "$work/www/large"
}
ok "redis: a large value there and back" large_value
benchmark() { run redis-benchmark -h localhost -n 20000 -c 50 -P 4 -q -t set,get,lpush | tr '\r' '\n' | grep -c "requests per second" | grep -qx "[3-9]"; }
ok "redis: redis-benchmark, 50 connections" benchmark

# ---- memcached ----

start "$deb/memcached/usr/bin/memcached" -u nobody -l 127.0.0.1 -p 11211 -t 4 -I 8m
wrapped memcached 11211 'version\r\n'
memcached() { # a value of 5,000,000 bytes and its length: hexadecimal, so that its end can be seen
	{ printf 'set large 0 0 5000000\r\n'; cat "$work/www/large"; printf '\r\nget large\r\nquit\r\n'; } >"$work/commands"
	visit 11211 talk <"$work/commands" >"$work/answers"
	tail -c +"$((1 + $(printf 'STORED\r\nVALUE large 0 5000000\r\n' | wc -c)))" "$work/answers" | head -c 5000000 >"$work/got"
	same "$work/www/large"
}
ok "memcached: a large value there and back" memcached

# ---- nginx: workers with a listener each, sendfile, keep-alive, reloads under load ----

nginx=$(command -v nginx || echo "$PWD/selftests/bin/nginx/usr/sbin/nginx")
mkdir "$work/tmp"
{
	echo "user root; daemon off; worker_processes 4; pid $work/nginx.pid; error_log $work/nginx.log; events { worker_connections 512; }"
	echo "http { access_log off; sendfile on; tcp_nopush on;"
	for what in client_body proxy fastcgi uwsgi scgi; do echo "${what}_temp_path $work/tmp/$what;"; done
	echo "server { listen 127.0.0.1:8080 reuseport; location / { root $work/www; } } }"
} >"$work/nginx.conf"
start "$nginx" -c "$work/nginx.conf"
wrapped nginx 8080 'GET /small HTTP/1.0\r\n\r\n'
listeners() { "$kseal" show | grep -E "^\*:8080 +default +4$" || { "$kseal" show; return 1; }; }
ok "nginx: the listeners of its four workers" listeners
twice() { secure -o "$work/got" -o "$work/small" https://localhost:8080/large https://localhost:8080/small && same "$work/www/large" && cmp "$work/small" "$work/www/small"; }
ok "nginx: large and small over one connection" twice
over_http2() { secure -r 1000000-1999999 -o "$work/got" https://localhost:8080/large && cmp "$work/got" <(tail -c +1000001 "$work/www/large" | head -c 1000000); }
ok "nginx: a range" over_http2
reloaded() {
	local i
	timeout 100 selftests/wrap.py probe 127.0.0.1 8080 5 >"$work/probe" & local probe=$!
	for ((i = 0; i < 6; i++)); do
		sed -i "s/worker_processes [0-9]*/worker_processes $((2 + i % 3))/" "$work/nginx.conf"
		kill -HUP "$(<"$work/nginx.pid")"
		secure --retry 3 --retry-all-errors -o "$work/got" https://localhost:8080/large && same "$work/www/large" || return
	done
	wait "$probe"
	is "$(<"$work/probe")" "none in clear"
}
ok "nginx: reloaded under load, nothing in clear" reloaded
restarted() {
	timeout 100 selftests/wrap.py probe 127.0.0.1 8080 4 >"$work/probe" & local probe=$!
	kill "$(<"$work/nginx.pid")"; sleep 1
	start "$nginx" -c "$work/nginx.conf"
	wait "$probe"
	is "$(<"$work/probe")" "none in clear" && secure -o "$work/got" https://localhost:8080/large && same "$work/www/large"
}
ok "nginx: started again, nothing in clear" restarted

# ---- a static program; one in Go ----

start "$deb/busybox-static/bin/busybox" httpd -f -p 127.0.0.1:8082 -h "$work/www"
wrapped busybox 8082 'GET /small HTTP/1.0\r\n\r\n'
busybox() { secure -o "$work/got" https://localhost:8082/large && same "$work/www/large"; }
ok "busybox, static: a large file, whole" busybox
start "$deb/prometheus-node-exporter/usr/bin/prometheus-node-exporter" --web.listen-address=127.0.0.1:9100 --collector.disable-defaults --collector.loadavg
wrapped node-exporter 9100 'GET /metrics HTTP/1.0\r\n\r\n'
metrics() { secure https://localhost:9100/metrics | grep "^node_load1 "; }
ok "node-exporter, in Go: its metrics" metrics

# ---- static, in Go: with MPTCP it cannot be wrapped, without it is ----

# What it hands out is its CA's certificate, and this one is large: its clients take 2 MB
mkdir "$work/depot"
{
	printf '%s\n' "[req]" "distinguished_name = dn" "x509_extensions = ca" "prompt = no" "[dn]" "O = kseal" "[ca]" "basicConstraints = critical, CA:true"
	for ((i = 0; i < 30; i++)); do echo "1.3.6.1.4.1.99999.$i = ASN1:UTF8:$(head -c 45000 /dev/urandom | base64 -w 0)"; done
} >"$work/ca.conf"
depot() {
	openssl genrsa -traditional -des3 -passout pass:x -out "$work/depot/ca.key" 2048 &&
		openssl req -x509 -new -key "$work/depot/ca.key" -passin pass:x -config "$work/ca.conf" -days 30 -out "$work/depot/ca.pem" &&
		openssl x509 -in "$work/depot/ca.pem" -outform DER -out "$work/www/depot"
}
ok "scepserver: a CA with a large certificate" depot
scepserver() { start env GODEBUG=multipathtcp="$1" "$deb/scep/usr/bin/scepserver" -depot "$work/depot" -capass x -http-addr "127.0.0.1:$2"; }
in_clear() { curl -sS --max-time 3 -o "$work/got" "http://127.0.0.1:$1/scep?operation=GetCACert" && same "$work/www/depot"; }
static() { ! readelf -lW "$deb/scep/usr/bin/scepserver" | tee "$work/segments" | grep INTERP && grep LOAD "$work/segments"; }
ok "scepserver: static" static
scepserver 1 8084
ok "scepserver, MPTCP: serves in clear" eventually in_clear 8084
ok "scepserver, MPTCP: refused" fails 1 "is MPTCP. Have the program use TCP" "$kseal" wrap 8084
ok "scepserver, MPTCP: left as it was" in_clear 8084
ok "scepserver, MPTCP: a rule before it" "$kseal" wrap --ahead 8085
scepserver 1 8085
eventually grep -q listening "$work/server.log"
unreached() { fails 28 "" curl -sS --max-time 3 http://127.0.0.1:8085/scep && dmesg | grep "kseal: .*8085 .*MPTCP"; }
ok "scepserver, MPTCP: nobody reaches it under that rule" unreached
kill "${servers[-1]}"; wait "${servers[-1]}"
scepserver 0 8085
wrapped scepserver 8085 'GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n'
certificate() { secure -o "$work/got" "https://localhost:8085/scep?operation=GetCACert" && same "$work/www/depot"; }
ok "scepserver: a large certificate, whole" certificate
enrolled() { # the client is a TLS client by itself, also in Go
	(cd "$work/depot" && SSL_CERT_FILE=$ca timeout 60 "$deb/scep/usr/bin/scepclient" -server-url https://localhost:8085/scep -private-key client.key -keySize 2048) &&
		openssl verify -CAfile "$work/depot/ca.pem" "$work/depot/client.pem"
}
ok "scepserver: a certificate from it" enrolled

# ---- both ends under io_uring, by which libev waits for sockets if it is told to; over HTTP/2 ----

uring=(env LIBEV_FLAGS=128 LD_LIBRARY_PATH="$deb/libev4/usr/lib/x86_64-linux-gnu")
mkdir "$work/huge"
head -c "${thousand}00000" /dev/urandom >"$work/huge/huge"
echo small >"$work/huge/small"
start "${uring[@]}" "$deb/nghttp2-server/usr/sbin/nghttpd" --no-tls --echo-upload -a 127.0.0.1 -d "$work/huge" 8083
nghttpd=${servers[-1]}
wrapped nghttpd 8083 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
nghttp() { run "${uring[@]}" "$deb/nghttp2-client/usr/bin/nghttp" "$@"; }
ok "nghttpd: nghttp, its connection TLS too" is "$(nghttp http://localhost:8083/small)" small
huge() { nghttp http://localhost:8083/huge | cmp - "$work/huge/huge"; }
ok "nghttpd: a huge file" huge
echoed() { nghttp -d "$work/huge/huge" http://localhost:8083/ | cmp - "$work/huge/huge"; }
ok "nghttpd: a huge file there and back" echoed
h2load() { run "${uring[@]}" "$deb/nghttp2-client/usr/bin/h2load" -p h2c -n 5000 -c 50 -m 4 http://localhost:8083/small | tee "$work/load" | grep "5000 succeeded" || { cat "$work/load"; return 1; }; }
ok "nghttpd: h2load, 50 connections" h2load
by_uring() { # libev goes over to epoll, without a word, if it cannot
	local fds; fds=$(readlink "/proc/$nghttpd/fd/"*); echo "$fds"
	[[ $fds = *io_uring* && $fds != *eventpoll* ]]
}
ok "nghttpd: by io_uring all the time, without epoll" by_uring

# ---- PostgreSQL ----

pgbin=$deb/postgresql-15/usr/lib/postgresql/15/bin psql=$deb/postgresql-client-15/usr/lib/postgresql/15/bin/psql
postgres() {
	install -d -o 65534 -g 65534 "$work/pg" && "${nobody[@]}" "$pgbin/initdb" -D "$work/pg" -A trust -U postgres
}
ok "PostgreSQL: a cluster" postgres
start "${nobody[@]}" "$pgbin/postgres" -D "$work/pg" -k "$work/pg" -h 127.0.0.1 -p 5432
eventually grep -q "ready to accept" "$work/server.log"
wrapped PostgreSQL 5432 '\x00\x00\x00\x08\x04\xd2\x16\x2f'
sql() { run env PGSSLMODE=disable "$psql" -h localhost -p 5432 -U postgres -qAt "$@"; }
ok "PostgreSQL: psql, its connection TLS too" is "$(sql -c 'select 6 * 7')" 42
table() {
	base64 -w 0 "$work/www/large" >"$work/line"
	sql -c "create table t (x text)" && sql -c "\\copy t from '$work/line'" && is "$(sql -c 'select md5(x) from t')" "$(md5sum <"$work/line" | cut -d' ' -f1)" &&
		sql -c "select x from t" | head -c -1 | cmp - "$work/line"
}
ok "PostgreSQL: a large row there and back" table

# ---- SMTP, FTP, rsync, netcat ----

modules=$(printf '%s:' "$deb"/python3-*/usr/lib/python3/dist-packages)
start env PYTHONPATH="$modules" /usr/bin/python3 -m aiosmtpd -n -l 127.0.0.1:2525
wrapped aiosmtpd 2525 'QUIT\r\n'
base64 "$work/www/large" | head -c 2000000 | sed '1i Subject: large\n' >"$work/mail"
mail() { secure --crlf --mail-from a@localhost --mail-rcpt b@localhost --upload-file "$work/mail" smtps://localhost:2525 && eventually grep -q "^$(tail -n 1 "$work/mail")" "$work/server.log"; }
ok "aiosmtpd: a mail by implicit TLS" mail

start env PYTHONPATH="$modules" /usr/bin/python3 -m pyftpdlib -i 127.0.0.1 -p 2121 -r 2130-2130 -d "$work/www"
wrapped pyftpdlib 2121 'QUIT\r\n'
ok "pyftpdlib: its data connections, before there are any" "$kseal" wrap --ahead 2130
ftp() { run curl -sS --max-time 60 -o "$work/got" ftp://localhost:2121/large && same "$work/www/large"; }
ok "pyftpdlib: a large file, control and data connection TLS" ftp

cat >"$work/rsyncd.conf" <<END
use chroot = no
[www]
path = $work/www
END
start rsync --daemon --no-detach --port 8730 --address 127.0.0.1 --config "$work/rsyncd.conf"
wrapped rsync 8730 '@RSYNCD: 31.0\n'
synchronised() { run rsync -a rsync://localhost:8730/www/ "$work/copy/" && diff -r "$work/www" "$work/copy"; }
ok "rsync: a directory" synchronised

start "$deb/netcat-openbsd/bin/nc.openbsd" -lkd 127.0.0.1 8765
ok "netcat: wrapped" eventually "$kseal" wrap 8765
netcat() { "$kseal" connect -q --name localhost 127.0.0.1:8765 <"$work/www/large" >/dev/null && eventually cmp "$work/server.log" "$work/www/large"; }
ok "netcat: a large file" netcat

ok "every rule is taken back" "$kseal" unwrap --all
echo "1..$count"
((failed == 0))
