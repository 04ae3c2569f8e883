#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tap.sh [-j N 'PROGRAM ARGUMENTS'... --] 'PROGRAM ARGUMENTS'...: run test programs that print TAP and sum up; those
# behind -j N first, N at once, each in a network namespace of its own, the others one after the other. The output passes
# as it comes, each line behind the program's name; the last line is "N passed, N failed, N skipped". A program that
# crashes, ends with a status its results do not explain, or prints no or another number of results than its plan says,
# has failed.
set -uo pipefail
passed=0 failed=0 skipped=0

# run 'PROGRAM ARGUMENTS' [COMMAND...]: by way of that command
run() {
	local words name out status plan results bad
	read -ra words <<<"$1"
	name=$(basename "${words[0]}"); out=$(mktemp)
	local start=$SECONDS
	"${@:2}" "${words[@]}" 2>&1 </dev/null | tee "$out" | sed -u "s/^/$name: /"
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
	echo "$name: # $((SECONDS - start)) s"
	rm -f "$out"
}

# Most of a test is waiting, so several share a CPU well
# shellcheck disable=SC2030,SC2031 # each sums up for itself
in_parallel() { # N PROGRAM...
	local program n=0 sums; sums=$(mktemp -d)
	for program in "${@:2}"; do
		((n++ < $1)) || wait -n
		(
			passed=0 failed=0 skipped=0
			# shellcheck disable=SC2016 # expanded by the inner shell
			run "$program" unshare -n bash -c 'ip link set lo up && exec "$@"' -
			echo "$passed $failed $skipped" >"$sums/$n"
		) &
	done
	wait
	local p f s started=$n
	for ((n = 1; n <= started; n++)); do
		# one that could not even sum up has failed
		read -r p f s <"$sums/$n" || { p=0 f=1 s=0; }
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done
	rm -rf "$sums"
}

usage() { echo "usage: $0 [-j N PROGRAM... --] PROGRAM..." >&2; exit 2; }
(($#)) || usage
if [[ $1 = -j ]]; then
	(($# > 2)) || usage
	jobs=$2 parallel=()
	shift 2
	while (($#)) && [[ $1 != -- ]]; do parallel+=("$1"); shift; done
	(($#)) && shift
	in_parallel "$jobs" "${parallel[@]}"
fi
for program; do run "$program"; done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
