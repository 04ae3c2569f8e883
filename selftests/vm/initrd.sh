#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process in a QEMU guest: reach the shares, then hand over to the guest's own files.
b=/bin/busybox
$b mkdir -p /dev /proc /lower /over /work /new
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
exec >/dev/console 2>&1
if $b grep -q vm_probe /proc/cmdline; then
	echo "kseal-vm: probe"
	$b reboot -f
fi
for module in /modules/*; do $b insmod "$module"; done

share() { $b mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2" || echo "kseal-vm: cannot mount $1"; }
share root /lower ro,cache=loose
share work /work cache=none
$b mount -t tmpfs tmpfs /over
$b mkdir /over/upper /over/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work overlay /new

place=$($b cat /work/place)
$b mkdir -p "/new$place"
$b mount --move /work "/new$place"
while read -r tag path; do
	$b mkdir -p "/new$path"
	share "$tag" "/new$path" cache=loose
done <"/new$place/shares"

$b mount --move /dev /new/dev
$b mount --move /proc /new/proc
exec $b switch_root /new "$place/init"
