#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tracepoints: what a session goes through is told, in order, and in words. Needs root, tracefs and the module.
# TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail
cd "$(dirname "$0")" || exit 1
. ./ok.sh
tracing=/sys/kernel/tracing
[[ -e $tracing/trace ]] || mount -t tracefs tracefs "$tracing" 2>/dev/null
[[ -d $tracing/events/kseal ]] || { echo "1..0 # SKIP this kernel has no tracefs"; exit 4; }
work=$(mktemp -d)
end() { echo 0 >"$tracing/events/kseal/enable"; rm -rf "$work"; }
trap end EXIT

# traced PROGRAM TEST: run one test of it, keep what is said meanwhile
traced() {
	echo >"$tracing/trace"
	echo 1 >"$tracing/events/kseal/enable"
	"bin/$1" -v ipv4_aes128 -t "$2" >"$work/said" 2>&1 || { cat "$work/said"; return 1; }
	echo 0 >"$tracing/events/kseal/enable"
	sed -nE 's/.*: (kseal_[a-z]+: .*)/\1/p' "$tracing/trace" >"$work/trace"
	[[ -s $work/trace ]]
}
# says PATTERN...: each stands in the trace, in this order
says() {
	local pattern line=0 at
	for pattern; do
		at=$(tail -n +$((line + 1)) "$work/trace" | grep -nE -m1 -- "$pattern" | cut -d: -f1)
		[[ $at ]] || { echo "not there, or not in its place: $pattern"; cat "$work/trace"; return 1; }
		line=$((line + at))
	done
}
installed() {
	traced data opens_what_the_peer_sealed &&
		says 'kseal_attach: session=[0-9]+ family=2 ' 'kseal_state: .* new -> keyed err=0' \
			'kseal_keys: .* tx version=0x0304 cipher=51 updates=0' \
			'kseal_keys: .* rx version=0x0304 cipher=51 updates=0' 'kseal_release: session='
}
shaken() {
	traced relay what_came_with_the_handshake_is_the_first_data_read &&
		says 'kseal_state: .* (new|waiting) -> waiting' 'kseal_relay: .* to helper len=[0-9]+' \
			'kseal_relay: .* from helper' 'kseal_state: .* waiting -> keyed err=0'
}
refused() {
	traced error a_record_too_long_is_overflow &&
		says 'kseal_alert: .* sent level=2 description=22' 'kseal_state: .* keyed -> dead err=-90'
}
# a session's whole trace has numbers and names, nothing as long as a key
no_secrets() { ! grep -E '[0-9a-fA-F]{32}' "$work/trace"; }

echo "1..4"
ok "keys that are installed" installed
ok "a handshake" shaken
ok "a record that is refused" refused
ok "nothing as long as a key" no_secrets
((failed == 0))
