# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Steps of make check and make check-long, and their sum. They set logs, a directory.
passed=0 failed=0 skipped=0

# add LOG STATUS NAME: take over the sums in the log's last line; without them, or with a status that they do not
# explain, something else has failed
add() {
	local sum p f s
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$1" | tail -n 1)
	read -r p f s <<<"$(tr -dc '0-9 ' <<<"$sum")"
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
	if [[ -z $sum ]] || (($2 != 0 && ${f:-0} == 0)); then
		echo "$3 ended with status $2; see above, and $1"
		failed=$((failed + 1))
	fi
}
step() { # NAME LOG COMMAND...
	echo; echo "== $1"
	local start=$SECONDS status
	"${@:3}" 2>&1 </dev/null | tee "$logs/$2.log"
	status=${PIPESTATUS[0]}
	add "$logs/$2.log" "$status" "$1"
	echo "== $1: $((SECONDS - start)) s"
}
# finish: the sum as the last line, and the exit status
finish() {
	echo
	if ((failed)); then
		echo "not ok, in short (the logs are in $logs):"
		grep -hE '(^|: )not ok\b' "$logs"/*.log | head -n 40
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0 && passed > 0))
}
