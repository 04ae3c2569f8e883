#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The units that are installed, and the example of a socket, under a systemd of their own: the first process of a namespace.
# Needs kseal.ko loaded, root, control groups and systemd on the disk; in a guest, for it takes /sys/fs/cgroup. TAP.
# shellcheck disable=SC2317 # functions are called by ok()
set -u
cd "$(dirname "$0")/.." || exit 1
skip() { echo "ok 1 - the units run # SKIP $1"; echo "1..1"; exit 0; }
[[ -e /sys/module/kseal ]] || { echo "1..0 # SKIP kseal.ko is not loaded"; exit 4; }
[[ -x /lib/systemd/systemd ]] || skip "there is no systemd"
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup || skip "there are no control groups"
# units with a /tmp of their own do not see ours
export TMPDIR=/mnt
. selftests/servers.sh
units=$work/usr/lib/systemd/system

install_all() {
	mkdir "$work/src" && cp -a VERSION tools helper include docs kmod "$work/src/" || return
	for part in tools helper; do
		make -s -C "$work/src/$part" install PREFIX="$work/usr" SYSCONFDIR="$work/etc" SYSUSERSDIR="$work/none" TMPFILESDIR="$work/none" \
			TMPFILES=true SYSUSERS=true LDCONFIG=true KSEAL_VERSION="$(<tools/.version)" || return
	done
	cp docs/examples/systemd/* "$units/"
	for unit in basic sysinit sockets shutdown multi-user paths timers slices; do
		cp "/lib/systemd/system/$unit.target" "$units/"
	done
	# this machine may not have the user
	mkdir "$units/kseald.service.d"
	printf '[Service]\nExecStart=\nExecStart=%s/usr/sbin/kseald --user daemon --config %s/etc/kseal/kseald.conf\n' "$work" "$work" >"$units/kseald.service.d/user.conf"
	# there is no journal
	for unit in kseald kseal-wrap@; do
		mkdir -p "$units/$unit.service.d" && printf '[Service]\nStandardError=append:%s/units.log\n' "$work" >"$units/$unit.service.d/log.conf"
	done
	printf '[Unit]\nRequires=multi-user.target\nAllowIsolate=yes\n' >"$units/all.target"
	mkdir "$units/all.target.wants" && ln -s ../echo.socket "$units/all.target.wants/"
	default_profile >"$work/etc/kseal/kseald.conf"
}
ok "everything is installed" install_all
ok "the units are good" is "$(SYSTEMD_UNIT_PATH=$units systemd-analyze verify --man=no "$units/echo.socket" "$units/kseal-wrap@8007.service" 2>&1)" ""

# Its own /run: where its sockets are
container=kseal SYSTEMD_UNIT_PATH=$units SYSTEMD_LOG_TARGET=null unshare --pid --fork --mount --mount-proc --cgroup --kill-child bash -c '
	mount -t tmpfs none /run && exec /lib/systemd/systemd --system --unit=all.target --show-status=no' >/dev/null 2>&1 &
servers+=($!)
first() { pgrep -f 'systemd --system --unit=all.target' | tail -n 1; }
inside() { nsenter -t "$(first)" -p -m "$@"; }
ctl() { inside systemctl --no-pager "$@"; }
state() { is "$(ctl is-active "$@" | paste -sd' ')" "$(printf 'active %.0s' "$@" | sed 's/ $//')" || { ctl status --lines=0 "$@"; tail -n 5 "$work/units.log"; return 1; }; }
echoes() {
	is "$(echo hello | timeout 20 "$kseal" connect -q localhost:8007 2>"$work/connect")" hello || { cat "$work/connect"; return 1; }
}
# not so fast that systemd takes it for an attack (TriggerLimitBurst=)
in_clear() { timeout 20 selftests/wrap.py probe 127.0.0.1 8007 "${1:-1}" 0.05 3; }

ok "kseald, the rule and the socket are started, in that order" eventually state kseald kseal-wrap@8007 echo.socket
ok "cat answers over TLS" echoes
ok "none in clear" is "$(in_clear)" "none in clear"
# A child that systemd 252 forks at that moment has the old listener for a little longer, and the port is in use.
again() { ctl restart echo.socket 2>/dev/null || eventually ctl start echo.socket; }
restarts() {
	in_clear 4 >"$work/probe" & local probe=$!
	ctl restart kseald && again && ctl restart kseald || return
	wait "$probe"
	is "$(<"$work/probe")" "none in clear" && state kseald kseal-wrap@8007 echo.socket && echoes
}
ok "kseald and the socket are restarted, and nothing is in clear" restarts
reloads() { ctl reload kseald && eventually state kseald && echoes; }
ok "reloaded" reloads
crashes() {
	local before; before=$(ctl show -P MainPID kseald)
	ctl kill -s KILL kseald && eventually other_pid "$before" && eventually state kseald && eventually echoes
}
other_pid() { local now; now=$(ctl show -P MainPID kseald); [[ $now != 0 && $now != "$1" ]]; }
ok "killed, and back" crashes
stops() {
	ctl stop kseal-wrap@8007 && is "$(ctl is-active echo.socket kseal-wrap@8007 | paste -sd' ')" "inactive inactive" &&
		is "$(in_clear)" "none in clear" && ! "$kseal" show | grep 8007
}
ok "who stops the rule stops the socket" stops
no_profile() {
	mkdir "$units/kseal-wrap@8007.service.d" && printf '[Service]\nEnvironment=PROFILE=none\n' >"$units/kseal-wrap@8007.service.d/profile.conf"
	ctl daemon-reload && ! ctl start echo.socket && is "$(ctl is-active echo.socket)" inactive && is "$(in_clear)" "none in clear"
}
ok "without its profile there is no rule, and no socket" no_profile
kill -KILL "$(first)"
echo "1..$count"
((failed == 0))
