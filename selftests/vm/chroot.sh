# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A release's own files and programs, without a kernel of its own: the guest files that QEMU boots from. For what needs another
# release's libraries and nothing of the kernel, at this machine's speed.

chroot_prepare() {
	((EUID == 0)) || die "-r chroot needs root, to install a Debian release into a directory and to run programs there."
	need mmdebstrap rsync util-linux
	module=0
	qemu_base
	qemu_share_checkout
}

chroot_run() {
	local status=0
	# shellcheck disable=SC2016 # expanded by the inner bash
	timeout -k 5 "$limit" bash -c "$(declare -f qemu_chroot); "'base=$0 qemu_chroot "$@"' "$base" "$shared_checkout" "$checkout" \
		bash -c 'cd "$0" && exec "$@"' "$PWD" env "KSEAL_VM=chroot" "KSEAL_VM_RELEASE=$release" "${pass_env[@]}" "${command[@]}" \
		</dev/null || status=$?
	((status == 124)) && say "stopped after the time limit of $limit s; -t SECONDS gives it more."
	exit "$status"
}
