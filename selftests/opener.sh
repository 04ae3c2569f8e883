#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A kseald that has become another user, with files that are root's alone: changes are noticed and read by the opener, which
# can do nothing else. Needs kseal.ko loaded, and root. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) helper='' server=''
conf=$work/kseald.conf log=$work/kseald.log
filtered=0; grep -qs . /proc/sys/kernel/seccomp/actions_avail && filtered=2
end() { for pid in $helper $server; do kill "$pid" 2>/dev/null; done; wait; rm -rf "$work"; }
trap end EXIT
. selftests/ok.sh
logged() { eventually grep -q "$1" "$log" || { cat "$log"; return 1; }; }
reloads() { grep -c 'reloaded, 1 profile' "$log"; }
# reloads_by COMMAND...: which changes files
reloads_by() {
	local before; before=$(reloads)
	"$@" || return
	eventually eval "((\$(reloads) > $before))" || { cat "$log"; return 1; }
}
serial() { openssl x509 -noout -serial; }
served() { openssl s_client -connect localhost:8443 </dev/null 2>/dev/null | serial; }
serves() { is "$(served)" "$(serial <"$1")"; }

start() {
	"tools/kseal" keygen -d "$work/keys" localhost >/dev/null && tools/kseal keygen -d "$work/others" localhost >/dev/null || return
	mkdir "$work/tickets" "$work/www" && head -c 80 /dev/urandom >"$work/tickets/1" || return
	cat >"$conf" <<-END
		user = "nobody"
		profile default {
			certificate {
				chain = "keys/cert.pem"
				key = "keys/key.pem"
			}
			ca = { "keys/ca.pem" }
			ticket-keys = "tickets"
		}
	END
	chmod -R go= "$work"
	helper/kseald --config "$conf" 2>"$log" & helper=$!
	tools/kseal serve -q -p 8443 "$work/www" >"$work/serve.log" 2>&1 & server=$!
	logged ready && eventually grep -q serving "$work/serve.log" && serves "$work/keys/cert.pem"
}
opener() { pgrep -P "$helper"; }
status_of() { awk '/^(Uid|CapPrm|CapEff|NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$1/status" | paste -sd' '; }
confined() {
	is "$(status_of "$(opener)")" "$(id -u nobody) 0000000000000004 0000000000000004 1 $filtered" &&
		is "$(status_of "$helper")" "$(id -u nobody) 0000000000000000 0000000000000000 1 $filtered"
}
new_pair() { cp "$work/others/cert.pem" "$work/others/key.pem" "$work/keys/"; }
new_pair_served() { reloads_by new_pair && serves "$work/others/cert.pem"; }
no_such() {
	sed -i 's|keys/key.pem|keys/none.pem|' "$conf"
	logged 'not reloaded.*keys/none.pem: no private key could be read (No such file' && serves "$work/others/cert.pem"
}
no_regular() {
	mkfifo "$work/keys/none.pem"
	logged 'not reloaded.*keys/none.pem: no private key could be read (Invalid argument' && serves "$work/others/cert.pem"
}
mended() { sed -i 's|keys/none.pem|keys/key.pem|' "$conf"; }
no_sense() {
	echo 'colour = blue' >>"$conf"
	logged 'not reloaded.*kseald.conf:[0-9]*: .*colour'
}
sense() { sed -i '/colour/d' "$conf"; }
another_ticket_key() { head -c 80 /dev/urandom >"$work/tickets/2"; }
no_ticket_key() {
	head -c 70 /dev/urandom >"$work/tickets/3"
	logged 'not reloaded.*tickets/3: not a key'
	rm "$work/tickets/3"
}
# staple LETTER: an answer about the certificate that is served, V: good, R: revoked
staple() {
	local revoked=''
	[[ $1 = V ]] || revoked=250101000000Z
	printf '%s\t351231235959Z\t%s\t%s\tunknown\t/CN=localhost\n' "$1" "$revoked" "$(serial <"$work/others/cert.pem" | cut -d= -f2)" >"$work/index"
	openssl ocsp -index "$work/index" -rsigner "$work/others/cert.pem" -rkey "$work/others/key.pem" -CA "$work/others/ca.pem" \
		-issuer "$work/others/ca.pem" -cert "$work/others/cert.pem" -ndays 1 -respout "$work/staple" >/dev/null 2>&1 &&
		chmod go= "$work/staple" && mv "$work/staple" "$work/keys/cert.ocsp"
}
stapled() { # TEXT
	local version
	for version in -tls1_2 -tls1_3; do
		openssl s_client -connect localhost:8443 "$version" -status </dev/null 2>/dev/null | tee "$work/got" | grep -q "$1" ||
			{ grep -i ocsp "$work/got"; return 1; }
	done
}
with_staple() { staple V && sed -i 's|key = "keys/key.pem"|&\n\t\t\t\tstaple = "keys/cert.ocsp"|' "$conf"; }
first_staple() { stapled 'OCSP response: no response sent' && reloads_by with_staple && stapled 'Cert Status: good'; }
new_staple() { reloads_by staple R && stapled 'Cert Status: revoked'; }
no_staple() {
	echo none >"$work/keys/cert.ocsp"
	logged 'not reloaded.*keys/cert.ocsp: no OCSP response could be read' && stapled 'Cert Status: revoked'
}
staple_again() { reloads_by staple V && stapled 'Cert Status: good'; }
hangup() { kill -HUP "$helper"; }
opener_dies() {
	kill -9 "$(opener)"
	logged 'the process that opens files has ended' && logged 'not reloaded.*Permission denied' && serves "$work/others/cert.pem"
}
ends_with_kseald() {
	local pid
	kill "$helper"; wait "$helper"
	helper/kseald --config "$conf" 2>"$log" & helper=$!
	logged ready || return
	pid=$(opener)
	kill -9 "$helper"; wait "$helper" 2>/dev/null
	eventually eval "! kill -0 $pid 2>/dev/null"
}

echo 1..17
ok "kseald serves with files that are root's" start
ok "the opener is confined, and kseald" confined
ok "a new pair is served" new_pair_served
ok "a file that is not there is named, the old ones stay" no_such
ok "what is no file is not opened" no_regular
ok "a good file is taken again" reloads_by mended
ok "a mistake is named" no_sense
ok "and mended" reloads_by sense
ok "a new ticket key is noticed" reloads_by another_ticket_key
ok "one that is none is named" no_ticket_key
ok "a staple is served, with TLS 1.2 and 1.3" first_staple
ok "another in its place, too" new_staple
ok "what is none is named, the old one stays" no_staple
ok "a good one is taken again" staple_again
ok "SIGHUP reads again" reloads_by hangup
ok "without the opener kseald says what it may not read" opener_dies
ok "the opener ends with kseald" ends_with_kseald
((failed == 0))
