#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mainline.sh [brief|aes|all]: the kernel's own test of its TLS, tools/testing/selftests/net/tls.c as it is, with kseal
# in the place of mainline's module. "aes" is what concerns AES-GCM, "all" is all of it, "brief" is aes without what
# takes minutes where the guest is slow. Needs root in a guest that may load the module. TAP on stdout.
#
# That program alone proves little: where it gets no ULP it goes on with plain TCP, and three tests in four still pass.
# So there are results of ours after its own. And one of its tests asks for the keys by getsockopt, after a rekey: it is
# meant to fail, and counts here as "not given back", if this is its only complaint. If it passes, a key came back, which
# is a failure.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail
cd "$(dirname "$0")" || exit 1
. ./load.sh
. ./ok.sh
work=$(mktemp -d)
trap 'rm -rf "$work"; unload && insmod "$KSEAL_MODULE"' EXIT

what=${1:-aes}
if ((!$#)) && [[ ${KSEAL_VM_ACCEL:-} = tcg || ${KSEAL_VM_VARIANT:-} = debug ]]; then
	what=brief
fi
# wanted results, and how many of them ask for keys
plan=373 hidden=3
options=(-T tls_12_tx_max_payload_len -T tls_12_tx_max_payload_len_open_rec -f global -f tls_basic -f tls_err
	-v 12_aes_gcm -v 13_aes_gcm -v 12_aes_gcm_256 -v 13_aes_gcm_256 -v 13_nopad)
case $what in
aes) ;;
brief) plan=343; for name in even readers writers sendpage_even sendpage_readers sendpage_writers; do
		options=(-T "mutliproc_$name" "${options[@]}"); done ;;
all) plan=927 hidden=7 options=() ;;
*) echo "usage: $0 [brief|aes|all]" >&2; exit 2 ;;
esac

# Its results in our words: a skip is a failure, and see above about rekey_getsockopt
translate() {
	awk '
	/^# .*:rekey_getsockopt:/ { if (/:Expected memcmp\(&tls12_get, &tls12, tls12\.len\)/) kept++; else other++ }
	/^(not )?ok [0-9]/ {
		bad = $1 == "not"; name = bad ? $4 : $3; said = ""
		keys = name ~ /^tls\.13_.*\.rekey_getsockopt$/
		if (/# SKIP/) { bad = 1; said = " was skipped" }
		else if (keys && !bad) { bad = 1; said = " passed: a key was given back" }
		else if (keys && kept == 2 && !other) { bad = 0; name = "not given back: the keys, " name }
		print (bad ? "not ok " : "ok ") ++number " - " name said
		kept = other = 0
		fflush(); next
	}
	/^#  RUN |^#            OK / { next }
	/^# / { print "#   " substr($0, 3); fflush(); next }
	/^TAP version|^1\.\./ { next }
	{ print "#   " $0 }'
}
lines() { grep -cE -- "$1" "$work/said"; }
its_plan() { is "$(sed -nE 's/^1\.\.//p' "$work/said")" "$plan" && is "$(lines '^(not )?ok [0-9]')" "$plan"; }
failed_as_meant() {
	is "$(lines '^not ok [0-9]+ tls\.13_.*\.rekey_getsockopt$')" "$hidden" && is "$(lines '^not ok')" "$hidden" &&
		is "$status" 1
}
moved() { (($(stat_of "$1") >= $2)) || { echo "$1 is $(stat_of "$1"), less than $2"; return 1; }; }
alone() { [[ ! -d /sys/module/tls && $(</sys/module/kseal/parameters/dropin) = Y ]]; }

mountpoint -q /tmp && [[ $(stat -f -c %T /tmp) != hostfs ]] || { echo "Bail out! hostfs has no O_TMPFILE"; exit 1; }
echo "1..$((plan + 9))"
reload dropin=1 || { echo "Bail out! kseal cannot be loaded with dropin=1"; exit 1; }
bin/mainline-tls "${options[@]}" 2>&1 </dev/null | tee "$work/said" | translate
status=${PIPESTATUS[0]} count=$plan
ok "it ran the $plan tests it was to run" its_plan
ok "no socket of it went without the ULP" is "$(lines 'Failure setting TCP_ULP')" 0
ok "it skipped nothing" is "$(lines '# SKIP')" 0
ok "$hidden of its tests failed, those that want a key back, and no other" failed_as_meant
ok "mainline's module was not there" alone
ok "two sockets for nearly each test had our ULP" moved sessions_attached $((plan * 3 / 2))
ok "and got keys" moved keys_installed $((plan * 3 / 2))
ok "records were sealed" moved tx_records $((plan * 50))
ok "records were opened" moved rx_records $((plan * 50))
((failed == 0)) && [[ $status = 1 ]]
