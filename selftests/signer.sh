#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Keys that are not in kseald: in a file that its user may not read, and in a PKCS#11 token where SoftHSM is installed.
# curl fetches through them; the process that has them is slow, dies, and comes back. Needs kseal.ko loaded, and root. TAP.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
kseal=$PWD/tools/kseal kseald=$PWD/helper/kseald
work=$(mktemp -d) helper='' server='' plain=''
ca=$work/keys/ca.pem
. selftests/ok.sh
# where the kernel has filters
filtered=0; grep -qs . /proc/sys/kernel/seccomp/actions_avail && filtered=2
# kseald's user and the signer's
user=daemon other=nobody pin=864297
module=/usr/lib/softhsm/libsofthsm2.so

end() { for pid in $helper $server $plain; do kill "$pid" 2>/dev/null; done; wait; rm -rf "$work"; }
trap end EXIT
get() { curl -sS --max-time 60 --cacert "$ca" "$@"; }
fetches() { is "$(get "$@" https://localhost:8443/small)" small; }
logged() { grep -q "$1" "$work/kseald.log"; }

[[ -e /sys/module/kseal ]] || { echo "1..0 # SKIP kseal.ko is not loaded"; exit 4; }
chmod 755 "$work"
mkdir "$work/www" && echo small >"$work/www/small"

# pair NAME NEWKEY...: NAME.pem and NAME.key, for localhost, by the authority that kseal keygen made
"$kseal" keygen -d "$work/keys" localhost >/dev/null || exit 1
printf 'subjectAltName=DNS:localhost\n' >"$work/names"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=authority" \
	-keyout "$work/ca.key" -out "$ca" 2>/dev/null
pair() {
	openssl req -newkey "${@:2}" -nodes -subj "/CN=$1" -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null &&
		openssl x509 -req -in "$work/$1.csr" -CA "$ca" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
			-extfile "$work/names" -out "$work/$1.pem" 2>/dev/null
}
pair ec ec -pkeyopt ec_paramgen_curve:P-256 && pair rsa rsa:2048 && pair ed ed25519 && pair here ed25519 || exit 1
chgrp "$user" "$work/here.key" && chmod 640 "$work/here.key"
mkdir -m 700 "$work/secret" && mv "$work"/{ec,rsa,ed}.key "$work/secret" && chown -R "$other:" "$work/secret"

# profile NAME CERTIFICATE KEY [PIN]
profile() {
	printf 'profile %s {\n\tcertificate {\n\t\tchain = "%s"\n\t\tkey = "%s"\n' "$1" "$work/$2.pem" "$3"
	[[ ${4:-} ]] && printf '\t\tpin = "%s"\n' "$4"
	printf '\t}\n\tca = { "%s" }\n}\n' "$ca"
}
# write_conf PROFILE... as above, in one word each
write_conf() {
	{
		printf 'user = "%s"\nsigner-user = "%s"\n' "$user" "$other"
		for words; do
			# shellcheck disable=SC2086 # words
			[[ $words = *' = '* ]] && echo "$words" || profile $words
		done
	} >"$work/new" && mv "$work/new" "$work/kseald.conf"
}
start_helper() { # OPTIONS...
	: >"$work/kseald.log"
	"$kseald" "$@" 2>"$work/kseald.log" & helper=$!
	eventually logged ready || { cat "$work/kseald.log"; return 1; }
}
end_helper() { kill "$helper"; wait "$helper"; helper=''; }
# sets signer: the keeper's child, who is kseald's
find_signer() {
	keeper=$(ps -o pid=,comm= --ppid "$helper" | awk '$2 != "kseald-opener" { print $1 }')
	[[ $keeper ]] && signer=$(ps -o pid= --ppid "$keeper" | tr -d ' ') && [[ $signer ]]
}

# ---- a file that kseald's user may not read ----
each_type() {
	local type
	for type in ec rsa ed; do
		write_conf "default $type file:$work/secret/$type.key" "plain here $work/here.key"
		start_helper --config "$work/kseald.conf" && fetches && fetches --tls-max 1.2 || return
		[[ $type = ed ]] || end_helper
	done
}
confined() {
	local pid
	find_signer || return
	for pid in "$keeper" "$signer"; do
		is "$(awk '/^(Uid|CapEff|NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$pid/status" | paste -sd' ')" \
			"$(id -u "$other") 0000000000000000 1 $filtered" || return
	done
	is "$(awk '/^(Uid|CapEff):/ { print $2 }' "/proc/$helper/status" | paste -sd' ')" "$(id -u "$user") 0000000000000000"
}
many() {
	get --parallel --parallel-max 40 "https://localhost:8443/small?[1-200]" >"$work/got" && is "$(grep -c small "$work/got")" 200
}
# curl may be slow to start, above all in an emulated guest
waits() { eventually eval '"$kseal" show | grep -q waiting' && sleep 0.5; }
# A handshake with a key that is in kseald does not wait for one that is not
others_go_on() {
	find_signer && kill -STOP "$signer" || return
	get https://localhost:8443/small >"$work/got" & local curl=$!
	waits && is "$(get https://localhost:8444/small)" small && kill -0 "$curl" && is "$(cat "$work/got")" ""
	local status=$?
	kill -CONT "$signer"
	wait "$curl" && ((status == 0)) && is "$(cat "$work/got")" small
}
dies() {
	find_signer && kill -STOP "$signer" || return
	get https://localhost:8443/small 2>/dev/null & local curl=$!
	waits; local status=$? start=$SECONDS
	kill -KILL "$signer"
	wait "$curl"; (($? != 0 && status == 0)) && ((SECONDS - start <= 5)) && eventually logged ': the signer has died'
}
comes_back() { eventually logged 'another signer is there, with' && fetches && fetches; }
reloads() {
	pair ed ed25519 && chown "$other:" "$work/ed.key" && mv "$work/ed.key" "$work/secret" &&
		eventually logged 'reloaded, 2 profiles' && fetches && return
	cat "$work/kseald.log"; return 1
}
ends() {
	find_signer && end_helper
	! kill -0 "$keeper" 2>/dev/null && ! kill -0 "$signer" 2>/dev/null
}
needs_restart() {
	write_conf "default here $work/here.key"
	start_helper --config "$work/kseald.conf" && fetches || return
	! ps -o comm= --ppid "$helper" | grep -v kseald-opener || return
	write_conf "default ed file:$work/secret/ed.key"
	eventually logged 'not reloaded.*there is no signer.*restart kseald' && fetches && end_helper
}
# what the log says of a key that cannot be
refused() { # STATUS TEXT OPTION...
	local status=$1
	shift
	"$kseald" --check "${@:2}" >"$work/got" 2>&1
	is $? "$status" && grep -q "$1" "$work/got" || { cat "$work/got"; return 1; }
}
no_pin_in_options() { refused 2 'everybody sees a PIN' -c "$work/ec.pem" -k 'pkcs11:object=o?pin-value=1234'; }

# ---- a token ----
# Both ways to it, as far as they are installed; sets scheme and providers
engine() { scheme=org.openssl.engine:pkcs11: providers='signer-threads = 4'; openssl engine pkcs11 >/dev/null 2>&1; }
provider() {
	scheme='' providers='signer-providers = { "pkcs11" }'
	openssl list -providers -provider pkcs11 >/dev/null 2>&1
}
make_token() {
	local type
	mkdir "$work/tokens" && printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/tokens" >"$work/softhsm2.conf" &&
		softhsm2-util --init-token --free --label kseal --so-pin "1$pin" --pin "$pin" || return
	for type in ec rsa; do
		openssl pkcs8 -topk8 -nocrypt -in "$work/secret/$type.key" -out "$work/p8" &&
			softhsm2-util --import "$work/p8" --token kseal --label "$type" --id "0${#type}" --pin "$pin" || return
	done
	rm "$work/p8" "$work/secret/"{ec,rsa}.key
	echo "$pin" >"$work/secret/pin" && chmod 400 "$work/secret/pin" && chown -R "$other:" "$work/tokens" "$work/secret"
}
in_token() { # TYPE
	write_conf "$providers" "default $1 ${scheme}pkcs11:token=kseal;type=private;object=$1 $work/secret/pin"
	start_helper --config "$work/kseald.conf" && fetches && fetches --tls-max 1.2 && many
	local status=$?
	end_helper
	return "$status"
}
by_options() {
	start_helper --user "$other" -a "$ca" -c "$work/ec.pem" \
		-k "${scheme}pkcs11:token=kseal;type=private;object=ec?pin-source=file:$work/secret/pin" && fetches && end_helper
}
wrong_pin() {
	# which systemd does not try again
	refused 3 'is the PIN right?' --user "$other" -c "$work/ec.pem" -k "${scheme}pkcs11:token=kseal;type=private;object=ec?pin-source=$work/wrong"
}
old_transport() {
	write_conf "$providers" "default rsa ${scheme}pkcs11:token=kseal;type=private;object=rsa $work/secret/pin"
	sed -i 's|ca = |rsa-key-transport = yes\nca = |' "$work/kseald.conf"
	refused 1 'leave rsa-key-transport out' --config "$work/kseald.conf"
}
no_pin_in_log() {
	! grep -l "$pin" "$work"/*.log "$work/got" "$work/out" || return
	write_conf "$providers" "default ec ${scheme}pkcs11:token=kseal;type=private;object=none?pin-value=$pin"
	"$kseald" --check --config "$work/kseald.conf" >"$work/got" 2>&1
	grep -q 'object=none' "$work/got" && ! grep "$pin" "$work/got"
}

write_conf "default here $work/here.key" "plain here $work/here.key"
start_helper --config "$work/kseald.conf" || exit 1
"$kseal" serve -q -p 8443 "$work/www" >"$work/serve.log" 2>&1 & server=$!
"$kseal" serve -q -p 8444 --profile plain "$work/www" >"$work/plain.log" 2>&1 & plain=$!
eventually grep -q serving "$work/serve.log" && eventually grep -q serving "$work/plain.log" || exit 1
end_helper
ok "keys in files of another user: EC, RSA, Ed25519, by TLS 1.3 and 1.2" each_type
ok "who has them is another user, without capabilities, behind a filter" confined
ok "200 requests, 40 at once" many
ok "a key that is in kseald goes on while the signer is stopped" others_go_on
ok "the signer dies: the handshake that waits fails at once" dies
ok "another one is started, without privileges" comes_back
ok "a new certificate and key are taken up" reloads
ok "all processes end with kseald" ends
ok "the first key of a store needs a restart, and the log says so" needs_restart
ok "a PIN on the command line is refused" no_pin_in_options
echo 1111 >"$work/wrong" && chmod 600 "$work/wrong" && chown "$other:" "$work/wrong"
for way in engine provider; do
	if [[ ! -e $module ]] || ! command -v softhsm2-util >/dev/null; then
		why="install softhsm2"
	elif ! "$way"; then
		why="install libengine-pkcs11-openssl or pkcs11-provider"
	else
		why=''
		export SOFTHSM2_CONF=$work/softhsm2.conf PKCS11_MODULE_PATH=$module PKCS11_PROVIDER_MODULE=$module
		[[ -d $work/tokens ]] || make_token >"$work/token.log" 2>&1 || cat "$work/token.log"
	fi
	if [[ $why ]]; then skip "a token by OpenSSL's $way" "$why"; continue; fi
	ok "a token by OpenSSL's $way: an EC key, TLS 1.3 and 1.2, 200 requests" in_token ec
	ok "an RSA key likewise" in_token rsa
	ok "a wrong PIN is refused" wrong_pin
	ok "RSA key transport is refused" old_transport
	ok "no PIN is in any log" no_pin_in_log
	# options name no providers
	[[ $way = provider ]] || ok "a key by options" by_options
done
echo "1..$count"
((failed == 0))
