# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What scripts share that start servers beside one kseald: a directory, which goes with them at the end, keys, and ok.sh.
kseal=$PWD/tools/kseal kseald=$PWD/helper/kseald
work=$(mktemp -d) servers=()
ca=$work/keys/ca.pem
chmod 755 "$work"
. selftests/ok.sh
end() { kill "${servers[@]}" 2>/dev/null; wait; rm -rf "$work"; }
trap end EXIT
start() { "$@" >"$work/server.log" 2>&1 & servers+=($!); }
"$kseal" keygen -d "$work/keys" localhost 127.0.0.1 ::1 >/dev/null || exit 1

# start_kseald [MORE]: with a profile to serve and to connect, and MORE of kseald.conf; its pid is in helper
start_kseald() {
	cat >"$work/kseald.conf" <<-END
		profile default {
			certificate { chain = "$work/keys/cert.pem" key = "$work/keys/key.pem" }
			ca = { "$ca" }
		}
		${1:-}
	END
	# shellcheck disable=SC2034 # for who sources this
	"$kseald" --config "$work/kseald.conf" 2>"$work/kseald.log" & helper=$!
	servers+=("$helper")
	eventually grep -q ready "$work/kseald.log" || { cat "$work/kseald.log"; exit 1; }
}
