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

# for kseald.conf: to serve and to connect
default_profile() {
	cat <<-END
		profile default {
			certificate { chain = "$work/keys/cert.pem" key = "$work/keys/key.pem" }
			ca = { "$ca" }
		}
	END
}
# start_kseald [MORE]: with that and MORE of kseald.conf; its pid is in helper
start_kseald() {
	{ default_profile; echo "${1:-}"; } >"$work/kseald.conf"
	# where the one before may have been ready
	: >"$work/kseald.log"
	# shellcheck disable=SC2034 # for who sources this
	"$kseald" --config "$work/kseald.conf" 2>"$work/kseald.log" & helper=$!
	servers+=("$helper")
	eventually grep -q ready "$work/kseald.log" || { cat "$work/kseald.log"; exit 1; }
}
