#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# without.sh MODULE COMMAND...: run it with MODULE not loaded, and unload that after it if it was loaded meanwhile: mainline's
# "tls", say, which the kernel loads when it is asked for, and which does not let kseal come with dropin=1.
set -uo pipefail
# a socket that is being closed may keep it for a moment
gone() {
	local try
	for ((try = 0; try < 100; try++)); do
		grep -q "^$1 " /proc/modules || return 0
		rmmod "$1" 2>/dev/null
		sleep 0.1
	done
	rmmod "$1"
}
gone "$1" || { echo "Bail out! $1 cannot be unloaded"; exit 1; }
"${@:2}"
status=$?
gone "$1" || { echo "Bail out! $1 cannot be unloaded again"; exit 1; }
exit "$status"
