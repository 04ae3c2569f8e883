#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Does the runner report what it should? Needs the guest only, not kseal: a module that misbehaves on demand stands in.
#   selftests/vm/selftest.sh [-v debug | -r qemu -k trixie | ...]     options of ./run; prints TAP
set -uo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
export KSEAL_SRC=$here/dummy
provoke=/sys/module/vm_dummy/parameters/provoke
options=("$@") number=0 failures=0

# run STATUS PATTERN DESCRIPTION [OPTIONS] -- COMMAND: expect this exit status, and PATTERN in the output
check() {
	local want=$1 pattern=$2 what=$3 words status
	shift 3
	words=$("$here/run" "${options[@]}" "$@" 2>&1); status=$?
	result "$what" "$([[ $status = "$want" ]] && grep -qE -- "$pattern" <<<"$words" && echo yes)" \
		"status $status, wanted $want; pattern '$pattern'; output:"$'\n'"$words"
}
result() {
	number=$((number + 1))
	if [[ $2 ]]; then echo "ok $number - $1"; return; fi
	failures=$((failures + 1))
	echo "not ok $number - $1"
	sed 's/^/# /' <<<"$3"
}

# nor is anything made by looking
nothing_ready() {
	local out count empty; empty=$(mktemp -d)
	out=$(KSEAL_CACHE=$empty/cache "$here/run" --list 2>&1)
	count=$(grep -c '^-r .*not yet made$' <<<"$out")
	result "--list has guests that are not" "$([[ $count = 6 && ! -e $empty/cache ]] && echo yes)" "$out"
	rm -rf "$empty"
}
live() {
	local first last
	read -r first last < <("$here/run" "${options[@]}" -- bash -c 'echo a; sleep 3; echo b' 2>/dev/null |
		while read -r _; do date +%s%N; done | paste -sd' ')
	result "output is live" "$(((${last:-0} - ${first:-0}) > 2000000000)) && echo yes" "lines at ${first-} and ${last-}"
}
separate() {
	local out
	out=$("$here/run" "${options[@]}" -- bash -c 'echo out; echo err >&2' 2>/dev/null)
	result "standard error is kept apart" "$([[ $out = out ]] && echo yes)" "standard output: $out"
}
whole() {
	local sum want
	want=$(seq 1 200000 | sha256sum)
	sum=$("$here/run" "${options[@]}" --no-module -- seq 1 200000 2>/dev/null | { sleep 2; sha256sum; })
	result "long output comes whole to a slow reader" "$([[ $sum = "$want" ]] && echo yes)" "$sum"
}
interrupted() {
	local pid before=$SECONDS dirs=${KSEAL_CACHE:-$HOME/.cache/kseal}/run mine left
	"$here/run" "${options[@]}" --no-module -e MARK="$$" -- sleep 900 2>/dev/null & pid=$!
	until mine=$(grep -lsx "export MARK=$$" "$dirs"/*/environment) || ((SECONDS - before > 60)); do sleep 0.2; done
	sleep 1
	kill -TERM "$pid"; wait "$pid" 2>/dev/null
	mine=$(dirname "${mine:-none/none}")
	left=$(pgrep -fa "$mine"; ls -d "$mine" 2>/dev/null)
	result "a signal ends the guest and leaves nothing" "$([[ $mine != none && ! $left ]] && echo yes)" "left: $left"
}

[[ " ${options[*]} " = *" debug "* ]] && total=22 || total=20
echo "TAP version 13"
echo "1..$total"
check 0 'exit status:' "--help explains itself" --help
check 125 'is missing\. See' "a missing command is named, in one sentence"
check 0 '-r uml -v debug +(ready|not yet made)' "--list has guests that are ready" --list
nothing_ready
check 125 'no option --frob' "an unknown option is named" --frob -- true
check 0 '^42$' "the module is loaded" -- cat /sys/module/vm_dummy/parameters/answer
check 0 '^7$' "its parameters arrive" --module-args answer=7 -- cat /sys/module/vm_dummy/parameters/answer
check 125 'could not be loaded' "a module that does not load is told" --module-args answer=x -- true
check 3 '' "the exit status passes through" -- bash -c 'exit 3'
check 0 '' "--no-module loads none" --no-module -- bash -c '! test -e /sys/module/vm_dummy'
check 0 "^$PWD 0 a  b\$" "directory, user and arguments are right" -e X='a  b' -- bash -c 'echo "$PWD $(id -u) $X"'
separate
live
whole
check 70 'the kernel complained' "a warning fails" -- bash -c "echo warn >$provoke"
check 0 'the kernel complained' "--allow-splat forgives it" --allow-splat -- bash -c "echo warn >$provoke"
check 70 'still in use' "a module in use fails" -- bash -c "echo hold >$provoke"
check 71 'panicked' "a panic is told" -- bash -c "echo panic >$provoke"
if ((total > 20)); then
	check 70 'memory leaked: [1-8] ' "kmemleak sees a leak" -- bash -c "echo leak >$provoke"
	check 70 'KASAN: slab-out-of-bounds' "KASAN sees an overrun" -- bash -c "echo overrun >$provoke"
fi
check 124 'time limit' "the time limit holds" -t "$([[ $total = 20 && "${options[*]}" != *qemu* ]] && echo 5 || echo 30)" -- sleep 900
interrupted
exit "$((failures > 0))"
