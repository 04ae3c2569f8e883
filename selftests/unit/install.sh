#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What make install leaves, in a directory of the test's own. TAP on stdout.
# shellcheck disable=SC2317 # functions are called by ok()
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
version=$(<"$top/VERSION")
work=$(mktemp -d "${TMPDIR:-/tmp}/kseal-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck source-path=SCRIPTDIR
. "$here/../ok.sh"
unset MAKEFLAGS MAKELEVEL

# a command that leaves its name
cat >"$work/ran" <<-'END'
	#!/bin/sh
	echo "$@" >"$0.$1"
END
chmod +x "$work/ran"

# with the version that they were built with: guests may be running the programs, which must not be built again
make_tools() { # ARGUMENT...
	make -s -C "$top/tools" install PREFIX="$work/prefix" \
		KSEAL_VERSION="$(cat "$top/tools/.version")" "$@"
}

links() {
	make_tools LDCONFIG="$work/ran ldconfig" DESTDIR= && [ -e "$work/ran.ldconfig" ]
}

staged() {
	rm -f "$work/ran.ldconfig"
	make_tools LDCONFIG="$work/ran ldconfig" DESTDIR="$work/staged" &&
		[ -e "$work/staged$work/prefix/lib/libkseal.so.0" ] && [ ! -e "$work/ran.ldconfig" ]
}

ldconfig_fails() {
	make_tools LDCONFIG=false DESTDIR= 2>&1 | tee "$work/said"
	is "${PIPESTATUS[0]}" 0 && grep -q 'LD_LIBRARY_PATH' "$work/said"
}

# what others compare with: not a commit's name
pc_version() {
	is "$(PKG_CONFIG_PATH=$work/staged$work/prefix/lib/pkgconfig pkg-config --modversion libkseal)" "$version" &&
		PKG_CONFIG_PATH=$work/staged$work/prefix/lib/pkgconfig pkg-config --atleast-version=0.1 libkseal
}

# built by DKMS as one version, shown as another
one_version() {
	grep -qxF "PACKAGE_VERSION=\"$version\"" "$top/dkms.conf" && grep -q "dkms install kseal/$version " "$top/README.md"
}

ok "dkms.conf and README.md have the version of VERSION" one_version
ok "make install tells the linker of libkseal" links
ok "with DESTDIR it does not" staged
ok "pkg-config tells the release" pc_version
ok "not being able to is no failure" ldconfig_fails

echo "1..$count"
exit $((failed > 0))
