#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All tests that need the module, in a guest that has it loaded; or those programs of bin/ that are named. Slow guests run
# two of the four variants (IPv4 and IPv6, AES-128 and AES-256, each once); KSEAL_ALL_VARIANTS=1 makes them run all.
cd "$(dirname "$0")" || exit 1
variants=
if [[ ${KSEAL_VM_ACCEL:-} = tcg || ${KSEAL_VM_VARIANT:-} = debug ]] && ((!${KSEAL_ALL_VARIANTS:-0})); then
	variants='-v ipv4_aes128 -v ipv6_aes256'
fi
# read off the Makefile, so that one that was not built fails
read -ra programs <<<"${*:-$(sed -n 's/^PROGRAMS := //p' Makefile)}"
tests=()
for program in "${programs[@]}"; do
	# "module" has no variants, which the harness takes for no tests
	if [[ $program = module ]]; then tests+=("bin/$program"); else tests+=("bin/$program $variants"); fi
done
(($#)) || tests+=(./tools.sh ./interop.sh)
exec ./tap.sh "${tests[@]}"
