#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# packages.sh build-packages|demo-packages|check-packages|bench-packages: see that the Debian packages are there which the build, or the
# build and the tests, or the build and the plots of make bench, need on this machine. The guests' own list is vm/packages.
set -euo pipefail
build=(gcc make pkg-config libmnl-dev liburing-dev libssl-dev libconfuse-dev libseccomp-dev libhiredis-dev libmicrohttpd-dev libjansson-dev libelf-dev)
check=("${build[@]}" curl openssl tcpdump strace iproute2 iputils-ping procps xxd socat sparse shellcheck gnutls-bin sslscan ca-certificates
	valgrind softhsm2 libengine-pkcs11-openssl redis-tools) # the last has the server, as redis-check-rdb, and starts none
case ${1:-} in
build-packages) wanted=("${build[@]}") ;;
demo-packages | check-packages) wanted=("${check[@]}") ;;
bench-packages) wanted=("${build[@]}" gnuplot-nox) ;;
*) echo "usage: $0 build-packages|demo-packages|check-packages|bench-packages" >&2; exit 2 ;;
esac
# Programs that know nothing of TLS, for programs.sh, and what they need; and what is used for the same today, for stunnel.sh
programs=(memcached busybox-static prometheus-node-exporter postgresql-15 postgresql-client-15 netcat-openbsd python3-pyftpdlib
	python3-aiosmtpd python3-public python3-attr stunnel4 hitch libev4 haproxy liblua5.3-0 libopentracing-c-wrapper0 libopentracing1
	apache2-utils libapr1 libaprutil1 nghttp2-server nghttp2-client)
missing=()
for pkg in "${wanted[@]}"; do
	dpkg-query -W -f '${db:Status-Abbrev}\n' "$pkg" 2>/dev/null | grep -q ^ii || missing+=("$pkg")
done
download() { # PACKAGE DIRECTORY RELEASE
	local here; here=$(cd "$(dirname "$0")" && pwd)
	cd "$2" || return
	if [[ ! $3 ]]; then
		apt-get -q download "$1" || { apt-get update -q && apt-get -q download "$1"; }
		return
	fi
	. "$here/vm/lib.sh"
	cache=${KSEAL_CACHE:-$HOME/.cache/kseal}
	private_apt "$3" && apt-get -q "${apt_options[@]}" download "$1"
}
# These are unpacked beside the tests: servers, installed, would serve on this machine, and of python3-cryptography-vectors
# we want NIST's vectors for AES-GCM alone
unpack() { # PACKAGE DIRECTORY [PART [RELEASE]]: all of it, or that part; this machine's, or that release's
	local tmp
	[[ -d $2 ]] && return
	if [[ ${AUTO_INSTALL:-1} = 0 ]]; then
		echo "make: there is no $2: unpack the Debian package $1${4:+ of $4} there, see $0" >&2
		return 1
	fi
	tmp=$(mktemp -d)
	if ! (download "$1" "$tmp" "${4:-}") >"$tmp/log" 2>&1; then
		cat "$tmp/log" >&2
		echo "make: apt-get could not fetch $1: its words stand above." >&2
		return 1
	fi
	mkdir -p "$(dirname "$2")" "$tmp/files"
	dpkg -x "$tmp/$1"_*.deb "$tmp/files"
	mv "$tmp/files${3:+/$3}" "$2"
	rm -rf "$tmp"
}
if [[ $1 = check-packages ]]; then
	bin=$(dirname "$0")/bin
	command -v /usr/sbin/nginx >/dev/null || unpack nginx "$bin/nginx"
	for pkg in "${programs[@]}"; do unpack "$pkg" "$bin/deb/$pkg"; done
	# static, and of a Go that knows MPTCP; a static program runs here, whatever release it is of
	unpack scep "$bin/deb/scep" "" trixie
	unpack python3-cryptography-vectors "$bin/vectors" usr/lib/python3/dist-packages/cryptography_vectors/ciphers/AES/GCM
fi

((${#missing[@]})) || exit 0
if ((EUID != 0)) || [[ ${AUTO_INSTALL:-1} = 0 ]]; then
	echo "make: these Debian packages are missing: ${missing[*]}" >&2
	echo "make: install them: sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "make: installing ${missing[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -q && apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	cat "$log" >&2
	echo "make: apt-get could not install them: its words stand above." >&2
	exit 1
fi
rm -f "$log"
