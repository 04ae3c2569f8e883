#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which module has the ULP "tls": mainline's or kseal with dropin=1, in each order of loading.
# Needs root in a guest that may load modules, and mainline's tls.ko. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -uo pipefail
cd "$(dirname "$0")" || exit 1
. ./load.sh
. ./ok.sh
work=$(mktemp -d)
trap 'rm -rf "$work"; rmmod tls 2>/dev/null; unload && insmod "$KSEAL_MODULE"' EXIT

# says TEXT COMMAND...: what the command adds to the kernel's log
says() {
	local mark="selftest $$.$RANDOM"
	echo "$mark" >/dev/kmsg
	"${@:2}" || return
	dmesg | sed "1,/$mark/d" >"$work/log"; cat "$work/log"
	grep -qF -- "$1" "$work/log"
}
refused() { # TEXT COMMAND...: it fails, and says so
	local words
	words=$("${@:2}" 2>&1) && { echo "it was not refused"; return 1; }
	echo "$words"
	[[ $words == *"$1"* ]]
}
loaded() { is "$(cut -d' ' -f1 /proc/modules | grep -xE 'tls|kseal' | sort | paste -sd' ')" "$1"; }
# Whose socket is it? ours shows in our counter.
ulp() { # NAME
	python3 - "$1" <<'END'
import socket, sys
l = socket.create_server(("127.0.0.1", 0))
a = socket.create_connection(l.getsockname())
b = l.accept()[0]
a.setsockopt(socket.IPPROTO_TCP, 31, sys.argv[1].encode())
END
}
attached() { # NAME HOW-MANY: that setsockopt works, and so many of the sockets are kseal's
	local before; before=$(stat_of sessions_attached)
	ulp "$1" && is "$(($(stat_of sessions_attached) - before))" "$2"
}
traces() { [[ ! -e /proc/net/kseal && ! -e /sys/module/kseal ]] && ! grep -q '\[kseal\]' /proc/kallsyms; }
comes_and_goes() {
	local i
	for ((i = 0; i < 5; i++)); do
		refused "resource busy" modprobe tls || return
		reload dropin=1 || return
	done
	loaded kseal && attached tls 1
}
both_at_work() {
	local before; before=$(stat_of sessions_attached)
	attached tls 0 && attached kseal 1
}

unload || exit 1
modprobe tls || { echo "1..0 # SKIP this kernel has no module tls"; insmod "$KSEAL_MODULE"; exit 4; }
echo 1..19
ok "mainline's module was there first: kseal is refused in its place" \
	says 'dropin=1: the ULP "tls" is taken' refused "resource busy" insmod "$KSEAL_MODULE" dropin=1
ok "and leaves nothing behind" traces
ok "and tls is what it was" loaded tls
ok "without dropin it is welcome" insmod "$KSEAL_MODULE"
ok "both modules are there" loaded "kseal tls"
ok "tls is mainline's, kseal is kseal's, side by side" both_at_work
ok "kseal goes" unload
ok "tls is still mainline's" ulp tls
ok "tls goes" rmmod tls

ok "kseal is loaded in mainline's place" insmod "$KSEAL_MODULE" dropin=1
ok "tls is kseal's" attached tls 1
ok "no module tls came by its alias" loaded kseal
ok "mainline's module is refused" says "the module tls is refused" refused "resource busy" modprobe tls
ok "and again, and after kseal was loaded anew" comes_and_goes
ok "tls is still kseal's" attached tls 1
ok "kseal's own name works too" attached kseal 1
ok "kseal goes" unload
ok "mainline's module is welcome again, by its alias" ulp tls
ok "and has the name" loaded tls
((failed == 0))
