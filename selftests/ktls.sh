#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs as Debian ships them, which use the kernel's TLS when they are told to: nginx, and OpenSSL's s_server and
# s_client. With kseal in mainline's place; our counters say what went through it. Needs root in a guest that may load
# the module. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail
cd "$(dirname "$0")" || exit 1
. ./load.sh
. ./ok.sh
# where the host has none, packages.sh has unpacked it
nginx=/usr/sbin/nginx; [[ -x $nginx ]] || nginx=bin/nginx/usr/sbin/nginx
for tool in "$nginx" openssl curl; do
	command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool"; exit 4; }
done
work=$(mktemp -d) pids=()
end() {
	# shellcheck disable=SC2046 # job numbers are words
	kill "${pids[@]}" $(jobs -p) 2>/dev/null; wait
	rm -rf "$work"; unload && insmod "$KSEAL_MODULE"
}
trap end EXIT
chmod 755 "$work"; mkdir -p "$work/www"
# slow guests get less
mib=32
[[ ${KSEAL_VM_ACCEL:-} = tcg ]] && mib=6
[[ ${KSEAL_VM_VARIANT:-} = debug ]] && mib=2
size=$((mib << 20))
# From 3.2 on OpenSSL gives the kernel the receiving keys of TLS 1.3 too
receives=0; [[ $(openssl version) =~ ^OpenSSL\ 3\.[01]\. ]] || receives=1

eventually() { local i; for ((i = 0; i < 200; i++)); do "$@" && return; sleep 0.05; done; echo "never: $*"; return 1; }
same() { is "$(sha256sum <"$1")" "$sum"; }

# what the counters did since mark()
mark() { cp /proc/net/kseal "$work/mark"; }
since() { echo $(($(stat_of "$1") - $(awk -v name="$1" '$1 == name { print $2 }' "$work/mark"))); }
# one direction of one connection each
directions() { is "directions in the kernel: $(since keys_installed)" "directions in the kernel: $1"; }
healthy() { is "$(since rx_bad_tag) $(since rx_malformed) $(since key_limit)" "0 0 0"; }
at_least() { (($(since "$1") >= $2)) || { echo "$1 moved by $(since "$1"), less than $2"; return 1; }; }

# how many directions a connection of this version has in the kernel, if one end knows of it
per_end() { if [[ $1 = 1.2 ]]; then echo 2; else echo $((1 + receives)); fi; }

# ---- nginx ----
suite() { # VERSION BITS: for curl
	local hash=256; [[ $2 = 256 ]] && hash=384
	case $1 in
	1.2) echo "--tlsv1.2 --tls-max 1.2 --ciphers ECDHE-RSA-AES$2-GCM-SHA$hash" ;;
	1.3) echo "--tlsv1.3 --tls13-ciphers TLS_AES_$2_GCM_SHA$hash" ;;
	esac
}
get() { # VERSION BITS CURL-ARGUMENT...
	# shellcheck disable=SC2046 # options are words
	curl -sS --max-time 120 --cacert "$work/cert.pem" $(suite "$1" "$2") "${@:3}"
}
nginx_start() {
	cat >"$work/nginx.conf" <<-END
		daemon off; worker_processes 1; user root; pid $work/nginx.pid; error_log $work/error.log info;
		events { }
		http {
			access_log $work/access.log; sendfile on;
			client_body_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
			proxy_temp_path $work; proxy_max_temp_file_size 0;
			ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem;
			ssl_protocols TLSv1.2 TLSv1.3; ssl_conf_command Options KTLS;
			server { listen 127.0.0.1:8443 ssl; root $work/www; }
			# plain in front, the kernel's TLS behind: what comes from there is opened by the kernel
			server {
				listen 127.0.0.1:8080;
				proxy_ssl_conf_command Options KTLS; proxy_ssl_session_reuse off;
				location /1.2/ { proxy_pass https://127.0.0.1:8443/; proxy_ssl_protocols TLSv1.2; }
				location /1.3/ { proxy_pass https://127.0.0.1:8443/; proxy_ssl_protocols TLSv1.3; }
			}
		}
	END
	"$nginx" -e "$work/error.log" -p "$work" -c "$work/nginx.conf" >"$work/nginx.out" 2>&1 & pids+=($!)
	eventually listens 8443 || { cat "$work/nginx.out" "$work/error.log"; return 1; }
}
nginx_serves() { # VERSION BITS
	mark
	get "$1" "$2" -o "$work/got" https://localhost:8443/file && same "$work/got" &&
		is "$(since tx_splice_bytes)" "$size" && at_least tx_records $((size / 16384)) &&
		directions "$(per_end "$1")" && healthy
}
nginx_ranges() {
	mark
	get 1.3 256 -r 1000-1000999 -o "$work/got" https://localhost:8443/file &&
		cmp "$work/got" <(tail -c +1001 "$work/www/file" | head -c 1000000) && is "$(since tx_splice_bytes)" 1000000
}
nginx_in_parallel() {
	local i list=()
	mark
	for ((i = 0; i < 10; i++)); do list+=(-o "$work/got.$i" https://localhost:8443/file); done
	get 1.3 128 -Z --parallel-immediate --parallel-max 10 --no-progress-meter "${list[@]}" || return
	for ((i = 0; i < 10; i++)); do same "$work/got.$i" || return; rm "$work/got.$i"; done
	is "$(since tx_splice_bytes)" $((10 * size)) && healthy
}
# connections that stay open, and small answers between large ones
nginx_keeps_alive() {
	mark
	is "$(get 1.2 256 -w '%{num_connects} ' -o "$work/got" https://localhost:8443/small -o /dev/null \
		https://localhost:8443/file -o "$work/got" https://localhost:8443/small)" "1 0 0 " && directions 2
}
nginx_fetches() { # VERSION
	local opened=$size; [[ $1 = 1.2 ]] || opened=$((receives * size))
	mark
	curl -sS --max-time 120 -o "$work/got" "http://127.0.0.1:8080/$1/file" && same "$work/got" &&
		is "$(since tx_splice_bytes)" "$size" && at_least rx_bytes "$opened" &&
		directions $((2 * $(per_end "$1"))) && healthy
}

# ---- s_server, s_client ----
# Their option -ktls is younger than OpenSSL's KTLS: a configuration file of ours serves all
openssl_ktls() { OPENSSL_CONF=$work/openssl.cnf openssl "$@"; }
cat >"$work/openssl.cnf" <<'END'
openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = options
[options]
Options = KTLS
END
protocol() { if [[ $1 = 1.2 ]]; then echo -tls1_2; else echo -tls1_3; fi; }
cipher() { # VERSION BITS
	local hash=256; [[ $2 = 256 ]] && hash=384
	if [[ $1 = 1.2 ]]; then echo "-cipher ECDHE-RSA-AES$2-GCM-SHA$hash"
	else echo "-ciphersuites TLS_AES_$2_GCM_SHA$hash"; fi
}
# Both ends are the kernel's; each end sends the file while it receives it
openssl_both_ways() { # VERSION BITS
	mark
	# each ends with its input, which has to be open for as long as the other takes
	(cat "$work/www/file"; eventually arrived "$work/up"; sleep 1) | openssl_ktls s_server -accept 9443 \
		-cert "$work/cert.pem" -key "$work/key.pem" -quiet -naccept 1 >"$work/up" 2>"$work/s_server" & local server=$!
	eventually listens 9443 || return
	# shellcheck disable=SC2046 # options are words
	(cat "$work/www/file"; eventually arrived "$work/down"; sleep 1) | openssl_s_client \
		$(protocol "$1") $(cipher "$1" "$2") >"$work/down" 2>"$work/s_client"
	wait "$server"
	same "$work/up" && same "$work/down" || { cat "$work/s_server" "$work/s_client"; return 1; }
	at_least tx_bytes $((2 * size)) && directions $((2 * $(per_end "$1"))) && healthy || return
	if [[ $1 = 1.2 ]] || ((receives)); then at_least rx_bytes $((2 * size)); else is "$(since rx_records)" 0; fi
}
arrived() { (($(stat -c %s "$1") >= size)); }
openssl_s_client() {
	OPENSSL_CONF=$work/openssl.cnf timeout 120 openssl s_client -connect localhost:9443 -CAfile "$work/cert.pem" \
		-verify_return_error -quiet "$@"
}
# SSL_sendfile(), which there is with the kernel's TLS alone
openssl_sendfile() {
	mark
	cd "$work/www" || return
	openssl_ktls s_server -accept 9444 -cert "$work/cert.pem" -key "$work/key.pem" -WWW -sendfile \
		>"$work/s_server" 2>&1 & local server=$!
	cd - >/dev/null || return
	eventually listens 9444 &&
		get 1.3 256 --http0.9 -o "$work/got" https://localhost:9444/file && tail -c "$size" "$work/got" >"$work/body"
	local status=$?
	kill "$server"; wait "$server"
	((status == 0)) && same "$work/body" && is "$(since tx_splice_bytes)" "$size"
}

head -c "$size" /dev/urandom >"$work/www/file"; echo small >"$work/www/small"
sum=$(sha256sum <"$work/www/file")
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost 2>"$work/out" || { cat "$work/out"; exit 1; }
reload dropin=1 || { echo "Bail out! kseal cannot be loaded with dropin=1"; exit 1; }
echo 1..15
ok "nginx starts" nginx_start
for version in 1.2 1.3; do for bits in 128 256; do
	ok "nginx serves $mib MiB by sendfile, TLS $version, AES-$bits-GCM" nginx_serves $version $bits
done; done
ok "a range" nginx_ranges
ok "ten at a time" nginx_in_parallel
ok "one connection for several requests" nginx_keeps_alive
for version in 1.2 1.3; do ok "nginx fetches from nginx, TLS $version" nginx_fetches $version; done
for version in 1.2 1.3; do for bits in 128 256; do
	ok "s_server and s_client, both ways at once, TLS $version, AES-$bits-GCM" openssl_both_ways $version $bits
done; done
ok "SSL_sendfile() of s_server" openssl_sendfile
((failed == 0))
