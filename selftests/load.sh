# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Loading the module again with other parameters, for the tests that want it in mainline's place: one guest serves them
# and the ordinary ones. KSEAL_MODULE names its file.

[[ ${KSEAL_MODULE:-} ]] || { echo "1..0 # SKIP KSEAL_MODULE does not name the module's file"; exit 4; }

stat_of() { awk -v name="$1" '$1 == name { print $2 }' /proc/net/kseal; }

# unload: a socket that is being closed may keep it for a moment
unload() {
	local try
	for ((try = 0; try < 100; try++)); do
		[[ -d /sys/module/kseal ]] || return 0
		rmmod kseal 2>/dev/null && return
		sleep 0.1
	done
	rmmod kseal
}
# reload PARAMETER...: with these, and counters at zero
reload() { unload && insmod "$KSEAL_MODULE" "$@"; }
