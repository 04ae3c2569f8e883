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

echo 1..13
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
ok "SIGHUP reads again" reloads_by hangup
ok "without the opener kseald says what it may not read" opener_dies
ok "the opener ends with kseald" ends_with_kseald
((failed == 0))
