#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Other people's TLS at the other end: curl, OpenSSL, GnuTLS, as clients and servers. And what must go on, or end well,
# when the helper dies. Needs kseal.ko loaded, and root. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
kseal=$PWD/tools/kseal kseald=$PWD/helper/kseald
work=$(mktemp -d) helper='' server='' other=''
ca=$work/keys/ca.pem cert=$work/keys/cert.pem key=$work/keys/key.pem
# emulated guests are slow
mib=100; [[ ${KSEAL_VM_ACCEL:-} = tcg || ${KSEAL_VM_VARIANT:-} = debug ]] && mib=16

# where the kernel has filters
filtered=0; grep -qs . /proc/sys/kernel/seccomp/actions_avail && filtered=2

end() { for pid in $helper $server $other; do kill "$pid" 2>/dev/null; done; wait; rm -rf "$work"; }
trap end EXIT
. selftests/ok.sh
stat() { awk -v n="$1" '$1 == n { print $2 }' /proc/net/kseal; }

start_helper() {
	"$kseald" --cert "$cert" --key "$key" --ca "$ca" 2>"$work/kseald.log" & helper=$!
	eventually grep -q ready "$work/kseald.log" || exit 1
}
start_server() {
	"$kseal" serve -q -p 8443 "$work/www" >"$work/serve.log" 2>&1 & server=$!
	eventually grep -q serving "$work/serve.log" || exit 1
}
get() { curl -sS --max-time 120 --cacert "$ca" "$@"; }

# ---- clients of ours ----
openssl_client() { # OPTIONS...
	printf 'GET /small HTTP/1.0\r\n\r\n' | timeout 30 openssl s_client -connect localhost:8443 -CAfile "$ca" \
		-verify_return_error -quiet -ign_eof "$@" 2>"$work/err" | tail -c 6
}
both_ciphers() { is "$(openssl_client -ciphersuites "$1")" "small"; }
three_groups() { local g; for g in X25519 P-256 P-384; do is "$(openssl_client -groups "$g")" "small" || return; done; }
gnutls_client() {
	printf 'GET /small HTTP/1.0\r\n\r\n' | timeout 30 gnutls-cli --x509cafile "$ca" -p 8443 localhost >"$work/gnutls" 2>&1
	grep -qx small "$work/gnutls" || { cat "$work/gnutls"; return 1; }
}
old_client() {
	openssl_client -tls1_1 -cipher 'ALL:@SECLEVEL=0' >"$work/got"
	is "$(cat "$work/got")" "" && grep -q 'alert protocol version' "$work/err"
}
tls12() { is "$(openssl_client -tls1_2 -cipher "$1")" "small"; }
has() { grep -qw "$1" /sys/module/kseal/parameters/ciphers; }
# chacha COMMAND...: if the kernel has it; else who offers nothing else is refused
chacha() {
	if has CHACHA20-POLY1305; then "$@"; else ! "$@" && grep -q 'alert handshake failure' "$work/err"; fi
}
# -reconnect comes five times more with the session it got
resumes() {
	openssl s_client -connect localhost:8443 -CAfile "$ca" -tls1_2 -reconnect </dev/null >"$work/got" 2>&1
	(($(grep -c '^Reused, TLSv1.2' "$work/got") == 5)) || { cat "$work/got"; return 1; }
}
resumes_tls13() {
	printf 'GET /small HTTP/1.0\r\n\r\n' | timeout 30 openssl s_client -connect localhost:8443 -CAfile "$ca" -quiet \
		-ign_eof -sess_out "$work/session" >/dev/null 2>&1
	printf 'GET /small HTTP/1.0\r\n\r\n' | timeout 30 openssl s_client -connect localhost:8443 -CAfile "$ca" -ign_eof \
		-sess_in "$work/session" >"$work/got" 2>&1
	grep -q '^Reused, TLSv1.3' "$work/got" && grep -q '^small' "$work/got" || { cat "$work/got"; return 1; }
}
gnutls_tls12() {
	printf 'GET /small HTTP/1.0\r\n\r\n' | timeout 30 gnutls-cli --priority NORMAL:-VERS-ALL:+VERS-TLS1.2 \
		--x509cafile "$ca" -p 8443 localhost >"$work/gnutls" 2>&1
	grep -qx small "$work/gnutls" && grep -q 'TLS1.2' "$work/gnutls" || { cat "$work/gnutls"; return 1; }
}
curl_tls12() { curl -sS --cacert "$ca" --tls-max 1.2 https://localhost:8443/big | cmp - "$work/www/big"; }
# ---- servers of others ----
our_client() { # OPTIONS OF s_server...
	openssl s_server -accept 9443 -cert "$cert" -key "$key" -quiet -www "$@" >"$work/s_server" 2>&1 & other=$!
	eventually listens 9443 || return
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 30 "$kseal" connect localhost:9443 >"$work/got" 2>"$work/err"
	local status=$?
	kill "$other"; wait "$other" 2>/dev/null; other=''
	((status == 0)) && grep -qE 'TLS_|ECDHE-' "$work/got" || { cat "$work/err" "$work/got"; return 1; }
}
# what -www serves says whether it was
our_client_resumes() { # VERSION OPTION
	openssl s_server -accept 9443 -cert "$cert" -key "$key" -quiet -www "$2" >"$work/s_server" 2>&1 & other=$!
	eventually listens 9443 || return
	local i
	for i in 1 2 3; do
		printf 'GET / HTTP/1.0\r\n\r\n' | timeout 30 "$kseal" connect localhost:9443 >"$work/got$i" 2>"$work/err" || break
	done
	kill "$other"; wait "$other" 2>/dev/null; other=''
	is "$(cat "$work"/got? | grep -oE '^(New|Reused), TLSv1..' | paste -sd' ')" "New, $1 Reused, $1 Reused, $1" || { cat "$work/err"; return 1; }
}
gnutls_server() { # PRIORITY
	gnutls-serv --priority "$1" -p 9444 --http --x509certfile "$cert" --x509keyfile "$key" >"$work/serv" 2>&1 & other=$!
	eventually listens 9444 || return
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 30 "$kseal" connect localhost:9444 >"$work/got" 2>"$work/err"
	kill "$other"; wait "$other" 2>/dev/null; other=''
	grep -q 'GnuTLS' "$work/got" || { cat "$work/err" "$work/got"; return 1; }
}
# ---- what it may do ----
# no capabilities, no way back to them, a filter for system calls: each thread
confined() {
	local thread
	for thread in /proc/"$helper"/task/*; do
		is "$(awk '/^(CapEff|NoNewPrivs|Seccomp):/ { print $2 }' "$thread/status" | paste -sd' ')" \
			"0000000000000000 1 $filtered" || return
	done
}
# ---- configuration ----
helper_with_file() {
	kill "$helper"; wait "$helper"
	cat >"$work/kseald.conf" <<-END
		metrics = "$work/metrics"
		profile default {
			certificate {
				chain = "$cert"
				key = "$key"
			}
			ca = { "$ca" }
		}
	END
	"$kseald" --config "$work/kseald.conf" 2>"$work/kseald.log" & helper=$!
	eventually grep -q ready "$work/kseald.log" && is "$(get https://localhost:8443/small)" small
}
# The file changes: TLS 1.2 alone from now on; a mistake changes nothing
changes() {
	sed -i 's|ca = |versions = { "1.2" }\nca = |' "$work/kseald.conf"
	eventually grep -q 'reloaded, 1 profile' "$work/kseald.log" || { cat "$work/kseald.log"; return 1; }
	get -v https://localhost:8443/small 2>&1 | grep -q 'TLSv1.2 /'
}
mistakes() {
	echo 'colour = blue' >>"$work/kseald.conf"
	eventually grep -q "not reloaded.*kseald.conf:[0-9]*: .*colour" "$work/kseald.log" || { cat "$work/kseald.log"; return 1; }
	is "$(get https://localhost:8443/small)" small
}
counted() {
	kill -HUP "$helper"	# and writes them now
	eventually grep -qs 'reloads_total{result="refused"} 2' "$work/metrics" &&
		grep -q 'handshakes_done_total{role="server",version="1.2",resumed="no"} 2' "$work/metrics" ||
		{ cat "$work/metrics"; return 1; }
}
# Nothing old, nothing weak
scanned() {
	timeout 120 sslscan --no-colour localhost:8443 >"$work/scan" 2>&1
	if grep -qE '(SSLv2|SSLv3|TLSv1\.0|TLSv1\.1) +enabled|[^t] vulnerable|Compression enabled|Insecure session' "$work/scan" ||
		grep -E '^(Preferred|Accepted)' "$work/scan" | grep -qvE 'GCM|CHACHA20' ||
		! grep -qE 'TLSv1\.3 +enabled' "$work/scan" || ! grep -qE 'TLSv1\.2 +enabled' "$work/scan" ||
		(($(grep -cE '^(Preferred|Accepted)' "$work/scan") < 4)); then
		cat "$work/scan"; return 1
	fi
}
# ---- the helper dies ----
more_than() { (($(stat "$2") > $1)); }
helper_dies_in_a_download() {
	local before; before=$(stat keys_installed)
	get --limit-rate "$((mib / 4))M" https://localhost:8443/big -o "$work/big" & local curl=$!
	eventually more_than "$before" keys_installed || return
	kill -KILL "$helper"; wait "$helper" 2>/dev/null; helper=''
	wait "$curl" && cmp "$work/big" "$work/www/big"
}
without_a_helper() {
	local before; before=$(stat handshakes_no_helper)
	get https://localhost:8443/small; (($? != 0)) && (($(stat handshakes_no_helper) > before))
}
helper_dies_in_a_handshake() {
	local before start started; before=$(stat handshakes_helper_lost)
	kill -STOP "$helper"
	started=$(stat handshakes_started)
	get https://localhost:8443/small 2>"$work/err" & local curl=$!
	eventually more_than "$started" handshakes_started || return
	sleep 0.2
	kill -KILL "$helper"; wait "$helper" 2>/dev/null; helper=''
	start=$SECONDS
	wait "$curl"; (($? != 0)) && ((SECONDS - start <= 2)) && (($(stat handshakes_helper_lost) > before))
}
helper_comes_back() { start_helper; is "$(get https://localhost:8443/small)" small; }
rmmod_in_use() { ! rmmod kseal && grep -q '^kseal ' /proc/modules; }

mkdir -p "$work/www" && echo small >"$work/www/small" && head -c "${mib}M" /dev/urandom >"$work/www/big"
"$kseal" keygen -d "$work/keys" localhost >/dev/null || exit 1
start_helper
start_server

echo 1..34
ok "curl fetches $mib MiB unchanged" sh -c "curl -sS --cacert '$ca' https://localhost:8443/big | cmp - '$work/www/big'"
ok "openssl s_client, AES-128-GCM" both_ciphers TLS_AES_128_GCM_SHA256
ok "openssl s_client, AES-256-GCM" both_ciphers TLS_AES_256_GCM_SHA384
ok "openssl s_client, each group, HelloRetryRequest among them" three_groups
ok "gnutls-cli" gnutls_client
ok "a client that speaks TLS 1.1 alone gets protocol_version" old_client
ok "curl by TLS 1.2 fetches $mib MiB unchanged" curl_tls12
ok "openssl s_client, TLS 1.2, AES-128-GCM" tls12 ECDHE-ECDSA-AES128-GCM-SHA256
ok "openssl s_client, TLS 1.2, AES-256-GCM" tls12 ECDHE-ECDSA-AES256-GCM-SHA384
ok "openssl s_client, TLS 1.2, ChaCha20-Poly1305 as far as the kernel has it" chacha tls12 ECDHE-ECDSA-CHACHA20-POLY1305
ok "openssl s_client, TLS 1.3, ChaCha20-Poly1305 likewise" chacha both_ciphers TLS_CHACHA20_POLY1305_SHA256
ok "gnutls-cli by TLS 1.2" gnutls_tls12
ok "openssl s_client resumes, TLS 1.2" resumes
ok "openssl s_client resumes, TLS 1.3" resumes_tls13
ok "openssl s_server, AES-128-GCM, with its tickets" our_client -ciphersuites TLS_AES_128_GCM_SHA256
ok "openssl s_server, AES-256-GCM, with its tickets" our_client -ciphersuites TLS_AES_256_GCM_SHA384
ok "openssl s_server, TLS 1.2, AES-128-GCM" our_client -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256
ok "openssl s_server, TLS 1.2, AES-256-GCM" our_client -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
ok "openssl s_server resumes our client, TLS 1.3" our_client_resumes TLSv1.3 -tls1_3
ok "openssl s_server resumes our client, TLS 1.2" our_client_resumes TLSv1.2 -tls1_2
ok "gnutls-serv, TLS 1.3" gnutls_server NORMAL:-VERS-ALL:+VERS-TLS1.3
ok "gnutls-serv, TLS 1.2" gnutls_server NORMAL:-VERS-ALL:+VERS-TLS1.2
ok "sslscan finds nothing" scanned
ok "rmmod is refused while a listener has the ULP" rmmod_in_use
ok "a download goes on when kseald is killed" helper_dies_in_a_download
ok "without a helper a connection fails, and is counted" without_a_helper
ok "a new helper is taken up" helper_comes_back
ok "kseald killed in mid-handshake: the socket fails at once" helper_dies_in_a_handshake
ok "and a new helper is taken up again" helper_comes_back
ok "all threads of kseald are confined" confined
ok "kseald reads a file" helper_with_file
ok "the file changes, and is read again" changes
ok "a mistake in it changes nothing, and is named" mistakes
ok "all that is counted" counted
((failed == 0))
