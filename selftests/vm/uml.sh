# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# User Mode Linux: a kernel that runs as an ordinary process, on the host's own files, at the machine's own speed.

# ---- kernel source --------------------------------------------------------------------------------------------------

uml_source() {
	uml_src=$(uml_newest_source)
	[[ $uml_src ]] && return
	say "fetching the kernel source, Debian package linux-source-$uml_wanted or the newest there is (once, 160 MB)"
	logged "$cache/source.log" locked "$cache/source.lock" uml_fetch_source || true
	uml_src=$(uml_newest_source)
	[[ $uml_src ]] || die "no kernel source: the end of $cache/source.log says why. It comes from the Debian archive" \
		"(suites trixie-backports and sid), so check that $(mirror) can be reached."
}
# A finished tree has its package's version in it
uml_newest_source() {
	mkdir -p "$cache/src"
	local all; all=$(find "$cache/src" -maxdepth 2 -path '*/linux-source-*/.deb-version' -printf '%h\n' 2>/dev/null | sort -V)
	grep -x ".*/linux-source-$uml_wanted" <<<"$all" || tail -n 1 <<<"$all"
}
uml_fetch_source() {
	[[ $(uml_newest_source) ]] && return
	private_apt trixie-backports sid
	local pkg tmp=$cache/src/tmp.$$
	pkg=$(apt-cache "${apt_options[@]}" search --names-only '^linux-source-[0-9.]+$' | cut -d' ' -f1 | sort -V)
	pkg=$(grep -x "linux-source-$uml_wanted" <<<"$pkg" || tail -n 1 <<<"$pkg")
	mkdir -p "$tmp"
	cd "$tmp" || return
	apt-get -q "${apt_options[@]}" download "$pkg"
	dpkg -x "$pkg"_*.deb deb
	tar xf "deb/usr/src/$pkg.tar.xz"
	dpkg-deb -f "$pkg"_*.deb Version >"$pkg/.deb-version"
	mv -T "$pkg" "$cache/src/$pkg"
	cd /
	rm -rf "$tmp"
}

# ---- kernel and modules ---------------------------------------------------------------------------------------------

uml_make() { make -s -C "$uml_src" ARCH=um O="$uml_dir/build" "$@"; }

uml_prepare() {
	uml_wanted=${KSEAL_UML_KERNEL:-7.2}
	need gcc make flex bison bc xz-utils libelf-dev libssl-dev kmod rsync
	uml_source
	local version=${uml_src##*-} frags=()
	uml_name
	cached "$uml_dir" "building the $version uml $variant kernel (once, 4 to 10 minutes)" uml_build "${frags[@]}"
	[[ -s $uml_dir/missing ]] && say "note: not in this kernel, though uml.config asks for it: $(xargs <"$uml_dir/missing")"
	module_kernel=uml-$(basename "$uml_dir")
	uml_aesni_dir=$uml_dir/aesni-$(key "$here"/aesni/*)
	((aesni)) && cached "$uml_aesni_dir" "building the kernel's own AES-NI code for uml $variant (once, 10 s)" uml_build_aesni
	base='' shared_checkout=$checkout
	[[ $release ]] || return 0
	((EUID == 0)) || die "-k with -r uml needs root, to install a Debian release into a directory."
	need mmdebstrap rsync util-linux
	qemu_base
	# what is below the current directory would stand in the place of the release's own
	[[ $PWD/ = "$checkout"/* || ! -e $base$PWD ]] ||
		die "with -k the current directory may not be $PWD, which the release has, too. Go to $checkout."
	qemu_share_checkout
}
# What the kernel is made from, and where it goes
uml_name() {
	frags=("$here/uml.config")
	[[ -f $here/uml-$variant.config ]] && frags+=("$here/uml-$variant.config")
	uml_dir=$cache/uml/$variant-$(key "${frags[@]}" "$(<"$uml_src/.deb-version")" "$(gcc --version | sed -n 1p)")
}
uml_is_ready() {
	local frags=()
	uml_wanted=${KSEAL_UML_KERNEL:-7.2}
	[[ -d $cache/src ]] && uml_src=$(uml_newest_source) && [[ $uml_src ]] || return
	uml_name
	[[ -e $uml_dir/.complete ]]
}
uml_build() {
	mkdir "$uml_dir/build"
	uml_make tinyconfig
	(cd "$uml_src" && ARCH=um scripts/kconfig/merge_config.sh -m -O "$uml_dir/build" "$uml_dir/build/.config" "$@")
	uml_make olddefconfig
	# A symbol that depends on another is dropped without a word: keep a list
	grep -h ^CONFIG_ "$@" | sed 's/=.*//' | sort -u | while read -r symbol; do
		grep -q "^$symbol=" "$uml_dir/build/.config" || echo "$symbol"
	done >"$uml_dir/missing"
	uml_make -j"$(nproc)"
	uml_make INSTALL_MOD_PATH="$uml_dir/mods" modules_install
}
# User Mode Linux leaves out arch/x86/crypto, and plain C AES-GCM is forty times slower: build it outside the tree
uml_build_aesni() {
	local s=$uml_src/arch/x86/crypto file
	cp "$here"/aesni/* "$uml_aesni_dir"
	for file in aesni-intel_glue.c aesni-intel_asm.S aes-{ctr,xts}-avx-x86_64.S aes-gcm-{aesni-x86_64,vaes-avx2,vaes-avx512}.S; do
		ln -s "$s/$file" "$uml_aesni_dir"
	done
	uml_make M="$uml_aesni_dir" modules
}

uml_make_module() { uml_make -j"$(nproc)" M="$1" KSEAL_TEST=m modules; }

# ---- boot -----------------------------------------------------------------------------------------------------------

uml_run() {
	local first=
	((aesni)) && first=$uml_aesni_dir/aesni-intel.ko
	guest_init outputs="/dev/ttyS0 /dev/ttyS1" modules="$uml_dir/mods/lib/modules" first="$first" \
		base="$base" shared_checkout="$shared_checkout" uml_dir="$uml_dir"
	local pin=()
	[[ $variant = smp ]] || { uml_pick_cpu; pin=(taskset -c "$cpu"); }
	# The slab allocator's per-CPU sheaves keep stale pointers, by which kmemleak takes a leak for an object in use.
	# A slab checker turns sheaves off.
	local checks=()
	[[ $variant = debug ]] && checks=(slab_debug=F)
	ulimit -c 0
	TMPDIR=$(uml_memory_dir) guest_run "${pin[@]}" "$uml_dir/build/linux" mem="$mem" uml_dir="$work/" umid=guest \
		root=/dev/root rootfstype=hostfs rootflags=/ rw init="$work/init" con=null con0=null,fd:1 ssl=null \
		ssl0=null,fd:3 ssl1=null,fd:4 seccomp=auto ncpus=2 loglevel=8 printk.time=1 oops=panic panic=-1 "${checks[@]}"
	verdict
}
# One CPU per guest where there are enough: guests on the same one disturb each other's figures
uml_pick_cpu() {
	local fd
	for ((cpu = $(nproc) - 1; cpu >= 0; cpu--)); do
		exec {fd}>"$cache/cpu.$cpu.lock"
		flock -n "$fd" && return
		exec {fd}>&-
	done
	cpu=$(($(nproc) - 1))
	say "note: every CPU has a guest already; figures measured now are worth nothing"
}
# The guest's memory is a file: somewhere with room, where programs may run
uml_memory_dir() {
	local dir kib=$((${mem%[MG]} * 1024))
	[[ $mem = *G ]] && kib=$((kib * 1024))
	for dir in /dev/shm /tmp /var/tmp; do
		findmnt -no OPTIONS -T "$dir" | grep -qw noexec && continue
		(($(df -k --output=avail "$dir" | tail -n 1) > kib)) && { echo "$dir"; return; }
	done
	echo "$cache"
}
