#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demonstration, in a guest that has kseal.ko loaded: a real file by sendfile over TLS 1.3, sealed in the kernel,
# fetched with unmodified curl. Ends with "demo: ok" or the first thing that failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
www=${KSEAL_DEMO_WWW:?names the directory to serve} file=linux-source.tar
port=8443 url=https://localhost:$port/$file
work=$(mktemp -d) pids=()
kseald=$PWD/helper/kseald kseal=$PWD/tools/kseal

stop() { ((${#pids[@]})) && kill "${pids[@]}" 2>/dev/null; wait; rm -rf "$work"; }
trap stop EXIT
fail() { echo; echo "demo: failed: $*"; exit 1; }
: >"$work/kseald.log"; : >"$work/serve.log"; : >"$work/tcpdump.log"
title() { echo; echo "== $*"; }
show() { echo "\$ ${*/#$PWD\/tools\//}"; }
stat() { awk -v n="$1" '$1 == n { print $2 }' /proc/net/kseal; }
wait_for() { # WHAT SECONDS COMMAND...
	local what=$1 i; for ((i = 0; i < $2 * 20; i++)); do "${@:3}" && return; sleep 0.05; done
	fail "$what"
}
ca=(--cacert "$work/ca/ca.pem")

title "kernel $(uname -r), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
size=$(command stat -c %s "$www/$file") || fail "there is no $www/$file"
((size >= 100000000)) || fail "$file has $size bytes, fewer than 100 MB"
# openssl has the faster SHA-256, and 50 copies want to be looked at
sha256() { openssl dgst -sha256 -r | cut -c 1-64; }
want=$(sha256 <"$www/$file")
echo "$file: $((size / 1000000)) MB, sha256 $want"

title "a CA and a certificate for localhost"
"$kseal" keygen -d "$work/ca" localhost 127.0.0.1 || fail "kseal keygen"

title "kseald, which does the handshakes"
"$kseald" --cert "$work/ca/cert.pem" --key "$work/ca/key.pem" --verbose 2>"$work/kseald.log" & pids+=($!)
wait_for "kseald did not get ready: $(cat "$work/kseald.log")" 10 grep -q ready "$work/kseald.log"
grep ready "$work/kseald.log"

title "kseal serve, a file server without TLS code"
"$kseal" serve -p "$port" "$www" >"$work/serve.log" 2>&1 & server=$!; pids+=("$server")
wait_for "kseal serve did not start: $(cat "$work/serve.log")" 10 grep -q serving "$work/serve.log"
grep serving "$work/serve.log"

title "the whole file, with unmodified curl, while a packet capture runs"
tcpdump -i lo -s 0 -B 262144 -U -w "$work/pcap" "tcp port $port" 2>"$work/tcpdump.log" & dump=$!
wait_for "tcpdump did not start: $(cat "$work/tcpdump.log")" 10 grep -q listening "$work/tcpdump.log"
before=$(stat tx_splice_bytes)
show "curl --cacert ca.pem $url"
curl -sS -v "${ca[@]}" "$url" -o "$work/got" 2>"$work/curl.log" || { cat "$work/curl.log"; fail "curl ended with status $?"; }
grep -E 'SSL connection|subject:|subjectAltName|issuer:|verify ok|^< HTTP' "$work/curl.log" | tr -d '\r'
grep -q 'SSL connection using TLSv1.3' "$work/curl.log" || fail "curl does not say TLSv1.3"
[[ $(sha256 <"$work/got") = "$want" ]] || fail "the file arrived changed"
echo "sha256 equal: $want"
spliced=$(($(stat tx_splice_bytes) - before))
((spliced >= size)) || fail "only $spliced bytes of the body went by sendfile"
echo "by sendfile: $spliced bytes (the body has $size), counted in the module"
sleep 0.5; kill -INT "$dump"; wait "$dump"

title "what the capture holds"
captured=$(command stat -c %s "$work/pcap")
((captured > size)) || fail "the capture has only $captured bytes, it missed packets"
# 64 samples of 12 bytes from all over the file, as one pattern; a sample must not be a run of one byte
pattern=$(for ((i = 0; i < 64; i++)); do
	dd if="$www/$file" bs=1 skip=$((size / 65 * (i + 1))) count=12 2>/dev/null | xxd -p | sed 's/../\\x&/g'
done | grep -vE '^(\\x..)\1*$' | sort -u | paste -sd '|')
samples=$(tr '|' '\n' <<<"$pattern" | wc -l)
in_file=$(LC_ALL=C grep -aoP "$pattern" "$www/$file" | sort -u | wc -l)
in_pcap=$(LC_ALL=C grep -aoP "$pattern" "$work/pcap" | sort -u | wc -l)
((in_file >= samples / 2)) || fail "the search finds only $in_file of $samples samples in the file itself"
((in_pcap == 0)) || fail "$in_pcap samples of the file stand in the capture in clear"
echo "$captured bytes captured; of $samples samples of the file $in_file are found in the file, $in_pcap in the capture"
rm -f "$work/pcap"

title "a range of it"
show "curl --cacert ca.pem --range 10000000-19999999 $url"
range=$(curl -sS "${ca[@]}" -r 10000000-19999999 "$url" | sha256)
[[ $range = "$(tail -c +10000001 "$www/$file" | head -c 10000000 | sha256)" ]] || fail "the range is not the file's"
echo "10,000,000 bytes, sha256 equal"

title "50 downloads at once"
start=$(date +%s%N)
good=$(for ((i = 0; i < 50; i++)); do
	curl -sS "${ca[@]}" "$url" 2>>"$work/curl50.log" | sha256 &
done | grep -cF "$want")
[[ $good = 50 ]] || { cat "$work/curl50.log"; fail "$good of 50 are right"; }
echo "50 of 50 have the right sha256; $((size * 50 / 1000000)) MB in $((($(date +%s%N) - start) / 1000000)) ms, curl and SHA-256 included"

title "kseal show, during a slow download"
curl -sS "${ca[@]}" --limit-rate 1M "$url" -o /dev/null & slow=$!
wait_for "no session is shown" 10 sh -c "'$kseal' show | grep -q keyed"
sleep 0.3
"$kseal" show
kill "$slow"; wait "$slow" 2>/dev/null

title "the handshake, as kseald saw it"
# the steps, without what each of them says
grep -B200 -m1 '== done:' "$work/kseald.log" | grep -E ': (->|<-|==) ' | tail -n 12

title "a client that trusts another CA"
"$kseal" keygen -d "$work/other" example.org >/dev/null
out=$(curl -sS --cacert "$work/other/ca.pem" "$url" -o "$work/none" 2>&1); status=$?
echo "$out" | head -n 1
((status == 60)) || fail "curl ended with status $status, not 60"
[[ ! -s $work/none ]] || fail "it got bytes of the file"
refused() { grep -q 'the peer refused: alert unknown_ca' "$work/kseald.log"; }
wait_for "kseald did not note the refusal" 5 refused
echo "curl: status 60, nothing received; $(grep -m1 ': the peer refused' "$work/kseald.log")"

title "plain HTTP to the same port"
answer=$(exec 3<>/dev/tcp/127.0.0.1/$port && printf 'GET /README.md HTTP/1.0\r\n\r\n' >&3 && timeout 5 cat <&3 | xxd -p)
echo "answer: ${answer:-nothing}"
[[ $answer = 1503030002020a ]] || fail "the answer is not one alert (fatal, unexpected_message)"
echo "one fatal alert, unexpected_message (10), and nothing else"

title "counters"
"$kseal" show --stats | grep -v ' 0$'
echo
echo "demo: ok"
