#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What make install leaves, in a directory of the test's own; what make clean does not. TAP on stdout.
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
	mkdir -p "$(dirname "$0.$1")" && echo "$@" >"$0.$1"
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

# each function that libkseal exports has a page of its own, which says what it returns
function_pages() {
	local names name missing=0
	names=$(sed -n '/^global:/,/^local:/s/^[[:space:]]*\([a-z0-9_]*\);$/\1/p' "$top/tools/libkseal/libkseal.map")
	[ -n "$names" ] || { echo "libkseal.map has no functions"; return 1; }
	for name in $names; do
		grep -qx '\.SH "RETURN VALUE"' "$work/prefix/share/man/man3/$name.3" ||
			{ echo "$name: no page that has RETURN VALUE"; missing=1; }
	done
	return $missing
}

ldconfig_fails() {
	make_tools LDCONFIG=false DESTDIR= 2>&1 | tee "$work/said"
	is "${PIPESTATUS[0]}" 0 && grep -q 'LD_LIBRARY_PATH' "$work/said"
}

make_helper() { # ARGUMENT...
	make -s -C "$top/helper" install PREFIX="$work/prefix" SYSUSERSDIR="$work/sysusers.d" \
		TMPFILESDIR="$work/tmpfiles.d" TMPFILES=true SYSCONFDIR="$work/etc" "$@"
}

# what the administrator wrote stays; the unit reads it, and what stands in it as an example is what kseald understands
options() {
	local file=$work/etc/default/kseald unit=$work/prefix/lib/systemd/system/kseald.service line
	grep -qxF "EnvironmentFile=-$file" "$unit" || return 1
	while read -r line; do
		(eval "$line" && cd "$work/keys" && "$top/helper/kseald" --check ${KSEALD_OPTIONS//\/etc\/kseal\//}) || return 1
	done < <(sed -n 's/^#*KSEALD_OPTIONS=/KSEALD_OPTIONS=/p' "$file")
	echo 'KSEALD_OPTIONS="--verbose"' >"$file"
	make_helper SYSUSERS=true DESTDIR= && grep -q verbose "$file"
}

# likewise those of kseald-keys; no server is asked
keys_options() {
	local file=$work/etc/default/kseald-keys unit=$work/prefix/lib/systemd/system/kseald-keys.service line
	grep -qxF "EnvironmentFile=-$file" "$unit" || return 1
	while read -r line; do
		(eval "$line" && "$top/helper/kseald-keys" $KSEALD_KEYS_OPTIONS --version) || return 1
	done < <(sed -n 's/^#*KSEALD_KEYS_OPTIONS=/KSEALD_KEYS_OPTIONS=/p' "$file")
	echo 'KSEALD_KEYS_OPTIONS="--verbose"' >"$file"
	make_helper SYSUSERS=true DESTDIR= && grep -q verbose "$file" && [ -e "$work/prefix/share/man/man8/kseald-keys.8" ]
}

# likewise the profiles, whose example comes with its manual page
profiles() {
	local file=$work/etc/kseal/kseald.conf
	cmp "$file" "$top/helper/kseald.conf" && [ -e "$work/prefix/share/man/man5/kseald.conf.5" ] || return 1
	echo 'workers = 2' >"$file"
	make_helper SYSUSERS=true DESTDIR= && is "$(<"$file")" 'workers = 2'
}

makes_user() {
	make_helper SYSUSERS="$work/ran" DESTDIR= && [ -e "$work/ran.$work/sysusers.d/kseald.conf" ]
}

staged_user() {
	make_helper SYSUSERS=false DESTDIR="$work/staged" && [ -e "$work/staged$work/sysusers.d/kseald.conf" ]
}

# as systemd reads it: the user, and a unit that becomes this user
user_is_right() {
	systemd-sysusers --root="$work/root" "$work"/sysusers.d/*.conf && cat "$work/root/etc/passwd" &&
		grep '^kseald:.*nologin$' "$work/root/etc/passwd" &&
		grep '^kseald-keys:.*nologin$' "$work/root/etc/passwd" &&
		grep '^ExecStart=.*/kseald --user kseald ' "$work/prefix/lib/systemd/system/kseald.service" &&
		grep -x 'User=kseald-keys' "$work/prefix/lib/systemd/system/kseald-keys.service"
}

# what kseald-keys makes there is kseald's to read, and it is not in that group
directory_is_right() {
	local keys kseald
	systemd-tmpfiles --root="$work/root" --create "$work/tmpfiles.d/kseald-keys.conf" || return 1
	keys=$(awk -F: '$1 == "kseald-keys" { print $3 }' "$work/root/etc/passwd")
	kseald=$(awk -F: '$1 == "kseald" { print $3 }' "$work/root/etc/group")
	is "$(stat -c '%a %u %g' "$work/root/run/kseald-keys")" "2750 $keys $kseald" &&
		! grep 'kseald:.*kseald-keys' "$work/root/etc/group" &&
		! grep -E '^(Group|SupplementaryGroups)=' "$work/prefix/lib/systemd/system/kseald-keys.service"
}

unit_is_right() { # NAME
	is "$(systemd-analyze verify --man=no "$work/prefix/lib/systemd/system/$1.service" 2>&1)" ""
}

# what a build of the module makes at the top; in a copy, as guests may be using this one
cleans() {
	local copy=$work/copy
	mkdir "$copy" && (cd "$top" && git ls-files | tar -c -T -) | tar -x -C "$copy" || return 1
	(
		cd "$copy" && find . | sort >"$work/before" &&
			touch kseal.{ko,mod,mod.c,mod.o,o} .kseal.{ko,mod,mod.o,o}.cmd modules.order Module.symvers \
				.Module.symvers.cmd .modules.order.cmd .module-common.o ..module-common.o.cmd \
				kmod/main.o kmod/.main.o.cmd kmod/compat/compat.o kmod/compat/.compat.o.cmd &&
			make -s clean && is "$(find . | sort | comm -13 "$work/before" -)" ""
	)
}

# where TOOL NAME COMMAND...: ok, if there is the tool
where() {
	if command -v "$1" >/dev/null; then
		ok "${@:2}"
	else
		count=$((count + 1))
		echo "ok $count - $2 # SKIP there is no $1"
	fi
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
ok "each function of libkseal has its page" function_pages
ok "with DESTDIR it does not" staged
ok "pkg-config tells the release" pc_version
ok "make install makes the user kseald" makes_user
ok "with DESTDIR it does not" staged_user
mkdir -p "$work/root/etc"
"$top/tools/kseal" keygen -d "$work/keys" localhost >/dev/null
ok "the options in /etc/default/kseald" options
ok "the profiles in /etc/kseal/kseald.conf" profiles
ok "the options in /etc/default/kseald-keys" keys_options
where systemd-sysusers "the users and the units fit" user_is_right
where systemd-tmpfiles "the directory of ticket keys" directory_is_right
where systemd-analyze "systemd understands the unit" unit_is_right kseald
where systemd-analyze "systemd understands the unit of kseald-keys" unit_is_right kseald-keys
where systemd-analyze "systemd understands the unit of a rule" unit_is_right kseal-wrap@
ok "make clean leaves nothing of the module" cleans
ok "not being able to is no failure" ldconfig_fails

echo "1..$count"
exit $((failed > 0))
