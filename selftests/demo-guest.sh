#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make demo: prepare a real directory, boot a guest (DEMO_VM="-r qemu ..." for another), run demo.sh in it.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${KSEAL_CACHE:-$HOME/.cache/kseal}
read -ra vm <<<"${DEMO_VM:--r uml -v perf}"

# The guest is made from the kernel's source: two folders of it, packed, are a real file of a little more than 100 MB
selftests/vm/run "${vm[@]}" --prepare
[[ ${vm[*]} = *uml* ]] || selftests/vm/run -r uml --no-module --prepare
www=$cache/demo/www
mkdir -p "$www"
tree=$(find "$cache/src" -maxdepth 1 -name 'linux-source-*' -type d | sort -V | tail -n 1)
if [[ ! -e $www/linux-source.tar ]]; then
	echo "demo: packing a real file of more than 100 MB, folders of $(basename "$tree")"
	tar -C "$tree" -cf "$www/tmp.$$" include fs
	mv "$www/tmp.$$" "$www/linux-source.tar"
fi
cp -u README.md "$www/"
export KSEAL_DEMO_WWW=$www
exec selftests/vm/run "${vm[@]}" -t 400 -- selftests/demo.sh
