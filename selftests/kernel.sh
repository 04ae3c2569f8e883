#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs every program in bin/ against the loaded module. TAP, each line after its
# program's name; the last line is the sum. Names as arguments: those alone.
set -u

here=$(cd "$(dirname "$0")" && pwd)
passed=0
failed=0
skipped=0

# count NAME STATUS FILE: adds up one program's TAP
count() {
	local name=$1 status=$2 out=$3 ok bad skip
	bad=$(grep -c '^not ok ' "$out")
	skip=$(grep -Ec '^ok [0-9]+ .*# SKIP' "$out")
	ok=$(($(grep -c '^ok ' "$out") - skip))
	if grep -Eq '^ok [0-9]+ .*# SKIP *$' "$out"; then
		echo "$name: not ok - a skip without a reason"
		bad=$((bad + 1))
	fi
	if ! grep -q "^1\.\.$((ok + bad + skip))\$" "$out" && [ "$bad" -eq 0 ]; then
		echo "$name: not ok - it did not run all its tests (status $status)"
		bad=$((bad + 1))
	elif [ "$status" -ne 0 ] && [ "$status" -ne 4 ] && [ "$bad" -eq 0 ]; then
		echo "$name: not ok - status $status"
		bad=$((bad + 1))
	elif [ $((ok + bad + skip)) -eq 0 ]; then
		echo "$name: not ok - no tests"
		bad=1
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
	skipped=$((skipped + skip))
}

out=$(mktemp)
trap 'rm -f "$out"' EXIT
ip link set lo up 2>/dev/null
if [ $# -eq 0 ]; then
	set -- install data stream splice poll error handshake relay module
fi
for name; do
	if [ ! -x "$here/bin/$name" ]; then
		echo "$name: not ok - bin/$name is missing: make -C selftests"
		failed=$((failed + 1))
		continue
	fi
	"$here/bin/$name" >"$out" 2>&1
	status=$?
	sed "s/^/$name: /" "$out"
	count "$name" "$status" "$out"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
