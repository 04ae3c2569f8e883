# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's first process: mount, load the module, run COMMAND, look for leaks, power off. Sourced by the file that
# guest_init() writes, which sets work, cwd, checkout, vm_module, module_args and
#   outputs   two terminals: COMMAND's output and errors
#   modules   directory to show as /lib/modules, or empty
#   first     modules to load before ours, as files
#   base      a release's files to go on with, or empty: these here; if there are, then also
#   shared_checkout   what stands in the checkout's place
#   uml_dir   where modules and first are
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root SHELL=/bin/bash
export TERM=dumb LANG=C.UTF-8
umask 022

# Once more from the beginning, on the release's files, with a tmpfs laid over them for writing
enter_base() {
	local over=/dev/.over new=/dev/.over/root dir
	mountpoint -q /proc || mount -t proc proc /proc
	mountpoint -q /dev || mount -t devtmpfs dev /dev
	mkdir $over
	mount -t tmpfs tmpfs $over
	mkdir $over/upper $over/work $new
	mount -t overlay -o "lowerdir=$base,upperdir=$over/upper,workdir=$over/work" overlay $new ||
		fail "the guest could not lay a tmpfs over $base: see the kernel log"
	for dir in "$work" "$uml_dir" "$cwd" "$checkout"; do mkdir -p "$new$dir"; done
	mount --bind "$work" "$new$work"
	mount --bind "$uml_dir" "$new$uml_dir"
	[[ $cwd/ = "$checkout"/* ]] || mount --bind "$cwd" "$new$cwd"
	mount --bind "$shared_checkout" "$new$checkout"
	cd $new && mount --move . / && exec chroot . /bin/bash -c 'cd / && entered=1 && . "$0"' "$work/init"
	fail "the guest could not go on in $base: see the kernel log"
}

mount_all() {
	mountpoint -q /proc || mount -t proc proc /proc
	mountpoint -q /sys || mount -t sysfs sys /sys
	mountpoint -q /dev || mount -t devtmpfs dev /dev
	mkdir -p /dev/pts /dev/shm
	mount -t devpts -o ptmxmode=666 devpts /dev/pts
	ln -sfn /proc/self/fd /dev/fd
	ln -sfn fd/0 /dev/stdin; ln -sfn fd/1 /dev/stdout; ln -sfn fd/2 /dev/stderr
	local dir
	keep_shares
	for dir in /tmp /run /mnt /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$dir"; done
	chmod 755 /run /mnt
	restore_shares
	mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
	# A base tree knows no localhost, and curl wants one. The host's own file is not ours to write.
	[[ $(stat -f -c %T /) = hostfs ]] || grep -qs localhost /etc/hosts ||
		printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
	[[ $modules ]] && { mkdir -p /lib/modules; mount --bind "$modules" /lib/modules; }
}
# A checkout below /tmp must not be hidden by the new /tmp
keep_shares() {
	local number
	kept=()
	for dir in "$work" "$checkout" "$cwd"; do
		case $dir in
		/tmp/*|/run/*|/mnt/*|/dev/shm/*) number=${#kept[@]}; mkdir -p "/dev/.keep$number"
			mount --bind "$dir" "/dev/.keep$number"; kept+=("$dir") ;;
		esac
	done
}
restore_shares() {
	local number
	for number in "${!kept[@]}"; do
		mkdir -p "${kept[number]}"; mount --move "/dev/.keep$number" "${kept[number]}"
	done
}

fail() { echo "$*" >"$work/failed"; end; }
end() { echo "kseal-vm: end" >/dev/kmsg; sync; echo o >/proc/sysrq-trigger; sleep 30; }

load() {
	local file dependency
	for file in $first; do insmod "$file" 2>&1 || fail "insmod $file: see the kernel log"; done
	[[ $vm_module ]] || return
	for dependency in $(modinfo -F depends "$vm_module" | tr , ' '); do modprobe "$dependency"; done
	local words
	# shellcheck disable=SC2086 # parameters are words
	words=$(insmod "$vm_module" $module_args 2>&1) || fail "$words"
}

run_command() {
	exec 3>"${outputs% *}" 4>"${outputs#* }"
	stty -F "${outputs% *}" raw -echo; stty -F "${outputs#* }" raw -echo
	# shellcheck disable=SC2016 # expanded by the inner bash
	setsid --wait bash -c 'cd "$2" && . "$0" && eval "exec $(<"$1")"' "$work/environment" "$work/command" "$cwd" \
		</dev/null >&3 2>&4 3>&- 4>&-
	echo "$?" >"$work/status"
	# stty drains what is still on its way
	stty -F "${outputs% *}" raw; stty -F "${outputs#* }" raw
}

kmemleak=/sys/kernel/debug/kmemleak

# A session that is still in someone's hands keeps the module; one being closed may need a moment
unload() {
	local name try words
	[[ $vm_module ]] || return
	name=$(basename "$vm_module" .ko); name=${name//-/_}
	# kmemleak names functions when it is read, and by then ours are gone
	[[ ! -e $kmemleak ]] || grep -F "[$name]" /proc/kallsyms | sort >"$work/symbols"
	for try in 1 2 3 4 5 6 7 8 9 10; do
		[[ -d /sys/module/$name ]] || return
		words=$(rmmod "$name" 2>&1) && return
		sleep 0.5
	done
	{ echo "$words (tried $try times)"; lsmod; ss -tanpi 2>/dev/null | head -n 40; } >"$work/in-use"
}

# Only what came after this counts
leaks_start() { [[ -e $kmemleak ]] && { echo scan=off; echo scan; echo clear; } >$kmemleak; }
leaks_end() {
	[[ -e $kmemleak ]] || return
	# kmemleak ignores what is younger than five seconds, and a first scan may take a stale pointer for a live one
	sleep 5.5; echo scan >$kmemleak
	sleep 0.5; echo scan >$kmemleak
	cat $kmemleak >"$work/leaks"
}

[[ ! $base || ${entered-} ]] || enter_base
mount_all
ip link set lo up
leaks_start
echo "kseal-vm: start" >/dev/kmsg
load
run_command
unload
leaks_end
end
