#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# differ.sh [SEED [COUNT]]: the same random calls on mainline's kernel TLS and on kseal loaded with dropin=1, in a guest
# whose kernel has both. Calls whose results differ are shown with those that lead there, as few as can be found;
# differ/allowed lists what is meant to differ. Leaves kseal loaded as it was: without parameters.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
first=${1:-1} seeds=${2:-1000}
rounds=${DIFFER_ROUNDS:-12}	# of making them smaller
work=$(mktemp -d)
. ./load.sh
. ./ok.sh

# side mainline|kseal|none: what the ULP "tls" is from here on
side() {
	[[ ! -d /sys/module/tls ]] || rmmod tls || return
	unload || return
	case $1 in
	mainline) modprobe tls ;;
	kseal) insmod "$KSEAL_MODULE" dropin=1 ;;
	none) insmod "$KSEAL_MODULE" ;;
	esac
}
finish() { side none; rm -rf "$work"; }

if ! unload || ! modprobe tls 2>/dev/null; then
	[[ -d /sys/module/kseal ]] || insmod "$KSEAL_MODULE"
	echo "1..1"
	echo "ok 1 # SKIP there is no mainline TLS to compare with"
	exit 0
fi
trap finish EXIT

echo "1..4"
run() { bin/differ "$first" "$seeds" >"$work/$1"; }
run mainline
run again
ok "kseal takes mainline's place" side kseal
run kseal
compare() { differ/compare.py "$@"; }
compare refuse "$work/mainline" "$work/again" >"$work/refused"
refused=$(wc -l <"$work/refused")
few() { (($1 * 100 <= seeds)) || { echo "two answers to:"; head "$work/refused"; return 1; }; }
ok "mainline gives the same twice, but for $refused of $seeds seeds" few "$refused"

compare find "$work/state" "$work/mainline" "$work/kseal" "$work/refused"
while ((rounds--)) && (($(compare candidates "$work/state" "$work/fewer"))); do
	side mainline && bin/differ -f "$work/fewer" >"$work/mainline"
	side kseal && bin/differ -f "$work/fewer" >"$work/kseal"
	compare choose "$work/state" "$work/mainline" "$work/kseal"
done
compare report "$work/state" 2>"$work/sums"
read -r compared calls different <"$work/sums"
ok "kseal gives what mainline gives: $calls calls of $compared seeds" [ "$different" = 0 ]
ok "kseal can be unloaded, its sockets are gone" unload
exit "$failed"
