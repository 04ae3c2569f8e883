#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make check: lint and unit tests here, then the selftests in guests. The last line is "N passed, N failed, N skipped".
# CHECK_GUESTS names other guests, separated by commas: CHECK_GUESTS="-v perf, -r qemu -k trixie".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
cache=${KSEAL_CACHE:-$HOME/.cache/kseal} logs=${KSEAL_CACHE:-$HOME/.cache/kseal}/check
IFS=, read -ra guests <<<"${CHECK_GUESTS:--r uml -v perf,-r qemu -k bookworm,-r uml -v debug}"
passed=0 failed=0 skipped=0
mkdir -p "$logs"; rm -f "$logs"/*.log

# add LOG STATUS NAME: take over the sums in the log's last line; without them, or with a status that they do not
# explain, something else has failed
add() {
	local sum p f s
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$1" | tail -n 1)
	read -r p f s <<<"$(tr -dc '0-9 ' <<<"$sum")"
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
	if [[ -z $sum ]] || (($2 != 0 && ${f:-0} == 0)); then
		echo "check: $3 ended with status $2; see above, and $1"
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

# The guests' kernel source has the kselftest harness that the tests are built with
selftests/vm/run -r uml -v perf --no-module --prepare || exit 1
make -s -C selftests/unit all || { echo "check: the unit tests could not be built"; exit 1; }
make -s -C selftests KSEAL_CACHE="$cache" || { echo "check: the selftests could not be built"; exit 1; }

# Everything is made before it is timed, one thing after the other
for guest in "${guests[@]}"; do
	read -ra options <<<"$guest"
	selftests/vm/run "${options[@]}" --prepare || exit 1
done
log_of() { echo "guest$(tr -d ' ' <<<"$1")"; }
boot() { # GUEST
	local options; read -ra options <<<"$1"
	selftests/vm/run "${options[@]}" -- selftests/guest.sh
}
# The last guest, the slow one, has a CPU for itself; its output comes when the others are done
last=${guests[-1]} last_log=$logs/$(log_of "${guests[-1]}").log
boot "$last" >"$last_log" 2>&1 </dev/null & last_pid=$!
trap 'kill "$last_pid" 2>/dev/null' EXIT

step "lint" lint selftests/lint.sh
mapfile -t unit < <(find selftests/unit/build -maxdepth 1 -type f -executable | sort)
scripts=(selftests/unit/{command,header,install,keygen}.sh selftests/plain_serve.sh)
step "unit tests" unit selftests/tap.sh "${unit[@]}" "${scripts[@]}"
for guest in "${guests[@]::${#guests[@]}-1}"; do
	step "guest $guest" "$(log_of "$guest")" boot "$guest"
done
echo; echo "== guest $last, which ran meanwhile"
wait "$last_pid"; last_status=$?
cat "$last_log"
add "$last_log" "$last_status" "guest $last"
echo
if ((failed)); then
	echo "not ok, in short (the logs are in $logs):"
	grep -hE '(^|: )not ok\b' "$logs"/*.log | head -n 40
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
