#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make bench: boot a guest (BENCH_VM="-r host" for this machine's own kernel), measure there with kseal bench and the
# options in BENCH, and leave bench/bench.json and bench/bench.html. The run before stays as bench/before.json.
set -euo pipefail
cd "$(dirname "$0")/.."
out=bench
read -ra vm <<<"${BENCH_VM:--r uml -v perf -m 4G}"
read -ra options <<<"${BENCH:-}"

# In the guest: the kernel's own TLS beside kseal, and the tests' module, which times the kernel's AES-GCM
inside() {
	if [[ -e ${KSEAL_TEST_MODULE:-} && ! -d /sys/module/kseal_test ]]; then insmod "$KSEAL_TEST_MODULE"; fi
	modprobe tls || echo "bench: there is no mainline TLS here (modprobe tls failed)" >&2
	local status=0
	tools/kseal bench --json "$out/new.json" "$@" || status=$?
	rmmod kseal_test 2>/dev/null || true
	return "$status"
}
if [[ ${1-} = inside ]]; then
	inside "${@:2}"
	exit
fi

mkdir -p "$out"
rm -f "$out/new.json"
start=$SECONDS status=0
selftests/vm/run "${vm[@]}" -t 3000 -- selftests/bench-guest.sh inside "${options[@]}" || status=$?
# --list, say, measures nothing
[[ -s $out/new.json ]] || exit "$status"
if [[ -e $out/bench.json ]]; then mv "$out/bench.json" "$out/before.json"; fi
mv "$out/new.json" "$out/bench.json"
tools/kseal bench --read "$out/bench.json" --html "$out/bench.html" >/dev/null
echo
echo "bench: $((SECONDS - start)) s; every sample: $out/bench.json; with plots: $out/bench.html"
if [[ -e $out/before.json ]]; then
	echo "bench: against the run before: tools/kseal bench --compare $out/before.json $out/bench.json"
fi
exit "$status"
