# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# This machine's own kernel: no guest. Only for a machine whose kernel may crash.

host_prepare() {
	local instead="Use -r uml or -r qemu instead."
	((EUID == 0)) || die "-r host needs root, to load a module. $instead"
	((module)) || return 0
	[[ -d /sys/module && -e /proc/modules ]] || die "this machine's kernel $(uname -r) has no loadable modules. $instead"
	[[ $(cat /proc/sys/kernel/modules_disabled 2>/dev/null) != 1 ]] ||
		die "this machine has module loading switched off (kernel.modules_disabled) until it restarts. $instead"
	host_build=/lib/modules/$(uname -r)/build
	[[ -d $host_build ]] || die "there is no $host_build to build a module with. Install linux-headers-$(uname -r)," \
		"or, where the distribution has none for this kernel, ${instead,}"
	need gcc make kmod
	module_kernel=host-$(uname -r)
}
host_make_module() { make -s -j"$(nproc)" -C "$host_build" M="$1" KSEAL_TEST=m modules; }

host_run() {
	local name='' status=0
	timed_out=0
	if ((module)); then
		name=$(basename "$vm_module" .ko); name=${name//-/_}
		[[ ! -d /sys/module/$name ]] || die "$name is loaded already. Unload it first: rmmod $name"
	fi
	host_mark start
	host_load
	# shellcheck disable=SC2016 # expanded by the inner bash
	timeout -k 5 "$limit" bash -c '. "$0" && eval "exec $(<"$1")"' "$work/environment" "$work/command" </dev/null || status=$?
	((status == 124)) && timed_out=1
	[[ $status = 124 ]] || echo "$status" >"$work/status"
	[[ $name ]] && host_unload "$name"
	host_mark end
	# An older run's lines may be in the log, too
	dmesg | tac | sed '/kseal-vm: start/q' | tac >"$work/console"
	verdict
}
host_mark() { echo "kseal-vm: $1" >/dev/kmsg 2>/dev/null || true; }
host_load() {
	local dependency words
	((module)) || return 0
	for dependency in $(modinfo -F depends "$vm_module" | tr , ' '); do modprobe "$dependency"; done
	# shellcheck disable=SC2086 # parameters are words
	words=$(insmod "$vm_module" $module_args 2>&1) || die "kseal.ko could not be loaded: $words. See dmesg."
}
host_unload() {
	local _ words
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[[ -d /sys/module/$1 ]] || return 0
		words=$(rmmod "$1" 2>&1) && return
		sleep 0.5
	done
	{ echo "$words (tried 10 times)"; lsmod; } >"$work/in-use"
}
