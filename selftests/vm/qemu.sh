# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# QEMU with a stock Debian kernel. The guest's root is a tree of that release, shared over 9p, with a tmpfs laid over
# it for writing; the checkout is shared at its own path.

qemu_prepare() {
	((EUID == 0)) || die "-r qemu needs root, to install a Debian release into a directory and to build the module there."
	need mmdebstrap busybox-static cpio xz-utils kmod rsync util-linux
	qemu_find
	qemu_base
	qemu_kernel=$(basename "$(find "$base/boot" -name 'vmlinuz-*' | sort -V | tail -n 1)"); qemu_kernel=${qemu_kernel#vmlinuz-}
	module_kernel=$(basename "$base")
	initrd=$cache/qemu/initrd-$(key "$module_kernel" "$here/initrd.sh")
	cached "$initrd" "" qemu_build_initrd
	qemu_probe_kvm
	qemu_share_checkout
}

# ---- QEMU itself ----------------------------------------------------------------------------------------------------

# Debian 12's QEMU 7.2 corrupts the CPU's flags under emulation: a busy guest oopses after a minute
qemu_wanted=10
qemu_find() {
	local version
	version=$(qemu-system-x86_64 --version 2>/dev/null | sed -nE '1s/.*version ([0-9]+).*/\1/p') || true
	if ((${version:-0} >= qemu_wanted)); then qemu=(qemu-system-x86_64); return; fi
	local host; host=$(. /etc/os-release; echo "$ID-${VERSION_CODENAME-}")
	if [[ $host != debian-bookworm ]]; then
		[[ $version ]] || { need qemu-system-x86; qemu_find; return; }
		die "this machine's QEMU is version $version, and older ones than $qemu_wanted make guests crash. Install a newer QEMU."
	fi
	local dir=$cache/qemu/program
	cached "$dir" "fetching QEMU $qemu_wanted from bookworm-backports, for this runner alone (once, 40 MB)" qemu_fetch "$dir"
	qemu=(env "LD_LIBRARY_PATH=$dir/usr/lib/x86_64-linux-gnu:$dir/lib/x86_64-linux-gnu" "$dir/usr/bin/qemu-system-x86_64"
		-L "$dir/usr/share/qemu" -L "$dir/usr/share/seabios" -L /usr/share/qemu -L /usr/share/seabios)
}
# Fetch what apt would install here, and unpack it instead
qemu_fetch() {
	private_apt bookworm bookworm-updates bookworm-backports
	rm -f "$cache"/apt/*/archives/*.deb
	apt-get -qy "${apt_options[@]}" install --no-install-recommends --download-only -t bookworm-backports \
		qemu-system-x86 qemu-system-common qemu-system-data seabios
	local deb
	for deb in "$cache"/apt/bookworm+*/archives/*.deb; do dpkg -x "$deb" "$1"; done
	rm -f "$cache"/apt/*/archives/*.deb
}

# /dev/kvm may exist and yet hang every guest (nested in some clouds): try, and remember until the machine restarts
qemu_probe_kvm() {
	local answer; answer=$cache/qemu/kvm.$(</proc/sys/kernel/random/boot_id)
	[[ -e $answer ]] || locked "$cache/qemu/kvm.lock" qemu_try_kvm "$answer"
	accel=$(<"$answer")
	[[ $accel = kvm ]] || say "note: KVM does not work here, so QEMU emulates: ten to a hundred times slower, figures mean nothing"
}
qemu_try_kvm() {
	[[ -e $1 ]] && return
	local accel=kvm words
	rm -f "$cache"/qemu/kvm.*-*
	echo tcg >"$1.tmp"
	if [[ -w /dev/kvm ]]; then
		say "trying KVM (once after each start of this machine, 10 s at most)"
		words=$(timeout -k 1 10 "${qemu[@]}" "${qemu_machine[@]}" -accel kvm -cpu host -m 512M -kernel "$base/boot/vmlinuz-$qemu_kernel" \
			-initrd "$initrd/initrd" -append "console=ttyS0 panic=-1 vm_probe" -serial stdio </dev/null 2>&1) || true
		[[ $words = *kseal-vm:\ probe* ]] && echo kvm >"$1.tmp"
	fi
	mv "$1.tmp" "$1"
}

# ---- the guest's files ----------------------------------------------------------------------------------------------

qemu_base() {
	local packages=()
	qemu_name
	cached "$base" "installing a $release system into a directory (once, 2 to 4 minutes)" qemu_build_base "${packages[@]}"
}
# What the tree is made from, and where it goes
qemu_name() {
	mapfile -t packages < <(sed -E "s/#.*//; s/^$release +//; / /d; /^ *\$/d" "$here/packages")
	base=$cache/qemu/$release-$(key "${packages[@]}" "$here/qemu-base.version")
}
qemu_is_ready() {
	local packages=()
	qemu_name
	[[ -e $base/.complete ]]
}
# sid here means the newest kernel the archive offers a stable release: trixie with trixie-backports. Debian's mirrors may
# have an expired copy of sid itself.
qemu_build_base() {
	local suite=$release from=() list; list=$(IFS=,; echo "$*")
	local line; line="deb $(mirror)"
	[[ $release = sid ]] && suite=trixie
	from=("$line $suite main" "$line $suite-updates main")
	[[ $release = sid ]] && from+=("$line trixie-backports main")
	local options=(--variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"'
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*')
	# No initramfs-tools run: the guest boots from an initrd of our own
	options+=(--essential-hook='mkdir -p "$1/etc/initramfs-tools"; echo RUN=no >"$1/etc/kernel-img.conf"')
	options+=(--include="$list")
	if [[ $release = sid ]]; then
		options+=(--customize-hook='chroot "$1" env DEBIAN_FRONTEND=noninteractive INITRD=No apt-get install -qy -t trixie-backports linux-image-amd64 linux-headers-amd64')
	else
		options+=(--include=linux-image-amd64,linux-headers-amd64)
	fi
	INITRD=No mmdebstrap "${options[@]}" "$suite" "$base/tree" "${from[@]}"
	mv "$base"/tree/* "$base/"
	rmdir "$base/tree"
	rm -f "$base"/boot/initrd.img-*
}

# The first stage: insert the modules that reach the shares, mount them, go on with the guest's own files
qemu_build_initrd() {
	local tree=$initrd/tree module number=10
	mkdir -p "$tree/bin" "$tree/modules"
	cp /bin/busybox "$tree/bin/"
	cp "$here/initrd.sh" "$tree/init"
	chmod +x "$tree/init"
	for module in virtio_pci virtio_console virtio_rng 9p 9pnet_virtio overlay; do
		modprobe -d "$base" -S "$qemu_kernel" --show-depends "$module"
	done | sed -n 's/^insmod *//p' | awk '!seen[$1]++ { print $1 }' >"$initrd/list"
	while read -r module; do
		number=$((number + 1))
		case $module in
		*.xz) xz -dc "$module" ;;
		*.zst) zstd -dcq "$module" ;;
		*) cat "$module" ;;
		esac >"$tree/modules/$number-$(basename "$module" | sed 's/\.ko.*/.ko/')"
	done <"$initrd/list"
	(cd "$tree" && find . | cpio -o -H newc --quiet) >"$initrd/initrd"
}

# qemu_chroot BIND-FROM BIND-TO COMMAND...: inside the guest's files, with mounts that nobody else sees
qemu_chroot() {
	mkdir -p "$base/$2"
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private bash -euc '
		base=$0 from=$1 to=$2; shift 2
		mount -t proc proc "$base/proc"
		mount --rbind /dev "$base/dev"
		mount -t tmpfs tmpfs "$base/tmp"
		mount --bind "$from" "$base/$to"
		exec chroot "$base" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"' "$base" "$@"
}
qemu_make_module() { qemu_chroot "$1" mnt make -s -C "/lib/modules/$qemu_kernel/build" -j"$(nproc)" M=/mnt KSEAL_TEST=m modules; }

# Programs built here run in a guest of the same release. For another release a copy of the checkout, without what was
# built here, is built with that release's own compiler and libraries, and shared in the checkout's place.
qemu_share_checkout() {
	shared_checkout=$checkout
	local host; host=$(. /etc/os-release; echo "${VERSION_CODENAME-}")
	[[ $host = "$release" ]] && return
	shared_checkout=$cache/checkout/$(basename "$base")/$(key "$checkout")
	locked "$shared_checkout.lock" qemu_copy_checkout
}
# The tests are built with the harness of the kernel's source, which the other release has not
qemu_share_kselftest() {
	local from to=$shared_checkout/selftests/bin
	from=$(find "$cache/src" -maxdepth 1 -name 'linux-source-*' -type d 2>/dev/null | sort -V | tail -n 1)
	[[ $from && -d $shared_checkout/selftests ]] || return 0
	mkdir -p "$to/kselftest/net" "$to/uapi/linux"
	cp -u "$from"/tools/testing/selftests/kselftest*.h "$to/kselftest/"
	cp -u "$from"/tools/testing/selftests/net/tls.c "$to/kselftest/net/"
	cp -u "$from"/include/uapi/linux/tls.h "$to/uapi/linux/"
}
qemu_copy_checkout() {
	need rsync
	mkdir -p "$shared_checkout"
	rsync -a --delete --exclude=.git --filter=':- .gitignore' "$checkout/" "$shared_checkout/"
	[[ -f $checkout/Makefile ]] || return 0
	local log=$shared_checkout.log
	qemu_share_kselftest
	# KSEAL_VM_MAKE names other targets
	(logged "$log" qemu_chroot "$shared_checkout" "$checkout" bash -euc \
		'make -C "$0" ${1:-programs}; if [[ ! $1 && -e $0/selftests/bin/kselftest ]]; then
			make -C "$0/selftests" KSELFTEST_DIR="$0/selftests/bin/kselftest"; fi' \
		"$checkout" "${KSEAL_VM_MAKE-}") && return
	tail -n 30 "$log" >&2
	die "the programs could not be built for $release: the end of $log stands above."
}

# ---- boot -----------------------------------------------------------------------------------------------------------

qemu_machine=(-M pc -nodefaults -no-user-config -no-reboot -display none -nic none)

qemu_run() {
	local shares=() number=0 path
	qemu_share root "$base" / ,readonly=on
	qemu_share work "$work" "$work"
	qemu_share checkout "$shared_checkout" "$checkout"
	[[ $PWD/ = "$checkout"/* ]] || qemu_share cwd "$PWD" "$PWD"
	guest_init outputs="/dev/hvc0 /dev/hvc1" modules='' first='' base=''
	KSEAL_VM_ACCEL=$accel guest_environment >"$work/environment"
	local cpu=(-accel tcg,thread=multi -cpu max -smp 2)
	[[ $accel = kvm ]] && cpu=(-accel kvm -cpu host -smp 2)
	guest_run "${qemu[@]}" "${qemu_machine[@]}" "${cpu[@]}" -m "$mem" \
		-kernel "$base/boot/vmlinuz-$qemu_kernel" -initrd "$initrd/initrd" \
		-append "console=ttyS0 loglevel=8 printk.time=1 oops=panic panic=-1" \
		-chardev file,id=console,path="$work/console",append=on -serial chardev:console \
		-device virtio-serial-pci -device virtio-rng-pci \
		-chardev file,id=out,path=/dev/fd/3 -device virtconsole,chardev=out \
		-chardev file,id=err,path=/dev/fd/4 -device virtconsole,chardev=err "${shares[@]}"
	verdict
}
# qemu_share TAG HOST-DIR GUEST-DIR [OPTIONS]: the list in $work/shares is what initrd.sh mounts
qemu_share() {
	shares+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=passthrough,multidevs=remap${4-}"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
	[[ $1 = @(root|work) ]] || echo "$1 $3" >>"$work/shares"
	[[ $1 = work ]] && echo "$3" >"$work/place"
	return 0
}
