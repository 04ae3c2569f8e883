#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make demo: prepare a real directory, boot a guest (DEMO_VM="-r qemu ..." for another), run demo.sh in it.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${KSEAL_CACHE:-$HOME/.cache/kseal}
read -ra vm <<<"${DEMO_VM:--r uml -v perf}"

# The kernel source package is needed for the guest anyhow, and is a real file of 150 MB
selftests/vm/run "${vm[@]}" --prepare
www=$cache/demo/www
mkdir -p "$www"
big=$(find "$cache/src" -maxdepth 1 -name 'linux-source-*.tar.xz' -size +100M | sort -V | tail -n 1)
if [[ $big ]]; then
	cp -u "$big" "$www/linux-source.tar.xz"
elif [[ ! -e $www/linux-source.tar.xz ]]; then
	echo "demo: packing a real file of more than 100 MB from the kernel source"
	tree=$(find "$cache/src" -maxdepth 1 -name 'linux-source-*' -type d | sort -V | tail -n 1)
	tar -C "$tree" -cf "$www/tmp" net fs drivers/net include kernel
	mv "$www/tmp" "$www/linux-source.tar.xz"
fi
cp -u README.md "$www/"
export KSEAL_DEMO_WWW=$www
exec selftests/vm/run "${vm[@]}" -t 400 -- selftests/demo.sh
