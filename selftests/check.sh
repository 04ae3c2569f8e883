#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make check: lint and unit tests here, then the selftests in guests. The last line is "N passed, N failed, N skipped".
# CHECK_GUESTS names other guests, separated by commas: CHECK_GUESTS="-v perf, -r qemu -k trixie".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
cache=${KSEAL_CACHE:-$HOME/.cache/kseal} logs=${KSEAL_CACHE:-$HOME/.cache/kseal}/check
IFS=, read -ra guests <<<"${CHECK_GUESTS:--r uml -v perf,-r qemu -k bookworm,-r qemu -k trixie,-r uml -v debug}"
. selftests/steps.sh
mkdir -p "$logs"; rm -f "$logs"/*.log

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
# and this one waits for answers that do not come, most of its time
selftests/tap.sh selftests/nocipher.sh >"$logs/nocipher.log" 2>&1 </dev/null & nocipher_pid=$!
trap 'kill "$last_pid" "$nocipher_pid" 2>/dev/null' EXIT

step "lint" lint selftests/lint.sh
mapfile -t unit < <(find selftests/unit/build -maxdepth 1 -type f -executable | sort)
scripts=(selftests/unit/{command,header,install,keygen}.sh selftests/plain_serve.sh)
step "unit tests" unit selftests/tap.sh "${unit[@]}" "${scripts[@]}"
for guest in "${guests[@]::${#guests[@]}-1}"; do
	step "guest $guest" "$(log_of "$guest")" boot "$guest"
done
echo; echo "== a cipher that only copies, which ran meanwhile"
wait "$nocipher_pid"; nocipher_status=$?
cat "$logs/nocipher.log"
add "$logs/nocipher.log" "$nocipher_status" "a cipher that only copies"
echo; echo "== guest $last, which ran meanwhile"
wait "$last_pid"; last_status=$?
cat "$last_log"
add "$last_log" "$last_status" "guest $last"
finish
