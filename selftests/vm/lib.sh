# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the runners share: messages, the cache, packages, building the module, judging the kernel's log.

say() { echo "vm: $*" >&2; }
# The guest cannot be had: what happened, why, what to do
die() { say "$*"; exit 125; }

# ---- packages -------------------------------------------------------------------------------------------------------

# need PACKAGE...: the host lacks some of these Debian packages: install them
need() {
	local missing=() pkg
	for pkg; do dpkg-query -W -f '${db:Status-Abbrev}\n' "$pkg" 2>/dev/null | grep -q ^ii || missing+=("$pkg"); done
	((${#missing[@]})) || return 0
	((EUID == 0)) || die "these packages are missing: ${missing[*]}. Install them: sudo apt-get install ${missing[*]}"
	say "installing ${missing[*]}"
	logged "$cache/apt.log" locked "$cache/apt.lock" install_packages "${missing[@]}" ||
		die "could not install ${missing[*]}, see $cache/apt.log. Install them by hand and run this again."
}
install_packages() {
	apt-get install -qy --no-install-recommends "$@" ||
		{ apt-get update -q && apt-get install -qy --no-install-recommends "$@"; }
}

# The Debian mirror this machine already uses
mirror() {
	{ cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list || true; } 2>/dev/null |
		sed -nE 's/^(URIs:|deb( \[[^]]*\])?) *([^ ]*\/debian\/?)( .*)?$/\3/p' | sed -n 1p | grep . ||
		die "no Debian mirror is named in /etc/apt, so neither kernels nor packages can be fetched. Name one there."
}

# private_apt SUITE...: make apt_private() ask these suites, with lists of our own: the user's sources stay as they are
private_apt() {
	local dir; dir=$cache/apt/$(IFS=+; echo "$*")
	need debian-archive-keyring
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	local suite
	for suite; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $suite main"
	done >"$dir/sources"
	# A mirror's copy of sid may be older than apt likes, hence Check-Valid-Until
	apt_options=(-o Acquire::Check-Valid-Until=false -o Dir::Etc::sourcelist="$dir/sources"
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$dir/lists" -o Dir::Cache::archives="$dir/archives"
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
	apt-get -q "${apt_options[@]}" update
}

# ---- the cache ------------------------------------------------------------------------------------------------------

# locked FILE COMMAND...: one at a time
locked() {
	local fd status=0
	mkdir -p "$(dirname "$1")"
	exec {fd}>"$1"
	flock "$fd"
	"${@:2}" {fd}>&- || status=$?
	exec {fd}>&-
	return "$status"
}

# logged FILE COMMAND...: keep its output for the case that it fails
logged() { "${@:2}" >"$1" 2>&1 </dev/null; }

# cached DIR MESSAGE FUNCTION...: fill DIR by calling FUNCTION once, whoever asks. A marker written last tells a
# finished entry from an interrupted one, which is thrown away.
cached() {
	[[ -e $1/.complete ]] || locked "$1.lock" cache_fill "$@"
}
cache_fill() {
	local dir=$1 message=$2; shift 2
	[[ -e $dir/.complete ]] && return
	[[ $message ]] && say "$message"
	rm -rf "$dir"; mkdir -p "$dir"
	local start=$SECONDS
	# set -e does not reach into a function called in a condition: a shell of its own does
	local status=0
	(set +e; (set -e; logged "$dir.log" "$@"); exit $?) || status=$?
	if ((status)); then
		tail -n 15 "$dir.log" >&2
		die "that failed: the end of $dir.log stands above. Nothing half-done was kept; run this again once the cause is gone."
	fi
	[[ $message ]] && say "done in $((SECONDS - start)) s"
	touch "$dir/.complete"
}

# key FILE... WORD...: a name for what was made from these. Comments do not count.
key() {
	local arg
	for arg; do
		if [[ -f $arg ]]; then grep -E '^[^#]|^# CONFIG_' "$arg"; else echo "$arg"; fi
	done | sha256sum | cut -c 1-12
}
