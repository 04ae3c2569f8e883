#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# compare.sh [ROUNDS] | memory STACK: TLS for a plain nginx by kseal wrap, and by what people use for that today: stunnel, hitch and haproxy in TCP mode in
# front of it, each with the same certificate. In turn, in one boot: bytes a CPU second for a
# large file; round trips of a small one over 1 and 100 connections (ab, keep-alive). A measurement, no test.
# In a guest: selftests/vm/run -t 1500 -r uml -v perf -- selftests/compare.sh
# memory STACK (stunnel, hitch, haproxy or kseal): that of a connection that is open; in a guest of its own for each, since the second in a
# boot gets pages that the first one's left with the kernel's allocators, and seems smaller than it is.
set -u
cd "$(dirname "$0")/.." || exit 1
rounds=${1:-5} deb=$PWD/selftests/bin/deb mib=200 idle=500
work=$(mktemp -d) pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT
chmod 755 "$work"
ulimit -n 20000
LD_LIBRARY_PATH=$(printf '%s:' "$deb"/{libev4,liblua5.3-0,libopentracing-c-wrapper0,libopentracing1,libapr1,libaprutil1}/usr/lib/x86_64-linux-gnu)
export LD_LIBRARY_PATH
ab=$deb/apache2-utils/usr/bin/ab
nginx=$(command -v nginx || echo "$PWD/selftests/bin/nginx/usr/sbin/nginx")

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -days 30 2>/dev/null
cat "$work/cert.pem" "$work/key.pem" >"$work/both.pem"
mkdir "$work/www" "$work/tmp"
echo small >"$work/www/small"
head -c $((mib << 20)) /dev/urandom >"$work/www/large"

nginx_conf() { # NAME PORT
	echo "user root; daemon off; worker_processes 1; pid $work/$1.pid; error_log $work/$1.log; events { worker_connections 8192; }"
	echo "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; keepalive_timeout 600;"
	for what in client_body proxy fastcgi uwsgi scgi; do echo "${what}_temp_path $work/tmp/$what;"; done
	echo "server { listen 127.0.0.1:$2 backlog=4096; location / { root $work/www; } } }"
}
nginx_conf behind 8000 >"$work/behind.conf"; nginx_conf wrapped 9004 >"$work/wrapped.conf"
"$nginx" -c "$work/behind.conf" & pids+=($!)
"$nginx" -c "$work/wrapped.conf" & pids+=($!)
printf 'foreground = yes\npid =\nsyslog = no\noutput = %s/stunnel.log\n[web]\naccept = 127.0.0.1:9001\nconnect = 127.0.0.1:8000\ncert = %s/both.pem\n' \
	"$work" "$work" >"$work/stunnel.conf"
"$deb/stunnel4/usr/bin/stunnel4" "$work/stunnel.conf" 2>/dev/null & pids+=($!)
"$deb/hitch/usr/sbin/hitch" --frontend="[127.0.0.1]:9002" --backend="[127.0.0.1]:8000" --workers=1 --user=nobody --quiet "$work/both.pem" >"$work/hitch.log" 2>&1 & pids+=($!)
printf 'global\n nbthread 1\n maxconn 8192\n ssl-server-verify none\ndefaults\n mode tcp\n timeout connect 10s\n timeout client 600s\n timeout server 600s\nfrontend f\n bind 127.0.0.1:9003 ssl crt %s/both.pem\n default_backend b\nbackend b\n server s 127.0.0.1:8000\n' \
	"$work" >"$work/haproxy.conf"
"$deb/haproxy/usr/sbin/haproxy" -db -f "$work/haproxy.conf" >"$work/haproxy.log" 2>&1 & pids+=($!)
printf 'profile default { certificate { chain = "%s/cert.pem" key = "%s/key.pem" } }\n' "$work" "$work" >"$work/kseald.conf"
helper/kseald --config "$work/kseald.conf" 2>"$work/kseald.log" & pids+=($!)
sleep 2
tools/kseal wrap 9004 >/dev/null || exit 1

declare -A port=([stunnel]=9001 [hitch]=9002 [haproxy]=9003 [kseal]=9004)

# CPU seconds so far of the machine, which has one. What each process has is not known: in such a guest the clock of that ticks every 10 ms.
busy() { awk '/^cpu / { print ($2 + $3 + $4 + $7 + $8) / 100 }' /proc/stat; }
available() { awk '/^MemAvailable/ { print $2 }' /proc/meminfo; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
get() { curl -sS --cacert "$work/cert.pem" "https://localhost:${port[$1]}/large" | cmp - "$work/www/large"; }

# Records are thrown away as they are, so that the server's side is what the CPU is busy with; get() has looked at the bytes.
bulk() { # STACK: MB a CPU second
	local all; all=$(busy)
	timeout 60 python3 - "${port[$1]}" "$mib" <<-'END' || return
		import socket, ssl, sys
		context = ssl._create_unverified_context()
		for _ in range(2):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
		    tls = context.wrap_bio(into, out, server_hostname="localhost")
		    while True:
		        try:
		            tls.do_handshake(); break
		        except ssl.SSLWantReadError:
		            s.sendall(out.read()); into.write(s.recv(65536))
		    tls.write(b"GET /large HTTP/1.0\r\n\r\n")
		    s.sendall(out.read())
		    nowhere = bytearray(1 << 20)
		    left = int(sys.argv[2]) << 20
		    while left > 0:	# not to the end: stunnel waits a minute for the peer's
		        left -= s.recv_into(nowhere, 1 << 20, socket.MSG_TRUNC) or sys.exit("closed")
		    s.close()
	END
	awk -v all="$all" -v all2="$(busy)" -v mib=$((2 * mib)) 'BEGIN { print mib * 1.048576 / (all2 - all) }'
}
trips() { # STACK CONNECTIONS REQUESTS: ms in the mean, 99th percentile
	"$ab" -q -k -n "$3" -c "$2" "https://localhost:${port[$1]}/small" 2>&1 |
		awk '/Time per request:.*\(mean\)/ { mean = $4 } / 99%/ { p = $2 } /Failed requests:/ { f = $3 } END { print mean, p, f }'
}
memory() { # STACK: bytes a connection, the client's socket and nothing else of it counted too
	timeout 120 python3 - "${port[$1]}" "$idle" <<-'END'
		import re, socket, ssl, sys
		port, count = int(sys.argv[1]), int(sys.argv[2])
		context = ssl._create_unverified_context()
		def kib():
		    return int(re.search(r"MemAvailable:\s+(\d+)", open("/proc/meminfo").read())[1])
		def one():
		    s = socket.create_connection(("127.0.0.1", port)); into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
		    tls = context.wrap_bio(into, out, server_hostname="localhost")
		    while True:
		        try:
		            tls.do_handshake(); break
		        except ssl.SSLWantReadError:
		            s.sendall(out.read()); into.write(s.recv(65536))
		    tls.write(b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n")
		    s.sendall(out.read())
		    got = b""
		    while not got.endswith(b"small\n"):
		        try:
		            got += tls.read(65536)
		        except ssl.SSLWantReadError:
		            data = s.recv(65536)
		            if not data:
		                sys.exit(f"port {port} closed a connection")
		            into.write(data)
		    return s
		warm = [one() for _ in range(50)]
		before = kib()
		kept = [one() for _ in range(count)]
		print((before - kib()) * 1024 // count)
	END
	sleep 1
}

stacks="stunnel hitch haproxy kseal"
if [[ $rounds == memory ]]; then
	echo "$2: $(memory "$2") bytes a connection"
	tools/kseal unwrap --all >/dev/null
	exit
fi
for stack in $stacks; do get "$stack" || echo "$stack does not answer: $(tail -n 3 "$work/$stack"*.log)"; done
for ((round = 0; round < rounds; round++)); do
	for stack in $stacks; do
		bulk "$stack" >>"$work/$stack.bulk"
		trips "$stack" 1 1000 >>"$work/$stack.1"
		trips "$stack" 100 5000 >>"$work/$stack.100"
	done
done
column() { cut -d' ' -f"$2" "$work/$stack.$1" | median; }
printf '%-8s %10s %12s %12s %12s %12s %7s\n' "" MB/cpu-s ms-1-conn ms-1-p99 ms-100-conn ms-100-p99 failed
for stack in $stacks; do
	printf '%-8s %10.0f %12.3f %12.0f %12.2f %12.0f %7.0f\n' "$stack" "$(column bulk 1)" "$(column 1 1)" "$(column 1 2)" \
		"$(column 100 1)" "$(column 100 2)" "$(column 100 3)"
done
tools/kseal unwrap --all >/dev/null
