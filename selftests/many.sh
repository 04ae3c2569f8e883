#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# many.sh [COUNT]: thousands of handshakes under way at once: many.py, with a kseald for it. Needs kseal.ko loaded, and root.
# CLIENTS=none: as a server that asks for no certificates; then it is the kernel that waits, and not kseald. TAP on stdout.
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) helper=''
trap 'kill $helper 2>/dev/null; wait; rm -rf "$work"' EXIT
# Emulated guests are slow, and the debug kernel's memory is not the kernel's. UML maps page by page: 10,000 would need more than
# the 65530 mappings that vm.max_map_count of the machine around it allows by default.
count=6000; [[ ${KSEAL_VM:-} = uml ]] || count=10000
[[ ${KSEAL_VM_ACCEL:-} = tcg || ${KSEAL_VM_VARIANT:-} = debug ]] && count=500
count=${1:-$count}

tools/kseal keygen -d "$work/keys" localhost >/dev/null || exit 1
clients="clients = ${CLIENTS:-optional}"; [[ $clients == *none ]] || clients+=" client-ca = { \"$work/keys/ca.pem\" }"
echo "profile default { certificate { chain = \"$work/keys/cert.pem\" key = \"$work/keys/key.pem\" } $clients }" >"$work/kseald.conf"
: >"$work/log"
helper/kseald --config "$work/kseald.conf" 2>"$work/log" & helper=$!
for ((i = 0; i < 200; i++)); do grep -q ready "$work/log" && break; sleep 0.05; done
selftests/many.py "$helper" "$work/keys/ca.pem" "$count"; status=$?
((status == 0)) || sed 's/^/# /' "$work/log" | tail
exit "$status"
