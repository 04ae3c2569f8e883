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
{ make -s -C selftests/unit all && make -s -C selftests/unit SANITIZE=1 all; } ||
	{ echo "check: the unit tests could not be built"; exit 1; }
make -s -C selftests KSEAL_CACHE="$cache" || { echo "check: the selftests could not be built"; exit 1; }

selftests/vm/run -r chroot -k trixie --prepare || exit 1
# Everything is made before it is timed, one thing after the other
for guest in "${guests[@]}"; do
	read -ra options <<<"$guest"
	selftests/vm/run "${options[@]}" --prepare || exit 1
done
log_of() { echo "guest$(tr -d ' ' <<<"$1")"; }
boot() { # GUEST
	local options; read -ra options <<<"$1"
	selftests/vm/run -t 2700 "${options[@]}" -- selftests/guest.sh
}
# begin NAME LOG COMMAND...: beside the others; its output comes when it is asked for
declare -A meanwhile
begin() {
	"${@:3}" >"$logs/$2.log" 2>&1 </dev/null &
	meanwhile[$2]=$!
}
finished() { # NAME LOG
	local status
	echo; echo "== $1, which ran meanwhile"
	wait "${meanwhile[$2]}"; status=$?
	unset "meanwhile[$2]"
	cat "$logs/$2.log"
	add "$logs/$2.log" "$status" "$1"
}
trap 'kill "${meanwhile[@]}" 2>/dev/null' EXIT

# Two lanes, for two CPUs. In the second the last guest, the slow one, and behind it the last but one; there are times in the
# tests, so no more than two guests run at once. A module that does not encrypt is waited for, most of the time.
after() { # PID COMMAND...
	tail --pid="$1" -f /dev/null
	"${@:2}"
}
second=("${guests[-1]}") first=("${guests[@]::${#guests[@]}-1}")
((${#first[@]} < 2)) || { second=("${first[-1]}" "${second[@]}"); unset 'first[-1]'; }
begin "guest ${second[-1]}" "$(log_of "${second[-1]}")" boot "${second[-1]}"
((${#second[@]} < 2)) ||
	begin "guest ${second[0]}" "$(log_of "${second[0]}")" after $! boot "${second[0]}"
begin "a cipher that only copies" nocipher selftests/tap.sh selftests/nocipher.sh

step "lint" lint selftests/lint.sh
# what is changed at random, where every misstep is seen
mapfile -t unit < <(find selftests/unit/build -maxdepth 1 -type f -executable ! -name 'fuzz*' | sort)
unit+=(selftests/unit/build-sanitize/fuzz{,_conf})
export FUZZ_SECONDS=60
scripts=(selftests/unit/{bench,command,header,install,keygen,keys,secrets}.sh selftests/plain_serve.sh)
step "unit tests" unit selftests/tap.sh "${unit[@]}" "${scripts[@]}"
mapfile -t unit < <(find selftests/unit/build-sanitize -maxdepth 1 -type f -executable ! -name 'fuzz*' | sort)
step "unit tests under ASan and UBSan" sanitize selftests/tap.sh "${unit[@]}"
# Debian 13's OpenSSL has other groups, limits and errors; there is no Redis server for fleet
step "unit tests with Debian 13's libraries" trixie selftests/vm/run -r chroot -k trixie -- bash -c '
	make -s -C selftests/unit all && cd selftests/unit/build &&
		find . -maxdepth 1 -type f -executable ! -name gcm ! -name "fuzz*" ! -name fleet -exec ../../tap.sh {} +'
# the emulated guest has not the speed for as many
step "thousands of handshakes with Debian 13's libraries" many selftests/vm/run -r uml -k trixie -- selftests/tap.sh selftests/many.sh
for guest in "${first[@]}"; do
	step "guest $guest" "$(log_of "$guest")" boot "$guest"
done
# AES-GCM in other ways than this machine's best; the emulated guests' best is VAES with AVX2
read -ra programs <<<"$(sed -n 's/^PROGRAMS := //p' selftests/Makefile)"
step "built without AES-GCM of our own" crypto \
	env KSEAL_GCM=n selftests/vm/run -r uml -v perf -- selftests/guest.sh "${programs[@]}"
step "AES-GCM with AES-NI" aesni \
	selftests/vm/run -r uml -v perf --module-args gcm=aesni -- selftests/guest.sh cipher data
finished "a cipher that only copies" nocipher
for guest in "${second[@]}"; do finished "guest $guest" "$(log_of "$guest")"; done
finish
