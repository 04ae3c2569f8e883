#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rate.sh [ROUNDS [SECONDS [CLIENTS]]]: connections a second, each with a handshake and one small file over HTTP, by openssl s_time:
# from nginx with its own TLS, from openssl s_server, and from nginx without TLS on sockets of kseal, in turn; with the same
# library, certificates and machine.
# WORKERS: of nginx and of kseald; ROWS: which lines, an expression; KSEALD: another kseald. A measurement, no test. In a guest: selftests/vm/run -t 3000 -r uml -v perf -- selftests/rate.sh
set -u
cd "$(dirname "$0")/.." || exit 1
rounds=${1:-5} seconds=${2:-5} clients=${3:-4} workers=${WORKERS:-1} rows=${ROWS:-.}
work=$(mktemp -d) pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$work"' EXIT
chmod 755 "$work"
nginx=$(command -v nginx || echo "$PWD/selftests/bin/nginx/usr/sbin/nginx")

pair() { # NAME OPTIONS OF genpkey...
	openssl genpkey "${@:2}" -out "$work/$1.key" 2>/dev/null &&
		openssl req -x509 -new -key "$work/$1.key" -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 30 -out "$work/$1.pem"
}
pair ecdsa -algorithm EC -pkeyopt ec_paramgen_curve:P-256 && pair rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048 || exit 1
mkdir "$work/www" "$work/tmp"
echo small >"$work/www/small"

nginx_conf() { # NAME SERVER...
	echo "user root; daemon off; worker_processes $workers; pid $work/$1.pid; error_log $work/$1.log;"
	echo "events { worker_connections 4096; } http { access_log off;"
	for what in client_body proxy fastcgi uwsgi scgi; do echo "${what}_temp_path $work/tmp/$what;"; done
	printf 'server { %s location / { root %s; } }\n' "${@:2}"
	echo "}"
}
tls() { # PORT PAIR
	echo "listen $1 ssl backlog=4096; ssl_certificate $work/$2.pem; ssl_certificate_key $work/$2.key;" \
		"ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256:P-384;"
}
nginx_conf tls "$(tls 9001 ecdsa)" "$work/www" "$(tls 9002 rsa)" "$work/www" >"$work/tls.conf"
nginx_conf plain "listen 8001 backlog=4096;" "$work/www" "listen 8002 backlog=4096;" "$work/www" >"$work/plain.conf"
"$nginx" -c "$work/tls.conf" & pids+=($!)
profile() { echo "profile $1 { certificate { chain = \"$work/$1.pem\" key = \"$work/$1.key\" } }"; }
{ echo "workers = $workers"; profile ecdsa; profile rsa; } >"$work/kseald.conf"
"${KSEALD:-helper/kseald}" --config "$work/kseald.conf" 2>"$work/kseald.log" & pids+=($!)
for ((i = 0; i < 100; i++)); do grep -q ready "$work/kseald.log" && break; sleep 0.1; done
# nginx takes over listening sockets as it does from an nginx before it
python3 - "$nginx" "$work/plain.conf" <<-'END' & pids+=($!)
	import os, socket, sys
	listeners = []
	for port, profile in (8001, b"ecdsa"), (8002, b"rsa"):
	    listeners.append(socket.create_server(("0.0.0.0", port), backlog=4096))
	    listeners[-1].setsockopt(socket.IPPROTO_TCP, 31, b"kseal")	# TCP_ULP
	    listeners[-1].setsockopt(19283, 1, profile)			# SOL_KSEAL, KSEAL_SO_PROFILE
	    listeners[-1].setsockopt(19283, 3, (1).to_bytes(4, sys.byteorder))	# KSEAL_SO_ROLE, the server's
	    listeners[-1].setblocking(False)	# two workers may come for one connection
	    listeners[-1].set_inheritable(True)
	os.environ["NGINX"] = "".join(f"{listener.fileno()};" for listener in listeners)
	os.execv(sys.argv[1], ["nginx", "-c", sys.argv[2]])
END
port=0
for pair in ecdsa rsa; do
	port=$((port + 1))
	openssl s_server -accept "700$port" -cert "$work/$pair.pem" -key "$work/$pair.key" -www -quiet >/dev/null 2>&1 & pids+=($!)
done
sleep 1

rate() { # PORT OPTIONS OF s_time...
	local i times=()
	for ((i = 0; i < clients; i++)); do
		openssl s_time -connect "localhost:$1" -www /small -time "$seconds" "${@:2}" >"$work/rate.$i" 2>&1 & times+=($!)
	done
	wait "${times[@]}"
	awk -v seconds="$seconds" '/real seconds/ { n += $1 } END { print n / seconds }' "$work"/rate.*
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

echo "connections a second with $clients clients and $workers worker(s), median of $rounds times $seconds s"
printf '%-34s %8s %8s %8s %8s\n' "" nginx s_server kseal of-nginx
while read -r row port options; do
	[[ $row =~ $rows ]] || continue
	rm -f "$work"/result.*
	for ((round = 0; round < rounds; round++)); do
		for server in 9 7 8; do
			# shellcheck disable=SC2086 # options are words
			rate "${server}00$port" $options >>"$work/result.$server"
		done
	done
	# of each round by itself, since the machine is not the same from one to the next
	paste "$work"/result.[89] | awk '{ print $1 / $2 }' >"$work/result.ratio"
	for what in 9 7 8 ratio; do median <"$work/result.$what"; done | paste -sd' ' |
		awk -v what="${row//_/ }" '{ printf "%-34s %8.0f %8.0f %8.0f %8.2f\n", what, $1, $2, $3, $4 }'
done <<-'END'
	TLS_1.3,_ECDSA_P-256 1 -new
	TLS_1.3,_RSA-2048 2 -new
	TLS_1.2,_ECDSA_P-256 1 -new -tls1_2
	TLS_1.2,_RSA-2048 2 -new -tls1_2
	TLS_1.3,_resumed 1 -reuse
	TLS_1.2,_resumed 1 -reuse -tls1_2
END
