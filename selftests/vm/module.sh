# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Building kseal.ko for the guest's kernel, in a copy outside the checkout: one checkout serves many kernels.

# Each runner sets module_kernel, a name for the kernel, and has RUNNER_make_module DIR.
module_build() {
	local src=${KSEAL_SRC:-$checkout}
	[[ -f $src/Kbuild ]] || die "no Kbuild in $src, so there is no module to build. Give --no-module, or name its directory in KSEAL_SRC."
	src=$(readlink -f "$src")
	need rsync
	# KSEAL_GCM=n is another build
	module_dir=$cache/module/$module_kernel/$(key "$src${KSEAL_GCM:+ gcm $KSEAL_GCM}")
	locked "$module_dir.lock" module_make "$src"
}
module_make() {
	mkdir -p "$module_dir"
	local parts=() part log=$module_dir.log
	for part in Kbuild VERSION kmod include; do [[ -e $1/$part ]] && parts+=("$1/$part"); done
	# A directory of its own, named by KSEAL_SRC, may keep its sources beside its Kbuild
	[[ -d $1/kmod ]] || parts=("$1/")
	# What was removed from the checkout vanishes here too; what the build made stays, so that it need not be made again
	rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd' \
		--exclude=modules.order --exclude=Module.symvers --exclude=.git "${parts[@]}" "$module_dir/"
	if ! (logged "$log" "${runner}_make_module" "$module_dir"); then
		cat "$log" >&2
		die "kseal.ko could not be built for the $module_kernel kernel: the compiler's words stand above."
	fi
	module_ko=$module_dir/kseal.ko
	[[ -e $module_ko ]] || module_ko=$(find "$module_dir" -maxdepth 1 -name '*.ko' -print -quit)
	[[ $module_ko ]] || die "the build in $module_dir ended well and left no .ko: does its Kbuild say obj-m?"
}
