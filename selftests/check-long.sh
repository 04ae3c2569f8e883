#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make check-long: random calls on mainline's kernel TLS and on kseal in its place, compared, from a seed that is another
# every day; mainline's own test of it, with kseal in its place: all of it under User Mode Linux, without and with every
# checker, and what concerns AES-GCM in stock kernels; the unit tests under valgrind. Half an hour. The last line is "N passed, N failed, N
# skipped". CHECK_LONG names other runs, separated by commas: "all -r uml -v perf,aes -r qemu -k trixie".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
cache=${KSEAL_CACHE:-$HOME/.cache/kseal} logs=${KSEAL_CACHE:-$HOME/.cache/kseal}/check-long
IFS=, read -ra runs <<<"${CHECK_LONG:-all -r uml -v perf,aes -r qemu -k bookworm,aes -r qemu -k trixie,all -r uml -v debug}"
. selftests/steps.sh
mkdir -p "$logs"; rm -f "$logs"/*.log

selftests/vm/run -r uml -v perf --no-module --prepare || exit 1
make -s -C selftests KSEAL_CACHE="$cache" || { echo "check-long: the selftests could not be built"; exit 1; }
step "random calls" differ selftests/vm/run -t 7200 -r uml -v perf -- \
	selftests/tap.sh "selftests/differ.sh $(($(date +%s) / 86400 * 100000)) 20000"
make -s -C selftests/unit all || { echo "check-long: the unit tests could not be built"; exit 1; }
# valgrind 3.19 stops all threads while one waits in io_uring_enter(), does not know VAES, and needs more system calls
# than a filter lets through
mapfile -t unit < <(find selftests/unit/build -maxdepth 1 -type f -executable ! -name loop ! -name worker ! -name gcm ! -name filter | sort)
step "unit tests under valgrind" valgrind \
	selftests/tap.sh "${unit[@]/#/valgrind -q --leak-check=full --error-exitcode=99 }"
for run in "${runs[@]}"; do
	read -r what options <<<"$run"
	read -ra options <<<"$options"
	step "$run" "mainline$(tr -d ' ' <<<"$run")" \
		selftests/vm/run -t 7200 "${options[@]}" -- selftests/tap.sh "selftests/mainline.sh $what"
done
finish
