#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tap.sh 'PROGRAM ARGUMENTS'...: run test programs that print TAP, one after the other, and sum up. The output passes as it comes,
# each line behind the program's name; the last line is "N passed, N failed, N skipped". A program that crashes, ends
# with a status its results do not explain, or prints no or another number of results than its plan says, has failed.
set -uo pipefail
passed=0 failed=0 skipped=0

run() {
	local words name out status plan results bad
	read -ra words <<<"$1"
	name=$(basename "${words[0]}"); out=$(mktemp)
	"${words[@]}" 2>&1 </dev/null | tee "$out" | sed -u "s/^/$name: /"
	status=${PIPESTATUS[0]}
	plan=$(sed -nE 's/^1\.\.([0-9]+).*/\1/p' "$out" | head -n 1)
	results=$(grep -cE '^(not )?ok\b' "$out")
	bad=$(grep -cE '^not ok\b' "$out")
	skipped=$((skipped + $(grep -cE '^ok\b.*# SKIP' "$out")))
	passed=$((passed + $(grep -E '^ok\b' "$out" | grep -cv '# SKIP')))
	failed=$((failed + bad))
	if ! grep -qE '^ok\b.*# SKIP *$' "$out"; then :; else
		echo "$name: a skip without a reason"; failed=$((failed + 1))
	fi
	if [[ -z $plan ]] || ((plan == 0 || plan != results)); then
		echo "$name: not ok - the plan says '${plan:-nothing}', there are $results results, exit status $status"
		failed=$((failed + 1))
	elif ((status != 0 && bad == 0)); then
		echo "$name: not ok - exit status $status without a failed test"
		failed=$((failed + 1))
	fi
	rm -f "$out"
}

(($#)) || { echo "usage: $0 PROGRAM..." >&2; exit 2; }
for program; do run "$program"; done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
